//! Recordings: nothing in them tells whose they are.

use runpod_conformance::{Recording, recordings};
use serde_json::json;

use crate::house;

/// Makes a pod of somebody else in the same account.
async fn stranger(sim: &runpod_sim::Sim) {
    let pod = json!({
        "name": "payroll", "image": "registry.example/secret:1", "disk": 20, "ports": ["22/tcp"],
        "env": { "PAYROLL_TOKEN": "sentinel-value" }, "cpu": { "id": "cpu3c", "vcpuCount": 2 },
    });
    let seeding = house::http().post(format!("{}/_sim/pods", sim.url())).json(&json!({ "pod": pod }));
    assert!(seeding.send().await.expect("it answers").status().is_success());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_a_recording_tells_whose_it_is() {
    let sim = house::observed().ssh_keys(["ssh-ed25519 AAAAsentinel me@home".to_owned()]).start().await;
    let sim = sim.expect("it starts");
    stranger(&sim).await;
    let (outcome, report) = house::survey(&sim).await;
    let kept = recordings(&outcome);
    assert!(kept.len() > 60, "{}", kept.len());
    let text = serde_json::to_string(&kept).expect("it is JSON") + &report.json() + &report.markdown();
    let mut secrets = vec![sim.api_key().to_owned()];
    for word in
        ["payroll", "PAYROLL_TOKEN", "sentinel", "registry.example", "from-the-run", "runpod-conformance-"]
    {
        secrets.push(word.to_owned());
    }
    secrets.extend(sim.ledger().into_iter().map(|pod| pod.pod_id));
    for exchange in outcome.evidence.exchanges() {
        let pod = exchange.json();
        let shown = ["/ssh/direct/host", "/ssh/proxy/username", "/pagination/nextCursor"];
        secrets.extend(shown.iter().filter_map(|place| Some(pod.pointer(place)?.as_str()?.to_owned())));
        secrets.extend(exchange.header("x-request-id"));
    }
    for secret in &secrets {
        assert!(!text.contains(secret.as_str()), "{secret} is in a recording or the report");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_is_replaced_by_the_same_and_shapes_stay() {
    let sim = house::observed().start().await.expect("it starts");
    let (outcome, _) = house::survey(&sim).await;
    let kept = recordings(&outcome);
    let last =
        |step: &str| kept.iter().rfind(|kept| kept.step == step).unwrap_or_else(|| panic!("no {step}"));
    let (create, up): (&Recording, &Recording) = (last("create"), last("up"));
    assert_eq!(
        (create.status, &create.body["id"], &create.body["name"]),
        (201, &json!("pod-1"), &json!("name-1"))
    );
    assert_eq!((up.path.as_str(), &up.body["id"]), ("/v2/pods/pod-1", &create.body["id"]));
    assert_eq!(up.body["ssh"]["direct"]["host"], "192.0.2.1");
    let user = up.body["ssh"]["proxy"]["username"].as_str().expect("a text");
    assert_eq!(up.body["ssh"]["proxy"]["command"], format!("ssh {user}@ssh.runpod.io"));
    assert_eq!((&up.body["status"], &up.body["cloud"]), (&json!("RUNNING"), &json!("SECURE")));
    assert!(last("log").body.as_str().expect("a text").contains("\"line\":\"still working"));
    assert_eq!(last("gpus-plain").body["gpus"][0]["id"], "NVIDIA RTX A4000");
}
