//! A piece of work for a pod: what to bring, what to run, what to fetch.

use std::{fmt, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use runpod_lifecycle::{Condition, PodHandle, PodSpec, Ready};
use tokio::{fs, time::Instant};

use crate::{CopyProgress, Error, Job, JobEnd, Login, Session, Step, StepError, master, session::ATTEMPTS};

/// The longest until sshd greets, unless something else is said.
const PATIENCE: Duration = Duration::from_secs(900);

type Hear = dyn Fn(&[u8]) + Send + Sync;
type HearCopy = dyn Fn(&CopyProgress) + Send + Sync;
pub(crate) type Working<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A piece of work for a pod of its own: what to bring, what to run, what to fetch.
#[derive(Clone)]
#[must_use = "a task does nothing until it is run"]
pub struct Task {
    job: Job,
    login: Login,
    uploads: Vec<(PathBuf, String)>,
    downloads: Vec<(String, PathBuf)>,
    patience: Duration,
    keep: Keep,
    hear: Option<Arc<Hear>>,
    hear_copy: Option<Arc<HearCopy>>,
}

/// The policy for a pod whose task is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Keep {
    /// It is terminated, whatever came of the task. The default.
    #[default]
    Never,
    /// It is kept, and bills, if a step or the job failed or was interrupted: for a look at it.
    OnFailure,
    /// It is kept, and bills.
    Always,
}

impl Keep {
    /// Returns true if a pod is kept after this work; `None` if it was not done.
    pub(crate) fn is_for(self, done: Option<&Done>) -> bool {
        match self {
            Self::Never => false,
            Self::OnFailure => done.is_none_or(|done| !done.end.is_success()),
            Self::Always => true,
        }
    }
}

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

impl Task {
    /// A task that runs a job.
    pub fn new(job: Job) -> Self {
        Self {
            job,
            login: Login::new(),
            uploads: Vec::new(),
            downloads: Vec::new(),
            patience: PATIENCE,
            keep: Keep::default(),
            hear: None,
            hear_copy: None,
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

    /// The policy for the pod once the task is over. Default: it is terminated.
    ///
    /// # Cost
    /// A pod that is kept bills until somebody terminates it: give the spec a lifetime, and let
    /// [`reap`](runpod_lifecycle::RunPod::reap) end what is forgotten.
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }

    /// Hears what the job prints, as it comes. Must be quick.
    pub fn on_output(mut self, hear: impl Fn(&[u8]) + Send + Sync + 'static) -> Self {
        self.hear = Some(Arc::new(hear));
        self
    }

    /// Hears how far each upload and download is. Must be quick.
    pub fn on_progress(mut self, hear: impl Fn(&CopyProgress) + Send + Sync + 'static) -> Self {
        self.hear_copy = Some(Arc::new(hear));
        self
    }

    pub(crate) fn longest(&self) -> Duration {
        self.patience
    }

    pub(crate) fn keeps(&self) -> Keep {
        self.keep
    }

    pub(crate) fn job_id(&self) -> &str {
        self.job.id_of()
    }

    /// Finds what could never work, as [`run`](crate::run) does before it deploys: a spec that opens no `22/tcp`, a key or an upload that is
    /// not there, a command that no pod could start, no OpenSSH client. Sends nothing.
    ///
    /// # Errors
    /// [`StepError`] with the step that could never work.
    pub async fn check(&self, spec: &PodSpec) -> Result<(), StepError> {
        self.job.check().map_err(StepError::at(Step::Run))?;
        // A pod that is adopted has ports of its own.
        if !spec.get_if_exists().adopts() && Ready::Ssh.never_by(spec).is_some() {
            return Err(StepError::at(Step::Login)(Error::NoSshPort { name: spec.name().to_owned() }));
        }
        self.login.check_identity().await.map_err(StepError::at(Step::Login))?;
        master::check_client().await.map_err(StepError::at(Step::Login))?;
        for (local, _) in &self.uploads {
            let found = fs::metadata(local).await.map_err(Error::local(local));
            found.map_err(StepError::at(Step::Upload))?;
        }
        Ok(())
    }

    /// Does everything there is to do on the pod.
    pub(crate) async fn work(&self, pod: &PodHandle) -> Result<Done, StepError> {
        let mut session = self.login.connect_persistently(pod).await.map_err(StepError::at(Step::Login))?;
        let began = Instant::now();
        self.bring(&mut session).await.map_err(StepError::at(Step::Upload))?;
        let uploading = began.elapsed();
        let began = Instant::now();
        let end = self.run_job(&mut session).await.map_err(StepError::at(Step::Run))?;
        let running = began.elapsed();
        let began = Instant::now();
        match self.fetch(&mut session, &end).await {
            Ok(fetched) => Ok(Done { end, fetched, transferring: uploading + began.elapsed(), running }),
            Err(source) => Err(StepError { step: Step::Download, end: Some(end), source }),
        }
    }

    async fn bring(&self, session: &mut Session) -> Result<(), Error> {
        for (local, remote) in &self.uploads {
            let copy = |session: Session| -> Working<'_, _> {
                let copy = session.upload(local, remote).hears(self.hear_copy.clone());
                Box::pin(copy.run())
            };
            again(session, copy).await?;
        }
        Ok(())
    }

    async fn run_job(&self, session: &mut Session) -> Result<JobEnd, Error> {
        let start =
            |session: Session| -> Working<'_, _> { Box::pin(async move { session.start(&self.job).await }) };
        let job = again(session, start).await?;
        let hear = |bytes: &[u8]| {
            if let Some(hear) = &self.hear {
                hear(bytes);
            }
        };
        job.follow(hear).await
    }

    async fn fetch(&self, session: &mut Session, end: &JobEnd) -> Result<u64, Error> {
        let mut fetched = 0;
        for (remote, local) in &self.downloads {
            let copy = |session: Session| -> Working<'_, _> {
                let copy = session.download(remote, local).hears(self.hear_copy.clone());
                Box::pin(copy.run())
            };
            match again(session, copy).await {
                Ok(files) => fetched += files,
                // What a failed job has not made cannot be fetched.
                Err(Error::NotFound { path, .. }) if !end.is_success() && path == *remote => {}
                Err(source) => return Err(source),
            }
        }
        Ok(fetched)
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("job", &self.job.id_of())
            .field("uploads", &self.uploads)
            .field("downloads", &self.downloads)
            .field("keep", &self.keep)
            .finish_non_exhaustive()
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
