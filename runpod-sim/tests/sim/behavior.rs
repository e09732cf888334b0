use std::{
    collections::BTreeSet,
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use reqwest::Method;
use runpod_sim::{
    Behavior, BootProfile, Cause, Delay, EnvironmentMask, Fault, FaultKind, PublicKey, RateLimitForm, Sim,
    SimBuilder, SymmetricPorts,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
};

use crate::client::{Caller, frozen, id, order};

const LONG: Duration = Duration::from_secs(20);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn fixed(span: u64) -> Delay {
    Delay::fixed(seconds(span))
}

/// A frozen simulator that behaves so, and lists at once what it does not say otherwise.
fn behaving(behavior: Behavior) -> SimBuilder {
    frozen().behavior(Behavior { list_lag: Delay::NONE, ..behavior })
}

/// The pod as the list shows it; `None` while it is not in it.
async fn listed(caller: &Caller, id: &str) -> Option<Value> {
    let list = caller.get("/v2/pods").await.json();
    list["pods"].as_array().unwrap().iter().find(|pod| pod["id"] == id).cloned()
}

fn direct(pod: &Value) -> Option<SocketAddr> {
    let direct = pod["ssh"]["direct"].as_object()?;
    format!("{}:{}", direct["host"].as_str().unwrap(), direct["port"]).parse().ok()
}

async fn banner(address: SocketAddr) -> String {
    let read = async {
        loop {
            if let Ok(stream) = TcpStream::connect(address).await {
                let mut line = String::new();
                if BufReader::new(stream).read_line(&mut line).await.is_ok_and(|length| length > 0) {
                    return line;
                }
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, read).await.unwrap()
}

#[tokio::test]
async fn a_get_knows_a_new_pod_late_although_a_list_shows_it() {
    let caller = Caller::of(behaving(Behavior { get_lag: fixed(10), ..Behavior::default() })).await;
    let id = id(&caller.create(order(json!({}))).await);
    assert!(listed(&caller, &id).await.is_some());
    caller.advance(9);
    caller.get(&format!("/v2/pods/{id}")).await.refused(404, "pod not found");
    caller.advance(1);
    assert_eq!(caller.pod(&id).await["id"], id);
}

#[tokio::test]
async fn each_part_of_a_pod_is_behind_by_its_own_lag() {
    let behavior = Behavior {
        status_lag: fixed(3),
        endpoint_lag: fixed(7),
        environment_lag: fixed(5),
        ..Behavior::default()
    };
    let caller = Caller::of(behaving(behavior)).await;
    let created = caller.create(order(json!({}))).await;
    assert_eq!(created["env"]["MODE"], "sentinel-value", "a create answers with what is");
    let id = id(&created);
    let seen = async || {
        let pod = caller.pod(&id).await;
        assert_eq!(listed(&caller, &id).await.unwrap()["status"], pod["status"]);
        assert_eq!(pod["createdAt"], created["createdAt"], "when it was created is always so");
        (
            pod["status"].as_str().unwrap().to_owned(),
            direct(&pod).is_some(),
            pod["env"] == json!({}),
            pod["startedAt"].is_null(),
        )
    };
    assert_eq!(seen().await, ("PROVISIONING".into(), false, true, true));
    caller.advance(5);
    assert_eq!(seen().await, ("PROVISIONING".into(), false, false, true));
    caller.advance(17);
    assert_eq!(seen().await, ("STARTING".into(), false, false, true));
    caller.advance(1);
    assert_eq!(seen().await, ("RUNNING".into(), false, false, false));
    caller.advance(13);
    assert!(!seen().await.1);
    caller.advance(1);
    assert!(seen().await.1);
}

#[tokio::test]
async fn a_list_shows_each_pod_as_it_was_at_some_time_within_its_age() {
    let caller = Caller::of(behaving(Behavior { list_age: seconds(15), ..Behavior::default() })).await;
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(id(&caller.create(order(json!({}))).await));
    }
    let mut shown = Vec::new();
    for _ in 0..15 {
        caller.advance(1);
        shown.push(caller.get("/v2/pods").await.json()["pods"].as_array().unwrap().len());
    }
    assert!(shown.iter().any(|count| (1..8).contains(count)), "each appears in its own time: {shown:?}");
    assert_eq!(shown[14], 8, "after the longest age all are there");
    for id in &ids {
        caller.delete(&format!("/v2/pods/{id}")).await;
    }
    let mut left = Vec::new();
    for _ in 0..=15 {
        left.push(caller.get("/v2/pods").await.json()["pods"].as_array().unwrap().len());
        caller.advance(1);
    }
    assert!(left[0] > 0, "what is gone is listed for a while: {left:?}");
    assert!(left.iter().any(|count| (1..8).contains(count)), "{left:?}");
    assert_eq!(left[15], 0);
}

#[tokio::test]
async fn lags_do_not_add_up() {
    let behavior = Behavior {
        list_age: seconds(15),
        status_lag: fixed(15),
        endpoint_lag: fixed(15),
        environment_lag: fixed(15),
        uptime_period: seconds(15),
        stale_endpoints: seconds(15),
        ..Behavior::default()
    };
    let boot = BootProfile::fixed(Duration::ZERO);
    let caller = Caller::of(behaving(behavior).boot(boot).real_endpoints(false)).await;
    let id = id(&caller.create(order(json!({}))).await);
    let settled = async |status: &str| {
        caller.advance(15);
        for pod in [caller.pod(&id).await, listed(&caller, &id).await.unwrap()] {
            assert_eq!(
                (pod["status"].as_str(), direct(&pod)),
                (Some(status), direct(&caller.sim.pod_json(&id).unwrap()))
            );
            assert_eq!(pod["env"]["MODE"], "sentinel-value");
        }
        caller.pod(&id).await
    };
    let first = settled("RUNNING").await;
    caller.advance(60);
    caller.act(&id, "stop").await;
    settled("EXITED").await;
    caller.act(&id, "start").await;
    let second = settled("RUNNING").await;
    assert!(direct(&first).is_some() && direct(&first) != direct(&second));
    assert!(second["runtime"]["uptime"].as_u64().unwrap() <= 15, "{second}");
}

#[tokio::test]
async fn lists_may_hide_environments() {
    for (mask, env) in [
        (EnvironmentMask::Clear, Some(json!({ "MODE": "sentinel-value" }))),
        (EnvironmentMask::Stars, Some(json!({ "MODE": "********" }))),
        (EnvironmentMask::Empty, Some(json!({}))),
        (EnvironmentMask::Absent, None),
    ] {
        let caller = Caller::of(behaving(Behavior { list_environment: mask, ..Behavior::default() })).await;
        let id = id(&caller.create(order(json!({}))).await);
        assert_eq!(listed(&caller, &id).await.unwrap().get("env"), env.as_ref(), "{mask:?}");
        assert_eq!(caller.pod(&id).await["env"]["MODE"], "sentinel-value", "a get shows it");
    }
}

#[tokio::test]
async fn uptime_is_refreshed_once_in_its_period() {
    let caller = Caller::of(behaving(Behavior { uptime_period: seconds(15), ..Behavior::default() })).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(30);
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(caller.pod(&id).await["runtime"]["uptime"].as_u64().unwrap());
        caller.advance(8);
    }
    assert_eq!(seen, [10, 10, 25, 25, 40]);
}

#[tokio::test]
async fn after_a_start_the_old_endpoint_is_shown_where_a_stranger_greets() {
    let behavior = Behavior { stale_endpoints: seconds(45), exited_endpoints: true, ..Behavior::default() };
    let boot = BootProfile { ssh_banner: Delay::NONE, ..BootProfile::fixed(seconds(10)) };
    let caller = Caller::of(behaving(behavior).boot(boot)).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(40);
    let old = direct(&caller.pod(&id).await).unwrap();
    assert!(banner(old).await.contains("runpod-sim"));
    caller.act(&id, "stop").await;
    let stopped = caller.pod(&id).await;
    assert_eq!((stopped["status"].as_str(), direct(&stopped)), (Some("EXITED"), Some(old)));
    assert!(stopped["runtime"]["ports"].as_array().unwrap().len() > 1);
    assert!(banner(old).await.contains("somebody-else"));
    caller.act(&id, "start").await;
    caller.advance(44);
    let stale = caller.pod(&id).await;
    assert_eq!((stale["status"].as_str(), direct(&stale)), (Some("RUNNING"), Some(old)));
    assert!(banner(old).await.contains("somebody-else"));
    caller.advance(1);
    let new = direct(&caller.pod(&id).await).unwrap();
    assert_ne!(new, old);
    assert!(banner(new).await.contains("runpod-sim"));
}

#[tokio::test]
async fn a_stopped_pod_may_show_what_it_cost() {
    for (exited_cost, cost) in [(false, 0.0), (true, 0.69)] {
        let caller = Caller::of(behaving(Behavior { exited_cost, ..Behavior::default() })).await;
        let id = id(&caller.create(order(json!({}))).await);
        assert_eq!(caller.act(&id, "stop").await.json()["cost"], cost);
        assert!(!caller.sim.ledger()[0].is_billing());
        caller.delete(&format!("/v2/pods/{id}")).await;
        assert_eq!(caller.pod(&id).await["cost"], 0.0);
    }
}

#[tokio::test]
async fn a_restart_happens_later_than_it_is_answered() {
    let caller = Caller::of(behaving(Behavior { restart_delay: fixed(4), ..Behavior::default() })).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(40);
    let before = caller.pod(&id).await;
    assert_eq!(caller.act(&id, "restart").await.json()["status"], "RUNNING");
    caller.advance(3);
    let still = caller.pod(&id).await;
    assert_eq!((&still["startedAt"], direct(&still)), (&before["startedAt"], direct(&before)));
    caller.advance(1);
    assert_eq!(caller.pod(&id).await["status"], "STARTING");
    caller.advance(30);
    let after = caller.pod(&id).await;
    assert!(direct(&after).is_some() && direct(&after) != direct(&before));
    assert_ne!(after["startedAt"], before["startedAt"]);
    caller.act(&id, "restart").await;
    assert_eq!(caller.act(&id, "stop").await.json()["status"], "EXITED");
    caller.advance(60);
    assert_eq!(caller.pod(&id).await["status"], "EXITED", "a stop takes the restart back");
    assert!(!caller.sim.ledger()[0].is_billing());
}

#[tokio::test]
async fn a_change_may_be_accepted_and_have_no_effect() {
    let caller = Caller::of(frozen()).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(40);
    caller.sim.inject(Fault::new(FaultKind::Ignored).times(3)).unwrap();
    let stopped = caller.act(&id, "stop").await;
    assert_eq!((stopped.status, stopped.json()["status"].as_str()), (200, Some("RUNNING")));
    let port = caller.pod(&id).await["ssh"]["direct"]["port"].clone();
    assert_eq!(caller.act(&id, "restart").await.status, 200);
    assert_eq!(caller.delete(&format!("/v2/pods/{id}")).await.status, 204);
    caller.advance(60);
    let pod = caller.pod(&id).await;
    assert_eq!((&pod["status"], &pod["ssh"]["direct"]["port"]), (&json!("RUNNING"), &port));
}

#[tokio::test]
async fn a_twin_appears_in_its_own_time() {
    let behavior = Behavior { twin_lag: Some(fixed(5)), ..Behavior::default() };
    let caller = Caller::of(behaving(behavior).fault(Fault::new(FaultKind::DuplicateCreate))).await;
    let first = id(&caller.create(order(json!({}))).await);
    let shown = async || -> Vec<String> {
        let list = caller.get("/v2/pods").await.json();
        list["pods"].as_array().unwrap().iter().map(id).collect()
    };
    assert_eq!(shown().await, [first]);
    caller.advance(5);
    assert_eq!(shown().await.len(), 2);
}

#[tokio::test]
async fn a_create_may_answer_with_an_empty_runtime() {
    let caller = Caller::of(behaving(Behavior { created_runtime: true, ..Behavior::default() })).await;
    let created = caller.create(order(json!({}))).await;
    assert_eq!(created["runtime"], json!({}));
    assert_eq!(caller.pod(&id(&created)).await["runtime"], Value::Null);
}

#[tokio::test]
async fn the_account_s_keys_are_written_at_the_create_and_never_again() {
    for (public_key, with_keys, without) in [
        (PublicKey::Hidden, None, None),
        (PublicKey::Written, Some("ssh-ed25519 AAAA one"), None),
        (PublicKey::Null, Some("ssh-ed25519 AAAA one"), Some("null")),
    ] {
        let builder = behaving(Behavior { public_key, ..Behavior::default() });
        let caller = Caller::of(builder.ssh_keys(["ssh-ed25519 AAAA one".to_owned()])).await;
        let pod = caller.create(order(json!({}))).await;
        assert_eq!(pod["env"].get("PUBLIC_KEY").and_then(Value::as_str), with_keys, "{public_key:?}");
        caller.put("/v2/account/ssh-keys", json!({ "keys": [] })).await;
        caller.advance(40);
        caller.act(&id(&pod), "restart").await;
        assert_eq!(caller.pod(&id(&pod)).await["env"], pod["env"], "{public_key:?}");
        let pod = caller.create(order(json!({}))).await;
        assert_eq!(pod["env"].get("PUBLIC_KEY").and_then(Value::as_str), without, "{public_key:?}");
        let silent = caller.create(order(json!({ "startSsh": false }))).await;
        assert_eq!(silent["env"].get("PUBLIC_KEY"), None);
    }
}

#[tokio::test]
async fn symmetric_ports_have_one_number_on_both_sides() {
    let ports = json!({ "ports": ["70000/tcp", "70001/tcp"] });
    for (symmetric_ports, real) in [(SymmetricPorts::Real, true), (SymmetricPorts::Asked, false)] {
        let caller = Caller::of(behaving(Behavior { symmetric_ports, ..Behavior::default() })).await;
        let created = caller.create(order(ports.clone())).await;
        assert_eq!(created["ports"], json!(["70000/tcp", "70001/tcp"]));
        caller.advance(40);
        let pod = caller.pod(&id(&created)).await;
        let shown = pod["runtime"]["ports"].as_array().unwrap();
        let open: Vec<_> = shown.iter().filter(|port| port["ip"] == "127.0.0.1").collect();
        assert_eq!(open.len(), 2);
        for (port, asked) in open.iter().zip([70000, 70001]) {
            let inside = if real { &port["public"] } else { &json!(asked) };
            assert_eq!(&port["private"], inside);
        }
    }
    let caller = Caller::of(frozen()).await;
    for odd in ["65536/tcp", "69999/tcp", "70000/http", "70000/udp", "100000/tcp"] {
        caller.post("/v2/pods", order(json!({ "ports": [odd] }))).await.refused(400, "ports");
    }
}

#[tokio::test]
async fn internal_entries_of_ports_have_numbers_of_their_own() {
    let caller = Caller::of(frozen()).await;
    let created = caller.create(order(json!({ "ports": ["22/tcp", "5000/tcp", "6000/tcp"] }))).await;
    caller.advance(40);
    let pod = caller.pod(&id(&created)).await;
    let ports = pod["runtime"]["ports"].as_array().unwrap();
    let internal = ports.iter().filter(|port| port["ip"] != "127.0.0.1");
    let numbers: BTreeSet<u64> = internal.map(|port| port["public"].as_u64().unwrap()).collect();
    assert_eq!(numbers.len(), 4, "the agent's and three: {ports:?}");
}

#[tokio::test]
async fn entrypoint_and_cmd_stand_beside_args_only_if_they_say_the_same() {
    let caller = Caller::of(frozen()).await;
    let both = r#"{"entrypoint":["/bin/sh"],"cmd":["-c","true"]}"#;
    let words = json!({ "entrypoint": ["/bin/sh"], "cmd": ["-c", "true"], "args": both });
    caller.create(order(words)).await;
    caller.create(order(json!({ "cmd": ["-c", "true"], "args": both }))).await;
    for args in ["serve", r#"{"entrypoint":[],"cmd":[]}"#] {
        let words = order(json!({ "cmd": ["-c"], "args": args }));
        caller.post("/v2/pods", words).await.refused(400, "args cannot be combined");
    }
    caller.create(order(json!({ "entrypoint": [], "cmd": [], "args": "" }))).await;
    let older = Caller::of(behaving(Behavior { entrypoint_and_cmd: false, ..Behavior::default() })).await;
    let refusal = "$: additional properties 'cmd' not allowed";
    older.post("/v2/pods", order(json!({ "cmd": [] }))).await.refused(422, refusal);
    older.create(order(json!({ "args": "serve" }))).await;
}

#[tokio::test]
async fn disks_of_cpu_pods_are_capped_by_flavor_and_vcpus() {
    let caller = Caller::of(behaving(Behavior { disk_caps: true, ..Behavior::default() })).await;
    let cpu = |id: &str, disk: u64| {
        order(json!({ "gpu": null, "cpu": { "id": id, "vcpuCount": 2 }, "disk": disk }))
    };
    for (flavor, most) in [("cpu3c", 20), ("cpu3g", 20), ("cpu5c", 30)] {
        caller.create(cpu(flavor, most)).await;
        caller.post("/v2/pods", cpu(flavor, most + 1)).await.refused(400, &format!("at most {most} GB"));
    }
    let caller = Caller::of(frozen()).await;
    caller.create(cpu("cpu3c", 50)).await;
}

#[tokio::test]
async fn pinned_community_pods_may_be_refused_where_others_land() {
    let behavior = Behavior { refuse_pinned_community: true, ..Behavior::default() };
    let caller = Caller::of(behaving(behavior)).await;
    caller.create(order(json!({ "cloud": "COMMUNITY" }))).await;
    let pinned = json!({ "cloud": "COMMUNITY", "dataCenterIds": ["EU-RO-1"] });
    let words = "There are no longer any instances available with the requested specifications. Please refresh \
                 and try again.";
    caller.post("/v2/pods", order(pinned)).await.refused(400, words);
    caller.create(order(json!({ "dataCenterIds": ["EU-RO-1"] }))).await;
    caller.post("/v2/pods", order(json!({ "gpu": { "id": "NVIDIA L4" } }))).await.refused(400, words);
}

#[tokio::test]
async fn a_denied_pull_heals_and_other_causes_do_not() {
    let healing = Some(seconds(180));
    let caller = Caller::of(frozen()).await;
    let cause = |cause, healing| Fault::new(FaultKind::CannotStart { cause, healing }).times(1);
    caller.sim.inject(cause(Cause::PullDenied, healing)).unwrap();
    caller.sim.inject(cause(Cause::CudaTooOld, None)).unwrap();
    let healed = id(&caller.create(order(json!({}))).await);
    let never = id(&caller.create(order(json!({}))).await);
    caller.advance(20 + 179);
    for (id, words) in
        [(&healed, "pull access denied for ubuntu:24.04"), (&never, "unsatisfied condition: cuda")]
    {
        let pod = caller.pod(id).await;
        assert_eq!((&pod["status"], &pod["runtime"]), (&json!("RUNNING"), &Value::Null));
        let request = caller.request(Method::GET, &format!("/v2/pods/{id}/logs?source=system"));
        let text = request.send().await.unwrap().chunk().await.unwrap().unwrap();
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert!(text.matches(words).count() > 10, "{text}");
        assert!(!text.contains("start container"), "{text}");
    }
    caller.advance(21);
    assert!(direct(&caller.pod(&healed).await).is_some());
    caller.advance(86_400);
    assert_eq!(caller.pod(&never).await["runtime"], Value::Null);
    assert_eq!((caller.sim.ledger()[1].usable_from, caller.sim.ledger()[1].is_billing()), (None, true));
}

#[tokio::test]
async fn a_stopped_pod_keeps_its_host_and_data_center_when_it_is_started() {
    let caller = Caller::of(frozen()).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(40);
    let place =
        |pod: &Value| (pod["dataCenterId"].clone(), pod["ssh"]["proxy"].clone(), pod["cudaVersion"].clone());
    let before = place(&caller.pod(&id).await);
    caller.act(&id, "stop").await;
    let started = caller.act(&id, "start").await.json();
    assert_eq!((&started["status"], place(&started)), (&json!("PROVISIONING"), before.clone()));
    caller.advance(10);
    assert_eq!(place(&caller.pod(&id).await), before);
    assert!(before.0.is_string());
}

#[tokio::test]
async fn a_body_is_too_large_before_the_key_and_with_its_template() {
    let caller = Caller::of(frozen()).await;
    let url = format!("{}/v2/pods", caller.sim.url());
    let stranger = crate::client::client().user_agent("tests/1").build().unwrap();
    let large = stranger.post(url).bearer_auth("rpa_wrong").body(vec![b' '; 102_401]);
    caller.send(large).await.refused(413, "102400");
    let long = "x".repeat(60_000);
    let template = json!({ "name": "t", "image": "i", "env": { "A": long } });
    let template = id(&caller.post("/v2/templates", template).await.json());
    let create = |length: usize| {
        json!({
            "name": "one", "templateId": template, "gpu": { "id": "NVIDIA L4", "count": 1 },
            "env": { "B": "y".repeat(length) },
        })
    };
    caller.post("/v2/pods", create(60_000)).await.refused(413, "102400");
    caller.create(create(30_000)).await;
}

#[tokio::test]
async fn a_template_without_mounts_has_no_such_key() {
    let caller = Caller::of(frozen()).await;
    let template = caller.post("/v2/templates", json!({ "name": "t", "image": "i" })).await.json();
    assert_eq!(template.get("mounts"), None);
    assert_eq!(caller.get("/v2/templates").await.json()["templates"][0].get("mounts"), None);
}

#[tokio::test]
async fn times_are_whole_milliseconds_and_the_date_is_the_simulated_one() {
    let epoch = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_795_000_000_123_456_789);
    let caller = Caller::of(frozen().epoch(epoch)).await;
    let created = caller.create(order(json!({}))).await;
    assert_eq!(created["createdAt"], "2026-11-18T11:06:40.123Z");
    caller.advance(20);
    caller.sim.advance(Duration::from_nanos(999));
    let answer = caller.get(&format!("/v2/pods/{}", id(&created))).await;
    assert_eq!(answer.json()["startedAt"], "2026-11-18T11:07:00.123Z");
    assert_eq!(answer.header("date"), "Wed, 18 Nov 2026 11:07:00 GMT");
    let caller = Caller::of(behaving(Behavior { date: false, ..Behavior::default() })).await;
    assert!(caller.get("/v2/pods").await.headers.get("date").is_none());
}

#[tokio::test]
async fn sshd_may_say_something_else_first_or_instead() {
    let boot = BootProfile { ssh_banner: Delay::NONE, ..BootProfile::fixed(seconds(10)) };
    let lines = vec!["Welcome.".to_owned(), "Be nice.".to_owned()];
    let preamble = Behavior { ssh_preamble: lines, ..Behavior::default() };
    let caller = Caller::of(behaving(preamble.clone()).boot(boot)).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(40);
    let address = direct(&caller.pod(&id).await).unwrap();
    assert_eq!(banner(address).await, "Welcome.\r\n");
    let mut lines = BufReader::new(TcpStream::connect(address).await.unwrap()).lines();
    for start in ["Welcome.", "Be nice.", "SSH-2.0-"] {
        assert!(lines.next_line().await.unwrap().unwrap().starts_with(start), "{start}");
    }
    let refusal = Behavior { ssh_refusal: Some("Not allowed at this time".to_owned()), ..preamble };
    caller.sim.set_behavior(refusal).unwrap();
    let mut lines = BufReader::new(TcpStream::connect(address).await.unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("Not allowed at this time"));
    assert_eq!(lines.next_line().await.unwrap(), None);
}

#[tokio::test]
async fn keys_and_limits_are_shown_in_their_own_ways() {
    let behavior =
        Behavior { ssh_key_lag: seconds(3), rate_limit_form: RateLimitForm::Odd, ..Behavior::default() };
    let caller = Caller::of(behaving(behavior.clone()).ssh_keys([])).await;
    let keys = json!({ "keys": ["ssh-ed25519 AAAA one"] });
    caller.put("/v2/account/ssh-keys", keys.clone()).await;
    caller.advance(2);
    let answer = caller.get("/v2/account/ssh-keys").await;
    assert_eq!(answer.json(), json!({ "keys": [] }));
    let odd = r#""minute";t=58.5;r=2998, "hour";t=3598.5;r=59998, "day";r=499998"#;
    assert_eq!(answer.header("ratelimit"), odd);
    caller.advance(1);
    caller.sim.set_behavior(Behavior { rate_limit_form: RateLimitForm::Split, ..behavior }).unwrap();
    let answer = caller.get("/v2/account/ssh-keys").await;
    assert_eq!(answer.json(), keys);
    let lines: Vec<_> =
        answer.headers.get_all("ratelimit").iter().map(|line| line.to_str().unwrap()).collect();
    assert_eq!(lines, [r#""minute";r=2997;t=57"#, r#""hour";r=59997;t=3597"#, r#""day";r=499997;t=86397"#]);
}

#[tokio::test]
async fn a_pod_may_be_made_without_its_environment() {
    let caller = Caller::of(frozen().fault(Fault::new(FaultKind::DropEnvironment).times(1))).await;
    let pod = caller.create(order(json!({}))).await;
    assert_eq!((&pod["env"], caller.sim.ledger()[0].env_keys.len()), (&json!({}), 0));
    assert_eq!(caller.create(order(json!({}))).await["env"]["MODE"], "sentinel-value");
}

/// Transcript of a whole life under the observed profile.
async fn observed(seed: u64) -> Vec<String> {
    let builder = Sim::builder().seed(seed).observed().time_scale(0.0).real_endpoints(false);
    let caller = Caller::of(builder.epoch(SystemTime::UNIX_EPOCH)).await;
    let id = id(&caller.create(order(json!({}))).await);
    let path = format!("/v2/pods/{id}");
    let mut seen = Vec::new();
    for step in 0..200 {
        match step {
            120 => seen.push(caller.act(&id, "stop").await.text),
            130 => seen.push(caller.act(&id, "start").await.text),
            190 => seen.push(caller.delete(&path).await.text),
            _ => caller.advance(2),
        }
        for path in [path.as_str(), "/v2/pods"] {
            let answer = caller.get(path).await;
            seen.push(format!("{} {}", answer.status, answer.text));
        }
    }
    seen
}

#[tokio::test]
async fn the_observed_profile_shows_all_of_it_and_follows_the_seed() {
    let (first, again, other) = (observed(3).await, observed(3).await, observed(4).await);
    assert!(first == again && first != other);
    let bodies = first.iter().filter_map(|text| serde_json::from_str(text.strip_prefix("200 ")?).ok());
    let pods = bodies.flat_map(|body: Value| match body["pods"].as_array() {
        Some(pods) => pods.clone(),
        None => vec![body],
    });
    let pods: Vec<Value> = pods.collect();
    let some = |test: &dyn Fn(&Value) -> bool| pods.iter().any(test);
    assert!(some(&|pod| pod["status"] == "RUNNING" && pod["runtime"].is_null()), "running, and not ready");
    assert!(some(&|pod| pod["status"] == "EXITED" && direct(pod).is_some()), "stopped, with an endpoint");
    assert!(some(&|pod| pod["status"] == "EXITED" && pod["cost"] == 0.69), "stopped, with a cost");
    assert!(some(&|pod| pod["env"] == json!({})) && some(&|pod| pod["env"]["MODE"] == "sentinel-value"));
    assert!(first.iter().any(|text| text.starts_with("404 ")), "a get that does not know the pod");
    let empty =
        |text: &&String| text.starts_with("200 {\"pods\":[],") && text.contains("\"hasNextPage\":true");
    assert!(first.iter().any(|text| empty(&text)), "an empty page with a next one");
}
