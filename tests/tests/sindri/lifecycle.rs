//! Start, stop and destroy: idempotent, and clear about states that cannot.

use std::time::Duration;

use httpmock::MockServer;
use runpod_sim::{PodStatus, Sim};
use runpod_sindri::{DeployOptions, Outcome, Provider, ProviderError};
use serde_json::json;

use crate::mock::{POD, config, list, on, pod, problem, provider, quick_sim};

const LONGEST: Option<Duration> = Some(Duration::from_secs(60));

#[tokio::test]
async fn a_whole_life_twice_over() {
    let sim = quick_sim().await;
    let (provider, config) = (on(&sim), config("{name: a, deployment: {image: b}}"));
    let options = DeployOptions { wait: true, ..Default::default() };
    let first = provider.deploy(&config, options).await.unwrap();

    let report = provider.start_environment(&config, None).await.unwrap();
    assert!(report.messages[0].ends_with("is running already"), "{report:?}");
    let report = provider.stop_environment(&config, LONGEST).await.unwrap();
    assert!(report.messages[1].contains("the 20 GB pod volume is kept and bills"), "{report:?}");
    assert_eq!(sim.pods()[0].status, PodStatus::Exited);
    let report = provider.stop_environment(&config, None).await.unwrap();
    assert!(report.messages[0].ends_with("is stopped already"), "{report:?}");
    let report = provider.start_environment(&config, LONGEST).await.unwrap();
    let again = report.connection.unwrap();
    assert_ne!(
        again.ssh_command,
        first.connection.unwrap().ssh_command,
        "external ports are new after a start"
    );

    let report = provider.destroy_environment(&config, false, LONGEST).await.unwrap();
    assert!(report.messages[0].ends_with("was destroyed"), "{report:?}");
    let report = provider.destroy_environment(&config, false, LONGEST).await.unwrap();
    assert_eq!(report.warnings, ["environment \"a\" is not deployed: nothing to destroy"]);
    assert_eq!(report.instance_id, None);
    assert!(sim.ledger().iter().all(|entry| !entry.is_billing()));
}

#[tokio::test]
async fn what_is_not_there_can_be_neither_started_nor_stopped() {
    let sim = quick_sim().await;
    let (provider, config) = (on(&sim), config("name: a"));
    for error in [provider.start(&config).await.unwrap_err(), provider.stop(&config).await.unwrap_err()] {
        let error: ProviderError = error.downcast().unwrap();
        assert_eq!(error.outcome(), Outcome::NotFound);
        assert_eq!(
            error.to_string(),
            "environment \"a\" is not deployed: no pod has this name (deploy it first; if that was within the last 15 s, try again: RunPod may not list it yet)"
        );
    }
    provider.destroy(&config, false).await.unwrap();
}

#[tokio::test]
async fn a_state_that_cannot_is_named() {
    let server = MockServer::start_async().await;
    let mut broken = pod();
    broken["status"] = json!("ERROR");
    list(&server, &[broken]);
    let (provider, config) = (provider(server.base_url()), config("name: my-env"));
    let error = provider.start(&config).await.unwrap_err().to_string();
    let says = format!("environment \"my-env\" is error (RunPod says ERROR about pod {POD})");
    assert_eq!(error, format!("{says}: only stopped pods can be started"));
    let error = provider.stop(&config).await.unwrap_err().to_string();
    assert_eq!(error, format!("{says}: only running pods can be stopped"));
    let error = provider.connect(&config).await.unwrap_err().to_string();
    assert_eq!(error, format!("{says}: only running and stopped pods can be connected to"));
}

#[tokio::test]
async fn a_host_without_a_free_gpu_is_no_capacity() {
    let server = MockServer::start_async().await;
    let mut stopped = pod();
    stopped["status"] = json!("EXITED");
    list(&server, &[stopped]);
    server.mock(|when, then| {
        when.method("POST").path(format!("/v2/pods/{POD}/action"));
        problem(then, 400, "There are not enough free GPUs on the host machine to start this pod.");
    });
    let error = provider(server.base_url()).start(&config("name: my-env")).await.unwrap_err();
    let error: ProviderError = error.downcast().unwrap();
    assert_eq!(error.outcome(), Outcome::NoCapacity);
    assert!(error.hint().unwrap().contains("destroy and deploy anew"), "{error}");
}

/// It has come back on a host that has given its GPUs to others, and bills.
#[tokio::test]
async fn a_start_of_a_pod_that_is_up_without_its_gpus_is_a_warning_at_once() {
    let server = MockServer::start_async().await;
    let mut pod = pod();
    pod["gpu"]["count"] = json!(0);
    list(&server, &[pod]);
    let report = provider(server.base_url()).start_environment(&config("name: my-env"), None).await.unwrap();
    let [warning] = report.warnings.as_slice() else { panic!("one warning: {report:?}") };
    assert!(warning.contains("without a GPU") && warning.contains("bills"), "{warning}");
}

#[tokio::test]
async fn a_stop_says_what_it_keeps() {
    for (mounts, says) in [
        (json!({}), "0 GB are kept"),
        (json!({"network": [{"volumeId": "vol1", "path": "/a"}]}), "network volume vol1 is kept"),
        (json!({"persistent": {"size": 70, "path": "/a"}}), "the 70 GB pod volume is kept and bills"),
    ] {
        let server = MockServer::start_async().await;
        let mut pod = pod();
        pod["mounts"] = mounts;
        list(&server, &[pod.clone()]);
        server.mock(|when, then| {
            when.method("POST").path(format!("/v2/pods/{POD}/action")).json_body(json!({"action": "stop"}));
            then.status(200).json_body(pod);
        });
        let report =
            provider(server.base_url()).stop_environment(&config("name: my-env"), None).await.unwrap();
        assert!(report.messages[1].starts_with(says), "{report:?}");
    }
}

#[tokio::test]
async fn a_wait_takes_the_proxy_only_where_there_will_be_no_public_address() {
    for (uptime, settings, outcome) in [
        (90, "", None),
        (10, "", Some("no direct SSH endpoint yet")),
        (90, "publicIp: true", Some("no public endpoint yet for 22/tcp")),
        (10, "startSsh: false", None),
    ] {
        let server = MockServer::start_async().await;
        let mut pod = pod();
        pod["ssh"]["direct"] = json!(null);
        pod["ports"] = json!(["22/tcp"]);
        pod["runtime"]["ports"] = json!([]);
        pod["runtime"]["uptime"] = json!(uptime);
        list(&server, &[pod.clone()]);
        server.mock(|when, then| {
            when.method("GET").path(format!("/v2/pods/{POD}"));
            then.status(200).json_body(pod);
        });
        let config = config(&format!("{{name: my-env, providers: {{runpod: {{{settings}}}}}}}"));
        let provider = provider(server.base_url());
        let started = provider.start_environment(&config, Some(Duration::ZERO)).await;
        match (started, outcome) {
            (Ok(report), None) => {
                assert!(report.connection.unwrap().ssh_command.unwrap().ends_with("@ssh.runpod.io"));
            }
            (Err(error), Some(pending)) => {
                assert_eq!(error.outcome(), Outcome::TimedOut, "{error}");
                let chain = format!("{:#}", anyhow::Error::from(error));
                assert!(chain.contains(pending), "{uptime} {settings}: {chain}");
            }
            (started, _) => panic!("{uptime} {settings}: {started:?}"),
        }
    }
}

#[test]
fn an_environment_is_stopped_once_nobody_has_worked_for_so_long() {
    const MINUTE: Duration = Duration::from_secs(60);
    runpod_bench::clock::run_fast(200, async {
        let sim = Sim::builder().time_scale(1.0).start().await.expect("it starts on loopback");
        let (provider, config) = (on(&sim), config("{name: idle, deployment: {image: b}}"));
        let options = DeployOptions { wait: true, ..DeployOptions::default() };
        provider.deploy(&config, options).await.unwrap();
        let id = sim.ledger()[0].pod_id.clone();
        sim.set_load(&id, 70);
        let work = async {
            tokio::time::sleep(30 * MINUTE).await;
            sim.set_load(&id, 0);
        };
        let began = sim.now();
        let stop = provider.stop_when_idle(&config, 20 * MINUTE, Some(10 * MINUTE));
        let (report, ()) = tokio::join!(stop, work);
        let took = sim.now() - began;
        assert!(report.unwrap().messages.iter().any(|line| line.contains("it is stopped")));
        assert!((49 * MINUTE..56 * MINUTE).contains(&took), "{took:?}");
        // One that is stopped already is no error.
        provider.stop_when_idle(&config, 20 * MINUTE, None).await.unwrap();
    })
    .expect("a runtime");
}
