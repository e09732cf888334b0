//! When a wait reads a pod's log for what keeps it from coming up.

use std::time::Duration;

use tokio::time::Instant;

use crate::{Diagnosis, Pod, PodState};

/// The longest a running pod may lack what is waited for before its log is read.
const RUNNING_PATIENCE: Duration = Duration::from_secs(10);
/// The same for one that is being placed or pulls its image, which takes longer.
const BOOTING_PATIENCE: Duration = Duration::from_secs(30);
/// The longest pause between two reads of the log: they double from [`RUNNING_PATIENCE`].
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// When a wait reads the log, and what it found.
#[derive(Debug, Default)]
pub(crate) struct Suspicion {
    /// Since when the pod has been in a state that should pass, and that state.
    since: Option<(Instant, bool)>,
    attempts: u32,
    polled_at: Option<Instant>,
    pub(crate) found: Option<Diagnosis>,
}

impl Suspicion {
    /// Returns true if the pod has been on its way up, or without endpoints, for so long that its log should be
    /// read. `lacks_answer` says that an endpoint is there and does not answer.
    pub(crate) fn is_due(&mut self, pod: Option<&Pod>, lacks_answer: bool) -> bool {
        let now = Instant::now();
        let is_running = match pod.map(|pod| &pod.state) {
            Some(Some(PodState::Running)) if lacks_answer || pod.is_some_and(has_no_endpoint) => true,
            Some(Some(PodState::Created | PodState::Provisioning | PodState::Starting)) => false,
            _ => return false,
        };
        let since = match self.since {
            Some((since, was_running)) if was_running == is_running => since,
            _ => now,
        };
        self.since = Some((since, is_running));
        let patience = if is_running { RUNNING_PATIENCE } else { BOOTING_PATIENCE };
        let pause = (RUNNING_PATIENCE * 2_u32.saturating_pow(self.attempts.min(10))).min(LONGEST_PAUSE);
        now >= since + patience && self.polled_at.is_none_or(|polled_at| now >= polled_at + pause)
    }

    /// Takes in what the log says. Returns a cause that was not known before.
    pub(crate) fn take(&mut self, lines: &[String], pod: Option<&Pod>) -> Option<&Diagnosis> {
        self.attempts += 1;
        self.polled_at = Some(Instant::now());
        if lines.is_empty() {
            return None;
        }
        let before = self.found.as_ref().map(|found| found.cause);
        self.found = Diagnosis::of(lines, pod);
        self.found.as_ref().filter(|found| before != Some(found.cause))
    }
}

/// Returns true for a pod that nobody outside can reach as far as RunPod says.
fn has_no_endpoint(pod: &Pod) -> bool {
    !pod.has_runtime || pod.ssh_direct.is_none() && pod.tcp_endpoints.is_empty()
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    /// When the log of such a pod is read within three minutes of polls every 5 s.
    async fn polled_at(pod: &Pod, lacks_answer: bool) -> Vec<u64> {
        let (mut suspicion, began) = (Suspicion::default(), Instant::now());
        let mut reads = Vec::new();
        for _ in 0..=36 {
            if suspicion.is_due(Some(pod), lacks_answer) {
                reads.push(began.elapsed().as_secs());
                suspicion.take(&[], Some(pod));
            }
            advance(Duration::from_secs(5)).await;
        }
        reads
    }

    #[tokio::test(start_paused = true)]
    async fn the_log_is_read_now_and_then_while_a_pod_does_not_come_up() {
        assert_eq!(polled_at(&Pod::scripted("a", "RUNNING", false), false).await, [10, 30, 70, 130]);
        assert_eq!(polled_at(&Pod::scripted("a", "RUNNING", true), true).await, [10, 30, 70, 130]);
        assert_eq!(polled_at(&Pod::scripted("a", "STARTING", false), false).await, [30, 50, 90, 150]);
        for state in ["EXITED", "TERMINATED", "ERROR", "HIBERNATING"] {
            assert!(polled_at(&Pod::scripted("a", state, false), false).await.is_empty(), "{state}");
        }
        assert!(polled_at(&Pod::scripted("a", "RUNNING", true), false).await.is_empty(), "it can be reached");
    }
}
