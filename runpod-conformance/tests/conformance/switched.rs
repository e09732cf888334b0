//! One behavior of the simulator switched off at a time: exactly the statements that rest on it are no longer seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use runpod_sim::{Area, Behavior, BootProfile, Delay, Fault, FaultKind, PublicKey, SimBuilder};

use crate::house;

/// Runs side by side.
const SIDE_BY_SIDE: usize = 12;
/// Statements about what no switch of the simulator changes.
const UNSWITCHED: [&str; 6] = [
    "wrong-key-401",
    "generic-agent-1010",
    "large-body-413",
    "request-id",
    "cpu-prices",
    "start-moves-ports",
];

/// A change of the simulator, and the statements that are not as believed under it.
struct Switch {
    name: String,
    sim: SimBuilder,
    others: BTreeSet<&'static str>,
}

fn switch(name: impl Into<String>, sim: SimBuilder, others: &[&'static str]) -> Switch {
    Switch { name: name.into(), sim, others: others.iter().copied().collect() }
}

/// The behavior as observed, with one change.
fn behaving(name: &str, change: impl FnOnce(&mut Behavior), others: &[&'static str]) -> Switch {
    let mut behavior = Behavior { log_limit: Some(Duration::from_secs(2)), ..Behavior::observed() };
    change(&mut behavior);
    switch(name, house::observed().behavior(behavior), others)
}

/// A page of HTML in place of the answer to the nth call of an operation.
fn garbled(operation: &str, nth: u64, others: &[&'static str]) -> Switch {
    faulty(Fault::new(FaultKind::Html { status: 502, applied: false }).on(operation).nth(nth), others)
}

fn faulty(fault: Fault, others: &[&'static str]) -> Switch {
    switch(format!("{fault:?}"), house::observed().fault(fault), others)
}

fn behaviors() -> Vec<Switch> {
    vec![
        behaving("list_age", |b| b.list_age = Duration::ZERO, &["new-pod-unlisted", "deleted-pod-listed"]),
        behaving("get_lag", |b| b.get_lag = Delay::NONE, &["new-pod-404"]),
        behaving("status_lag", |b| b.status_lag = Delay::NONE, &["status-behind"]),
        behaving("environment_lag", |b| b.environment_lag = Delay::NONE, &["new-pod-env-late"]),
        behaving("uptime_period", |b| b.uptime_period = Duration::ZERO, &["uptime-in-steps"]),
        behaving(
            "stale_endpoints and endpoint_lag",
            |b| (b.stale_endpoints, b.endpoint_lag) = (Duration::ZERO, Delay::NONE),
            &["start-shows-old-ports"],
        ),
        behaving("exited_endpoints", |b| b.exited_endpoints = false, &["exited-shows-ports"]),
        behaving("exited_cost", |b| b.exited_cost = false, &["exited-shows-cost"]),
        behaving("short_pages", |b| b.short_pages = false, &["short-pages"]),
        behaving("created_runtime", |b| b.created_runtime = false, &["created-runtime-empty"]),
        behaving("public_key", |b| b.public_key = PublicKey::Hidden, &["public-key-in-env"]),
        behaving("entrypoint_and_cmd", |b| b.entrypoint_and_cmd = false, &["entrypoint-and-cmd"]),
        behaving("disk_caps", |b| b.disk_caps = false, &["disk-cap-of-cpu-pods"]),
        behaving(
            "refuse_pinned_community",
            |b| b.refuse_pinned_community = false,
            &["pinned-community-refused"],
        ),
        behaving("quiet_logs", |b| b.quiet_logs = false, &["log-silent-until-a-line"]),
        behaving("log_limit", |b| b.log_limit = None, &["log-cut"]),
        behaving("odd_log_frames", |b| b.odd_log_frames = false, &["log-frames-without-data"]),
        behaving("log_memory", |b| b.log_memory = None, &["log-forgotten-cursor"]),
        behaving("date", |b| b.date = false, &["dated"]),
    ]
}

fn settings() -> Vec<Switch> {
    let ports = BootProfile { ports: Delay::NONE, listening: Delay::NONE, ..BootProfile::observed() };
    vec![
        switch("no windows", house::observed().rate_windows([]), &["quota-headers"]),
        switch("v1", house::observed().retire_v1(false), &["v1-retired"]),
        switch("linger", house::observed().terminated_linger(Duration::ZERO), &["deleted-still-known"]),
        switch("ports at once", house::observed().boot(ports), &["running-before-ready"]),
        switch(
            "no right to templates",
            house::observed().deny(Area::Templates),
            &["body-over-template", "template-env-merged", "template-forgotten", "template-without-mounts"],
        ),
        switch(
            "no right to logs",
            house::observed().deny(Area::Logs),
            &[
                "log-events",
                "log-ids",
                "log-frames-without-data",
                "log-resume-exclusive",
                "log-forgotten-cursor",
                "log-unknown-pod-404",
                "log-silent-until-a-line",
                "log-cut",
            ],
        ),
    ]
}

fn faults() -> Vec<Switch> {
    let field = |kind: fn(String) -> FaultKind, field: &str, operation: &str| {
        Fault::new(kind(field.to_owned())).on(operation)
    };
    let (missing, null, odd) = (
        |field| FaultKind::MissingField { field },
        |field| FaultKind::NullField { field },
        |field| FaultKind::UnknownEnum { field },
    );
    let accepted = FaultKind::Html { status: 200, applied: true };
    vec![
        garbled("getPod", 1, &["error-shape", "unknown-pod-404"]),
        garbled("listPods", 2, &["unknown-query-ignored"]),
        garbled("listPods", 3, &["bad-cursor-422"]),
        garbled(
            "listGpuTypes",
            1,
            &["no-stock-unasked", "unknown-entry", "two-blanks", "placeholder-prices"],
        ),
        garbled("listGpuTypes", 2, &["stock-levels"]),
        garbled("listGpuTypes", 3, &["stock-needs-product"]),
        garbled("listGpuTypes", 4, &["filters-need-stock"]),
        garbled("listGpuTypes", 5, &["filters-need-stock"]),
        garbled(
            "getPodLogs",
            1,
            &["log-events", "log-ids", "log-frames-without-data", "log-resume-exclusive"],
        ),
        garbled("podAction:stop", 1, &["locked-refused"]),
        garbled("podAction:start", 1, &["unfit-action-409"]),
        faulty(Fault::new(accepted).on("deletePod").nth(2), &["delete-204"]),
        garbled("deletePod", 3, &["delete-again-404"]),
        faulty(
            Fault::new(FaultKind::Ignored).on("deletePod").nth(2),
            &["deleted-404", "delete-again-404", "deleted-pod-listed"],
        ),
        faulty(field(missing, "pagination", "listPods").nth(1), &["pagination"]),
        faulty(field(null, "ssh.proxy", "getPod"), &["ssh-proxy-user"]),
        faulty(field(null, "runtime", "getPod"), &["agent-port", "ports-twice", "uptime-in-steps"]),
        faulty(field(null, "cost", "createPod").nth(12), &["price-by-vcpu"]),
        faulty(field(odd, "template", "createPod").nth(12), &["template-forgotten"]),
        faulty(
            field(missing, "env", "createPod").nth(12),
            &["env-in-clear", "public-key-in-env", "body-over-template", "template-env-merged"],
        ),
    ]
}

/// The creates that are believed to be refused, in their order.
const REFUSED: [&str; 11] = [
    "unknown-key-422",
    "image-required-422",
    "disk-required-400",
    "gpu-or-cpu-400",
    "cpu-pods-no-volume",
    "vcpus-power-of-two",
    "disk-cap-of-cpu-pods",
    "entrypoint-and-cmd",
    "unknown-gpu",
    "gpu-count-required",
    "pinned-community-refused",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_changes_what_rests_on_it_and_nothing_else() {
    let creates = (1..).zip(REFUSED).map(|(nth, id)| garbled("createPod", nth, &[id]));
    let switches: Vec<Switch> =
        behaviors().into_iter().chain(settings()).chain(faults()).chain(creates).collect();
    let switched: BTreeSet<&str> = switches.iter().flat_map(|switch| switch.others.clone()).collect();
    let runs = switches.into_iter().map(|Switch { name, sim, others }| async move {
        let sim = sim.start().await.expect("it starts");
        let (outcome, report) = house::survey(&sim).await;
        assert!(outcome.left.is_empty() && sim.pods().is_empty(), "{name}: {:?}", outcome.left);
        let found: BTreeSet<&str> = house::others(&report).into_iter().collect();
        (found != others).then_some((name, (others, found)))
    });
    let runs: Vec<_> = stream::iter(runs).buffer_unordered(SIDE_BY_SIDE).collect().await;
    let wrong: BTreeMap<_, _> = runs.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "switch, expected, found: {wrong:#?}");
    let unswitched: Vec<&str> = house::ids().into_iter().filter(|id| !switched.contains(id)).collect();
    let unknown: Vec<&&str> = unswitched.iter().filter(|id| !UNSWITCHED.contains(id)).collect();
    assert!(unknown.is_empty(), "no switch changes {unknown:?}");
    assert_eq!(unswitched.len(), UNSWITCHED.len(), "one that is said not to be switched is: {unswitched:?}");
}
