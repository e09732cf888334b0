//! A pod that one is logged in to.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use openssh::{ForwardType, Socket};
use runpod_lifecycle::{Pod, PodHandle, PodState};
use tokio::time::{Instant, sleep};

use crate::{Error, Login, master};

/// The pauses between attempts to connect again, in seconds; the last one is repeated.
const RECONNECT_PAUSES: [u64; 5] = [1, 2, 4, 8, 15];
/// The longest that a pod is tried which RunPod says is up: it bills meanwhile.
const RECONNECT_PATIENCE: Duration = Duration::from_secs(30 * 60);
/// RunPod refreshes uptimes every 15 s, so two polls of one run may differ by as much.
const UPTIME_GRAIN: Duration = Duration::from_secs(30);

/// Attempts at a login, a copy or a start that a broken connection ends.
pub(crate) const ATTEMPTS: usize = 20;
/// The pause between two logins.
const PAUSE: Duration = Duration::from_secs(2);

/// A login to a pod that commands, copies and forwards share: one connection of OpenSSH's client, which is closed when the last clone
/// is dropped.
///
/// Cheap to clone. What runs on the pod in the foreground of it may end with the connection; a [`Job`](crate::Job) does not.
#[derive(Clone)]
pub struct Session {
    master: Arc<openssh::Session>,
    pod: PodHandle,
    login: Login,
}

impl Login {
    /// Logs in to a pod at the address of its last poll.
    ///
    /// # Errors
    /// [`Error`]: `NoEndpoint`, `NoClient`, `Unreachable`, `HostKey`, `LoginRefused`; `Local` if the identity file cannot be read.
    ///
    /// # Cancellation
    /// Dropping the future ends a login that is under way, and its process.
    pub async fn connect(&self, pod: &PodHandle) -> Result<Session, Error> {
        self.check_identity().await?;
        let master = master::connect(self, pod).await?;
        Ok(Session::new(Arc::new(master), pod.clone(), self.clone()))
    }

    /// Logs in as [`connect`](Self::connect) does, every 2 s while nothing that speaks SSH answers, 20 times at most: sshd may shut
    /// somebody out who comes just after the probe that found it.
    ///
    /// # Errors
    /// As `connect`.
    ///
    /// # Cancellation
    /// As `connect`.
    pub async fn connect_persistently(&self, pod: &PodHandle) -> Result<Session, Error> {
        for _ in 1..ATTEMPTS {
            match self.connect(pod).await {
                Err(Error::Unreachable { .. }) => sleep(PAUSE).await,
                outcome => return outcome,
            }
        }
        self.connect(pod).await
    }
}

impl Session {
    fn new(master: Arc<openssh::Session>, pod: PodHandle, login: Login) -> Self {
        Self { master, pod, login }
    }

    /// The pod, as it was when the session began.
    #[must_use]
    pub fn pod(&self) -> &PodHandle {
        &self.pod
    }

    /// Forwards connections to a port of this machine to one that the pod can reach, until it is closed or the session ends.
    ///
    /// ```no_run
    /// # async fn example(session: runpod_jobs::Session) -> Result<(), runpod_jobs::Error> {
    /// let local = "127.0.0.1:8000".parse().expect("an address");
    /// let forward = session.forward(local, ("127.0.0.1", 8000)).await?;
    /// // http://127.0.0.1:8000 is the pod's port 8000, which need not be open to the public.
    /// forward.close().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Remote`] if ssh cannot listen there, [`Error::Lost`] if the connection is gone.
    pub async fn forward(
        &self,
        local: SocketAddr,
        remote: (impl Into<String>, u16),
    ) -> Result<Forward, Error> {
        let forward = Forward { session: self.clone(), local, remote: (remote.0.into(), remote.1) };
        match self.master.request_port_forward(ForwardType::Local, local, forward.target()).await {
            Ok(()) => Ok(forward),
            Err(error) => Err(self.failed("a forward", &error).await),
        }
    }

    /// Checks that the connection still stands.
    ///
    /// # Errors
    /// [`Error::Lost`] if it does not.
    pub async fn check(&self) -> Result<(), Error> {
        self.master.check().await.map_err(|_| self.lost("a check"))
    }

    /// Asks RunPod where the pod is now, and logs in there anew.
    ///
    /// # Errors
    /// As [`Login::connect`]; [`Error::Unreachable`] if RunPod cannot be asked.
    pub async fn reconnect(&self) -> Result<Self, Error> {
        let unreachable = |error: runpod_lifecycle::Error| Error::Unreachable {
            pod_id: self.pod.id.clone(),
            reason: error.to_string(),
        };
        let pod = self.pod.refresh().await.map_err(unreachable)?;
        self.login.connect(&pod).await
    }

    /// Connects again after a loss, for as long as RunPod says that the same run of the container is up, at most for a while.
    pub(crate) async fn connect_again(&self) -> Result<Self, Error> {
        let until = Instant::now() + RECONNECT_PATIENCE;
        let mut pauses = RECONNECT_PAUSES.iter();
        let mut pause = RECONNECT_PAUSES[0];
        loop {
            let error = match self.reconnect().await {
                Ok(session) => return Ok(session),
                Err(error) => error,
            };
            let may_pass = error.is_connection() || matches!(error, Error::NoEndpoint { .. });
            if !may_pass || Instant::now() >= until || !self.may_live().await {
                return Err(error);
            }
            pause = pauses.next().copied().unwrap_or(pause);
            sleep(Duration::from_secs(pause)).await;
        }
    }

    /// Returns false if RunPod says that the pod does not run, that its container was started anew, or nothing to this key.
    async fn may_live(&self) -> bool {
        match self.pod.refresh().await {
            Ok(pod) => may_run(&pod) && !self.is_over_by(&pod),
            Err(error) => error.is_retryable(),
        }
    }

    /// Returns true if a later poll shows that the container was started anew since the session began.
    pub(crate) fn is_over_by(&self, later: &Pod) -> bool {
        let (before, now) = (self.pod.run_began(), later.run_began());
        before.zip(now).is_some_and(|(before, now)| now > before + UPTIME_GRAIN)
    }

    pub(crate) fn master(&self) -> &Arc<openssh::Session> {
        &self.master
    }

    pub(crate) fn pod_id(&self) -> String {
        self.pod.id.clone()
    }

    pub(crate) fn lost(&self, during: impl Into<String>) -> Error {
        Error::Lost { pod_id: self.pod_id(), during: during.into() }
    }

    /// The error of something that ssh could not do: the connection is gone, or the thing itself failed.
    pub(crate) async fn failed(&self, during: &str, error: &openssh::Error) -> Error {
        if self.master.check().await.is_err() {
            return self.lost(during);
        }
        let reason = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        Error::Remote { pod_id: self.pod_id(), during: during.to_owned(), status: 255, reason }
    }
}

/// Returns false if RunPod says that a pod does not run and will not by itself.
pub(crate) fn may_run(pod: &Pod) -> bool {
    !pod.is_stopped() && !pod.is_gone() && pod.state != Some(PodState::Error)
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("pod_id", &self.pod.id).finish_non_exhaustive()
    }
}

/// A port of this machine that leads to the pod, made by [`Session::forward`]. It ends with the connection at the latest.
#[derive(Debug)]
#[must_use = "a forward that is not held cannot be closed by itself"]
pub struct Forward {
    session: Session,
    local: SocketAddr,
    remote: (String, u16),
}

impl Forward {
    /// The address on this machine.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    fn target(&self) -> Socket<'_> {
        Socket::TcpSocket { host: self.remote.0.as_str().into(), port: self.remote.1 }
    }

    /// Closes it. Connections that are open go on.
    ///
    /// # Errors
    /// [`Error::Lost`] if the connection is gone, and the forward with it.
    pub async fn close(self) -> Result<(), Error> {
        let closed = self.session.master.close_port_forward(ForwardType::Local, self.local, self.target());
        match closed.await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.session.failed("closing a forward", &error).await),
        }
    }
}
