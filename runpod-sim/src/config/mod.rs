mod file;
mod table;

pub(crate) use file::Profile;
pub(crate) use table::{AnswerTable, BehaviorTable};
