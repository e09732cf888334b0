use std::time::{Duration, Instant};

use runpod_sim::{Fault, FaultKind};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::client::{Answer, Caller, RTX_4090, frozen, id, order};

/// A simulator with one pod, and one fault on top of it.
async fn with(fault: Fault) -> Caller {
    let caller = Caller::of(frozen()).await;
    caller.create(order(json!({}))).await;
    caller.sim.inject(fault).unwrap();
    caller
}

/// Sends a create whose connection must break.
async fn broken_create(caller: &Caller) -> reqwest::Error {
    let request = caller.request(reqwest::Method::POST, "/v2/pods").json(&order(json!({ "name": "two" })));
    match request.send().await {
        Err(error) => error,
        Ok(response) => response.text().await.unwrap_err(),
    }
}

#[tokio::test]
async fn a_dropped_request_was_applied_or_not_as_the_fault_says() {
    let lasting = Duration::from_millis(20);
    for (kind, pods) in [
        (FaultKind::DropBeforeRead, 1),
        (FaultKind::DropAfterApply, 2),
        (FaultKind::DropMidAnswer, 2),
        (FaultKind::Hang { lasting, applied: false }, 1),
        (FaultKind::Hang { lasting, applied: true }, 2),
    ] {
        let caller = with(Fault::new(kind.clone()).on("createPod")).await;
        let begun = Instant::now();
        broken_create(&caller).await;
        assert_eq!(caller.sim.ledger().len(), pods, "{kind:?}");
        let record = caller.sim.requests().pop().unwrap();
        let status = if kind == FaultKind::DropMidAnswer { 201 } else { 0 };
        assert_eq!((record.fault, record.status), (Some(kind.name()), status));
        assert!(!matches!(kind, FaultKind::Hang { .. }) || begun.elapsed() >= lasting);
        assert_eq!(caller.get("/v2/pods").await.status, 200, "the server lives");
    }
}

/// Bytes of an answer, to the end of the connection.
async fn raw(caller: &Caller, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(caller.sim.address()).await.unwrap();
    let key = caller.sim.api_key();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {}\r\nuser-agent: tests/1\r\nauthorization: Bearer {key}\r\n\r\n",
        caller.sim.address()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut read)).await.unwrap();
    assert!(end.is_ok() || end.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset));
    read
}

#[tokio::test]
async fn an_answer_that_breaks_in_the_middle_sends_its_head_and_half_its_body() {
    let caller = Caller::of(frozen().real_endpoints(false)).await;
    for pods in [1, 400] {
        caller.post("/_sim/pods", json!({ "pod": order(json!({})), "count": pods })).await;
        let length = caller.get("/v2/pods").await.text.len();
        caller.sim.inject(Fault::new(FaultKind::DropMidAnswer).on("listPods").times(1)).unwrap();
        let read = raw(&caller, "/v2/pods").await;
        let read = String::from_utf8(read).unwrap();
        let (head, body) = read.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {read:?}"));
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        for header in
            ["content-type: application/json", "x-request-id: ", &format!("content-length: {length}")]
        {
            assert!(head.contains(header), "{header} in {head}");
        }
        assert_eq!(body.len(), length / 2);
        assert!(body.starts_with("{\"") && body.contains("\"createdAt\""), "{body}");
    }
}

#[tokio::test]
async fn server_errors_come_before_or_after_the_request_is_applied() {
    for status in [500, 502, 503, 504] {
        for (kind, pods) in [(FaultKind::status_before(status), 1), (FaultKind::status_after(status), 2)] {
            let caller = with(Fault::new(kind).on("createPod").times(1)).await;
            caller.post("/v2/pods", order(json!({}))).await.refused(status, "");
            assert_eq!(caller.sim.ledger().len(), pods, "{status}");
            assert_eq!(caller.post("/v2/pods", order(json!({}))).await.status, 201);
        }
    }
    let words = "This machine does not have the resources to deploy your pod";
    let caller = with(Fault::new(FaultKind::refusal(400, words)).on("createPod")).await;
    caller.post("/v2/pods", order(json!({}))).await.refused(400, words);
}

#[tokio::test]
async fn rate_limits_may_lack_or_understate_the_wait() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (retry_after, exhausted_for, limit) in [
        (None, None, r#""minute";r=0;t=60, "hour";r=3000;t=3600"#),
        (seconds(7), None, r#""minute";r=0;t=7, "hour";r=3000;t=3600"#),
        (seconds(7), seconds(90), r#""minute";r=0;t=7, "hour";r=0;t=90"#),
    ] {
        let caller = with(Fault::new(FaultKind::RateLimited { retry_after, exhausted_for })).await;
        let answer = caller.get("/v2/pods").await;
        answer.refused(429, "rate limit");
        let told = answer.headers.get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(told, retry_after.map(|wait| wait.as_secs().to_string()));
        assert_eq!(answer.header("ratelimit"), limit);
    }
}

fn kind(answer: &Answer) -> &str {
    answer.header("content-type")
}

#[tokio::test]
async fn the_edge_answers_in_its_own_way() {
    let caller = with(Fault::new(FaultKind::EdgeBlock).on("listPods")).await;
    let answer = caller.get("/v2/pods").await;
    assert_eq!((answer.status, answer.text.as_str()), (403, "error code: 1010"));
    assert!(kind(&answer).starts_with("text/plain"));

    for (status, applied, pods) in [(200, false, 1), (502, true, 2), (524, false, 1)] {
        let caller = with(Fault::new(FaultKind::Html { status, applied }).on("createPod")).await;
        let answer = caller.post("/v2/pods", order(json!({}))).await;
        assert_eq!(answer.status, status);
        assert!(kind(&answer).starts_with("text/html") && answer.text.starts_with("<!DOCTYPE html>"));
        assert_eq!(caller.sim.ledger().len(), pods);
        answer.header("x-request-id");
    }

    let caller = with(Fault::new(FaultKind::Gone)).await;
    caller.get("/v2/pods").await.refused(410, "retired");
}

#[tokio::test]
async fn an_answer_may_be_cut_mislabelled_or_slow() {
    let caller = with(Fault::new(FaultKind::TruncatedJson).times(1)).await;
    let answer = caller.get("/v2/pods").await;
    assert_eq!((answer.status, kind(&answer)), (200, "application/json"));
    assert!(serde_json::from_str::<Value>(&answer.text).unwrap_err().is_eof());

    let caller = with(Fault::new(FaultKind::WrongContentType).times(1)).await;
    let answer = caller.get("/v2/pods").await;
    assert_eq!(kind(&answer), "text/plain");
    assert_eq!(answer.json()["pods"].as_array().unwrap().len(), 1);

    let lasting = Duration::from_millis(50);
    let caller = with(Fault::new(FaultKind::SlowBody { lasting }).times(1)).await;
    let begun = Instant::now();
    let answer = caller.get("/v2/pods").await;
    assert!(begun.elapsed() >= lasting);
    assert_eq!(answer.json()["pods"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn fields_may_be_unknown_missing_or_null_alone_and_in_lists() {
    let field = |field: &str| field.to_owned();
    let unknown = FaultKind::UnknownEnum { field: field("status") };
    let missing = FaultKind::MissingField { field: field("ssh.direct") };
    let null = FaultKind::NullField { field: field("ports") };
    for (kind, pointer, value) in [
        (unknown, "/status", Some(json!("SOMETHING_NEW"))),
        (missing, "/ssh/direct", None),
        (null, "/ports", Some(Value::Null)),
    ] {
        let caller = with(Fault::new(kind)).await;
        let id = caller.sim.pods()[0].id.clone();
        let pod = caller.pod(&id).await;
        assert_eq!(pod.pointer(pointer), value.as_ref());
        let list = caller.get("/v2/pods").await.json();
        assert_eq!(list["pods"][0].pointer(pointer), value.as_ref());
        assert_eq!(list["pods"][0]["id"], id);
    }
    let own = FaultKind::MissingField { field: field("pagination") };
    let list = with(Fault::new(own)).await.get("/v2/pods").await.json();
    assert!(
        list.get("pagination").is_none() && list["pods"][0]["id"].is_string(),
        "a list's own field: {list}"
    );
    let caller = with(Fault::new(FaultKind::OddPod)).await;
    let list = caller.get("/v2/pods").await.json();
    assert_eq!(list["pods"].as_array().unwrap().len(), 2);
    assert_eq!(list["pods"][0]["status"], "HIBERNATING");
}

#[tokio::test]
async fn one_create_may_make_two_pods() {
    let caller = Caller::of(frozen().fault(Fault::new(FaultKind::DuplicateCreate).nth(2))).await;
    for pods in [1, 3, 4] {
        let created = id(&caller.create(order(json!({}))).await);
        assert_eq!(caller.sim.pods().len(), pods);
        assert!(caller.sim.pods().iter().any(|pod| pod.id == created));
    }
}

#[tokio::test]
async fn a_second_pod_without_stock_does_not_come() {
    for (units, pods) in [(1, 1), (2, 2)] {
        let builder = frozen().capacity(RTX_4090, units).fault(Fault::new(FaultKind::DuplicateCreate));
        let caller = Caller::of(builder).await;
        let created = id(&caller.create(order(json!({}))).await);
        assert!(caller.sim.pods().iter().any(|pod| pod.id == created));
        assert_eq!(caller.sim.pods().len(), pods, "with {units} in stock");
    }
}

#[tokio::test]
async fn faults_are_aimed_counted_and_taken_back() {
    let caller = Caller::of(frozen()).await;
    let pod = id(&caller.create(order(json!({}))).await);
    caller.sim.inject(Fault::new(FaultKind::status_before(503)).on("podAction:stop").nth(2)).unwrap();
    caller.sim.inject(Fault::new(FaultKind::EdgeBlock).on("getPod")).unwrap();
    caller.act(&pod, "stop").await;
    caller.act(&pod, "start").await;
    caller.act(&pod, "stop").await.refused(503, "Service Unavailable");
    assert_eq!(caller.get(&format!("/v2/pods/{pod}")).await.status, 403);
    let reports = caller.sim.faults();
    let counts: Vec<_> = reports.iter().map(|report| (report.fault, report.calls, report.fired)).collect();
    assert_eq!(counts, [("status", 2, 1), ("edge-block", 1, 1)]);
    caller.sim.clear_faults();
    assert_eq!(caller.pod(&pod).await["status"], "PROVISIONING");
}

#[tokio::test]
async fn a_fault_that_cannot_happen_is_refused() {
    let sim = frozen().start().await.unwrap();
    let hour = Duration::from_secs(3600);
    for (fault, words) in [
        (Fault::new(FaultKind::EdgeBlock).on("createpod"), "`createpod` is not an operation"),
        (Fault::new(FaultKind::EdgeBlock).on("podAction:explode"), "not an operation"),
        (Fault::new(FaultKind::EdgeBlock).on("getPod:start"), "not an operation"),
        (Fault::new(FaultKind::EdgeBlock).probability(1.5), "`probability`"),
        (Fault::new(FaultKind::EdgeBlock).probability(f64::NAN), "`probability`"),
        (Fault::new(FaultKind::EdgeBlock).nth(0), "`nth`"),
        (Fault::new(FaultKind::EdgeBlock).times(0), "`times`"),
        (Fault::new(FaultKind::status_before(200)), "`status`"),
        (Fault::new(FaultKind::Html { status: 204, applied: false }), "`status`"),
        (Fault::new(FaultKind::Hang { lasting: hour, applied: false }), "`seconds`"),
        (Fault::new(FaultKind::NullField { field: "a..b".into() }), "`field`"),
        (Fault::new(FaultKind::ExitLoop { every: Duration::ZERO }), "`seconds`"),
    ] {
        let error = sim.inject(fault.clone()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!(frozen().fault(fault).start().await.unwrap_err().to_string(), error);
    }
    assert!(sim.faults().is_empty());
}
