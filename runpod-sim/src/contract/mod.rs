//! RunPod's contract: its documents, its errors and the areas of its keys.

mod area;
mod document;
mod problem;
mod schema;

pub use area::Area;
pub(crate) use document::{Api, Contract, NO_DISK, Operation, Route};
pub(crate) use problem::Problem;
