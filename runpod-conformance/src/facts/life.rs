//! Lives of pods: what gets show, and when.

use std::time::Duration;

use serde_json::Value;

use super::judge::{answer, collected, documented, live, looks, refusal};
use crate::{
    exchange::Evidence,
    statement::{Seen, Statement},
};

pub(super) const STATEMENTS: &[Statement] = &[
    collected(
        "new-pod-404",
        "A get of a new pod may answer 404",
        &["runpod-lifecycle/src/knowledge/evidence.rs"],
        |evidence| {
            let all = evidence.of("get-young").count();
            let unknown = evidence.of("get-young").filter(|get| get.status == 404).count();
            match all {
                0 => Seen::nothing(evidence.why("get-young")),
                _ => Seen::maybe(unknown > 0, format!("{unknown} of {all} gets")),
            }
        },
    ),
    collected(
        "new-pod-env-late",
        "A get may show a new pod without its environment at first",
        &["runpod-lifecycle/src/knowledge/identity.rs"],
        |evidence| {
            let judged = looks(evidence, "get-young").and_then(|looks| {
                let shows = |pod: &Value| pod["env"].get("CONFORMANCE").is_some();
                if !looks.iter().any(|(_, pod)| shows(pod)) {
                    return Err("no get showed it at all".to_owned());
                }
                let late = looks.iter().filter(|(_, pod)| !shows(pod)).count();
                Ok(Seen::maybe(late > 0, format!("no environment in {late} of {} answers", looks.len())))
            });
            judged.into()
        },
    ),
    live(
        "running-before-ready",
        "RUNNING is not ready: `ssh.direct` is null for a minute or so after it",
        &["runpod-lifecycle/src/condition.rs", "runpod-lifecycle/src/wait/watch.rs"],
        |evidence| {
            let judged = looks(evidence, "boot").map(|boot| {
                let young = looks(evidence, "get-young").unwrap_or_default();
                let all: Vec<_> = young.into_iter().chain(boot).collect();
                let running = all.iter().find(|(_, pod)| pod["status"] == "RUNNING").map(|(at, _)| *at);
                let ready = all.iter().find(|(_, pod)| pod["ssh"]["direct"].is_object()).map(|(at, _)| *at);
                match (running, ready) {
                    (Some(running), Some(ready)) => {
                        let waited = ready.saturating_sub(running).as_secs();
                        Seen::maybe(waited >= 3, format!("{waited} s"))
                    }
                    (Some(_), None) => Seen::believed("never ready while it was watched"),
                    _ => Seen::nothing("it was never RUNNING"),
                }
            });
            judged.into()
        },
    ),
    collected(
        "ssh-proxy-user",
        "`ssh.proxy` is at `ssh.runpod.io`, for the user `<pod>-<8 hex digits>`",
        &["runpod-lifecycle/src/pod/connection.rs"],
        |evidence| {
            pod_up(evidence, |pod| {
                let proxy = &pod["ssh"]["proxy"];
                let user = proxy["username"].as_str().unwrap_or_default();
                let token = pod["id"].as_str().and_then(|id| user.strip_prefix(id)).unwrap_or_default();
                let hex =
                    |token: &str| token.len() == 9 && token[1..].bytes().all(|byte| byte.is_ascii_hexdigit());
                let fits = proxy["host"] == "ssh.runpod.io" && token.is_ascii() && hex(token);
                Seen::rule(fits, if fits { "so it is" } else { "another host or user" })
            })
        },
    ),
    collected(
        "agent-port",
        "`runtime.ports` always has an internal `19123/http` within 100.64.0.0/10",
        &["runpod-lifecycle/src/backend/v2.rs", "runpod-lifecycle/src/pod/endpoint.rs"],
        |evidence| {
            pod_up(evidence, |pod| {
                let found = ports(pod).any(|port| port["private"] == 19123 && is_internal(port));
                Seen::maybe(found, if found { "it is there" } else { "it is not there" })
            })
        },
    ),
    collected(
        "ports-twice",
        "A port may be listed twice, inside and outside",
        &["runpod-lifecycle/src/pod/endpoint.rs"],
        |evidence| {
            pod_up(evidence, |pod| {
                let count = ports(pod).filter(|port| port["private"] == 22).count();
                Seen::maybe(count > 1, format!("22/tcp is listed {count} times"))
            })
        },
    ),
    collected(
        "uptime-in-steps",
        "`runtime.uptime` may stand still for several seconds",
        &["runpod-lifecycle/src/knowledge/record.rs"],
        |evidence| {
            let judged = looks(evidence, "up").map(|looks| {
                let uptimes: Vec<_> = looks.iter().map(|(_, pod)| &pod["runtime"]["uptime"]).collect();
                let still = uptimes
                    .windows(3)
                    .any(|three| three[0].is_u64() && three.iter().all(|one| *one == three[0]));
                Seen::maybe(still, if still { "it stood still" } else { "it moved each second" })
            });
            judged.into()
        },
    ),
    live(
        "locked-refused",
        "A locked pod refuses stop and delete with 400 and `Pod is locked`",
        &["runpod-lifecycle/src/pods/accepted.rs", "runpod-lifecycle/src/error/refusal.rs"],
        |evidence| {
            let stop = refusal(evidence, "locked-stop", &[400], "locked");
            let delete = refusal(evidence, "locked-delete", &[400], "locked");
            if stop.verdict == crate::Verdict::AsBelieved { delete } else { stop }
        },
    ),
    collected(
        "unfit-action-409",
        "An action that does not suit the state is a 409",
        &["runpod-lifecycle/src/pods/accepted.rs"],
        |evidence| refusal(evidence, "start-running", &[409], ""),
    ),
    collected(
        "status-behind",
        "A get may show the state from before a stop for some seconds",
        &["runpod-lifecycle/src/knowledge/record.rs"],
        |evidence| {
            let judged = looks(evidence, "stopping").and_then(|looks| {
                if !looks.iter().any(|(_, pod)| pod["status"] == "EXITED") {
                    return Err("it was never EXITED".to_owned());
                }
                let behind = looks.iter().filter(|(_, pod)| pod["status"] == "RUNNING").count();
                Ok(Seen::maybe(behind > 0, format!("RUNNING in {behind} of {} answers", looks.len())))
            });
            judged.into()
        },
    ),
    live(
        "exited-shows-ports",
        "A stopped pod may still show public ports",
        &["runpod-lifecycle/src/pod/mod.rs"],
        |evidence| {
            exited(evidence, |pod| {
                let shown = pod["ssh"]["direct"].is_object();
                Seen::maybe(shown, if shown { "it does" } else { "it does not" })
            })
        },
    ),
    live(
        "exited-shows-cost",
        "A stopped pod may still show what it cost while it was up",
        &["runpod-lifecycle/src/pods/cost.rs"],
        |evidence| exited(evidence, |pod| Seen::maybe(pod["cost"] != 0.0, format!("{} USD/h", pod["cost"]))),
    ),
    live(
        "start-shows-old-ports",
        "After a start the first answers may show the public ports of the run before",
        &["runpod-lifecycle/src/knowledge/record.rs"],
        |evidence| {
            let judged = started(evidence).map(|(former, looks)| {
                let old = looks.iter().filter(|pod| pod["ssh"]["direct"] == former).count();
                Seen::maybe(old > 0, format!("{old} of {} answers", looks.len()))
            });
            judged.into()
        },
    ),
    collected(
        "start-moves-ports",
        "Public ports change with every start",
        &["runpod-lifecycle/src/pod/connection.rs"],
        |evidence| {
            let judged = started(evidence).and_then(|(former, looks)| {
                let last = looks.last().map(|pod| pod["ssh"]["direct"].clone()).unwrap_or_default();
                if !last.is_object() {
                    return Err("it had none after the start".to_owned());
                }
                Ok(Seen::rule(last != former, if last == former { "the same" } else { "another" }))
            });
            judged.into()
        },
    ),
    documented(
        "delete-204",
        "A delete is answered with 204",
        &["runpod-lifecycle/src/backend/v2.rs"],
        |evidence| {
            answer(evidence, "delete", |answer| Seen::rule(answer.status == 204, answer.status.to_string()))
        },
    ),
    collected(
        "deleted-still-known",
        "A get may still show a deleted pod for some seconds",
        &["runpod-lifecycle/src/knowledge/evidence.rs"],
        |evidence| {
            if !evidence.only("delete").is_ok_and(|delete| delete.is_success()) {
                return Seen::nothing(evidence.why("delete"));
            }
            let all = evidence.of("get-deleted").count();
            let known = evidence.of("get-deleted").filter(|get| get.status == 200).count();
            match all {
                0 => Seen::nothing(evidence.why("get-deleted")),
                _ => Seen::maybe(known > 0, format!("{known} of {all} gets")),
            }
        },
    ),
    collected(
        "deleted-404",
        "A get of a deleted pod ends in a 404 in RunPod's shape, or TERMINATED",
        &["runpod-lifecycle/src/knowledge/evidence.rs", "runpod-lifecycle/src/condition.rs"],
        |evidence| {
            answer(evidence, "get-deleted", |last| {
                let gone = (last.status == 404 && last.is_problem()) || last.json()["status"] == "TERMINATED";
                Seen::rule(gone, last.status.to_string())
            })
        },
    ),
    collected(
        "delete-again-404",
        "A delete of a deleted pod is a 404",
        &["runpod-lifecycle/src/pods/act.rs"],
        |evidence| refusal(evidence, "delete-again", &[404], ""),
    ),
];

/// A rule about the pod once it is up.
fn pod_up(evidence: &Evidence, judge: impl Fn(&Value) -> Seen) -> Seen {
    let judged = looks(evidence, "up").and_then(|looks| Ok(judge(&last(&looks)?)));
    judged.into()
}

fn last(looks: &[(Duration, Value)]) -> Result<Value, String> {
    looks.last().map(|(_, pod)| pod.clone()).ok_or_else(|| "nothing came".to_owned())
}

fn ports(pod: &Value) -> impl Iterator<Item = &Value> {
    pod["runtime"]["ports"].as_array().into_iter().flatten()
}

/// Returns true for an address within 100.64.0.0/10.
fn is_internal(port: &Value) -> bool {
    let ip = port["ip"].as_str().and_then(|ip| ip.parse::<std::net::Ipv4Addr>().ok());
    ip.is_some_and(|ip| ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64)
}

/// A rule about the pod once it is EXITED.
fn exited(evidence: &Evidence, judge: impl Fn(&Value) -> Seen) -> Seen {
    let judged = looks(evidence, "stopping").and_then(|looks| {
        let pod = looks.iter().rev().find(|(_, pod)| pod["status"] == "EXITED");
        pod.map(|(_, pod)| judge(pod)).ok_or_else(|| "it was never EXITED".to_owned())
    });
    judged.into()
}

/// The address for SSH before a stop, and the answers after the start.
fn started(evidence: &Evidence) -> Result<(Value, Vec<Value>), String> {
    let former = last(&looks(evidence, "up")?)?["ssh"]["direct"].clone();
    let after = looks(evidence, "start-boot")?;
    Ok((former, after.into_iter().map(|(_, pod)| pod).collect()))
}
