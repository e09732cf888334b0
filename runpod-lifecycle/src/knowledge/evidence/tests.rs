//! The rules as tables. Times are seconds after an arbitrary beginning.

use super::*;

fn at(seconds: u64) -> Instant {
    static BEGINNING: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *BEGINNING.get_or_init(Instant::now) + Duration::from_secs(seconds)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The conclusion from an answer, with the reason left out.
#[derive(Debug, PartialEq, Eq)]
enum Proof {
    There,
    Gone,
    Nothing,
    NothingUntil(u64),
}

use Proof::{NothingUntil, There};

fn proof(finding: &Finding) -> Proof {
    match finding {
        Finding::There => There,
        Finding::Gone => Proof::Gone,
        Finding::Unknown { until: None, .. } => Proof::Nothing,
        Finding::Unknown { until: Some(until), .. } => NothingUntil((*until - at(0)).as_secs()),
    }
}

fn created(seconds: u64) -> History {
    History { created_at: Some(at(seconds)), ..History::default() }
}

fn listed(seconds: u64) -> History {
    History { listed_at: Some(at(seconds)), ..History::default() }
}

fn changed(action: Changed, seconds: u64) -> History {
    changes(&[(action, seconds)])
}

/// A pod that was changed so at these seconds, one after the other.
fn changes(all: &[(Changed, u64)]) -> History {
    let mut changes = Changes::default();
    all.iter().for_each(|(action, seconds)| changes.add(Change { action: *action, at: at(*seconds) }));
    let touched_at = changes.last.map(|change| change.at);
    History { created_at: Some(at(0)), touched_at, changes, ..History::default() }
}

#[test]
fn absence_is_proven_only_by_a_404_about_an_old_pod_that_no_list_has_just_shown() {
    use Asked::{ById, List};
    let terminated = || changed(Changed::Terminated, 100);
    for (asked, asked_at, history, expected) in [
        // By a list never.
        (List, 0, History::default(), Proof::Nothing),
        (List, 100, created(0), Proof::Nothing),
        (List, 101, terminated(), Proof::Nothing),
        // Of a pod that was not created here a 404 is believed, unless a list has just shown it.
        (ById, 0, History::default(), Proof::Gone),
        (ById, 14, listed(0), NothingUntil(15)),
        (ById, 15, listed(0), Proof::Gone),
        // A new pod may not be known yet.
        (ById, 0, created(0), NothingUntil(15)),
        (ById, 14, created(0), NothingUntil(15)),
        (ById, 15, created(0), Proof::Gone),
        (ById, 16, created(0).with_list(Some(at(14))), NothingUntil(29)),
        // What was asked for before a change says nothing after it.
        (ById, 99, terminated(), Proof::Nothing),
        (ById, 100, terminated(), Proof::Gone),
        (ById, 101, terminated().with_list(Some(at(100))), Proof::Gone),
        (ById, 99, changed(Changed::Started, 100), Proof::Nothing),
        // Whatever can be changed was there.
        (ById, 101, changed(Changed::Started, 100), NothingUntil(115)),
        (ById, 115, changed(Changed::Started, 100), Proof::Gone),
    ] {
        let seen = Evidence { asked, at: at(asked_at), came: Came::Absent };
        assert_eq!(proof(&judge(&seen, &history)), expected, "{asked:?} at {asked_at} s after {history:?}");
    }
}

#[test]
fn presence_is_proven_at_its_own_time_and_a_change_has_15_seconds_to_show() {
    use Changed::{Restarted, Started, Stopped, Terminated};
    for (state, asked_at, history, expected) in [
        ("RUNNING", 0, History::default(), There),
        ("RUNNING", 3, created(0), There),
        ("TERMINATED", 3, created(0), Proof::Gone),
        // It never comes back, so no answer is too old.
        ("TERMINATED", 99, changed(Stopped, 100), Proof::Gone),
        ("RUNNING", 99, changed(Stopped, 100), Proof::Nothing),
        ("EXITED", 99, changed(Stopped, 100), Proof::Nothing),
        ("RUNNING", 114, changed(Stopped, 100), NothingUntil(115)),
        ("STARTING", 101, changed(Stopped, 100), NothingUntil(115)),
        ("RUNNING", 115, changed(Stopped, 100), There),
        ("EXITED", 101, changed(Stopped, 100), There),
        ("ERROR", 101, changed(Stopped, 100), There),
        ("EXITED", 101, changed(Started, 100), NothingUntil(115)),
        ("STOPPED", 101, changed(Started, 100), NothingUntil(115)),
        ("EXITED", 115, changed(Started, 100), There),
        ("STARTING", 101, changed(Started, 100), There),
        ("RUNNING", 101, changed(Started, 100), There),
        ("EXITED", 101, changed(Restarted, 100), NothingUntil(115)),
        ("RUNNING", 101, changed(Restarted, 100), There),
        ("RUNNING", 101, changed(Terminated, 100), NothingUntil(115)),
        ("EXITED", 101, changed(Terminated, 100), NothingUntil(115)),
        ("RUNNING", 115, changed(Terminated, 100), There),
    ] {
        let pod = Pod::scripted("pod123", state, false);
        for asked in [Asked::List, Asked::ById] {
            let seen = Evidence { asked, at: at(asked_at), came: Came::Pod(&pod) };
            assert_eq!(proof(&judge(&seen, &history)), expected, "{state} at {asked_at} s after {history:?}");
        }
    }
}

#[test]
fn a_list_may_show_for_15_seconds_what_is_not_known_by_its_id_and_proves_nothing_then() {
    use Asked::{ById, List};
    let denied = History { denied_at: Some(at(100)), ..created(90) };
    for (asked, state, asked_at, expected) in [
        (List, "RUNNING", 99, NothingUntil(115)),
        (List, "RUNNING", 114, NothingUntil(115)),
        (List, "RUNNING", 115, There),
        (List, "TERMINATED", 101, Proof::Gone),
        (ById, "RUNNING", 101, There),
    ] {
        let pod = Pod::scripted("pod123", state, false);
        let seen = Evidence { asked, at: at(asked_at), came: Came::Pod(&pod) };
        assert_eq!(proof(&judge(&seen, &denied)), expected, "{asked:?} {state} at {asked_at}");
    }
}

#[test]
fn an_answer_that_agrees_with_a_change_is_not_believed_while_it_may_be_from_before_another() {
    use Changed::{Restarted, Started, Stopped, Terminated};
    // Each change leaves the state from before it for 15 s, unless the answer shows a run that began since.
    const NEW: Option<ShownRun> = None;
    const OLD: Option<ShownRun> = Some(ShownRun::Old);
    const UNTOLD: Option<ShownRun> = Some(ShownRun::Untold);
    const BESIDE: Option<ShownRun> = Some(ShownRun::New);
    for (history, state, run, asked_at, expected) in [
        (&[(Started, 100), (Stopped, 104)][..], "EXITED", NEW, 105, NothingUntil(115)),
        (&[(Started, 100), (Stopped, 104)], "EXITED", NEW, 115, There),
        (&[(Started, 100), (Stopped, 104)], "RUNNING", UNTOLD, 105, NothingUntil(119)),
        (&[(Started, 100), (Stopped, 104)], "RUNNING", NEW, 118, NothingUntil(119)),
        (&[(Started, 80), (Stopped, 100)], "EXITED", NEW, 101, There),
        (&[(Stopped, 100), (Started, 104)], "RUNNING", UNTOLD, 105, NothingUntil(115)),
        (&[(Stopped, 100), (Started, 104)], "RUNNING", OLD, 105, NothingUntil(119)),
        (&[(Stopped, 100), (Started, 104)], "RUNNING", NEW, 105, There),
        (&[(Stopped, 100), (Started, 104)], "STARTING", UNTOLD, 105, NothingUntil(115)),
        (&[(Stopped, 100), (Started, 104)], "RUNNING", UNTOLD, 115, There),
        (&[(Stopped, 100), (Started, 104)], "EXITED", NEW, 118, NothingUntil(119)),
        (&[(Stopped, 80), (Started, 100)], "RUNNING", UNTOLD, 101, There),
        (&[(Stopped, 80), (Started, 100)], "RUNNING", OLD, 101, NothingUntil(115)),
        (&[(Restarted, 100)], "RUNNING", UNTOLD, 101, NothingUntil(115)),
        (&[(Restarted, 100)], "RUNNING", OLD, 101, NothingUntil(115)),
        (&[(Restarted, 100)], "RUNNING", OLD, 115, There),
        (&[(Restarted, 100)], "RUNNING", NEW, 101, There),
        (&[(Restarted, 100)], "RUNNING", BESIDE, 101, There),
        (&[(Stopped, 100), (Started, 104)], "RUNNING", BESIDE, 105, There),
        (&[(Restarted, 100), (Stopped, 104)], "EXITED", NEW, 105, NothingUntil(115)),
        (&[(Stopped, 100), (Restarted, 104)], "RUNNING", UNTOLD, 116, NothingUntil(119)),
        (&[(Started, 100), (Stopped, 102), (Started, 104)], "RUNNING", UNTOLD, 105, NothingUntil(117)),
        (&[(Started, 100), (Stopped, 102), (Started, 104)], "EXITED", NEW, 118, NothingUntil(119)),
        (&[(Stopped, 100), (Started, 102), (Stopped, 104)], "EXITED", NEW, 105, NothingUntil(117)),
        (&[(Stopped, 100), (Terminated, 104)], "EXITED", NEW, 105, NothingUntil(119)),
        (&[(Started, 100), (Terminated, 104)], "TERMINATED", NEW, 105, Proof::Gone),
        (&[(Started, 100)], "ERROR", NEW, 105, NothingUntil(115)),
        (&[(Started, 100)], "HIBERNATING", NEW, 105, There),
    ] {
        let mut pod = Pod::scripted("pod123", state, false);
        pod.withheld = run.map(|shows| Withheld { reason: "old".to_owned(), shows });
        let history = changes(history);
        for asked in [Asked::List, Asked::ById] {
            let seen = Evidence { asked, at: at(asked_at), came: Came::Pod(&pod) };
            assert_eq!(
                proof(&judge(&seen, &history)),
                expected,
                "{state} {run:?} at {asked_at} s: {history:?}"
            );
        }
    }
}

fn run(started_at: &str, uptime: Option<u64>) -> Run {
    let started_at = (!started_at.is_empty()).then(|| format!("2026-08-20T06:{started_at}Z"));
    Run { started_at, uptime: uptime.map(seconds) }
}

fn clock(text: &str) -> SystemTime {
    server_time(&format!("2026-08-20T06:{text}Z")).expect("it is RFC 3339")
}

/// A turnover at 100 s of a run that had been shown so, at the first address.
fn turnover(action: Changed, state: &str, ended: Run) -> Turnover {
    let change = Change { action, at: at(100) };
    Turnover::by(change, clock("17:00"), true, state == "EXITED", Some(ended), address(1), None)
}

fn address(port: u16) -> Vec<Address> {
    vec![("203.0.113.7".to_owned(), port)]
}

#[test]
fn endpoints_count_with_a_later_start_or_an_uptime_that_began_anew_and_never_without() {
    for (ended, shown, asked_at, counts) in [
        (run("16:00", None), run("16:00", None), 101, false),
        (run("16:00", None), run("16:00", None), 3700, false),
        (run("16:00", None), run("15:59", None), 101, false),
        (run("16:00", None), run("16:00.5", None), 101, true),
        (run("", None), run("16:00", None), 101, true),
        (run("", None), run("", None), 3700, false),
        (run("16:00", Some(500)), run("", None), 101, false),
        (run("16:00", Some(500)), run("16:00", Some(500)), 101, false),
        (run("16:00", Some(500)), run("16:00", Some(530)), 130, false),
        // What an old answer would say as well.
        (run("16:00", Some(500)), run("16:00", Some(485)), 101, false),
        (run("16:00", Some(500)), run("16:00", Some(2)), 101, true),
        (run("16:00", Some(500)), run("16:00", Some(0)), 101, true),
        (run("16:00", Some(20)), run("16:00", Some(15)), 103, false),
        // An answer that is 15 s late, with an uptime that is 15 s old, would say this of the run before.
        (run("16:00", Some(20)), run("16:00", Some(2)), 103, false),
        (run("16:00", Some(3)), run("16:00", Some(2)), 105, false),
        (run("16:00", Some(20)), run("16:00", Some(2)), 113, true),
        (run("16:00", None), run("16:00", Some(2)), 103, true),
        (run("16:50", None), run("16:50", Some(2)), 103, false),
        // Longer than the run before by now.
        (run("16:00", Some(40)), run("16:00", Some(60)), 165, true),
        // Asked for before the change.
        (run("16:00", Some(500)), run("16:30", Some(1)), 99, false),
    ] {
        let turnover = turnover(Changed::Restarted, "RUNNING", ended.clone());
        let withheld = turnover.withholds(&shown, &address(2), at(asked_at));
        assert_eq!(withheld.is_none(), counts, "{shown:?} at {asked_at} s after {ended:?}");
    }
}

#[test]
fn late_answers_are_withheld_for_15_seconds_after_a_new_run_has_shown() {
    let mut turnover = turnover(Changed::Started, "EXITED", run("16:00", Some(500)));
    let (old, new) = (run("16:00", Some(510)), run("16:30", Some(1)));
    assert!(turnover.is_awaited());
    turnover.learn(&new, at(105));
    assert!(!turnover.is_awaited());
    assert!(turnover.withholds(&old, &address(2), at(119)).is_some());
    assert_eq!(turnover.withholds(&new, &address(2), at(106)), None);
    assert_eq!(turnover.withholds(&old, &address(2), at(120)), None, "nothing is as late as that");
}

#[test]
fn a_run_that_was_never_seen_is_told_from_the_next_by_runpods_clock_or_by_what_shows_first() {
    let unseen =
        || Turnover::by(change(Changed::Restarted), clock("17:00"), true, false, None, address(1), None);
    for (shown, asked_at, counts) in [
        (run("16:59", None), 101, true),
        (run("16:00", None), 3700, false),
        (run("16:00", Some(500)), 101, false),
        (run("16:00", Some(500)), 3700, true),
        (run("16:00", Some(1)), 101, true),
        (run("", None), 3700, false),
    ] {
        assert_eq!(unseen().withholds(&shown, &[], at(asked_at)).is_none(), counts, "{shown:?}");
    }
    // Whatever the clocks say.
    let mut turnover = unseen();
    turnover.learn(&run("16:00", None), at(101));
    assert!(turnover.withholds(&run("16:00", None), &address(2), at(102)).is_some());
    assert_eq!(turnover.withholds(&run("16:30", None), &address(2), at(102)), None);
}

fn change(action: Changed) -> Change {
    Change { action, at: at(100) }
}

#[test]
fn a_start_of_a_pod_that_may_be_up_is_waited_for_15_seconds_and_one_of_a_stopped_pod_until_it_shows() {
    let old = || Some(run("16:00", Some(500)));
    let start = |was_stopped, previous| {
        Turnover::by(change(Changed::Started), clock("17:00"), true, was_stopped, old(), address(1), previous)
    };
    let stopped =
        || Turnover::by(change(Changed::Stopped), clock("16:59"), true, false, old(), address(1), None);
    let restarted =
        || Turnover::by(change(Changed::Restarted), clock("16:59"), true, false, old(), address(1), None);
    for (turnover, is_awaited) in [
        (start(true, None), true),
        (start(false, None), false),
        (start(false, Some(stopped())), true),
        (start(false, Some(restarted())), true),
    ] {
        assert_eq!(turnover.is_awaited(), is_awaited, "{turnover:?}");
        assert!(turnover.withholds(&run("16:00", Some(510)), &address(2), at(114)).is_some(), "{turnover:?}");
        let late = turnover.withholds(&run("16:00", Some(520)), &address(2), at(115));
        assert_eq!(late.is_some(), is_awaited, "{turnover:?}");
    }
}

#[test]
fn what_is_not_certain_is_withheld_for_15_seconds_only() {
    let old = run("16:00", None);
    for action in [Changed::Started, Changed::Restarted, Changed::Stopped, Changed::Terminated] {
        let turnover =
            Turnover::by(change(action), clock("17:00"), false, true, Some(old.clone()), address(1), None);
        assert!(turnover.withholds(&old, &address(2), at(114)).is_some(), "{action}");
        assert_eq!(turnover.withholds(&old, &address(2), at(115)), None, "{action}");
    }
}

fn running(started_at: &str, uptime: Option<u64>, asked: Asked) -> Pod {
    let mut pod = Pod::scripted("pod123", "RUNNING", false);
    let run = run(started_at, uptime);
    (pod.started_at, pod.uptime, pod.observed) = (run.started_at, run.uptime, Some((asked, at(0))));
    pod
}

#[test]
fn a_restart_is_an_uptime_that_went_down_or_a_later_start() {
    use Asked::{ById, List};
    for (before, after, between, expected) in [
        ((ById, "", Some(0)), (ById, "", Some(0)), 14, false),
        ((ById, "", Some(0)), (ById, "", Some(15)), 1, false),
        ((ById, "", Some(15)), (ById, "", Some(15)), 12, false),
        ((ById, "", Some(15)), (ById, "", Some(14)), 5, true),
        ((ById, "", None), (ById, "", Some(3)), 5, false),
        ((ById, "16:00", None), (ById, "16:00", None), 5, false),
        ((ById, "16:00", None), (ById, "16:30", None), 5, true),
        ((ById, "", None), (ById, "16:30", None), 5, false),
        // A list may be from before.
        ((ById, "", Some(100)), (List, "", Some(90)), 5, false),
        ((List, "", Some(100)), (List, "", Some(90)), 5, false),
        ((List, "", Some(100)), (List, "", Some(3)), 5, true),
        ((List, "", Some(20)), (List, "", Some(3)), 5, true),
        ((ById, "16:30", Some(9)), (List, "16:00", Some(8)), 3, false),
    ] {
        let pod = |(asked, started_at, uptime)| running(started_at, uptime, asked);
        let found = is_restarted(&pod(before), &pod(after), seconds(between));
        assert_eq!(found, expected, "{before:?}, {between} s later {after:?}");
    }
}

#[test]
fn for_15_seconds_after_a_new_run_has_shown_only_an_address_of_no_run_before_counts() {
    let unknown = Vec::new;
    let stopped = |addresses| {
        let change = Change { action: Changed::Stopped, at: at(80) };
        Turnover::by(change, clock("16:40"), true, false, Some(run("16:00", Some(500))), addresses, None)
    };
    let restarted = |confirmed_at| {
        let change = Change { action: Changed::Restarted, at: at(80) };
        let mut turnover = Turnover::by(change, clock("16:40"), true, false, None, address(3), None);
        turnover.learn(&run("16:41", None), at(confirmed_at));
        Some(turnover)
    };
    for (action, addresses, previous, shown, asked_at, counts) in [
        (Changed::Started, address(1), None, 2, 101, true),
        (Changed::Started, address(1), None, 1, 101, false),
        (Changed::Started, address(1), None, 1, 115, false),
        (Changed::Started, address(1), None, 1, 116, true),
        (Changed::Restarted, address(1), None, 2, 101, true),
        (Changed::Restarted, address(1), None, 1, 115, false),
        (Changed::Restarted, address(1), None, 1, 116, true),
        // Nobody has seen where the run before was.
        (Changed::Restarted, unknown(), None, 2, 115, false),
        (Changed::Restarted, unknown(), None, 2, 116, true),
        // A stop leaves what its start may show, however long before it was.
        (Changed::Started, unknown(), Some(stopped(address(1))), 2, 101, true),
        (Changed::Started, unknown(), Some(stopped(address(1))), 1, 115, false),
        (Changed::Started, unknown(), Some(stopped(unknown())), 2, 115, false),
        // So does a run before the last one, for 15 s.
        (Changed::Restarted, address(1), restarted(90), 3, 101, false),
        (Changed::Restarted, address(1), restarted(85), 3, 101, true),
        (Changed::Restarted, unknown(), restarted(85), 2, 115, false),
    ] {
        let row = format!("{action} of {addresses:?} after {previous:?}: {shown} at {asked_at}");
        let (change, ended) = (change(action), Some(run("16:41", Some(500))));
        let mut turnover = Turnover::by(change, clock("17:00"), true, true, ended, addresses, previous);
        let new = run("17:01", None);
        turnover.learn(&new, at(101));
        let withheld = turnover.withholds(&new, &address(shown), at(asked_at));
        assert_eq!(withheld.is_none(), counts, "{row}: {withheld:?}");
        assert!(
            withheld.is_none_or(|withheld| withheld.shows == ShownRun::New),
            "its state is of now: {row}"
        );
    }
}
