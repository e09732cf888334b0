//! Refusals of a create, and whether they prove that nothing was created.

use std::time::Duration;

use runpod_lifecycle::{DeployError, ErrorKind};
use serde_json::json;
use tokio::time::sleep;

use super::{fast, state};
use crate::{
    mock::spec,
    script::{ID, Script, To::Create, refusal},
    scripted::{Scripted, account, refusal as refused},
};

/// Outcome of a deploy whose create is refused so although it makes a pod, and how often it was sent.
async fn deploy_despite(answer: (u16, serde_json::Value)) -> (Result<String, DeployError>, usize) {
    let script = Script::new().await;
    script.set(Create, answer);
    let made = async {
        while script.asked(Create) == 0 {
            sleep(Duration::from_millis(100)).await;
        }
        script.show(state("STARTING"));
    };
    let (runpod, spec) = (script.runpod(), spec());
    let (outcome, ()) = tokio::join!(runpod.deploy(&spec), made);
    (outcome.map(|pod| pod.id.clone()), script.asked(Create))
}

#[test]
fn a_refusal_that_names_no_cause_proves_nothing_and_the_pod_is_looked_for() {
    let wordless = |status: u16| (status, json!({"title": "Bad Request", "status": status, "detail": ""}));
    let mut answers = vec![wordless(400), wordless(402), wordless(403), wordless(404), wordless(409)];
    answers.extend([wordless(422), wordless(429), (400, json!({})), (400, json!(null)), (409, json!([]))]);
    answers.push((
        422,
        json!({"title": "Unprocessable Entity", "status": 422, "errors": ["", "unknown error"]}),
    ));
    for status in [400, 402, 403, 404, 409, 422, 429] {
        for words in [
            "Something went wrong. Please try again later or contact support.",
            "INTERNAL SERVER ERROR",
            "internal error",
            "Bad Request",
            "An error occurred!",
            "Please try again later",
            "Failed to create pod",
        ] {
            answers.push(refusal(status, words));
        }
    }
    fast(async {
        for answer in answers {
            let (outcome, sent) = deploy_despite(answer.clone()).await;
            assert_eq!(outcome.unwrap_or_else(|error| panic!("{answer:?}: {error}")), ID);
            assert_eq!(sent, 1, "{answer:?}");
        }
    });
}

#[test]
fn a_refusal_without_a_cause_whose_pod_no_list_shows_ends_in_doubt() {
    fast(async {
        for (status, sent) in [(400, 4), (402, 1), (403, 1), (404, 1)] {
            let script = Script::new().await;
            script.set(
                Create,
                refusal(status, "Something went wrong. Please try again later or contact support."),
            );
            let error = script.runpod().deploy(&spec()).await.expect_err("no list shows it");
            assert!(matches!(&error, DeployError::Unclear { .. }) && error.may_bill(), "{status}: {error}");
            assert_eq!(script.asked(Create), sent, "{status}");
        }
    });
}

#[test]
fn a_refusal_that_names_its_cause_proves_that_nothing_was_created() {
    fast(async {
        for (status, words, kind) in [
            (
                400,
                "You must either provide a template id or pod configuration parameters",
                ErrorKind::Rejected,
            ),
            (401, "invalid api key", ErrorKind::Unauthorized),
            (402, "insufficient balance", ErrorKind::InsufficientBalance),
            (403, "pool not allowed", ErrorKind::Forbidden),
            (404, "template not found", ErrorKind::NotFound),
            (405, "Method Not Allowed", ErrorKind::Unexpected),
            (409, "a pod of this name is being deleted", ErrorKind::Conflict),
            (410, "Gone", ErrorKind::Retired),
            (413, "Payload Too Large", ErrorKind::TooLarge),
            (422, "Unknown GPU type: X", ErrorKind::Rejected),
        ] {
            let (outcome, sent) = deploy_despite(refusal(status, words)).await;
            let error = outcome.expect_err("it is refused");
            assert!(!error.may_bill(), "{status} {words}: {error}");
            let found = match &error {
                DeployError::Refused(error) => error.kind(),
                DeployError::AllRefused { attempts, .. } => attempts[0].error.kind(),
                other => panic!("{other}"),
            };
            assert_eq!((found, sent), (kind, 1), "{status} {words}");
        }
    });
}

#[test]
fn a_429_of_the_limiter_is_sent_again_without_a_search() {
    fast(async {
        for (header, words) in [("retry-after", "1"), ("ratelimit", "\"minute\";r=0;t=1"), ("x-none", "")] {
            let server = Scripted::start(move |request, _| match request.method.as_str() {
                "POST" if words.is_empty() => refused(429, "Too Many Requests"),
                "POST" => refused(429, "").header(header, words),
                _ => account(request),
            })
            .await;
            let error = server.runpod().deploy(&spec()).await.expect_err("it is refused for ever");
            assert!(
                matches!(&error, DeployError::Refused(error) if error.kind() == ErrorKind::RateLimited),
                "{error}"
            );
            assert!(server.creates().len() > 1 && !error.may_bill(), "{error}");
        }
    });
}
