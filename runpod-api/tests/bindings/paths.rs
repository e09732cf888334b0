use httpmock::MockServer;
use runpod_api::FailureKind;

use crate::client;

#[tokio::test]
async fn an_id_stays_one_segment() {
    let server = MockServer::start_async().await;
    let client = client(&server);
    for (id, path) in [
        ("../pods/x?y=1", "/v2/pods/..%2Fpods%2Fx%3Fy%3D1"),
        ("..\\..\\account", "/v2/pods/..%5C..%5Caccount"),
        ("a b#c%2e%2e", "/v2/pods/a%20b%23c%252e%252e"),
        ("%2e%2e", "/v2/pods/%252e%252e"),
        ("\t..", "/v2/pods/%09.."),
        ("pod:1@x;y", "/v2/pods/pod%3A1%40x%3By"),
    ] {
        let mock = server.mock(|when, then| {
            when.is_true(move |request| request.uri().path() == path);
            then.status(200).body("{\"id\":\"right\"}");
        });
        let pod = client.get_pod(id).await.unwrap_or_else(|failure| panic!("{id}: {failure}"));
        assert_eq!(pod.id, "right");
        mock.assert_calls(1);
    }
}

#[tokio::test]
async fn an_id_that_names_nothing_is_not_sent() {
    let server = MockServer::start_async().await;
    let all = server.mock(|_, then| drop(then.status(204)));
    let client = client(&server);
    for id in ["", ".", "..", "a\0b"] {
        let failure = client.delete_pod(id).await.expect_err("refused");
        assert_eq!(failure.kind(), &FailureKind::NotSent, "{id:?}");
        assert_eq!(
            failure.to_string(),
            "delete_pod: the request was not sent: an id is empty, a dot segment or has a NUL; \
             give the id that RunPod gave; correct the call"
        );
    }
    all.assert_calls(0);
}
