//! Things that an account stores beside its pods: finding it by name, making it once, deleting it.

pub(crate) mod create;
mod delete;
pub(crate) mod known;
mod registries;
mod secrets;
mod templates;
