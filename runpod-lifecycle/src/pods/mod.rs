//! The pods of an account: whose they are, and what is evidence about them.

pub(crate) mod accepted;
pub(crate) mod act;
pub(crate) mod cost;
pub(crate) mod labelled;
pub(crate) mod list;
mod named;
pub(crate) mod reap;
pub(crate) mod search;
pub(crate) mod snapshot;
