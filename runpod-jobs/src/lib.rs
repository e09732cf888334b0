#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod copy;
mod env;
mod error;
mod exec;
mod job;
mod login;
mod master;
mod ready;
mod run;
mod script;
mod session;
mod step;
mod task;

pub use copy::{Copy, CopyProgress};
pub use error::Error;
pub use exec::{Exec, Output, Stream};
pub use job::{Job, JobEnd, JobStatus, RunningJob};
pub use login::Login;
pub use run::{Report, RunError, run, run_until};
pub use session::{Forward, Session};
pub use step::{Step, StepError};
pub use task::{Done, Keep, Task};
