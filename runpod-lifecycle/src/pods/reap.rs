//! Ending pods that have outlived their lifetime.

use std::time::SystemTime;

use crate::{Error, Event, PodHandle, RunPod};

/// A pod that outlived its lifetime, and what became of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reaped {
    /// The pod.
    pub pod: PodHandle,
    /// Whether it was terminated; an error leaves it running and billing.
    pub outcome: Result<(), Error>,
}

impl RunPod {
    /// The pods that [`reap`](Self::reap) would terminate now: a dry run, only reads are sent.
    ///
    /// A pod that the list shows without any environment is looked at by its id, one request for each. If
    /// that fails it is left out and reported as [`Event::Warned`].
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn overdue(&self) -> Result<Vec<PodHandle>, Error> {
        let now = SystemTime::now();
        let (shown, hidden) = self.by_environment().await?;
        let mut overdue: Vec<PodHandle> = shown.into_iter().filter(|pod| is_overdue(pod, now)).collect();
        for pod in hidden {
            overdue.extend(self.uncover(pod).await.filter(|pod| is_overdue(pod, now)));
        }
        Ok(overdue)
    }

    /// The account's pods: those that the list shows with an environment, and the others.
    async fn by_environment(&self) -> Result<(Vec<PodHandle>, Vec<PodHandle>), Error> {
        Ok(self.list().await?.into_iter().partition(|pod| !pod.env.is_empty()))
    }

    /// A pod that the list shows without any environment, by its id; `None` if it is gone or cannot be had.
    async fn uncover(&self, pod: PodHandle) -> Option<PodHandle> {
        match self.look_closer((*pod).clone()).await {
            Ok(closer) => closer.map(|closer| PodHandle::new(self.clone(), closer)),
            Err(error) => {
                let warning = format!("pod {} may have outlived its lifetime, and bill: {error}", pod.id);
                self.notify(&Event::Warned { warning });
                None
            }
        }
    }

    /// Terminates every pod that this crate created with a [lifetime](crate::PodSpec::lifetime)
    /// which is over, and no other.
    ///
    /// It keeps no state: the lifetime is read from the pods. Call it from cron, or in a loop.
    /// It compares with this machine's clock. Beside the list and the terminates it sends one request for
    /// each pod that the list shows without any environment, see [`overdue`](Self::overdue), after it has
    /// terminated what the list itself proves overdue.
    ///
    /// ```no_run
    /// # async fn example(runpod: runpod_lifecycle::RunPod) -> Result<(), runpod_lifecycle::Error> {
    /// for reaped in runpod.reap().await? {
    ///     match reaped.outcome {
    ///         Ok(()) => println!("terminated {}", reaped.pod.id),
    ///         Err(error) => eprintln!("{} still runs: {error}", reaped.pod.id),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the pods cannot be listed. A pod that cannot be terminated is in the result, with its error.
    ///
    /// # Cancellation
    /// If the future is dropped, the pods terminated so far stay terminated.
    ///
    /// # Cost
    /// A terminated pod bills nothing more.
    pub async fn reap(&self) -> Result<Vec<Reaped>, Error> {
        let now = SystemTime::now();
        let (shown, hidden) = self.by_environment().await?;
        let mut reaped = Vec::new();
        for pod in shown {
            reaped.extend(end_if_overdue(pod, now).await);
        }
        for pod in hidden {
            if let Some(pod) = self.uncover(pod).await {
                reaped.extend(end_if_overdue(pod, now).await);
            }
        }
        Ok(reaped)
    }
}

fn is_overdue(pod: &PodHandle, now: SystemTime) -> bool {
    pod.is_ours() && pod.expires_at().is_some_and(|end| end <= now)
}

async fn end_if_overdue(pod: PodHandle, now: SystemTime) -> Option<Reaped> {
    if !is_overdue(&pod, now) {
        return None;
    }
    let outcome = pod.terminate().await.map(drop);
    Some(Reaped { pod, outcome })
}
