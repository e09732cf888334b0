//! Errors to match on: kinds, words, statuses, and errors that a program makes for its own tests.

use std::{collections::HashSet, str::FromStr, time::Duration};

use httpmock::MockServer;
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{
    Aftermath, ApiVersion, AtEnd, Attempt, Cause, Cloud, ConfigError, DeployError, Error, ErrorKind, GaveWay,
    Gone, Hardware, IfExists, Order, Origin, PlannedAction, Pod, PodState, Problem, Protocol, Ready,
    ScopeError, SpecError, Stock, Stopped, UnknownWord, VolumeError, WaitCause, WaitError, WaitReport,
    Waited,
};
use serde_json::json;

use crate::mock::{answer_create, empty_account, fresh_pod, handle, problem, spec};

const POD: &str = "k3x9q2m7v1b8z5";

/// The traits by which every error of a library goes through a program of threads and tasks.
const fn is_a_good_guest<E: std::error::Error + Send + Sync + 'static>() {}

const _: () = {
    is_a_good_guest::<Error>();
    is_a_good_guest::<DeployError>();
    is_a_good_guest::<WaitError>();
    is_a_good_guest::<ScopeError<(), Error>>();
    is_a_good_guest::<VolumeError>();
    is_a_good_guest::<GaveWay>();
    is_a_good_guest::<SpecError>();
    is_a_good_guest::<ConfigError>();
    is_a_good_guest::<UnknownWord>();
    is_a_good_guest::<runpod_lifecycle::InvalidPort>();
    is_a_good_guest::<runpod_api::Failure>();
    is_a_good_guest::<runpod_api::BuildError>();
};

fn reads_its_words<T>(all: &[T])
where
    T: Copy + PartialEq + std::fmt::Debug + std::fmt::Display + FromStr<Err = UnknownWord>,
{
    let mut seen = HashSet::new();
    for value in all {
        let word = value.to_string();
        assert!(
            word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
            "{word}"
        );
        assert_eq!(word.parse::<T>().as_ref(), Ok(value));
        assert_eq!(word.to_uppercase().parse::<T>().as_ref(), Ok(value));
        assert!(seen.insert(word));
    }
    let error = "no such word\u{1b}".parse::<T>().expect_err("it is none");
    assert_eq!(error.allowed().len(), all.len());
    assert!(error.allowed().iter().all(|word| error.to_string().contains(word)), "{error}");
    assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
}

#[test]
fn every_closed_enum_reads_the_words_it_writes_and_names_them_otherwise() {
    reads_its_words(ErrorKind::ALL);
    reads_its_words(Cloud::ALL);
    reads_its_words(AtEnd::ALL);
    reads_its_words(IfExists::ALL);
    reads_its_words(Order::ALL);
    reads_its_words(Stock::ALL);
    reads_its_words(Cause::ALL);
    reads_its_words(Origin::ALL);
    reads_its_words(PlannedAction::ALL);
    reads_its_words(Protocol::ALL);
    reads_its_words(ApiVersion::ALL);
    assert_eq!(
        (ErrorKind::NoCapacity.as_str(), IfExists::AdoptAndStart.as_str()),
        ("no_capacity", "adopt_and_start")
    );
}

#[test]
fn any_text_is_a_state() {
    for (word, state) in
        [("RUNNING", PodState::Running), ("exited", PodState::Exited), ("Odd", PodState::Other("Odd".into()))]
    {
        assert_eq!(word.parse(), Ok(state));
    }
}

#[test]
fn every_kind_has_a_status_that_one_would_answer_with() {
    for kind in ErrorKind::ALL {
        assert!((400..600).contains(&kind.http_status()), "{kind}");
        let error = Error::new(*kind, "get pod", "words");
        assert_eq!((error.kind(), error.http_status()), (*kind, kind.http_status()));
        assert!(!error.hint().is_empty(), "{kind}");
    }
    for (kind, status) in [
        (ErrorKind::Rejected, 422),
        (ErrorKind::NotFound, 404),
        (ErrorKind::Conflict, 409),
        (ErrorKind::RateLimited, 429),
        (ErrorKind::Unauthorized, 500),
        (ErrorKind::Untrusted, 500),
        (ErrorKind::Server, 502),
        (ErrorKind::NoCapacity, 503),
        (ErrorKind::TimedOut, 504),
    ] {
        assert_eq!(kind.http_status(), status, "{kind}");
    }
}

fn report() -> Box<WaitReport> {
    Box::new(WaitReport::new(POD, "ready (ssh)"))
}

fn attempt(kind: ErrorKind, pause: u64) -> Attempt {
    let error = Error::new(kind, "create pod", "words").with_retry_after(Duration::from_secs(pause));
    Attempt::new(Hardware::Gpu { id: "NVIDIA L4".into(), count: 1 }, Cloud::Secure, error)
}

fn all_refused(attempts: Vec<Attempt>) -> DeployError {
    DeployError::AllRefused {
        name: "trainer".into(),
        attempts,
        suggestions: Vec::new(),
        waited: Some(Waited::new(Duration::from_secs(60), 2)),
        replaced: Vec::new(),
    }
}

#[test]
fn a_program_makes_every_error_for_its_own_tests_and_matches_on_its_kind() {
    let call = |kind| Error::new(kind, "create pod", "words");
    let not_ready = |source| DeployError::NotReady {
        pod_id: POD.into(),
        origin: Origin::Created,
        aftermath: Aftermath::Kept,
        source: Box::new(source),
    };
    let unclear =
        |source| DeployError::Unclear { name: "a".into(), pod_id: None, reason: "lost".into(), source };
    let duplicated = DeployError::Duplicated {
        name: "a".into(),
        pod_id: POD.into(),
        duplicates: vec!["other".into()],
        source: call(ErrorKind::Server),
    };
    let failed =
        WaitError::Failed { cause: WaitCause::Stopped, reason: "it is stopped".into(), report: report() };
    let polled = WaitError::Call { source: call(ErrorKind::Forbidden), report: report() };
    for (error, kind, pods) in [
        (
            DeployError::Spec(SpecError::new("a", vec![Problem::new("name", "", "not empty")])),
            ErrorKind::Rejected,
            0,
        ),
        (
            DeployError::NameTaken { name: "a".into(), pods: Vec::new(), notes: Vec::new() },
            ErrorKind::Conflict,
            0,
        ),
        (DeployError::CalledOff { name: "a".into(), notes: Vec::new() }, ErrorKind::CalledOff, 0),
        (DeployError::Lookup(call(ErrorKind::Unauthorized)), ErrorKind::Unauthorized, 0),
        (DeployError::Refused(call(ErrorKind::InsufficientBalance)), ErrorKind::InsufficientBalance, 0),
        (
            all_refused(vec![attempt(ErrorKind::NoCapacity, 1), attempt(ErrorKind::Forbidden, 0)]),
            ErrorKind::NoCapacity,
            0,
        ),
        (all_refused(vec![attempt(ErrorKind::OverPrice, 0)]), ErrorKind::OverPrice, 0),
        (all_refused(vec![attempt(ErrorKind::Rejected, 0)]), ErrorKind::Rejected, 0),
        (not_ready(WaitError::TimedOut { report: report() }), ErrorKind::TimedOut, 1),
        (not_ready(failed), ErrorKind::Failed, 1),
        (DeployError::NotReplaced(polled), ErrorKind::Forbidden, 1),
        (unclear(None), ErrorKind::Unclear, 0),
        (duplicated, ErrorKind::Unclear, 2),
    ] {
        assert_eq!((error.kind(), error.http_status()), (kind, kind.http_status()), "{error}");
        assert_eq!(error.pod_ids().len(), pods, "{error}");
    }
}

#[test]
fn the_longest_pause_that_was_asked_for_is_told() {
    let error = all_refused(vec![attempt(ErrorKind::NoCapacity, 3), attempt(ErrorKind::NoCapacity, 7)]);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    let source = Error::new(ErrorKind::RateLimited, "get pod", "").with_retry_after(Duration::from_secs(5));
    let error = WaitError::Call { source: source.clone(), report: report() };
    assert_eq!((error.retry_after(), error.http_status()), (Some(Duration::from_secs(5)), 429));
    let copy = source.clone().with_target("another");
    assert_eq!((source.target(), copy.target()), (None, Some("another")), "a copy is changed alone");
    assert_eq!(WaitError::TimedOut { report: report() }.retry_after(), None);
}

#[tokio::test]
async fn what_runpod_asks_for_is_in_the_error_of_the_deploy() {
    let server = MockServer::start_async().await;
    empty_account(&server);
    answer_create(&server, |then| {
        problem(then, 402, "Payment Required", "insufficient balance").header("retry-after", "30")
    });
    let error = handle(&server).deploy(&spec()).await.expect_err("no money");
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::InsufficientBalance, 402), "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
}

#[test]
fn a_wait_that_cannot_come_true_says_why_in_a_type() {
    run_fast(40, typed_causes()).expect("a runtime");
}

async fn typed_causes() {
    let gpu = |count: i64| json!({"id": "NVIDIA L4", "count": count});
    for (status, gpu, ports, cause) in [
        ("TERMINATED", gpu(1), json!(["22/tcp"]), WaitCause::Gone),
        ("EXITED", gpu(1), json!(["22/tcp"]), WaitCause::Stopped),
        ("ERROR", gpu(1), json!(["22/tcp"]), WaitCause::GivenUp),
        ("RUNNING", gpu(0), json!(["22/tcp"]), WaitCause::NoGpu),
        ("RUNNING", gpu(1), json!([]), WaitCause::Condition),
    ] {
        let server = MockServer::start_async().await;
        let mut pod = fresh_pod();
        (pod["status"], pod["gpu"], pod["ports"]) = (json!(status), gpu, ports);
        server.mock(|when, then| {
            when.method("GET").path(format!("/v2/pods/{POD}"));
            then.status(200).json_body(pod);
        });
        let pod = handle(&server).get(POD).await.expect("it is there");
        let error = pod.wait_until(Ready::Ssh, Duration::from_secs(5)).await.expect_err("it never is");
        let WaitError::Failed { cause: found, .. } = &error else { panic!("{status}: {error}") };
        assert_eq!((*found, error.kind()), (cause, ErrorKind::Failed), "{error}");
    }
}

#[test]
fn a_program_makes_pods_for_tests_of_its_conditions() {
    use runpod_lifecycle::{Condition, Verdict};
    let mut pod = Pod::new(POD);
    assert_eq!((pod.id.as_str(), pod.state.is_none(), pod.is_ours()), (POD, true, false));
    for (word, stopped, gone) in
        [("EXITED", true, false), ("TERMINATED", false, true), ("RUNNING", false, false)]
    {
        pod.state = word.parse().ok();
        assert_eq!(Stopped.verdict(Some(&pod)) == Verdict::Done, stopped, "{word}");
        assert_eq!(Gone.verdict(Some(&pod)) == Verdict::Done, gone, "{word}");
    }
}
