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
        let mut overdue = Vec::new();
        for mut pod in self.list().await? {
            if pod.env.is_empty() {
                match self.look_closer((*pod).clone()).await {
                    Ok(Some(closer)) => pod = PodHandle::new(self.clone(), closer),
                    Ok(None) => continue,
                    Err(error) => {
                        let id = &pod.id;
                        let warning = format!("pod {id} may have outlived its lifetime, and bill: {error}");
                        self.notify(&Event::Warned { warning });
                        continue;
                    }
                }
            }
            if pod.is_ours() && pod.expires_at().is_some_and(|end| end <= now) {
                overdue.push(pod);
            }
        }
        Ok(overdue)
    }

    /// Terminates every pod that this crate created with a [lifetime](crate::PodSpec::lifetime)
    /// which is over, and no other.
    ///
    /// It keeps no state: the lifetime is read from the pods. Call it from cron, or in a loop.
    /// It compares with this machine's clock. Beside the list and the terminates it sends one request for
    /// each pod that the list shows without any environment, see [`overdue`](Self::overdue).
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
        let mut reaped = Vec::new();
        for pod in self.overdue().await? {
            let outcome = pod.terminate().await.map(drop);
            reaped.push(Reaped { pod, outcome });
        }
        Ok(reaped)
    }
}
