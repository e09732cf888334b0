use std::{error::Error as _, time::Duration};

use httpmock::MockServer;
use runpod_api::{ClientBuilder, Failure, FailureKind, v2::types};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{KEY, client};

const SECRET: &str = "SENTINELENVVALUE";

fn create() -> types::CreatePodRequest {
    serde_json::from_value(json!({ "name": "a", "image": "i", "disk": 20, "env": { "TOKEN": SECRET } }))
        .expect("a request")
}

/// Nothing that can be printed of a failure holds a secret.
fn is_clean(failure: &Failure) {
    let mut text = format!("{failure} {failure:?} {failure:#?} {} {:?}", failure.message(), failure.errors());
    let mut source = failure.source();
    while let Some(cause) = source {
        text += &format!("{cause} {cause:?}");
        source = cause.source();
    }
    assert!(!text.contains("SENTINEL"), "{text}");
}

async fn answered(status: u16, body: impl AsRef<[u8]>) -> Failure {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.path("/v2/pods");
        then.status(status)
            .header("x-request-id", "req-7")
            .header("retry-after", "30")
            .header("ratelimit", "\"minute\";r=0;t=12")
            .header("ratelimit-policy", "\"minute\";q=60;w=60")
            .body(body);
    });
    let failure = client(&server).create_pod(&create()).await.expect_err("a failure");
    is_clean(&failure);
    failure
}

#[tokio::test]
async fn a_status_keeps_the_servers_words_and_headers() {
    for status in [400, 401, 402, 403, 404, 409, 410, 413, 422, 429, 500, 502, 503] {
        let body = json!({ "title": "Title", "status": status, "detail": "the words", "errors": ["env.A: bad", { "b": 1 }] });
        let failure = answered(status, body.to_string()).await;
        assert_eq!(failure.kind(), &FailureKind::Status);
        assert_eq!(failure.status(), Some(status));
        assert_eq!(failure.message(), "the words");
        assert_eq!(failure.errors(), ["env.A: bad", "{\"b\":1}"]);
        assert!(failure.is_runpod_shaped());
        assert_eq!(failure.request_id(), Some("req-7"));
        assert_eq!(failure.retry_after(), Some(Duration::from_secs(30)));
        assert_eq!(failure.rate_limit(), Some("\"minute\";r=0;t=12"));
        assert_eq!(failure.rate_limit_policy(), Some("\"minute\";q=60;w=60"));
        assert!(
            failure.to_string().starts_with(&format!("create_pod: RunPod answered {status}: the words ("))
        );
        assert!(failure.to_string().ends_with("[request req-7]"));
    }
}

#[tokio::test]
async fn other_shapes_are_read_too() {
    for (body, message, shaped, is_problem) in [
        (json!({ "error": "create pod: no" }).to_string(), "create pod: no", true, false),
        (json!({ "error": "no", "status": 500 }).to_string(), "no", true, false),
        (json!({ "message": "hm" }).to_string(), "hm", false, false),
        (json!({ "title": "T" }).to_string(), "T", false, false),
        (json!({ "title": "T", "status": 500 }).to_string(), "T", true, true),
        (json!({ "detail": "Not Found" }).to_string(), "Not Found", false, false),
        ("<html>502</html>".to_owned(), "<html>502</html>", false, false),
        ("error code: 1010".to_owned(), "error code: 1010", false, false),
        (json!({ "ok": false }).to_string(), "{\"ok\":false}", false, false),
        (json!(["a"]).to_string(), "[\"a\"]", false, false),
        (String::new(), "", false, false),
    ] {
        let failure = answered(500, &body).await;
        assert_eq!((failure.message(), failure.is_runpod_shaped()), (message, shaped), "{body}");
        assert_eq!(failure.is_problem(), is_problem, "{body}");
        assert_eq!(failure.status(), Some(500));
    }
    let edge = answered(403, "error code: 1010").await;
    assert!(edge.to_string().contains("set another user agent"), "{edge}");
    let retired = answered(410, json!({ "error": "gone" }).to_string()).await;
    assert!(retired.to_string().contains("REST v1 was retired on 2026-11-15; use v2"), "{retired}");
}

#[tokio::test]
async fn what_the_server_repeats_is_capped_and_cleaned() {
    let long = "x".repeat(100_000);
    assert_eq!(answered(500, &long).await.message().chars().count(), 2001);
    let echo = format!("bad key {KEY}, bad env TOKEN={SECRET}");
    let failure = answered(422, json!({ "detail": echo, "errors": [echo] }).to_string()).await;
    assert_eq!(failure.message(), "bad key [redacted], bad env TOKEN=[redacted]");
    assert_eq!(failure.errors(), [failure.message()]);
}

/// A server may have read what it quotes from a log, a form or another JSON text.
#[tokio::test]
async fn what_the_server_repeats_is_cleaned_however_it_is_spelled() {
    let pem = "-----BEGIN KEY-----\nSENTINELMIIEvQIBADANBgkqhkiG9w0BAQE\nFAASCBKcwggSjAgEAAoIBAQC7\n-----END KEY-----";
    let request = json!({ "name": "a", "image": "i", "disk": 20, "env": { "TOKEN": pem } });
    let request: types::CreatePodRequest = serde_json::from_value(request).expect("a request");
    for spelled in [
        pem.replace('\n', " "),
        pem.replace('\n', "\r\n"),
        json!(json!({ "env": pem }).to_string()).to_string(),
        pem.bytes().map(|byte| format!("\\u{byte:04x}")).collect(),
        pem.chars().skip(5).take(30).collect(),
    ] {
        for status in [201, 422, 500] {
            let server = MockServer::start_async().await;
            let words =
                json!({ "id": &spelled, "name": 7, "title": "T", "status": status, "detail": &spelled });
            server.mock(|_, then| {
                let id = spelled.replace(['\r', '\n'], " ");
                then.status(status).header("x-request-id", id).body(words.to_string());
            });
            let failure = client(&server).create_pod(&request).await.expect_err("a failure");
            let headers = format!("{:?} {:?}", failure.headers(), failure.recovered_id());
            let shown = format!("{failure} {failure:?} {headers}");
            let piece = ["SENTINEL", "QIBADANBgkq", "\\u004d", "FAASCBKcwg"]
                .into_iter()
                .find(|piece| shown.contains(piece));
            assert_eq!(piece, None, "{status}: {shown}");
        }
    }
}

#[tokio::test]
async fn what_to_do_is_told_by_what_was_asked_for() {
    let server = MockServer::start_async().await;
    let problem = |status: u16| json!({ "title": "T", "status": status, "detail": "no" }).to_string();
    let say = |method: &'static str, status: u16| {
        server.mock(|when, then| {
            when.method(method);
            then.status(status).body(problem(status));
        })
    };
    say("GET", 503);
    let mut refusal = say("POST", 503);
    let read = client(&server).get_pod("p").await.expect_err("a failure");
    assert!(read.is_read() && read.to_string().ends_with("try again later"), "{read}");
    let made = client(&server).create_pod(&create()).await.expect_err("a failure");
    assert!(
        !made.is_read() && made.to_string().ends_with("it may have been done: check before trying again"),
        "{made}"
    );
    refusal.delete();
    say("POST", 501);
    let unknown = client(&server).create_pod(&create()).await.expect_err("a failure");
    assert!(
        unknown
            .to_string()
            .ends_with("this server does not offer it: check the base URL and the API version"),
        "{unknown}"
    );
}

#[tokio::test]
async fn a_success_that_cannot_be_read_gives_up_its_id_and_no_payload() {
    let body = json!({ "id": "p1", "env": { "TOKEN": SECRET }, "gpu": { "count": { "odd": SECRET } } });
    let failure = answered(201, body.to_string()).await;
    let FailureKind::Undecodable { path, expected } = failure.kind() else { panic!("{failure:?}") };
    assert_eq!((path.as_str(), expected.as_str()), ("gpu.count", "a number"));
    assert_eq!((failure.status(), failure.recovered_id()), (Some(201), Some("p1")));
    assert_eq!(failure.request_id(), Some("req-7"));

    let failure = answered(201, json!({ "name": SECRET }).to_string()).await;
    assert_eq!(failure.kind(), &FailureKind::Undecodable { path: ".".into(), expected: "field `id`".into() });
    assert_eq!(failure.recovered_id(), None);

    let failure = answered(200, format!("<html>{SECRET}</html>")).await;
    assert_eq!(failure.kind(), &FailureKind::Undecodable { path: ".".into(), expected: "JSON".into() });

    let failure = answered(201, format!("{{\"id\":\"p1\",\"name\":\"{SECRET}")).await;
    assert_eq!((failure.kind(), failure.recovered_id()), (&FailureKind::Interrupted, Some("p1")));
    assert!(failure.to_string().contains("it was done, with id p1"), "{failure}");
}

#[tokio::test]
async fn a_retry_date_is_counted_from_the_servers_clock() {
    let server = MockServer::start_async().await;
    server.mock(|_, then| {
        then.status(429)
            .header("date", "Sun, 15 Nov 2026 08:00:00 GMT")
            .header("retry-after", "Sun, 15 Nov 2026 08:01:30 GMT");
    });
    let failure = client(&server).get_pod("p").await.expect_err("a failure");
    assert_eq!(failure.retry_after(), Some(Duration::from_secs(90)));
}

/// A server that reads one request, answers with these bytes and closes.
async fn raw(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = Vec::new();
        // The whole request is the head and a body that ends the JSON object.
        while !(request.windows(4).any(|end| end == b"\r\n\r\n") && request.ends_with(b"}")) {
            let mut bytes = [0; 1024];
            let count = stream.read(&mut bytes).await.expect("a request");
            request.extend_from_slice(&bytes[..count]);
        }
        stream.write_all(answer).await.expect("an answer");
    });
    url
}

async fn at(url: &str) -> Failure {
    let client =
        ClientBuilder::new(KEY).base_url(url).timeout(Duration::from_secs(5)).v2().expect("a client");
    let failure = client.create_pod(&create()).await.expect_err("a failure");
    is_clean(&failure);
    failure
}

#[tokio::test]
async fn how_far_a_call_came_is_known() {
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    let failure = at(&url).await;
    assert_eq!((failure.kind(), failure.status()), (&FailureKind::NotSent, None));

    let failure = at(&raw(b"").await).await;
    assert_eq!((failure.kind(), failure.status()), (&FailureKind::Interrupted, None));

    let cut = b"HTTP/1.1 201 Created\r\nx-request-id: r\r\ncontent-length: 900\r\n\r\n{\"id\":\"p9\",\"name\":\"SENTINEL";
    let failure = at(&raw(cut).await).await;
    assert_eq!((failure.kind(), failure.status()), (&FailureKind::Interrupted, Some(201)));
    assert_eq!((failure.recovered_id(), failure.request_id()), (Some("p9"), Some("r")));

    let cut = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 900\r\n\r\nhalf of";
    let failure = at(&raw(cut).await).await;
    assert_eq!((failure.kind(), failure.message()), (&FailureKind::Status, "half of"));
}

#[tokio::test]
async fn a_call_and_the_start_of_a_stream_end_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let client =
        ClientBuilder::new(KEY).base_url(&url).timeout(Duration::from_millis(200)).v2().expect("a client");
    for failure in [
        client.get_pod("p").await.map(drop).expect_err("late"),
        client.get_pod_logs("p").await.map(drop).expect_err("late"),
    ] {
        assert_eq!(failure.kind(), &FailureKind::Interrupted);
        assert!(failure.is_timeout(), "{failure:?}");
    }
}

#[tokio::test]
async fn a_refusal_that_never_ends_is_cut_off() {
    let stalled = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 900\r\n\r\nhalf of";
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        assert_ne!(stream.read(&mut [0; 1024]).await.expect("a request"), 0);
        stream.write_all(stalled).await.expect("an answer");
        std::future::pending::<()>().await
    };
    let client =
        ClientBuilder::new(KEY).base_url(&url).timeout(Duration::from_millis(200)).v2().expect("a client");
    tokio::select! {
        () = server => unreachable!("the server waits for ever"),
        answer = client.get_pod_logs("p") => {
            assert_eq!(answer.map(drop).expect_err("refused").status(), Some(502));
        }
    }
}
