//! Bad input: each a typed error that says what to do, before any request where that is possible.

use httpmock::MockServer;
use runpod_lifecycle::{ConfigError, DeployError, PodSpec, RunPod, SpecError};
use serde_json::json;

use crate::{
    mock::{GPU, KEY, fresh_pod, handle, spec},
    scripted::{self, Scripted},
};

fn build(key: &str, url: Option<&str>) -> ConfigError {
    let builder = RunPod::builder(key);
    let builder = match url {
        Some(url) => builder.base_url(url),
        None => builder,
    };
    builder.build().expect_err("the input is bad")
}

fn problems(spec: &PodSpec) -> Vec<(&'static str, String)> {
    let error: SpecError = spec.validate().expect_err("the spec is bad");
    error.problems().iter().map(|problem| (problem.field, problem.value.clone())).collect()
}

#[test]
fn keys_that_cannot_be_sent_are_refused_without_being_printed() {
    for key in ["", "   ", "rpa_secret\nX-Evil: 1", "rpa_secret\u{7f}"] {
        let error = build(key, None);
        let text = format!("{error} {error:?}");
        assert!(text.contains("key") && text.contains("RUNPOD_API_KEY"), "{text}");
        assert!(!text.contains("rpa_secret"), "{text}");
    }
}

#[test]
fn base_urls_without_a_scheme_or_without_tls_are_refused() {
    for url in
        ["api.runpod.io", "", "http://api.runpod.io", "http://10.0.0.1:8080", "ftp://127.0.0.1", "https://"]
    {
        let text = build(KEY, Some(url)).to_string();
        assert!(text.contains("https"), "{url}: {text}");
    }
    for url in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://example.test"] {
        RunPod::builder(KEY).base_url(url).build().unwrap_or_else(|error| panic!("{url}: {error}"));
    }
}

#[test]
fn a_spec_says_every_problem_at_once() {
    let spec = PodSpec::gpu("", "", Vec::<String>::new())
        .port("22")
        .port("0/tcp")
        .port("70000/http")
        .port("22/udp")
        .container_disk_gb(0)
        .volume_gb(9)
        .gpu_count(0)
        .mount_path("workspace")
        .env("A=B", "s3cret");
    let problems = problems(&spec);
    let fields: Vec<&str> = problems.iter().map(|(field, _)| *field).collect();
    assert_eq!(
        fields,
        [
            "name",
            "image",
            "gpus",
            "gpu_count",
            "container_disk_gb",
            "volume_gb",
            "mount_path",
            "ports",
            "ports",
            "ports",
            "ports",
            "env"
        ]
    );
    assert!(!spec.validate().unwrap_err().to_string().contains("s3cret"));
}

#[test]
fn names_have_191_characters_at_most_and_no_line_breaks() {
    let named = |name: &str| PodSpec::gpu(name, "image", [GPU]);
    named(&"n".repeat(191)).validate().expect("191 characters are fine");
    named("my \"pod\"/🦀").validate().expect("quotes, slashes and emoji are fine");
    assert_eq!(problems(&named(&"n".repeat(192))), [("name", "192 characters".to_owned())]);
    assert_eq!(problems(&named("a\nb"))[0].0, "name");
}

#[test]
fn a_name_has_no_space_around_it() {
    for name in ["env ", " env", "env\t", "\u{a0}env", "env\u{2003}"] {
        assert_eq!(problems(&PodSpec::gpu(name, "image", [GPU])), [("name", name.to_owned())]);
    }
    PodSpec::gpu("my env", "image", [GPU]).validate().expect("a space within is fine");
}

#[test]
fn variables_of_this_crates_own_are_refused_by_name() {
    for name in [
        "RUNPOD_LIFECYCLE_DEPLOYMENT",
        "RUNPOD_LIFECYCLE_EXPIRES_AT",
        "RUNPOD_LIFECYCLE_LIFETIME_SECONDS",
        "RUNPOD_LIFECYCLE_AT_END",
    ] {
        let spec = spec().env(name, "s3cret").lifetime(std::time::Duration::from_secs(60));
        assert_eq!(problems(&spec), [("env", name.to_owned())]);
        let text = spec.validate().expect_err("it is reserved").to_string();
        assert!(text.contains("another pod's environment") && !text.contains("s3cret"), "{text}");
    }
    spec().env("RUNPOD_POD_ID", "x").validate().expect("RunPod's own are not ours");
}

#[test]
fn eleven_http_ports_are_one_too_many() {
    let eleven = (8000..8011).fold(spec(), |spec, port| spec.port(format!("{port}/http")));
    assert_eq!(problems(&eleven), [("ports", "11 http ports".to_owned())]);
}

#[tokio::test]
async fn a_bad_spec_sends_nothing() {
    let server = MockServer::start_async().await;
    let anything = server.mock(|when, then| {
        when.any_request();
        then.status(500);
    });
    let error = handle(&server).deploy(&PodSpec::gpu(" ", "image", [GPU])).await.expect_err("a bad spec");
    assert!(matches!(error, DeployError::Spec(_)), "{error}");
    assert!(error.to_string().contains("nothing was sent"), "{error}");
    assert_eq!(anything.calls(), 0);
}

#[tokio::test]
async fn everything_wrong_with_a_spec_is_in_one_error_that_names_the_pod() {
    let server = Scripted::start(|request, _| scripted::account(request)).await;
    let by_itself = PodSpec::gpu("trainer", "two words", ["RTX 9090", GPU])
        .env("A B", "s3cret")
        .data_center("EU-RO1")
        .gpu_count(0)
        .interruptible(false);
    let by_catalog = PodSpec::gpu("trainer", "image", ["RTX 9090", GPU]).data_center("EU-RO1");
    let cpu = PodSpec::cpu("trainer", "image", 2).cpu_flavor("cpu9z");
    for (spec, fields, end) in [
        (by_itself, &["image", "gpu_count", "env"][..], "nothing was sent"),
        (by_catalog, &["data_centers", "gpus"], "none was created"),
        (cpu, &["cpu_flavors"], "none was created"),
    ] {
        let errors = [
            server.runpod().deploy(&spec).await.expect_err("a bad spec"),
            server.runpod().plan(&spec).await.expect_err("a bad spec"),
        ];
        for error in errors {
            let DeployError::Spec(problems) = &error else { panic!("{error}") };
            let found: Vec<&str> = problems.problems().iter().map(|problem| problem.field).collect();
            assert_eq!((found.as_slice(), problems.pod_name()), (fields, "trainer"), "{error}");
            let text = error.to_string();
            assert!(text.contains("\"trainer\"") && text.contains(end), "{text}");
            assert!(!text.contains("s3cret"), "{text}");
        }
    }
    assert!(server.creates().is_empty());
}

#[tokio::test]
async fn candidates_that_were_refused_in_the_same_words_share_them() {
    const STOCK: &str = "There are no longer any instances available with the requested specifications.";
    let server = Scripted::start(|request, _| match request.is("POST", "/v2/pods") {
        true if request.body["gpu"]["id"] == "NVIDIA A40" => scripted::refusal(403, "not for this account"),
        true => scripted::refusal(400, STOCK),
        false => scripted::account(request),
    })
    .await;
    let spec = PodSpec::gpu("trainer", "image", [GPU, "NVIDIA A40", "NVIDIA GeForce RTX 3090"]);
    let error = server.runpod().deploy(&spec).await.expect_err("all are refused");
    let text = error.to_string();
    assert_eq!(text.matches("no longer any instances available").count(), 1, "{text}");
    for hardware in [GPU, "NVIDIA A40", "NVIDIA GeForce RTX 3090"] {
        assert!(text.contains(&format!("1x {hardware} (Secure)")), "{text}");
    }
    assert!(text.contains("not for this account"), "{text}");
}

#[tokio::test]
async fn a_gpu_the_catalog_does_not_know_is_named_together_with_what_there_is() {
    let server = MockServer::start_async().await;
    crate::mock::empty_account(&server);
    let error =
        handle(&server).deploy(&PodSpec::gpu("trainer", "image", ["RTX 9090"])).await.expect_err("unknown");
    let text = error.to_string();
    assert!(text.contains("RTX 9090") && text.contains(GPU), "{text}");
}

#[tokio::test]
async fn two_pods_of_one_name_are_both_listed_and_nothing_is_created() {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("GET").path("/v2/catalog/gpus");
        then.status(200).json_body(json!({"gpus": [{"id": GPU}]}));
    });
    let (mut one, mut two) = (fresh_pod(), fresh_pod());
    one["id"] = "one".into();
    two["id"] = "two".into();
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.status(200).json_body(json!({"pods": [one, two]}));
    });
    let create = crate::mock::answer_create(&server, |then| then.status(500));
    let error = handle(&server).deploy(&spec()).await.expect_err("the name is taken twice");
    assert_eq!(
        error.to_string(),
        "pod name \"trainer\" is taken by one; two; adopt or replace it, choose another name, or terminate all but one"
    );
    assert_eq!(create.calls(), 0);
}
