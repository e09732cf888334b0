//! The wait on paused time: exact instants, no server.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::*;
use crate::{Gone, Probe, Ready, Running, Stopped};

/// Answers polls from a script and keeps the last entry; remembers when it was asked.
struct Script {
    started: Instant,
    attempts: Mutex<VecDeque<Scripted>>,
    asked_at: Mutex<Vec<f64>>,
    probes: Mutex<VecDeque<Result<(), String>>>,
    log: Vec<String>,
    log_read_at: Mutex<Vec<u64>>,
    is_outdated: AtomicBool,
    /// The pod is changed while its log is read for the first time.
    is_changed_by_log: AtomicBool,
    /// It was, and not polled since.
    is_outdated_by_log: AtomicBool,
}

#[derive(Clone)]
enum Scripted {
    State(&'static str),
    Ssh,
    Absent,
    Unclear,
    Fails(ErrorKind),
    Hangs,
}

impl Script {
    fn new(attempts: impl IntoIterator<Item = Scripted>) -> Self {
        Self {
            started: Instant::now(),
            attempts: Mutex::new(attempts.into_iter().collect()),
            asked_at: Mutex::default(),
            probes: Mutex::default(),
            log: Vec::new(),
            log_read_at: Mutex::default(),
            is_outdated: AtomicBool::default(),
            is_changed_by_log: AtomicBool::default(),
            is_outdated_by_log: AtomicBool::default(),
        }
    }

    fn with_log(self, line: &str) -> Self {
        Self { log: vec![line.to_owned()], ..self }
    }

    fn asked_at(&self) -> Vec<f64> {
        self.asked_at.lock().unwrap().clone()
    }

    async fn wait(&self, condition: impl Condition, seconds: u64) -> Result<Option<Pod>, WaitError> {
        self.wait_for(condition, Duration::from_secs(seconds)).await
    }

    async fn wait_for(&self, condition: impl Condition, longest: Duration) -> Result<Option<Pod>, WaitError> {
        run(self, Watch::new("pod123", &condition, longest), &Observer::default()).await
    }
}

impl Source for &Script {
    async fn poll(&mut self) -> Result<Observation, Error> {
        let id = "pod123";
        self.is_outdated_by_log.store(false, Ordering::Relaxed);
        self.asked_at.lock().unwrap().push(self.started.elapsed().as_secs_f64());
        let next = {
            let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
            if attempts.len() > 1 { attempts.pop_front() } else { attempts.front().cloned() }
        };
        match next.expect("a script has at least one poll") {
            Scripted::State(word) => Ok(Observation::Pod(Box::new(Pod::scripted(id, word, false)))),
            Scripted::Ssh => Ok(Observation::Pod(Box::new(Pod::scripted(id, "RUNNING", true)))),
            Scripted::Absent => Ok(Observation::Gone),
            Scripted::Unclear => Ok(Observation::Unclear("nobody knows".to_owned(), None)),
            Scripted::Fails(kind) => {
                Err(Error::of_answer(kind, crate::error::operation::Operation::GetPod, Some(id), "scripted"))
            }
            Scripted::Hangs => std::future::pending().await,
        }
    }

    fn is_current(&self, _: &Pod) -> bool {
        !self.is_outdated.load(Ordering::Relaxed) && !self.is_outdated_by_log.load(Ordering::Relaxed)
    }

    fn pace(&self) -> Duration {
        LONGEST_PAUSE
    }

    async fn news(&mut self) {
        std::future::pending().await
    }

    fn may_read_log(&self) -> bool {
        true
    }

    async fn system_log(&self, _: Duration) -> Vec<String> {
        if self.is_changed_by_log.swap(false, Ordering::Relaxed) {
            self.is_outdated_by_log.store(true, Ordering::Relaxed);
        }
        self.log_read_at.lock().unwrap().push(self.started.elapsed().as_secs());
        self.log.clone()
    }

    async fn probe(&self, _: &Probe) -> Result<(), String> {
        self.probes.lock().unwrap().pop_front().unwrap_or(Ok(()))
    }
}

use Scripted::{Absent, Fails, Hangs, Ssh, State, Unclear};

#[tokio::test(start_paused = true)]
async fn polls_at_once_then_at_1_3_5_and_every_5_seconds_and_at_the_end() {
    let script = Script::new([State("RUNNING")]);
    script.wait(Stopped, 18).await.unwrap_err();
    assert_eq!(script.asked_at(), [0.0, 1.0, 3.0, 5.0, 10.0, 15.0, 18.0]);
}

#[tokio::test(start_paused = true)]
async fn a_booting_pod_is_polled_when_a_loop_would_and_no_more_often() {
    let script = Script::new([State("PROVISIONING")]);
    let error = script.wait(Running, 18).await.unwrap_err();
    assert_eq!(script.asked_at(), [0.0, 5.0, 10.0, 15.0, 18.0]);
    let WaitError::TimedOut { report } = &error else { panic!("{error:?}") };
    assert_eq!((report.attempts, report.elapsed), (5, Duration::from_secs(18)));
    assert_eq!(report.last_pod.as_ref().unwrap().state, Some(PodState::Provisioning));
    assert_eq!(
        error.to_string(),
        "pod pod123 is not running: timed out after 18 s; last seen: RunPod says PROVISIONING, \
         asked 5 times in 18.0 s. It may be running and billing: wait longer, or terminate it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_holds_already_takes_one_poll_and_no_time() {
    let script = Script::new([State("RUNNING")]);
    script.wait(Running, 0).await.unwrap();
    assert_eq!(script.asked_at(), [0.0]);
}

#[tokio::test(start_paused = true)]
async fn running_without_an_endpoint_is_not_ready() {
    let script = Script::new([State("STARTING"), State("RUNNING"), State("RUNNING"), Ssh]);
    let pod = script.wait(Ready::Ssh, 60).await.unwrap().unwrap();
    assert_eq!(script.asked_at(), [0.0, 5.0, 10.0, 15.0]);
    assert!(pod.connection().direct_ssh().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_does_not_answer_is_not_ready_and_is_probed_between_polls() {
    let script = Script::new([State("STARTING"), Ssh]);
    script.probes.lock().unwrap().extend((0..7).map(|_| Err("no banner".into())));
    script.wait(Ready::Ssh, 60).await.unwrap();
    assert_eq!(script.asked_at(), [0.0, 5.0, 10.0]);
    assert_eq!(script.started.elapsed(), Duration::from_secs(12));
}

#[tokio::test(start_paused = true)]
async fn failures_that_may_pass_do_not_end_the_wait() {
    use ErrorKind::{Interrupted, RateLimited, Server, Unreachable, Unreadable};
    let failures = [RateLimited, Server, Unreachable, Interrupted, Unreadable].map(Fails);
    let script = Script::new(failures.into_iter().chain([State("RUNNING")]));
    script.wait(Running, 120).await.unwrap();
    assert_eq!(script.asked_at().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn refusals_end_the_wait_at_once_and_keep_the_id() {
    use ErrorKind::{Forbidden, InsufficientBalance, Rejected, Retired, Unauthorized};
    for kind in [Rejected, Unauthorized, InsufficientBalance, Forbidden, Retired] {
        let script = Script::new([Fails(kind)]);
        let error = script.wait(Running, 60).await.unwrap_err();
        assert_eq!(script.asked_at(), [0.0], "{kind:?}");
        assert!(matches!(&error, WaitError::Call { source, .. } if source.kind() == kind));
        assert_eq!(error.pod_id(), "pod123");
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_that_rules_the_condition_out_ends_the_wait() {
    for state in ["ERROR", "TERMINATED", "EXITED"] {
        let script = Script::new([State("STARTING"), State(state)]);
        let error = script.wait(Ready::Ssh, 60).await.unwrap_err();
        assert!(matches!(error, WaitError::Failed { .. }), "{state}: {error:?}");
        assert_eq!(script.asked_at(), [0.0, 5.0]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_state_is_waited_through() {
    let script = Script::new([State("HIBERNATING"), State("RUNNING")]);
    script.wait(Running, 60).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn gone_is_absent_or_terminated_but_never_a_failed_poll() {
    for (end, polls) in [(Absent, 2), (State("TERMINATED"), 2)] {
        let script = Script::new([State("RUNNING"), end]);
        script.wait(Gone, 60).await.unwrap();
        assert_eq!(script.asked_at().len(), polls);
    }
    let script = Script::new([Fails(ErrorKind::Unreadable)]);
    let error = script.wait(Gone, 10).await.unwrap_err();
    assert!(matches!(error, WaitError::TimedOut { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_proves_nothing_is_waited_through_at_the_usual_pace() {
    let script = Script::new([Unclear, Unclear, Unclear, Absent]);
    script.wait(Gone, 60).await.unwrap();
    assert_eq!(script.asked_at(), [0.0, 1.0, 3.0, 5.0]);
    let error = Script::new([Unclear]).wait(Running, 2).await.unwrap_err();
    assert!(matches!(&error, WaitError::TimedOut { .. }) && error.may_bill(), "{error}");
    assert!(error.to_string().contains("nobody knows"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_probe_of_a_pod_that_was_changed_meanwhile_ends_nothing() {
    let script = Script::new([Ssh]);
    script.is_outdated.store(true, Ordering::Relaxed);
    let error = script.wait(Ready::Ssh, 10).await.unwrap_err();
    assert!(matches!(&error, WaitError::TimedOut { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn stopped_waits_for_exited_and_fails_when_the_pod_is_gone() {
    Script::new([State("RUNNING"), State("EXITED")]).wait(Stopped, 60).await.unwrap();
    let error = Script::new([Absent]).wait(Stopped, 60).await.unwrap_err();
    assert!(error.to_string().contains("no longer exists"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_hangs_is_cut_when_the_longest_wait_is_over() {
    let script = Script::new([Hangs]);
    let error = script.wait(Running, 30).await.unwrap_err();
    assert!(matches!(error, WaitError::TimedOut { .. }));
    assert_eq!(script.started.elapsed(), Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn the_longest_duration_there_is_does_not_overflow() {
    let script = Script::new([State("RUNNING")]);
    script.wait_for(Running, Duration::MAX).await.unwrap();
}

const CUDA: &str = "error starting container: unsatisfied condition: cuda>=12.8";
const DENIED: &str = "error creating container: pull access denied for a/b";

#[tokio::test(start_paused = true)]
async fn a_cause_in_the_log_is_an_event_once_and_the_reason_in_the_error() {
    let script = Script::new([State("RUNNING")]).with_log(CUDA);
    let told = std::sync::Arc::new(Mutex::new(Vec::new()));
    let hear = std::sync::Arc::clone(&told);
    let observer = Observer::default().and(move |event| {
        if let Event::CauseFound { diagnosis, elapsed, .. } = event {
            hear.lock().unwrap().push((diagnosis.cause, elapsed.as_secs()));
        }
    });
    let watch = Watch::new("pod123", &Ready::Ssh, Duration::from_secs(100));
    let error = run(&script, watch, &observer).await.unwrap_err();
    assert_eq!(*told.lock().unwrap(), [(crate::Cause::CudaTooOld, 10)]);
    assert_eq!(*script.log_read_at.lock().unwrap(), [10, 30, 70, 100], "the last for the report");
    let text = error.to_string();
    assert!(text.contains("min_cuda_version") && text.contains(CUDA), "{text}");
    assert_eq!(text.matches(CUDA).count(), 1, "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_to_fail_early_ends_with_a_cause_that_does_not_heal_and_with_no_other() {
    for (line, ends_at) in [(CUDA, 10), (DENIED, 100)] {
        let script = Script::new([State("RUNNING")]).with_log(line);
        let mut watch = Watch::new("pod123", &Ready::Ssh, Duration::from_secs(100));
        watch.fails_early = true;
        let error = run(&script, watch, &Observer::default()).await.unwrap_err();
        assert_eq!(script.started.elapsed().as_secs(), ends_at, "{error}");
        assert!(error.to_string().contains(line) && error.may_bill(), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_boots_as_usual_or_is_there_has_its_log_left_alone() {
    for polls in [vec![State("STARTING"), State("STARTING"), Ssh], vec![Ssh]] {
        let script = Script::new(polls);
        script.wait(Ready::Ssh, 60).await.unwrap();
        assert!(script.log_read_at.lock().unwrap().is_empty());
    }
}

/// Holds while the pod runs, and has to last.
struct RunsFor(u64);

impl Condition for RunsFor {
    fn verdict(&self, pod: Option<&Pod>) -> Verdict {
        Running.verdict(pod)
    }

    fn lasting(&self) -> Duration {
        Duration::from_secs(self.0)
    }

    fn name(&self) -> String {
        "running".to_owned()
    }
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_has_to_last_begins_anew_with_every_break() {
    let up = State("RUNNING");
    let script = Script::new([up.clone(), up.clone(), State("HIBERNATING"), up]);
    script.wait(RunsFor(20), 60).await.unwrap();
    // At 3 s it did not hold; from 5 s on it did.
    assert_eq!(script.asked_at(), [0.0, 1.0, 3.0, 5.0, 10.0, 15.0, 20.0, 25.0]);

    let script = Script::new([State("RUNNING")]);
    let error = script.wait(RunsFor(3600), 1800).await.unwrap_err();
    assert!(error.to_string().contains("running for 30 min of 60 min so far"), "{error}");
    assert!(script.asked_at().len() <= 3 + 1800 / 30 + 2, "{}", script.asked_at().len());
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_went_unseen_for_long_begins_anew() {
    let fails = || Fails(ErrorKind::Server);
    let script = Script::new([State("RUNNING"), fails(), State("RUNNING")]);
    script.wait(RunsFor(60), 3600).await.unwrap();
    assert!(script.started.elapsed() < Duration::from_secs(90), "{:?}", script.asked_at());

    let gap = std::iter::repeat_n(fails(), 40);
    let script = Script::new([State("RUNNING")].into_iter().chain(gap).chain([State("RUNNING")]));
    script.wait(RunsFor(60), 36_000).await.unwrap();
    let asked = script.asked_at();
    let back = asked[41];
    assert!(back > 90.0 && *asked.last().unwrap() >= back + 60.0, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_hopeless_before_a_change_is_not_said_after_it() {
    let script = Script::new([State("EXITED"), State("RUNNING")]);
    script.is_changed_by_log.store(true, Ordering::Relaxed);
    script.wait(Running, 60).await.unwrap();
    assert_eq!(script.asked_at(), [0.0, 0.0]);
}
