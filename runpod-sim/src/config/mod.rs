//! Configuration in TOML, and the parts of it that the control interface takes too.

mod file;
mod table;

pub(crate) use file::Profile;
pub(crate) use table::{AnswerTable, BehaviorTable};
