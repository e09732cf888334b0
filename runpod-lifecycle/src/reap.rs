//! Ending pods that have outlived their lifetime.

use std::time::SystemTime;

use crate::{Error, PodHandle, RunPod};

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
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn overdue(&self) -> Result<Vec<PodHandle>, Error> {
        let now = SystemTime::now();
        let mut pods = self.list().await?;
        pods.retain(|pod| pod.is_ours() && pod.expires_at().is_some_and(|end| end <= now));
        Ok(pods)
    }

    /// Terminates every pod that this crate created with a [lifetime](crate::PodSpec::lifetime)
    /// which is over, and no other.
    ///
    /// It keeps no state: the lifetime is read from the pods. Call it from cron, or in a loop.
    /// It compares with this machine's clock.
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
