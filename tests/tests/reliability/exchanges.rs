//! Promises about any answer or config, through a server and the whole client. Used by the property tests and by
//! the fuzz targets.

use futures_util::StreamExt;
use runpod_lifecycle::{DeployError, Hardware, PodSpec};
use runpod_sindri::{Provider, ProviderError, RunpodProvider};

use crate::{
    properties,
    wire::{KEY, Server, json, with_headers},
};

/// GPU types and their pools.
const CATALOG: [(&str, &str); 3] =
    [("NVIDIA GeForce RTX 4090", "ADA_24"), ("NVIDIA L4", "AMPERE_24"), ("NVIDIA RTX A5000", "AMPERE_24")];

/// Any body of a refusal ends in an error that says what it was about.
pub(crate) async fn refusal(body: Vec<u8>) {
    let server = Server::start(move |_, _| json(400, &body)).await;
    properties::error(&server.runpod().restart("abc").await.expect_err("a refusal"));
}

/// Any values of `Retry-After`, `RateLimit`, `RateLimit-Policy` and `Date`, one a line, do the same.
pub(crate) async fn limits(values: &str) {
    let names = ["retry-after", "ratelimit", "ratelimit-policy", "date"];
    let headers: String =
        names.iter().zip(values.split('\n')).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let server = Server::start(move |_, _| with_headers(429, &headers, "{}")).await;
    let runpod = server.runpod();
    properties::error(&runpod.restart("abc").await.expect_err("a refusal"));
    properties::error(&runpod.restart("abc").await.expect_err("another, or held back"));
}

/// Any event stream ends in lines, so many of them, and an error.
pub(crate) async fn log(events: Vec<u8>) -> usize {
    let server = Server::start(move |_, number| match number {
        0 => [b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".as_slice(), &events].concat(),
        _ => json(404, r#"{"title":"Not Found","status":404,"detail":"no such pod"}"#),
    })
    .await;
    let followed: Vec<_> = server.runpod().logs("abc").follow().collect().await;
    let (last, lines) = followed.split_last().expect("at least the error");
    properties::error(last.as_ref().expect_err("the second answer ends it"));
    assert!(lines.iter().all(Result::is_ok));
    lines.len()
}

/// Any text for a GPU is a type or a pool of the catalog, or an error says which there are.
pub(crate) async fn gpu(text: &str) {
    let catalog: Vec<String> =
        CATALOG.iter().map(|(id, pool)| format!(r#"{{"id":"{id}","pool":"{pool}"}}"#)).collect();
    let catalog = format!(r#"{{"gpus":[{}]}}"#, catalog.join(","));
    let server = Server::start(move |head, _| match head.contains("/catalog/gpus") {
        true => json(200, &catalog),
        false => json(200, r#"{"pods":[]}"#),
    })
    .await;
    match server.runpod().plan(&PodSpec::gpu("name", "image", [text])).await {
        Ok(plan) => {
            assert!(!plan.candidates.is_empty(), "{text:?}");
            for candidate in &plan.candidates {
                let Hardware::Gpu { id, .. } = &candidate.hardware else { panic!("{candidate:?}") };
                let known = CATALOG.iter().any(|(known, pool)| {
                    id == known && [known, pool].iter().any(|word| word.eq_ignore_ascii_case(text.trim()))
                });
                assert!(known, "{text:?} is not {id:?}");
            }
        }
        Err(DeployError::Spec(error)) => properties::spec_error(&error),
        Err(error) => panic!("{text:?}: {error}"),
    }
}

/// Any `sindri.yaml` is refused before anything is sent, or asks RunPod for something; whether it does.
pub(crate) async fn config(yaml: &str) -> bool {
    let Some(config) = properties::config(yaml) else { return false };
    let server = Server::start(|_, _| json(401, r#"{"title":"Unauthorized","status":401}"#)).await;
    let provider =
        RunpodProvider::new().environment_variables([("RUNPOD_API_KEY", KEY)]).api_url(&server.url);
    let error = provider.plan(&config).await.expect_err("nothing is granted");
    let error = error.downcast_ref::<ProviderError>().expect("the provider's own error");
    let is_refused = matches!(error, ProviderError::Config(_));
    assert_eq!(is_refused, server.heard().is_empty(), "{error}");
    assert!(!error.to_string().contains(KEY), "{error}");
    properties::printable(&error.to_string());
    !is_refused
}
