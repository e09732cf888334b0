//! The network of the user's: private certificates, proxies, an HTTP client of their own, closed ports.

mod tls;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use httpmock::{Mock, MockServer};
use runpod_api::{BuildError, reqwest};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{ConfigError, DeployError, ErrorKind, Ready, RunPod, RunPodBuilder};
use serde_json::json;

use self::tls::{PrivateCa, Proxy, TlsFront};
use crate::mock::{KEY, answer_create, empty_account, fresh_pod, spec};

/// The variable in which a child process finds the URL that it is to ask.
const URL: &str = "RUNPOD_TEST_URL";

fn builder(url: &str) -> RunPodBuilder {
    RunPod::builder(KEY).base_url(url)
}

/// A RunPod that would create a pod, with the mock that counts creates.
fn account(server: &MockServer) -> Mock<'_> {
    empty_account(server);
    answer_create(server, |then| then.status(201).json_body(fresh_pod()))
}

async fn deploy(builder: RunPodBuilder) -> Result<String, DeployError> {
    let runpod = builder.build().expect("a fine handle");
    runpod.deploy(&spec()).await.map(|pod| pod.id.clone())
}

/// Runs a test of this file again in a process of its own, with variables set.
async fn run_with(test: &str, variables: &[(&str, &str)]) {
    let mut child = tokio::process::Command::new(std::env::current_exe().expect("it has a path"));
    child.args(["--exact", &format!("network::{test}")]).envs(variables.iter().copied());
    let output = child.output().await.expect("it runs");
    assert!(output.status.success(), "{variables:?}: {}", String::from_utf8_lossy(&output.stdout));
}

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("it can be written");
    path.to_str().expect("a plain path").to_owned()
}

#[tokio::test]
async fn a_private_certificate_is_trusted_by_the_builder() {
    let (server, ca) = (MockServer::start_async().await, PrivateCa::new());
    let creates = account(&server);
    let front = TlsFront::start(&ca, "localhost", *server.address()).await;
    let other = PrivateCa::new().pem();
    let builder = builder(&front.url()).add_root_certificate_pem(other).add_root_certificate_pem(ca.pem());
    assert_eq!(deploy(builder).await.expect("it is trusted"), "k3x9q2m7v1b8z5");
    creates.assert_calls(1);
}

#[tokio::test]
async fn a_private_certificate_is_trusted_by_a_file_or_a_folder_that_a_variable_names() {
    const TEST: &str = "a_private_certificate_is_trusted_by_a_file_or_a_folder_that_a_variable_names";
    if let Ok(url) = std::env::var(URL) {
        assert_eq!(deploy(builder(&url)).await.expect("it is trusted"), "k3x9q2m7v1b8z5");
        return;
    }
    let (server, ca) = (MockServer::start_async().await, PrivateCa::new());
    let creates = account(&server);
    let front = TlsFront::start(&ca, "localhost", *server.address()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a plain path");
    let bundle = format!("# two of them\n{}{}", PrivateCa::new().pem(), ca.pem());
    let file = write(folder.path(), "a1b2c3d4.0", bundle);
    write(folder.path(), "README", "no certificate");
    for (variable, value) in [("SSL_CERT_FILE", &*file), ("SSL_CERT_DIR", path)] {
        run_with(TEST, &[(URL, &front.url()), (variable, value)]).await;
    }
    creates.assert_calls(2);
}

/// A certificate that was taken back in a running program is trusted by no client that is built from then on.
#[tokio::test]
async fn a_certificate_that_was_removed_is_trusted_no_longer() {
    const TEST: &str = "a_certificate_that_was_removed_is_trusted_no_longer";
    if let Ok(url) = std::env::var(URL) {
        let folder = PathBuf::from(std::env::var("SSL_CERT_DIR").expect("it is set"));
        let is_trusted = async || builder(&url).build().expect("a fine handle").list().await.is_ok();
        let good = std::fs::read(folder.join("ca.pem")).expect("it is there");
        let other = std::fs::read(folder.join("other.txt")).expect("it is there");
        assert!(is_trusted().await, "it is named");
        let changed = std::fs::metadata(folder.join("ca.pem")).and_then(|about| about.modified());
        std::fs::write(folder.join("ca.pem"), &other).expect("it is written");
        // As a copy does that keeps the times.
        let file = std::fs::File::options().write(true).open(folder.join("ca.pem")).expect("it opens");
        file.set_modified(changed.expect("it has a time")).expect("it is set");
        assert!(!is_trusted().await, "another has its place");
        std::fs::write(folder.join("ca.pem"), &good).expect("it is written");
        assert!(is_trusted().await, "it is named again");
        std::fs::write(folder.join("ca.pem"), "").expect("it is written");
        assert!(!is_trusted().await, "it was taken out");
        return;
    }
    let (server, ca) = (MockServer::start_async().await, PrivateCa::new());
    server.mock(|when, then| drop((when.path("/v2/pods"), then.status(200).body(r#"{"pods":[]}"#))));
    let front = TlsFront::start(&ca, "localhost", *server.address()).await;
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "ca.pem", ca.pem());
    write(folder.path(), "other.txt", PrivateCa::new().pem());
    let path = folder.path().to_str().expect("a plain path");
    run_with(TEST, &[(URL, &front.url()), ("SSL_CERT_DIR", path)]).await;
}

#[tokio::test]
async fn any_other_certificate_is_refused_at_once_and_nothing_is_created() {
    let server = MockServer::start_async().await;
    let creates = account(&server);
    let ca = PrivateCa::new();
    for (name, trusts_ca, why) in [
        ("localhost", false, "its issuer is not among the trusted ones"),
        ("another.example", true, "it is made for another name"),
    ] {
        let front = TlsFront::start(&ca, name, *server.address()).await;
        let builder = || match trusts_ca {
            true => builder(&front.url()).add_root_certificate_pem(ca.pem()),
            false => builder(&front.url()),
        };
        let began_at = Instant::now();
        let runpod = builder().build().expect("a fine handle");
        runpod.get("k3x9q2m7v1b8z5").await.expect_err("nobody trusts it");
        assert_eq!(front.connections(), 1, "it is asked once");
        let error = deploy(builder()).await.expect_err("nobody trusts it");
        assert!(began_at.elapsed() < Duration::from_secs(2), "{:?}", began_at.elapsed());
        let DeployError::Lookup(error) = error else { panic!("{error}") };
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Untrusted, false), "{error}");
        let text = error.to_string();
        for words in [why, "Nothing was sent", "add_root_certificate_pem", "SSL_CERT_FILE"] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
    creates.assert_calls(0);
}

#[test]
fn a_text_that_is_no_certificate_is_named_before_anything_is_sent() {
    let damaged = PrivateCa::new().pem().replace("-----END", "????\n-----END");
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let one_of_two = format!("{}{no_der}", PrivateCa::new().pem());
    for (pem, expected) in [
        ("", "holds no certificate in PEM form"),
        ("\u{0}\u{1}DER", "holds no certificate in PEM form"),
        (key, "holds no certificate in PEM form"),
        (&damaged, "holds PEM that cannot be read"),
        (no_der, "holds a certificate that cannot be used"),
        (&one_of_two, "holds a certificate that cannot be used"),
    ] {
        let built = RunPod::builder(KEY).add_root_certificate_pem(pem).build();
        let Err(ConfigError::Client(BuildError::Certificate { origin, problem })) = built else {
            panic!("{pem}: {built:?}")
        };
        assert_eq!(origin, "add_root_certificate_pem");
        assert!(problem.starts_with(expected), "{pem}: {problem}");
    }
}

#[tokio::test]
async fn a_variable_that_names_no_certificates_is_named_with_its_file() {
    const TEST: &str = "a_variable_that_names_no_certificates_is_named_with_its_file";
    if let Ok(expected) = std::env::var(URL) {
        let error = RunPod::builder(KEY).build().expect_err("there is no certificate");
        assert!(matches!(error, ConfigError::Client(BuildError::Certificate { .. })), "{error:?}");
        assert!(error.to_string().starts_with(&expected), "{error}");
        builder("http://127.0.0.1:9").build().expect("nothing on this machine needs a certificate");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let none = write(folder.path(), "none.pem", "no certificate");
    let pipe = folder.path().join("pipe").to_str().expect("a plain path").to_owned();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("it runs").success());
    let missing = folder.path().join("missing").to_str().expect("a plain path").to_owned();
    for (variable, path, problem) in [
        ("SSL_CERT_FILE", &none, "holds no certificate"),
        ("SSL_CERT_FILE", &missing, "cannot be read"),
        ("SSL_CERT_DIR", &missing, "cannot be read"),
        ("SSL_CERT_FILE", &pipe, "is not a file"),
    ] {
        let expected = format!("{variable} ({path}) {problem}");
        run_with(TEST, &[(URL, &expected), (variable, path)]).await;
    }
}

#[tokio::test]
async fn everything_goes_through_a_proxy_that_sees_no_key() {
    let (server, ca) = (MockServer::start_async().await, PrivateCa::new());
    let creates = account(&server);
    let front = TlsFront::start(&ca, "localhost", *server.address()).await;
    let proxy = Proxy::start(None).await;
    let url = format!("http://user:sentinel@{}", proxy.authority());
    let builder = builder(&front.url()).add_root_certificate_pem(ca.pem()).proxy(&url);
    assert!(!format!("{builder:?}").contains("sentinel"), "{builder:?}");
    deploy(builder).await.expect("it tunnels");
    creates.assert_calls(1);
    let heard = proxy.heard().join("\n");
    assert!(heard.starts_with("CONNECT localhost:") && heard.contains("oxy-"), "{heard}");
    assert!(!heard.contains(KEY), "{heard}");
}

#[test]
fn a_proxy_that_refuses_is_told_from_a_network_that_is_down() {
    run_fast(40, refused_by_proxies()).expect("a runtime");
}

async fn refused_by_proxies() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback is free");
    let nowhere = nobody.local_addr().expect("it has one").to_string();
    drop(nobody);
    let forbids = Proxy::start(Some("403 Forbidden")).await;
    let asks = Proxy::start(Some("407 Proxy Authentication Required")).await;
    for (authority, kind, is_retryable, words) in [
        (forbids.authority(), ErrorKind::ProxyRefused, true, "it refused"),
        (asks.authority(), ErrorKind::ProxyRefused, false, "it asks for a login (407)"),
        (nowhere, ErrorKind::Unreachable, true, "the proxy could not be reached"),
    ] {
        let url = format!("http://user:sentinel@{authority}");
        let runpod = builder("https://localhost:9").proxy(url).build().expect("a fine handle");
        let error = runpod.get("k3x9q2m7v1b8z5").await.expect_err("nothing gets through");
        assert_eq!((error.kind(), error.is_retryable()), (kind, is_retryable), "{error}");
        let text = format!("{error} {error:?}");
        assert!(text.contains(words) && !text.contains("sentinel"), "{text}");
    }
    assert_eq!(asks.heard().iter().filter(|line| line.starts_with("CONNECT")).count(), 1, "at once");
}

#[test]
fn a_proxy_that_is_none_is_refused_without_its_password() {
    for url in ["", "proxy", "socks5://user:sentinel@proxy:1080", "http://", "http://user:sentinel@"] {
        let error = RunPod::builder(KEY).proxy(url).build().expect_err("it is none");
        let text = format!("{error} {error:?}");
        assert!(matches!(error, ConfigError::Client(BuildError::Proxy { .. })), "{text}");
        assert!(text.contains("http://proxy.example.com:3128") && !text.contains("sentinel"), "{text}");
    }
}

#[tokio::test]
async fn an_http_client_of_the_users_own_is_taken_as_it_is_and_says_who_asks() {
    let (server, ca) = (MockServer::start_async().await, PrivateCa::new());
    let front = TlsFront::start(&ca, "localhost", *server.address()).await;
    let asked = server.mock(|when, then| {
        let agent = format!("my-app/1.0 runpod-lifecycle/{0} runpod-api/{0}", env!("CARGO_PKG_VERSION"));
        when.method("GET").path("/v2/pods/k3x9q2m7v1b8z5").header("user-agent", agent);
        then.status(200).json_body(fresh_pod());
    });
    let client = reqwest::Client::builder().user_agent("generic").tls_backend_preconfigured(ca.client());
    let client = client.build().expect("a client");
    let own = || builder(&front.url()).user_agent("my-app/1.0").http_client(client.clone());
    own().build().expect("a fine handle").get("k3x9q2m7v1b8z5").await.expect("it is there");
    asked.assert_calls(1);
    for (builder, expected) in [
        (own().proxy("http://proxy:3128"), "proxy"),
        (own().add_root_certificate_pem(ca.pem()), "add_root_certificate_pem"),
        (own().connect_timeout(Duration::from_secs(1)), "connect_timeout"),
    ] {
        let error = builder.build().expect_err("it has no effect");
        let ConfigError::Client(BuildError::OwnClient { setting }) = error else { panic!("{error:?}") };
        assert_eq!(setting, expected);
    }
}

/// The first place may have acted before it sent the call elsewhere, so the last answer proves nothing.
#[test]
fn a_create_that_the_users_own_client_carried_elsewhere_may_have_made_a_pod() {
    run_fast(40, carried_elsewhere()).expect("a runtime");
}

async fn carried_elsewhere() {
    let (server, ca) = (MockServer::start_async().await, PrivateCa::new());
    empty_account(&server);
    answer_create(&server, |then| then.status(307).header("location", "/v3/pods"));
    let next = server.mock(|when, then| drop((when.method("POST").path("/v3/pods"), then.status(404))));
    let client = reqwest::Client::builder().tls_backend_preconfigured(ca.client()).build().expect("a client");
    let error =
        deploy(builder(&server.base_url()).http_client(client)).await.expect_err("it leads elsewhere");
    assert!(error.may_bill(), "{error}");
    assert!(error.to_string().contains("RunPod answered 307"), "{error}");
    assert!(next.calls() > 0);
}

#[tokio::test]
async fn without_probes_runpods_word_for_an_address_is_enough() {
    let server = MockServer::start_async().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback is free");
    let port = nobody.local_addr().expect("it has one").port();
    drop(nobody);
    let mut pod = fresh_pod();
    pod["ssh"]["direct"] = json!({"host": "127.0.0.1", "port": port, "username": "root"});
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods/k3x9q2m7v1b8z5");
        then.status(200).json_body(pod);
    });
    let wait = async |builder: RunPodBuilder| {
        let pod = builder.build().expect("a fine handle").get("k3x9q2m7v1b8z5").await.expect("it is there");
        pod.wait_until(Ready::Ssh, Duration::from_millis(300)).await.map(|pod| pod.id.clone())
    };
    let url = server.base_url();
    wait(builder(&url)).await.expect_err("nothing answers there");
    assert_eq!(wait(builder(&url).without_probe()).await.expect("RunPod says so"), "k3x9q2m7v1b8z5");
}

#[tokio::test]
async fn a_wait_says_that_a_port_cannot_be_asked_for_its_certificate() {
    let server = MockServer::start_async().await;
    let front = TlsFront::start(&PrivateCa::new(), "localhost", *server.address()).await;
    let mut pod = fresh_pod();
    (pod["ports"], pod["runtime"]) = (json!(["8000/http"]), json!({"uptime": 10}));
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods/k3x9q2m7v1b8z5");
        then.status(200).json_body(pod);
    });
    let runpod = builder(&server.base_url()).http_proxy(front.url()).build().expect("a fine handle");
    let pod = runpod.get("k3x9q2m7v1b8z5").await.expect("it is there");
    let error = pod.wait_until(Ready::Http(8000), Duration::from_millis(300)).await.expect_err("no trust");
    assert!(error.to_string().contains("the server's certificate is not trusted"), "{error}");
}
