#![doc = include_str!("../README.md")]

mod copy;
mod env;
mod error;
mod exec;
mod job;
mod login;
mod run;
mod script;
mod session;

pub use copy::{Copy, CopyProgress};
pub use error::Error;
pub use exec::{Exec, Output, Stream};
pub use job::{Job, JobEnd, JobStatus, RunningJob};
pub use login::Login;
pub use run::{Done, Report, RunError, Step, StepError, Task, run};
pub use session::{Forward, Session};
