//! The condition of a pod that does next to nothing.

use std::time::Duration;

use crate::{Condition, Load, Pod, PodState, Verdict, condition::alive, pod::state::word};

/// The pod does next to nothing: its CPU and each of its GPUs are used less than so many percent, in every poll of so
/// long a time.
///
/// It goes by what RunPod measures ([`Load`]), some seconds late. Where RunPod leaves a figure out, the pod does not count as
/// idle. A wait for it fails once the pod is stopped or gone.
///
/// ```no_run
/// use std::time::Duration;
/// use runpod_lifecycle::{Idle, PodHandle};
///
/// # async fn example(pod: PodHandle) -> Result<(), Box<dyn std::error::Error>> {
/// // Stops it when it has been idle for 20 minutes.
/// let idle = Idle::below(5).during(Duration::from_secs(20 * 60));
/// pod.wait_until(idle, Duration::from_secs(12 * 3600)).await?.stop().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Idle {
    below: u8,
    during: Duration,
}

impl Idle {
    /// Less than so many percent of the CPU and of every GPU. More than 100 is 100, which only full use is not below.
    pub fn below(percent: u8) -> Self {
        Self { below: percent.min(100), during: Duration::ZERO }
    }

    /// The time that it must be so without a break. Default: one poll will do.
    pub fn during(mut self, time: Duration) -> Self {
        self.during = time;
        self
    }
}

impl Condition for Idle {
    fn verdict(&self, pod: Option<&Pod>) -> Verdict {
        let pod = match alive(pod) {
            Ok(pod) => pod,
            Err(verdict) => return verdict,
        };
        if let Some(withheld) = &pod.withheld {
            return Verdict::Pending(withheld.reason.clone());
        }
        if pod.state != Some(PodState::Running) {
            return Verdict::Pending(format!("RunPod says {}", word(pod.state.as_ref())));
        }
        // A pod of which RunPod shows neither may have GPUs at work.
        let gpus = pod.gpu.as_ref().map(|gpu| gpu.count).or(pod.cpu.as_ref().map(|_| 0));
        let Some(used) = pod.load.as_ref().zip(gpus).and_then(|(load, gpus)| used(load, gpus)) else {
            return Verdict::Pending("RunPod does not say how busy it is".to_owned());
        };
        match used.iter().find(|(_, percent)| *percent >= i64::from(self.below)) {
            None => Verdict::Done,
            Some((what, percent)) => Verdict::Pending(format!("{percent} % of its {what} is in use")),
        }
    }

    fn lasting(&self) -> Duration {
        self.during
    }

    fn name(&self) -> String {
        format!("idle (below {} %)", self.below)
    }
}

/// The use of everything that computes, in percent; `None` if RunPod leaves anything out.
fn used(load: &Load, gpus: i64) -> Option<Vec<(&'static str, i64)>> {
    if i64::try_from(load.gpus.len()).ok()? < gpus {
        return None;
    }
    // Less than nothing is no reading.
    let known = |percent: Option<i64>| percent.filter(|percent| *percent >= 0);
    let cpu = known(load.cpu_percent).map(|percent| ("CPU", percent));
    let gpus = load.gpus.iter().map(|gpu| known(gpu.percent).map(|percent| ("GPU", percent)));
    std::iter::once(cpu).chain(gpus).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cpu, Gpu, GpuLoad};

    fn pod(gpus: i64, load: Option<Load>) -> Pod {
        let mut pod = Pod::scripted("a", "RUNNING", true);
        pod.gpu = (gpus > 0).then(|| Gpu { id: "NVIDIA A40".to_owned(), count: gpus });
        pod.cpu = (gpus == 0).then(|| Cpu { flavor: "cpu3c".to_owned(), vcpus: 2 });
        pod.load = load;
        pod
    }

    fn load(cpu: Option<i64>, gpus: &[Option<i64>]) -> Option<Load> {
        let gpus = gpus.iter().map(|percent| GpuLoad { percent: *percent, memory_percent: Some(90) });
        Some(Load { cpu_percent: cpu, memory_percent: Some(90), gpus: gpus.collect() })
    }

    #[test]
    fn idle_is_below_everywhere_and_never_said_of_what_is_not_known() {
        let busy = |words: &str| Verdict::Pending(words.to_owned());
        let unknown = || busy("RunPod does not say how busy it is");
        for (gpus, load, verdict) in [
            (2, load(Some(4), &[Some(0), Some(4)]), Verdict::Done),
            (0, load(Some(0), &[]), Verdict::Done),
            (2, load(Some(4), &[Some(0), Some(5)]), busy("5 % of its GPU is in use")),
            (1, load(Some(80), &[Some(0)]), busy("80 % of its CPU is in use")),
            (1, load(Some(4), &[None]), unknown()),
            (1, load(None, &[Some(4)]), unknown()),
            (2, load(Some(4), &[Some(4)]), unknown()),
            (1, load(Some(-1), &[Some(4)]), unknown()),
            (1, load(Some(4), &[Some(-1)]), unknown()),
            (-1, load(Some(4), &[]), unknown()),
            (1, None, unknown()),
        ] {
            assert_eq!(Idle::below(5).verdict(Some(&pod(gpus, load.clone()))), verdict, "{gpus} {load:?}");
        }
    }

    #[test]
    fn a_pod_that_does_not_run_is_not_idle() {
        for state in ["STARTING", "HIBERNATING"] {
            let mut pod = pod(0, load(Some(0), &[]));
            pod.state = Pod::scripted("a", state, false).state;
            assert!(matches!(Idle::below(5).verdict(Some(&pod)), Verdict::Pending(_)), "{state}");
        }
        let mut stopped = pod(0, load(Some(0), &[]));
        stopped.state = Pod::scripted("a", "EXITED", false).state;
        assert!(matches!(Idle::below(5).verdict(Some(&stopped)), Verdict::Failed(_)));
        assert!(matches!(Idle::below(5).verdict(None), Verdict::Failed(_)));
    }
}
