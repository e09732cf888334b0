//! Every branch of connect, with a fake ssh on the provider's `PATH`.

use std::{net::TcpListener, time::Duration};

use httpmock::{Mock, MockServer};
use runpod_sim::{PodStatus, Sim};
use runpod_sindri::{DeployOptions, Outcome, Provider, ProviderError, RunpodProvider, SindriConfig};

use serde_json::json;

use crate::mock::{FakeSsh, POD, config, pod, provider, provider_with, quick_sim};

async fn deployed(ssh: &FakeSsh) -> (Sim, RunpodProvider, SindriConfig) {
    let sim = quick_sim().await;
    let provider = provider_with(sim.url(), sim.api_key(), ssh.path(), []);
    let config = config("{name: a, deployment: {image: b}}");
    provider.deploy(&config, DeployOptions { wait: true, ..Default::default() }).await.expect("it deploys");
    (sim, provider, config)
}

/// Arguments with which ssh reaches the simulated pod now.
fn arguments(sim: &Sim) -> Vec<String> {
    let pod = &sim.pods()[0];
    let port = pod.ssh.expect("it is up").port().to_string();
    let hosts = format!("UserKnownHostsFile=~/.ssh/known_hosts_runpod_{}_START", pod.id);
    ["-o", "StrictHostKeyChecking=accept-new", "-o", &hosts, "-p", &port, "root@127.0.0.1"]
        .map(str::to_owned)
        .to_vec()
}

/// Arguments of ssh, and the start its known hosts are kept for.
fn called(ssh: &FakeSsh) -> (Vec<String>, String) {
    let mut arguments = ssh.arguments().expect("ssh was called");
    let (file, start) = arguments[3].rsplit_once('_').expect("the start is in the name");
    let (file, start) = (format!("{file}_START"), start.to_owned());
    arguments[3] = file;
    (arguments, start)
}

#[tokio::test]
async fn a_running_environment_gets_a_shell() {
    let ssh = FakeSsh::new();
    let (sim, provider, config) = deployed(&ssh).await;
    provider.connect(&config).await.unwrap();
    assert_eq!(called(&ssh).0, arguments(&sim));
    // How the shell of the pod ended is not how the connection did.
    ssh.ends_with(1);
    provider.connect(&config).await.unwrap();
}

#[tokio::test]
async fn a_stopped_environment_is_started_and_reached_anew() {
    let ssh = FakeSsh::new();
    let (sim, provider, config) = deployed(&ssh).await;
    let before = arguments(&sim);
    provider.connect(&config).await.unwrap();
    let (_, first) = called(&ssh);
    provider.stop_environment(&config, Some(std::time::Duration::from_secs(60))).await.unwrap();
    provider.connect(&config).await.unwrap();
    assert_eq!(sim.pods()[0].status, PodStatus::Running);
    let (again, second) = called(&ssh);
    assert_eq!(again, arguments(&sim));
    assert_ne!(first, second, "host keys are new after a start");
    assert_ne!(arguments(&sim), before, "external ports are new after a start");
}

#[tokio::test]
async fn a_key_of_the_config_is_the_only_one() {
    let ssh = FakeSsh::new();
    let (_sim, provider, _) = deployed(&ssh).await;
    let config = config("{name: a, providers: {runpod: {identityFile: keys/pod}}}").in_folder("/home/me");
    provider.connect(&config).await.unwrap();
    let arguments = ssh.arguments().unwrap();
    assert_eq!(arguments[..4], ["-o", "IdentitiesOnly=yes", "-i", "/home/me/keys/pod"]);
    assert_eq!(arguments.last().unwrap(), "root@127.0.0.1");
}

#[tokio::test]
async fn a_user_other_than_root_can_be_named() {
    let ssh = FakeSsh::new();
    let (_sim, provider, _) = deployed(&ssh).await;
    let as_user =
        |user: &str| config(&format!("{{name: a, providers: {{runpod: {{sshUser: \"{user}\"}}}}}}"));
    provider.connect(&as_user("ubuntu")).await.unwrap();
    assert_eq!(called(&ssh).0.last().unwrap(), "ubuntu@127.0.0.1");
    let reached = provider.connection(&as_user("ubuntu"), std::time::Duration::ZERO).await.unwrap();
    assert!(reached.ssh_command.unwrap().ends_with(" ubuntu@127.0.0.1"));
    for odd in ["-oProxyCommand=x", "a b", ""] {
        let error = provider.connect(&as_user(odd)).await.unwrap_err().to_string();
        assert!(error.contains("providers.runpod.sshUser"), "{error}");
    }
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_an_error() {
    let ssh = FakeSsh::new();
    let (_sim, provider, config) = deployed(&ssh).await;
    ssh.ends_with(255);
    let error: ProviderError = provider.connect(&config).await.unwrap_err().downcast().unwrap();
    assert!(matches!(error, ProviderError::Ssh { source: None, .. }));
    assert!(error.to_string().contains("the image must run sshd"), "{error}");
}

#[tokio::test]
async fn a_login_that_is_refused_is_told_from_a_host_that_does_not_answer() {
    let ssh = FakeSsh::new();
    let (_sim, provider, config) = deployed(&ssh).await;
    ssh.ends_with(255);
    ssh.says("root@127.0.0.1: Permission denied (publickey).\n");
    let error: ProviderError = provider.connect(&config).await.unwrap_err().downcast().unwrap();
    assert!(matches!(error, ProviderError::Ssh { refused: true, source: None, .. }));
    let text = error.to_string();
    assert!(text.contains("the login was refused") && text.contains("needs a new pod"), "{text}");
    ssh.says("ssh: connect to host 127.0.0.1 port 9: Connection refused\n");
    let error: ProviderError = provider.connect(&config).await.unwrap_err().downcast().unwrap();
    assert!(matches!(error, ProviderError::Ssh { refused: false, source: None, .. }), "{error}");
}

#[tokio::test]
async fn an_environment_on_its_way_up_is_not_connected_to() {
    let ssh = FakeSsh::new();
    let sim = Sim::builder().time_scale(0.0).list_lag(std::time::Duration::ZERO).start().await.unwrap();
    let provider = provider_with(sim.url(), sim.api_key(), ssh.path(), []);
    let config = config("{name: a, deployment: {image: b}}");
    provider.deploy(&config, DeployOptions::default()).await.unwrap();
    let error = provider.connect(&config).await.unwrap_err().to_string();
    assert!(error.contains("is creating") && error.contains("only running and stopped pods"), "{error}");
    assert_eq!(ssh.arguments(), None);
}

#[tokio::test]
async fn what_is_not_deployed_is_not_connected_to() {
    let ssh = FakeSsh::new();
    let sim = quick_sim().await;
    let provider = provider_with(sim.url(), sim.api_key(), ssh.path(), []);
    let error: ProviderError = provider.connect(&config("name: a")).await.unwrap_err().downcast().unwrap();
    assert_eq!(error.outcome(), Outcome::NotFound);
    assert_eq!(ssh.arguments(), None);
}

/// The port of a server that greets as sshd does.
fn sshd() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it listens").port();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            std::io::Write::write_all(&mut &connection, b"SSH-2.0-test\r\n").expect("the prober reads");
        }
    });
    port
}

/// Another process has just started the pod: RunPod shows the address of before for a while, whose port is somebody
/// else's by now, with an sshd behind it.
#[tokio::test]
async fn a_pod_that_was_started_just_now_is_connected_to_only_once_its_address_is_sure() {
    let server = MockServer::start_async().await;
    let up = |uptime: u64, port: u16| {
        let mut pod = pod();
        pod["runtime"]["uptime"] = json!(uptime);
        pod["runtime"]["ports"] = json!([{"private": 22, "public": port, "type": "tcp", "ip": "127.0.0.1"}]);
        pod["ssh"]["direct"] = json!({"host": "127.0.0.1", "port": port, "username": "root", "command": ""});
        pod
    };
    let answer = |pod: &serde_json::Value| -> [Mock<'_>; 2] {
        let by_id = server.mock(|when, then| {
            when.method("GET").path(format!("/v2/pods/{POD}"));
            then.status(200).json_body(pod.clone());
        });
        let list = server.mock(|when, then| {
            when.method("GET").path("/v2/pods");
            then.status(200).json_body(json!({"pods": [pod]}));
        });
        [by_id, list]
    };
    let (old, new) = (sshd(), sshd());
    let before = answer(&up(12, old));
    let (provider, config) = (provider(server.base_url()), config("name: my-env"));
    let (connection, ()) = tokio::join!(provider.connection(&config, Duration::from_secs(30)), async {
        while before[0].calls_async().await == 0 {
            tokio::task::yield_now().await;
        }
        for mock in before {
            mock.delete_async().await;
        }
        answer(&up(13, new));
    });
    let command = connection.unwrap().ssh_command.unwrap();
    assert!(command.contains(&format!("-p {new} ")), "not {old}: {command}");
}
