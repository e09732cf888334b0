//! From a spec and a task to a result: deploy, wait, upload, run, download, end.

use std::{fmt, time::Duration};

use runpod_lifecycle::{PodHandle, PodSpec, Ready, RunPod, ScopeError};
use tokio::time::Instant;

use crate::{Done, JobEnd, StepError, Task, task::Working};

/// The outcome of a task that came to its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The pod's id.
    pub pod_id: String,
    /// The id of the job, by which it can be attached to on a pod that was kept.
    pub job_id: String,
    /// The job's end, good or bad.
    pub end: JobEnd,
    /// Files that were fetched.
    pub fetched: u64,
    /// From the beginning, any wait for stock included, until sshd greeted.
    pub booting: Duration,
    /// Uploads and downloads together.
    pub transferring: Duration,
    /// The job.
    pub running: Duration,
    /// The cost of the pod's time until now in USD, storage included; `None` if RunPod named no price.
    pub usd: Option<f64>,
    /// True if the pod was kept: it bills on.
    pub is_kept: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the job {}; {:.0} s booting, {:.0} s transferring, {:.0} s running",
            self.end,
            self.booting.as_secs_f64(),
            self.transferring.as_secs_f64(),
            self.running.as_secs_f64()
        )?;
        if let Some(usd) = self.usd {
            write!(f, ", ${usd:.4}")?;
        }
        match self.is_kept {
            true => write!(
                f,
                "; pod {} was kept and bills until it is terminated, and what the job printed is in ~/.runpod-jobs/{}/out there",
                self.pod_id, self.job_id
            ),
            false => Ok(()),
        }
    }
}

/// A task that did not come to its end; it says what became of the pod.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// The task can never work as it is. Nothing was sent to RunPod, and nothing bills.
    Refused(StepError),
    /// No pod could be had, a step failed on it, it was interrupted, or the pod could not be terminated.
    Failed(Box<ScopeError<Done, StepError>>),
}

impl RunError {
    /// Returns true if a pod may exist and bill.
    #[must_use]
    pub fn may_bill(&self) -> bool {
        matches!(self, Self::Failed(error) if error.may_bill())
    }

    /// The id of the pod; `None` if RunPod has shown none.
    #[must_use]
    pub fn pod_id(&self) -> Option<&str> {
        match self {
            Self::Refused(_) => None,
            Self::Failed(error) => error.pod_id(),
        }
    }

    /// The step that failed; `None` if none did.
    #[must_use]
    pub fn step(&self) -> Option<&StepError> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Failed(error) => match &**error {
                ScopeError::Work { error, .. } => Some(error),
                _ => None,
            },
        }
    }

    fn failed(error: ScopeError<Done, StepError>) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => {
                write!(f, "no pod was deployed, since {} could never work: {}", error.step, error.source)
            }
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(error) => error.source(),
            Self::Failed(error) => error.source(),
        }
    }
}

/// Deploys a pod, brings files to it, runs a job on it, fetches files from it, and ends it unless told to keep it ([`Task::keep`]).
///
/// The pod is the spec's, with its needs, price limit and patience; it must open `22/tcp`. A job that fails is no error: the report has its end.
///
/// # Errors
/// [`RunError`]: `Refused` before anything is sent if the spec cannot be logged in to, or a key, an upload or OpenSSH's client is not there;
/// else `Failed`, which says what became of the pod. [`may_bill`](RunError::may_bill) says whether one is left.
///
/// # Cancellation
/// As [`RunPod::with_pod`]: a task that ends the pod is left to the runtime. Give the spec a lifetime for what a killed program leaves.
/// With [`Keep`](crate::Keep) set the pod is left running.
///
/// # Cost
/// The pod bills from RunPod's answer to its create to its answer to the terminate.
pub async fn run(runpod: &RunPod, spec: &PodSpec, task: &Task) -> Result<Report, RunError> {
    run_until(runpod, spec, task, std::future::pending()).await
}

/// Does the same as [`run`] until a future ends, such as one that waits for Ctrl-C: then the pod is terminated at once, or kept if the
/// task says so.
///
/// # Errors
/// As `run`, and [`ScopeError::Interrupted`] within `Failed`.
///
/// # Cancellation
/// As `run`.
///
/// # Cost
/// As `run`. A create that is under way is seen through, since only its answer tells which pod to end.
pub async fn run_until(
    runpod: &RunPod,
    spec: &PodSpec,
    task: &Task,
    interrupt: impl Future<Output = ()> + Send,
) -> Result<Report, RunError> {
    task.check(spec).await.map_err(RunError::Refused)?;
    let began = Instant::now();
    let mut booting = Duration::ZERO;
    let waited = &mut booting;
    // Boxed by hand: the future of an async closure is not known to be Send.
    let work = move |pod: PodHandle| -> Working<'_, Result<Done, StepError>> {
        *waited = began.elapsed();
        Box::pin(async move { task.work(&pod).await })
    };
    let scope = runpod.with_pod(spec, Ready::Ssh, task.longest(), work).until(interrupt);
    let scoped = scope.keep_if(|done| task.keeps().is_for(done)).await.map_err(RunError::failed)?;
    Ok(report(task, &scoped.pod, scoped.value, booting, scoped.usd))
}

fn report(task: &Task, pod: &PodHandle, done: Done, booting: Duration, usd: Option<f64>) -> Report {
    let Done { end, fetched, transferring, running } = done;
    let (pod_id, job_id) = (pod.id.clone(), task.job_id().to_owned());
    let is_kept = !pod.is_gone();
    Report { pod_id, job_id, end, fetched, booting, transferring, running, usd, is_kept }
}
