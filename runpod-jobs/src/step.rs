//! The steps of a task, and the failure of one.

use std::fmt;

use crate::{Error, JobEnd};

/// A step of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Logging in.
    Login,
    /// Bringing files to the pod.
    Upload,
    /// Running the job.
    Run,
    /// Fetching files from the pod.
    Download,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Login => "the login",
            Self::Upload => "the upload",
            Self::Run => "the run",
            Self::Download => "the download",
        })
    }
}

/// A step that failed. What was fetched by then is kept.
#[derive(Debug)]
#[non_exhaustive]
pub struct StepError {
    /// The step.
    pub step: Step,
    /// The job's end, if it had come to one.
    pub end: Option<JobEnd>,
    /// The failure itself.
    pub source: Error,
}

impl StepError {
    /// Takes the failure of a step before the job came to an end.
    pub(crate) fn at(step: Step) -> impl FnOnce(Error) -> Self {
        move |source| Self { step, end: None, source }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.step, self.source)
    }
}

impl std::error::Error for StepError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The text has said what the failure says; what is below it is left.
        self.source.source()
    }
}
