//! Advice of every failure.

use std::ffi::OsString;

use httpmock::MockServer;
use runpod_sindri::{DeployOptions, Outcome, Provider, ProviderError, RunpodProvider};
use serde_json::json;

use crate::mock::{KEY, account, config, problem, provider};

async fn refused(status: u16, detail: &str) -> ProviderError {
    let server = MockServer::start_async().await;
    account(&server, &[]);
    server.mock(|when, then| {
        when.method("POST").path("/v2/pods");
        let then = problem(then, status, detail);
        if status == 429 {
            then.header("retry-after", "600");
        }
    });
    let config = config("{name: my-env, deployment: {image: a}, providers: {runpod: {region: US-CA-2}}}");
    let error = provider(server.base_url())
        .deploy(&config, DeployOptions::default())
        .await
        .expect_err("it must fail");
    error.downcast().expect("the provider's own error")
}

#[tokio::test]
async fn every_status_has_its_hint() {
    for (status, hint) in [
        (400, "check gpuType, gpuCount, region"),
        (
            401,
            "check RUNPOD_API_KEY, or the key that the program gives; keys are made at https://console.runpod.io/user/settings",
        ),
        (402, "nothing was started. Add credit at https://console.runpod.io/user/billing"),
        (403, "try another gpuType"),
        (404, "check networkVolumeId and templateId"),
        (409, "see status"),
        (422, "check gpuType, gpuCount, region"),
        (429, "wait before the next request"),
    ] {
        let error = refused(status, "said the server").await;
        assert_eq!(error.outcome(), Outcome::Failed, "{status}");
        assert_eq!(error.summary(), "could not deploy environment \"my-env\"");
        assert!(error.hint().unwrap_or_default().contains(hint), "{status}: {error}");
        let chain = format!("{:#}", anyhow::Error::from(error));
        assert!(chain.contains(hint) && chain.contains("said the server"), "{status}: {chain}");
        assert!(!chain.contains(KEY), "{chain}");
    }
}

#[tokio::test]
async fn a_failing_server_points_to_its_status_page() {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        problem(then, 503, "Something went wrong.").header("retry-after", "600");
    });
    let error = provider(server.base_url()).status(&config("name: my-env")).await.unwrap_err();
    assert!(error.to_string().contains("https://uptime.runpod.io"), "{error}");
}

#[tokio::test]
async fn no_capacity_suggests_what_would_widen_the_search() {
    let error =
        refused(400, "There are no longer any instances available with the requested specifications.").await;
    assert_eq!(error.outcome(), Outcome::NoCapacity);
    let hint = error.hint().unwrap();
    for suggestion in ["another gpuType", "a pool such as", "no region", "cloudType: COMMUNITY"] {
        assert!(hint.contains(suggestion), "{suggestion}: {hint}");
    }
}

#[tokio::test]
async fn an_unknown_gpu_is_named_with_what_there_is() {
    let server = MockServer::start_async().await;
    account(&server, &[]);
    let config = config("{name: a, deployment: {image: b}, providers: {runpod: {gpuType: RTX 4090}}}");
    let error = provider(server.base_url()).plan(&config).await.unwrap_err();
    let outcome = error.downcast_ref::<ProviderError>().unwrap().outcome();
    assert_eq!(outcome, Outcome::Misused);
    let says = "the nearest are \"NVIDIA GeForce RTX 4090\", \"NVIDIA A40\"";
    assert!(format!("{error:#}").contains(says), "{error:#}");
}

#[test]
fn every_outcome_has_its_exit_code() {
    let outcomes =
        [Outcome::Failed, Outcome::Misused, Outcome::NotFound, Outcome::NoCapacity, Outcome::TimedOut];
    assert_eq!(outcomes.map(Outcome::exit_code), [1, 2, 3, 4, 5]);
    assert_eq!(
        json!(outcomes.map(Outcome::as_str)),
        json!(["failed", "misused", "not_found", "no_capacity", "timed_out"])
    );
}

#[tokio::test]
async fn without_a_key_nothing_is_tried() {
    let provider = crate::mock::provider_with("http://127.0.0.1:9", "", "/nowhere".as_ref(), []);
    let error = provider.deploy(&config("name: a"), DeployOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("runpod-api-key: set RUNPOD_API_KEY"), "{error}");
    let error = provider.status(&config("name: a")).await.unwrap_err();
    assert!(error.to_string().contains("RUNPOD_API_KEY is not set"), "{error}");
    assert_eq!(error.downcast_ref::<ProviderError>().unwrap().outcome(), Outcome::Misused);
}

#[tokio::test]
async fn another_api_version_is_refused() {
    let variables = [("RUNPOD_API_VERSION", "v7")];
    let provider = crate::mock::provider_with("http://127.0.0.1:9", KEY, "/nowhere".as_ref(), variables);
    let error = provider.status(&config("name: a")).await.unwrap_err();
    assert!(error.to_string().contains("RUNPOD_API_VERSION is \"v7\""), "{error}");
}

/// Runs in a process of its own, since the environment is set.
#[tokio::test]
async fn a_variable_that_is_not_unicode_is_not_overlooked() {
    const TOLD: &str = "RUNPOD_TEST_NOT_UNICODE";
    if let Ok(variable) = std::env::var(TOLD) {
        let error = RunpodProvider::new().status(&config("name: a")).await.unwrap_err();
        assert_eq!(error.downcast_ref::<ProviderError>().unwrap().outcome(), Outcome::Misused);
        assert!(error.to_string().contains(&format!("{variable} is set and is not Unicode")), "{error}");
        return;
    }
    let fine =
        [("RUNPOD_API_KEY", KEY), ("RUNPOD_API_URL", "http://127.0.0.1:9"), ("RUNPOD_API_VERSION", "v2")];
    for (variable, _) in fine {
        let broken: OsString = std::os::unix::ffi::OsStringExt::from_vec(b"http://127.0.0.1:9/\xff".to_vec());
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "errors::a_variable_that_is_not_unicode_is_not_overlooked"]).envs(fine);
        let output = child.env(variable, broken).env(TOLD, variable).output().unwrap();
        assert!(output.status.success(), "{variable}: {}", String::from_utf8_lossy(&output.stdout));
    }
}
