//! From a spec and a job to a result: deploy, wait, upload, run, download, end.

use std::{fmt, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use runpod_lifecycle::{PodHandle, PodSpec, Ready, RunPod, ScopeError};
use tokio::time::{Instant, sleep};

use crate::{Error, Job, JobEnd, Login, Session};

/// The longest until sshd greets, unless something else is said.
const PATIENCE: Duration = Duration::from_secs(900);
/// Attempts at a copy or a start that a broken connection ends.
const ATTEMPTS: usize = 20;
/// The pause between them.
const PAUSE: Duration = Duration::from_secs(2);

type Hear = dyn Fn(&[u8]) + Send + Sync;
type Working<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A piece of work for a pod of its own: what to bring, what to run, what to fetch.
#[derive(Clone)]
#[must_use = "a task does nothing until it is run"]
pub struct Task {
    job: Job,
    login: Login,
    uploads: Vec<(PathBuf, String)>,
    downloads: Vec<(String, PathBuf)>,
    patience: Duration,
    hear: Option<Arc<Hear>>,
}

impl Task {
    /// A task that runs a job.
    pub fn new(job: Job) -> Self {
        Self {
            job,
            login: Login::new(),
            uploads: Vec::new(),
            downloads: Vec::new(),
            patience: PATIENCE,
            hear: None,
        }
    }

    /// The way to log in. Default: as `ssh` would.
    pub fn login(mut self, login: Login) -> Self {
        self.login = login;
        self
    }

    /// Brings a file or folder to the pod before the job, in the order given.
    pub fn upload(mut self, local: impl Into<PathBuf>, remote: impl Into<String>) -> Self {
        self.uploads.push((local.into(), remote.into()));
        self
    }

    /// Fetches a file or folder from the pod after the job, whatever came of it. One that is not there fails the task only if the job
    /// succeeded.
    pub fn download(mut self, remote: impl Into<String>, local: impl Into<PathBuf>) -> Self {
        self.downloads.push((remote.into(), local.into()));
        self
    }

    /// The longest until the pod can be logged in to. Default: 15 minutes.
    pub fn patience(mut self, longest: Duration) -> Self {
        self.patience = longest;
        self
    }

    /// Hears what the job prints, as it comes. Must be quick.
    pub fn on_output(mut self, hear: impl Fn(&[u8]) + Send + Sync + 'static) -> Self {
        self.hear = Some(Arc::new(hear));
        self
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("job", &self.job.id_of())
            .field("uploads", &self.uploads)
            .field("downloads", &self.downloads)
            .finish_non_exhaustive()
    }
}

/// The outcome of a task whose pod was ended after it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The pod's id.
    pub pod_id: String,
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
    /// The cost of the pod's whole time in USD, storage included; `None` if RunPod named no price.
    pub usd: Option<f64>,
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
        self.usd.map_or(Ok(()), |usd| write!(f, ", ${usd:.4}"))
    }
}

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

/// A step that failed on a pod. What was fetched by then is kept.
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

/// A task that did not come to its end; it says what became of the pod.
pub type RunError = Box<ScopeError<Done, StepError>>;

/// The work of a task, done on its pod.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Done {
    /// The job's end.
    pub end: JobEnd,
    /// Files that were fetched.
    pub fetched: u64,
    /// Uploads and downloads together.
    pub transferring: Duration,
    /// The job.
    pub running: Duration,
}

/// Deploys a pod, brings files to it, runs a job on it, fetches files from it, and ends it, whatever comes of that.
///
/// The pod is the spec's, with its needs, price limit and patience; it must open `22/tcp`. A job that fails is no error: the report has its end.
///
/// # Errors
/// [`ScopeError`]: `Deploy` if no pod could be had or logged in to, `Work` with the step that failed, `NotTerminated` if the pod may bill after
/// all of it. [`may_bill`](ScopeError::may_bill) says whether a pod is left.
///
/// # Cancellation
/// As [`RunPod::with_pod`]: a task that ends the pod is left to the runtime. Give the spec a lifetime for what a killed program leaves.
///
/// # Cost
/// The pod bills from RunPod's answer to its create to its answer to the terminate.
pub async fn run(runpod: &RunPod, spec: &PodSpec, task: &Task) -> Result<Report, RunError> {
    let began = Instant::now();
    let mut booting = Duration::ZERO;
    let waited = &mut booting;
    // Boxed by hand: the future of an async closure is not known to be Send.
    let work = move |pod: PodHandle| -> Working<'_, Result<Done, StepError>> {
        *waited = began.elapsed();
        Box::pin(async move { task.work(&pod).await })
    };
    let scoped = runpod.with_pod(spec, Ready::Ssh, task.patience, work).await.map_err(Box::new)?;
    let Done { end, fetched, transferring, running } = scoped.value;
    Ok(Report {
        pod_id: scoped.pod.id.clone(),
        end,
        fetched,
        booting,
        transferring,
        running,
        usd: scoped.usd,
    })
}

impl Task {
    async fn work(&self, pod: &PodHandle) -> Result<Done, StepError> {
        let failed = |step| move |source| StepError { step, end: None, source };
        let mut session = self.log_in(pod).await.map_err(failed(Step::Login))?;
        let began = Instant::now();
        for (local, remote) in &self.uploads {
            let copy = |session: Session| -> Working<'_, _> { Box::pin(session.upload(local, remote).run()) };
            again(&mut session, copy).await.map_err(failed(Step::Upload))?;
        }
        let uploading = began.elapsed();
        let began = Instant::now();
        let start =
            |session: Session| -> Working<'_, _> { Box::pin(async move { session.start(&self.job).await }) };
        let job = again(&mut session, start).await.map_err(failed(Step::Run))?;
        let hear = |bytes: &[u8]| {
            if let Some(hear) = &self.hear {
                hear(bytes);
            }
        };
        let end = job.follow(hear).await.map_err(failed(Step::Run))?;
        let running = began.elapsed();
        let began = Instant::now();
        let mut fetched = 0;
        for (remote, local) in &self.downloads {
            let copy =
                |session: Session| -> Working<'_, _> { Box::pin(session.download(remote, local).run()) };
            match again(&mut session, copy).await {
                Ok(files) => fetched += files,
                // What a failed job has not made cannot be fetched.
                Err(Error::NotFound { path, .. }) if !end.is_success() && path == *remote => {}
                Err(source) => return Err(StepError { step: Step::Download, end: Some(end), source }),
            }
        }
        Ok(Done { end, fetched, transferring: uploading + began.elapsed(), running })
    }

    /// Logs in, a few times if need be: sshd may shut somebody out who comes just after the probe.
    async fn log_in(&self, pod: &PodHandle) -> Result<Session, Error> {
        let mut attempt = 1;
        loop {
            match self.login.connect(pod).await {
                Err(Error::Unreachable { .. }) if attempt < ATTEMPTS => {
                    attempt += 1;
                    sleep(PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }
}

/// Does something that may be done again, over a new connection each time the old one is lost, for as long as the pod may come back.
async fn again<'a, T>(
    session: &mut Session,
    action: impl Fn(Session) -> Working<'a, Result<T, Error>>,
) -> Result<T, Error> {
    for _ in 1..ATTEMPTS {
        match action(session.clone()).await {
            Err(error) if error.is_connection() => *session = session.connect_again().await?,
            outcome => return outcome,
        }
    }
    action(session.clone()).await
}
