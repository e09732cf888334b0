//! Calls of the generated client through the facade: its rate limit, its retries, its errors, its pages.

use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, TryStreamExt};
use httpmock::MockServer;
use runpod_lifecycle::{
    ApiVersion, ErrorKind, Event, RunPod,
    api::v2::types::{
        CreateTemplateRequest, ListEndpointBuildsOptions, ListPodsOptions, ListTemplatesOptions,
    },
};
use runpod_sim::{Fault, FaultKind};
use serde_json::json;

use crate::{
    mock::{KEY, handle, problem},
    world::world,
};

fn template(name: &str) -> CreateTemplateRequest {
    serde_json::from_value(json!({"name": name, "image": "debian:13", "disk": 20}))
        .expect("the contract allows it")
}

#[tokio::test]
async fn a_read_that_fails_for_a_moment_is_sent_again_and_a_change_is_not() {
    let world = world().await;
    for operation in ["listTemplates", "createTemplate"] {
        let fault = Fault::new(FaultKind::status_before(503)).on(operation).times(1);
        world.sim.inject(fault).expect("a sound fault");
    }
    let listed =
        world.runpod.raw("list templates", |api| api.list_templates()).await.expect("the second time");
    assert_eq!((listed.templates.len(), world.sent("listTemplates")), (0, 2));

    let new = template("mine");
    let error = world.runpod.raw("create template", |api| api.create_template(&new)).await.expect_err("503");
    assert_eq!(
        (error.kind(), error.status(), error.operation()),
        (ErrorKind::Server, Some(503), "create template")
    );
    assert!(error.may_have_been_applied(), "{error}");
    assert_eq!(world.sent("createTemplate"), 1);
    assert_eq!(world.sim.requests().last().map(|request| request.status), Some(503));
}

#[tokio::test]
async fn an_error_has_the_kind_the_words_and_the_advice_of_every_other_call() {
    let server = MockServer::start_async().await;
    let gone = server.mock(|when, then| {
        when.method("GET").path("/v2/clusters/nope");
        problem(then, 404, "Not Found", "cluster not found");
    });
    let runpod = handle(&server);
    let error = runpod.raw("get cluster", |api| api.get_cluster("nope")).await.expect_err("404");
    let error = error.with_target("nope");
    assert_eq!((error.kind(), error.request_id()), (ErrorKind::NotFound, Some("req-123")));
    assert_eq!(
        error.to_string(),
        "could not get cluster nope: RunPod answered 404 \"cluster not found\" (request req-123). It does not exist or no longer does."
    );
    assert_eq!(gone.calls(), 1);
    assert!(!format!("{error:?}").contains(KEY));
}

#[tokio::test]
async fn its_answers_feed_the_rate_limit_that_holds_the_next_call_back() {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.path("/v2/clusters");
        then.status(200).header("ratelimit", "\"minute\";r=0;t=1").json_body(json!({"clusters": []}));
    });
    let paused = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&paused);
    let runpod = handle(&server).on_event(move |event| {
        if let Event::Paused { operation, .. } = event {
            seen.lock().expect("nobody panics").push(operation.clone());
        }
    });
    for words in ["list clusters", "list clusters again"] {
        runpod.raw(words, |api| api.list_clusters()).await.expect("an empty list");
    }
    assert_eq!(*paused.lock().expect("nobody panics"), ["list clusters again"]);
}

#[tokio::test]
async fn rest_v1_has_neither_and_says_so_before_anything_is_sent() {
    let server = MockServer::start_async().await;
    let runpod = RunPod::builder(KEY).api_version(ApiVersion::V1).base_url(server.base_url()).build();
    let runpod = runpod.expect("loopback is fine");
    let error = runpod.raw("list clusters", |api| api.list_clusters()).await.expect_err("v1");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("REST v2"), "{error}");
    let page = runpod.pod_pages(ListPodsOptions::new()).next().await.expect("one item");
    assert_eq!(page.expect_err("v1").kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_list_comes_page_by_page_and_a_page_that_fails_for_a_moment_comes_again() {
    // Pages of two.
    let world = world().await;
    for name in ["a", "b", "c", "d", "e"] {
        let new = template(name);
        world.runpod.raw("create template", |api| api.create_template(&new)).await.expect("it is fine");
    }
    let mut pages = world.runpod.template_pages(ListTemplatesOptions::new());
    let mut sizes = Vec::new();
    while let Some(page) = pages.try_next().await.expect("every page comes") {
        sizes.push(page.templates.len());
        if sizes.len() == 1 {
            let fault = Fault::new(FaultKind::status_before(500)).on("listTemplates").times(1);
            world.sim.inject(fault).expect("a sound fault");
        }
    }
    assert_eq!((sizes.as_slice(), world.sent("listTemplates")), ([2, 2, 1].as_slice(), 4));

    // Nothing is asked for that nobody wants.
    let first = world.runpod.template_pages(ListTemplatesOptions::new()).next().await.expect("one");
    assert_eq!((first.expect("it comes").templates.len(), world.sent("listTemplates")), (2, 5));
    let pods = world.runpod.pod_pages(ListPodsOptions::new()).try_collect::<Vec<_>>().await.expect("none");
    assert_eq!(pods.len(), 1, "an empty page");
}

#[tokio::test]
async fn pages_that_go_round_in_a_circle_end_with_an_error_after_what_came() {
    let server = MockServer::start_async().await;
    let builds = server.mock(|when, then| {
        when.method("GET").path("/v2/serverless/ep-1/builds").query_param_missing("cursor");
        then.status(200)
            .json_body(json!({"builds": [], "pagination": {"nextCursor": "x", "hasNextPage": true}}));
    });
    server.mock(|when, then| {
        when.method("GET").path("/v2/serverless/ep-1/builds").query_param("cursor", "x");
        then.status(200)
            .json_body(json!({"builds": [], "pagination": {"nextCursor": "x", "hasNextPage": true}}));
    });
    let pages = handle(&server).endpoint_build_pages("ep-1", ListEndpointBuildsOptions::new());
    let pages: Vec<_> = pages.collect().await;
    let [Ok(_), Ok(_), Err(error)] = pages.as_slice() else { panic!("{pages:?}") };
    assert_eq!((error.kind(), error.target()), (ErrorKind::Unreadable, Some("ep-1")));
    assert!(error.to_string().starts_with("could not list builds of endpoint ep-1: "), "{error}");
    assert_eq!(builds.calls(), 1);
}

#[tokio::test]
async fn the_generated_types_are_there_without_another_dependency() {
    let pod: runpod_lifecycle::Pod =
        serde_json::from_value::<runpod_lifecycle::api::v2::types::Pod>(crate::mock::fresh_pod())
            .expect("as the live API sends it")
            .into();
    assert_eq!(pod.id, "k3x9q2m7v1b8z5");
}
