//! A pod that lives as long as one piece of work.

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, resume_unwind},
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{self, Either, select},
};
use runpod_api::printable;
use tokio::{runtime::Handle, time::Instant};

use crate::{
    Aftermath, Condition, DeployError, Error, Event, OnFailure, Origin, PodHandle, PodSpec, RunPod,
    WaitError, Warning,
    deploy::{deployment::Terms, not_ready},
};

/// Something that ends a scope early.
type Interrupt<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
/// Tells from the value of the work if its pod is kept; there is none unless the work succeeded.
type Keeps<'a, T> = Box<dyn FnOnce(Option<&T>) -> bool + Send + 'a>;
type Run<'a, T, E> = Pin<Box<dyn Future<Output = Result<Scoped<T>, ScopeError<T, E>>> + Send + 'a>>;

/// The outcome of work with a pod that was ended after it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scoped<T> {
    /// The value that the work returned.
    pub value: T,
    /// The pod as it was last seen: terminated, or kept if it was adopted ([`IfExists::Adopt`](crate::IfExists)) or
    /// [`WithPod::keep_if`] said so.
    pub pod: PodHandle,
    /// From RunPod's answer to the create to its answer to the terminate.
    pub lived: Duration,
    /// The cost of that time in USD by [`Pod::hourly_cost`](crate::Pod::hourly_cost), storage included; `None` if RunPod named no
    /// price. What is billed is in [`PodHandle::billed_usd`] some minutes later.
    pub usd: Option<f64>,
    /// Why another pod of the name may exist and bill, with its id if that is known; `None` if none may.
    pub doubt: Option<String>,
}

/// A scope that did not end well, and what became of its pod.
#[derive(Debug)]
#[non_exhaustive]
pub enum ScopeError<T, E> {
    /// No pod was ready. Its text says what became of one that was created.
    Deploy(DeployError),
    /// The work failed.
    Work {
        /// The pod's id.
        pod_id: String,
        /// The work's own error.
        error: E,
        /// The pod's fate.
        aftermath: Aftermath,
        /// Why another pod of the name may exist and bill; `None` if none may.
        doubt: Option<String>,
    },
    /// The future given to [`WithPod::until`] ended first.
    Interrupted {
        /// The pod's id.
        pod_id: String,
        /// The pod's fate.
        aftermath: Aftermath,
        /// Why another pod of the name may exist and bill; `None` if none may.
        doubt: Option<String>,
    },
    /// The work succeeded, and the pod could not be terminated: it may bill.
    NotTerminated {
        /// The pod's id.
        pod_id: String,
        /// The value that the work returned.
        value: T,
        /// The failure to terminate it.
        source: Error,
    },
}

impl<T, E> ScopeError<T, E> {
    /// Returns true if a pod may exist and bill.
    #[must_use]
    pub fn may_bill(&self) -> bool {
        match self {
            Self::Deploy(error) => error.may_bill(),
            Self::Work { aftermath, doubt, .. } | Self::Interrupted { aftermath, doubt, .. } => {
                !matches!(aftermath, Aftermath::Terminated | Aftermath::Gone) || doubt.is_some()
            }
            Self::NotTerminated { .. } => true,
        }
    }

    /// The id of the pod; `None` if RunPod has shown none.
    #[must_use]
    pub fn pod_id(&self) -> Option<&str> {
        match self {
            Self::Deploy(error) => error.pod_id(),
            Self::Work { pod_id, .. }
            | Self::Interrupted { pod_id, .. }
            | Self::NotTerminated { pod_id, .. } => Some(pod_id),
        }
    }
}

impl<T, E: fmt::Display> fmt::Display for ScopeError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let besides =
            |doubt: &Option<String>| doubt.as_ref().map(|doubt| format!("; {doubt}")).unwrap_or_default();
        let text = match self {
            Self::Deploy(error) => return error.fmt(f),
            Self::Work { pod_id, error, aftermath, doubt } => {
                format!("the work on pod {pod_id} failed: {error}; {aftermath}{}", besides(doubt))
            }
            Self::Interrupted { pod_id, aftermath, doubt } => {
                format!("the work on pod {pod_id} was interrupted; {aftermath}{}", besides(doubt))
            }
            Self::NotTerminated { pod_id, source, .. } => {
                format!("the work is done, and pod {pod_id} may bill, since terminating it failed: {source}")
            }
        };
        f.write_str(&printable(&text))
    }
}

impl<T: fmt::Debug, E: std::error::Error + 'static> std::error::Error for ScopeError<T, E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Deploy(error) => error.source(),
            Self::Work { error, .. } => error.source(),
            Self::Interrupted { .. } => None,
            Self::NotTerminated { source, .. } => source.source(),
        }
    }
}

/// The caller's wishes beside the work itself.
struct Wishes<'a, T> {
    interrupt: Option<Interrupt<'a>>,
    keeps: Option<Keeps<'a, T>>,
}

/// Work with a pod of its own, made by [`RunPod::with_pod`]; `.await` it.
#[must_use = "nothing is deployed until it is awaited"]
pub struct WithPod<'a, T, E> {
    wishes: Arc<Mutex<Wishes<'a, T>>>,
    run: Run<'a, T, E>,
}

impl<'a, T, E> WithPod<'a, T, E> {
    /// Ends the scope as soon as a future does, such as one that waits for Ctrl-C. Default: never.
    ///
    /// The pod is terminated at once. If its first wait was cut short, a list is read 15 s after its create that shows
    /// whether that made a second pod. A create that is under way is seen through first, since only its answer tells the
    /// pod's id; no other is sent after it. Before the first create the deploy ends with [`DeployError::CalledOff`], and replaces
    /// nothing; one that waits for stock ([`PodSpec::patience`]) ends too.
    pub fn until(self, interrupt: impl Future<Output = ()> + Send + 'a) -> Self {
        self.wish(|wishes| wishes.interrupt = Some(Box::pin(interrupt)));
        self
    }

    /// Keeps the pod where `keeps` returns true: it is given the value of the work, or `None` where the work did not succeed: it failed,
    /// was interrupted or never began, or the future was dropped. Default: never. It is asked once.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use runpod_lifecycle::{PodHandle, PodSpec, Ready, RunPod};
    /// # async fn example(runpod: RunPod, spec: PodSpec) -> Result<(), Box<dyn std::error::Error>> {
    /// let work = async |pod: PodHandle| Ok::<_, std::io::Error>(pod.id.clone());
    /// let scope = runpod.with_pod(&spec, Ready::Ssh, Duration::from_secs(900), work);
    /// scope.keep_if(|value| value.is_none()).await?; // To look into what went wrong.
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cost
    /// A pod that is kept bills until it is terminated.
    pub fn keep_if(self, keeps: impl FnOnce(Option<&T>) -> bool + Send + 'a) -> Self {
        self.wish(|wishes| wishes.keeps = Some(Box::new(keeps)));
        self
    }

    fn wish(&self, change: impl FnOnce(&mut Wishes<'a, T>)) {
        change(&mut self.wishes.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<T, E> Future for WithPod<'_, T, E> {
    type Output = Result<Scoped<T>, ScopeError<T, E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.run.as_mut().poll(cx)
    }
}

impl<T, E> fmt::Debug for WithPod<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithPod").finish_non_exhaustive()
    }
}

impl RunPod {
    /// Deploys a pod, waits until it meets a condition, works with it and terminates it, whatever comes of the work.
    ///
    /// The pod is terminated after success, after an error, after a panic (which goes on after that), when
    /// [`until`](WithPod::until) says so, and if it does not become ready in time. Only a pod that this call created is:
    /// one that it adopted ([`IfExists::Adopt`](crate::IfExists)) is kept, and so is one that
    /// [`keep_if`](WithPod::keep_if) is told to keep.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use runpod_lifecycle::{PodSpec, Ready, RunPod};
    /// # async fn example(runpod: RunPod) -> Result<(), Box<dyn std::error::Error>> {
    /// let spec = PodSpec::any_gpu("trainer", "runpod/pytorch:latest").min_vram_gb(24).port("22/tcp");
    /// let train = async |pod: runpod_lifecycle::PodHandle| match pod.connection().ssh_command() {
    ///     Some(ssh) => Ok(ssh.to_string()),
    ///     None => Err(std::io::Error::other("no address")),
    /// };
    /// let done = runpod.with_pod(&spec, Ready::Ssh, Duration::from_secs(900), train).await?;
    /// println!("{} for ${:.2}", done.value, done.usd.unwrap_or_default());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ScopeError`]; its [`may_bill`](ScopeError::may_bill) says whether a pod is left.
    ///
    /// # Cancellation
    /// If the future is dropped once the pod was deployed, a task that terminates the pod is left to the tokio runtime, if
    /// one is running: the end of a program ends it too. Set a [`lifetime`](PodSpec::lifetime) for what such a task, or
    /// a killed process, leaves behind.
    ///
    /// # Cost
    /// The pod bills from RunPod's answer to its create to its answer to the terminate.
    pub fn with_pod<'a, C, W, F, T, E>(
        &'a self,
        spec: &'a PodSpec,
        condition: C,
        longest: Duration,
        work: W,
    ) -> WithPod<'a, T, E>
    where
        C: Condition + 'static,
        W: FnOnce(PodHandle) -> F + Send + 'a,
        F: Future<Output = Result<T, E>> + Send + 'a,
        T: Send + 'a,
        E: Send + 'a,
    {
        let wishes = Arc::new(Mutex::new(Wishes { interrupt: None, keeps: None }));
        let given = Arc::clone(&wishes);
        let run = Box::pin(async move {
            let (interrupt, keeps) = {
                let mut given = given.lock().unwrap_or_else(PoisonError::into_inner);
                (given.interrupt.take(), given.keeps.take())
            };
            let interrupt = interrupt.unwrap_or_else(|| Box::pin(future::pending()));
            let terms = Terms::of_wait(spec, &condition).map_err(ScopeError::Deploy)?;
            // Heard from the beginning: the deploy sends no further create, and sees the one under way through.
            let (pod, interrupt) = match select(Box::pin(self.deploy_on(spec, &terms)), interrupt).await {
                Either::Left((pod, interrupt)) => (pod, Some(interrupt)),
                Either::Right(((), deploy)) => {
                    terms.call_off();
                    (deploy.await, None)
                }
            };
            let pod = pod.map_err(ScopeError::Deploy)?;
            let mut scope = Scope { pod, keeps, is_open: true, began: Instant::now() };
            let Some(interrupt) = interrupt else { return scope.close(End::Interrupted).await };
            let end = {
                let live = pin!(scope.live(condition, longest, work));
                AssertUnwindSafe(select(live, interrupt)).catch_unwind().await.map(|ended| match ended {
                    Either::Left((end, _)) => end,
                    Either::Right(_) => End::Interrupted,
                })
            };
            let end = end.unwrap_or_else(End::Panicked);
            scope.close(end).await
        });
        WithPod { wishes, run }
    }
}

/// The end of the work with a pod.
enum End<T, E> {
    /// It was never ready; the error says what became of it.
    NotReady(DeployError),
    Done(Result<T, E>),
    Interrupted,
    Panicked(Box<dyn Any + Send>),
}

/// A pod for as long as it is worked with. Dropped before its end, it leaves the terminate to the runtime.
struct Scope<'a, T> {
    pod: PodHandle,
    keeps: Option<Keeps<'a, T>>,
    /// True until its end has been seen to.
    is_open: bool,
    began: Instant,
}

impl<T> Scope<'_, T> {
    /// Asks if the pod is to be kept.
    fn is_kept(&mut self, value: Option<&T>) -> bool {
        self.keeps.take().is_some_and(|keeps| keeps(value))
    }

    /// Waits for the pod and works with it.
    async fn live<C, W, F, E>(&mut self, condition: C, longest: Duration, work: W) -> End<T, E>
    where
        C: Condition + 'static,
        W: FnOnce(PodHandle) -> F,
        F: Future<Output = Result<T, E>>,
    {
        let created = self.pod.clone();
        let ready = match created.wait_until(condition, longest).await {
            Ok(ready) => ready,
            Err(error) => {
                let error = match error {
                    WaitError::GaveWay { source, .. } => DeployError::GaveWay(source),
                    error => {
                        let keep = if self.is_kept(None) { OnFailure::Keep } else { OnFailure::Terminate };
                        not_ready(&created, keep, error).await
                    }
                };
                self.is_open = false;
                return End::NotReady(error);
            }
        };
        // An earlier pod of the name may have been adopted in its place.
        self.pod = ready.clone();
        End::Done(work(ready).await)
    }

    /// Terminates the pod if it was created for this and is not to be kept, and tells what came of it all.
    async fn close<E>(mut self, end: End<T, E>) -> Result<Scoped<T>, ScopeError<T, E>> {
        let pod = self.pod.clone();
        let pod_id = pod.id.clone();
        let value = if let End::Done(Ok(value)) = &end { Some(value) } else { None };
        let aftermath = match pod.origin() {
            _ if !self.is_open => Aftermath::Kept,
            Origin::Created if self.is_kept(value) => {
                // Dropped from here on, it is kept all the same.
                self.is_open = false;
                // The second pod that its create may have made is nobody's wish.
                pod.finish(pod.search()).await;
                Aftermath::Kept
            }
            Origin::Created => end_all(&pod).await,
            _ => {
                pod.runpod()
                    .notify(&Event::Warned { warning: Warning::AdoptedKept { pod_id: pod_id.clone() } });
                Aftermath::Kept
            }
        };
        self.is_open = false;
        let doubt = pod.doubt();
        match (end, aftermath) {
            (End::Done(Ok(value)), Aftermath::NotTerminated(source)) => {
                Err(ScopeError::NotTerminated { pod_id, value, source })
            }
            (End::Done(Ok(value)), aftermath) => Ok(self.report(value, pod, &aftermath)),
            (End::Done(Err(error)), aftermath) => Err(ScopeError::Work { pod_id, error, aftermath, doubt }),
            (End::Interrupted, aftermath) => Err(ScopeError::Interrupted { pod_id, aftermath, doubt }),
            (End::NotReady(error), _) => Err(ScopeError::Deploy(error)),
            (End::Panicked(panic), aftermath) => {
                if let Aftermath::NotTerminated(error) = aftermath {
                    left_running(&pod, error.to_string());
                }
                resume_unwind(panic)
            }
        }
    }

    fn report(&self, value: T, pod: PodHandle, aftermath: &Aftermath) -> Scoped<T> {
        let lived = self.began.elapsed();
        let usd = pod.hourly_cost().total_usd().map(|hourly| hourly * lived.as_secs_f64() / 3600.0);
        let pod = match aftermath {
            Aftermath::Terminated => pod.with(pod.terminated()),
            _ => pod,
        };
        let doubt = pod.doubt();
        Scoped { value, pod, lived, usd, doubt }
    }
}

impl<T> Drop for Scope<'_, T> {
    fn drop(&mut self) {
        if !self.is_open || self.pod.origin() != Origin::Created || self.is_kept(None) {
            return;
        }
        let pod = self.pod.clone();
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                if let Aftermath::NotTerminated(error) = end_all(&pod).await {
                    left_running(&pod, error.to_string());
                }
            })),
            Err(_) => left_running(&pod, "it was dropped where no runtime is".to_owned()),
        }
    }
}

/// Terminates a pod that was created for a scope, then the second one that its create may have made: the first wait sees to
/// that, unless it was cut short.
async fn end_all(pod: &PodHandle) -> Aftermath {
    let aftermath = match pod.terminate().await {
        Ok(_) => Aftermath::Terminated,
        Err(error) => Aftermath::NotTerminated(error),
    };
    pod.finish(pod.search()).await;
    aftermath
}

fn left_running(pod: &PodHandle, reason: String) {
    let warning = Warning::LeftRunning { pod_id: pod.id.clone(), reason };
    pod.runpod().notify(&Event::Warned { warning });
}
