//! Starting, stopping and ending pods.

use crate::{
    Applied, Error, ErrorKind, PodState, RunPod,
    backend::Action,
    client::{Call, Tries, retry},
    condition::word,
    pods::created::Created,
};
use runpod_api::http::StatusCode;
use std::time::Duration;
use tokio::time::sleep;

pub(crate) const START: &str = "start pod";
const TERMINATE: &str = "terminate pod";
/// The pause between two attempts to terminate a pod that RunPod may not know yet.
pub(crate) const UNKNOWN_PAUSE: Duration = Duration::from_secs(3);

impl RunPod {
    /// Stops a pod: the GPU is given back, the container disk is wiped, a pod volume is kept and
    /// goes on billing. Returns once RunPod has accepted it. Stopping a stopped pod succeeds.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] if the pod is locked; [`ErrorKind::Conflict`] if its state allows no stop.
    ///
    /// # Cancellation
    /// If the future is dropped after the request was sent, the pod may be stopping.
    pub async fn stop(&self, id: &str) -> Result<Applied, Error> {
        let stopped = |state: &PodState| state.is_stopped();
        self.act(Call::mutation("stop pod", id), Action::Stop, id, stopped).await
    }

    /// Starts a stopped pod on the host it is pinned to. Returns once RunPod has accepted it.
    /// Starting a running pod succeeds. Ports and addresses are new after every start.
    ///
    /// # Errors
    /// [`ErrorKind::NoCapacity`] if the host has given its GPUs to somebody else: wait for it, or
    /// deploy anew elsewhere (a pod volume does not move, a network volume does).
    ///
    /// # Cost
    /// The GPU bills from the start on.
    pub async fn start(&self, id: &str) -> Result<Applied, Error> {
        let started = |state: &PodState| {
            matches!(state, PodState::Running | PodState::Starting | PodState::Provisioning)
        };
        self.act(Call::mutation(START, id), Action::Start, id, started).await
    }

    /// Restarts the container on the same host; the container disk is wiped. Returns once RunPod
    /// has accepted it. Not repeated when the answer is lost, since it might restart twice.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] if the pod is locked; [`ErrorKind::Conflict`] if it is not running.
    pub async fn restart(&self, id: &str) -> Result<Applied, Error> {
        let call = Call::mutation("restart pod", id);
        let pod = self.once(call, Box::pin(self.backend().act(id, Action::Restart))).await?;
        Ok(Applied::by_action(Action::Restart, pod.as_ref()))
    }

    /// Deletes a pod with its container disk and pod volume; a network volume stays. Returns once
    /// RunPod has accepted it. Terminating what is already gone succeeds. A pod that was just created is
    /// better terminated through its [handle](PodHandle::terminate), since RunPod may not know it yet.
    ///
    /// RunPod says 204. After any other success the pod is looked at, and it is an error if it is not gone
    /// within a few seconds.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] if the pod is locked; [`ErrorKind::Conflict`] if it belongs to a cluster;
    /// [`ErrorKind::Unreadable`] if the answer looks like a success and the pod is still there.
    ///
    /// # Cost
    /// On success nothing of the pod bills any more. On any error assume that it still does.
    pub async fn terminate(&self, id: &str) -> Result<Applied, Error> {
        self.delete(id, None).await.map(|_| Applied::default())
    }

    /// Whether there was a pod to terminate.
    pub(crate) async fn delete(&self, id: &str, created: Option<&Created>) -> Result<bool, Error> {
        let call = Call::mutation(TERMINATE, id);
        match self.repeatedly(call, || self.backend().delete(id)).await {
            Ok(StatusCode::NO_CONTENT) => {}
            Ok(status) => self.confirm_gone(id, created, status).await?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        }
        self.lookups().accepted.forget(id);
        Ok(true)
    }

    /// Looks whether a pod is gone whose DELETE had a success that the contract does not know.
    async fn confirm_gone(
        &self,
        id: &str,
        created: Option<&Created>,
        status: StatusCode,
    ) -> Result<(), Error> {
        let mut pauses = retry::pauses(retry::ATTEMPTS);
        loop {
            let seen = match self.look_at(id, Tries::One).await {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    if created.is_some_and(Created::may_be_unknown) {
                        sleep(UNKNOWN_PAUSE).await;
                        continue;
                    }
                    return Ok(());
                }
                Ok(pod) if pod.is_gone() => return Ok(()),
                Ok(pod) => format!("the pod is still there ({})", word(pod.state.as_ref())),
                Err(error) => error.what(),
            };
            let Some(pause) = pauses.next() else {
                let message = format!("RunPod answered {} in place of 204, and {seen}", status.as_u16());
                return Err(Error::of_answer(ErrorKind::Unreadable, TERMINATE, Some(id), message));
            };
            sleep(pause).await;
        }
    }

    /// An action that may be repeated: a refusal is fine if the pod is where it should be.
    async fn act(
        &self,
        call: Call<'_>,
        action: Action,
        id: &str,
        is_there: impl Fn(&PodState) -> bool,
    ) -> Result<Applied, Error> {
        let error = match self.repeatedly(call, || self.backend().act(id, action)).await {
            Ok(pod) => return Ok(Applied::by_action(action, pod.as_ref())),
            Err(error) => error,
        };
        // The host lacks free GPUs also when this pod has them: an earlier answer may have been lost.
        if !matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Rejected | ErrorKind::NoCapacity) {
            return Err(error);
        }
        match self.get(id).await {
            Ok(pod) if pod.state.as_ref().is_some_and(is_there) => Ok(Applied::by_action(action, Some(&pod))),
            _ => Err(error),
        }
    }
}
