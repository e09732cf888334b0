//! Keys, error shapes, quotas.

use super::judge::{answer, collected, documented, refusal, told};
use crate::{
    exchange::Exchange,
    statement::{Seen, Statement},
};

pub(super) const STATEMENTS: &[Statement] = &[
    collected(
        "error-shape",
        "A refusal is `application/problem+json` with `title`, `status` and `detail`",
        &["runpod-api/src/failure.rs", "runpod-lifecycle/src/knowledge/evidence.rs"],
        |evidence| {
            answer(evidence, "unknown-pod", |answer| {
                let kind = answer.header("content-type").unwrap_or_default();
                Seen::rule(answer.is_problem(), format!("{} as {kind}", told(answer)))
            })
        },
    ),
    collected(
        "unknown-pod-404",
        "A pod that does not exist is a 404 whose words speak of the pod",
        &["runpod-lifecycle/src/knowledge/evidence.rs", "runpod-lifecycle/src/error/refusal.rs"],
        |evidence| refusal(evidence, "unknown-pod", &[404], "pod"),
    ),
    collected(
        "wrong-key-401",
        "A wrong key is a 401",
        &["runpod-lifecycle/src/error/classify.rs"],
        |evidence| refusal(evidence, "wrong-key", &[401], ""),
    ),
    collected(
        "generic-agent-1010",
        "The edge refuses a generic `User-Agent` with 403 and the plain text `error code: 1010`",
        &["runpod-api/src/client.rs", "runpod-lifecycle/src/error/classify.rs"],
        |evidence| {
            answer(evidence, "generic-agent", |answer| {
                let says = answer.status == 403 && answer.body.contains("error code: 1010");
                Seen::rule(says && !answer.is_problem(), told(answer))
            })
        },
    ),
    documented(
        "large-body-413",
        "A body of more than 102,400 bytes is a 413, before the key is looked at",
        &["runpod-lifecycle/src/spec/validate.rs"],
        |evidence| refusal(evidence, "large-body", &[413], ""),
    ),
    collected(
        "quota-headers",
        "Answers carry `RateLimit` and `RateLimit-Policy` as structured fields: windows by name, with `r` and `t`, `q` and `w`",
        &["runpod-lifecycle/src/client/ratelimit.rs", "runpod-lifecycle/src/client/quota.rs"],
        |evidence| {
            answer(evidence, "first-list", |answer| {
                let limit = answer.header("ratelimit").unwrap_or_default();
                let policy = answer.header("ratelimit-policy").unwrap_or_default();
                let has = limit.contains(";r=") && policy.contains(";q=") && policy.contains(";w=");
                Seen::rule(has && limit.starts_with('"'), format!("policy {policy}"))
            })
        },
    ),
    collected(
        "request-id",
        "Every answer carries `x-request-id`",
        &["runpod-api/src/failure.rs"],
        |evidence| {
            let answers = evidence.exchanges().iter().filter(|answer| answer.status > 0);
            carried(&answers.collect::<Vec<_>>(), "x-request-id")
        },
    ),
    collected(
        "dated",
        "Answers carry a `Date`, which is RunPod's clock",
        &["runpod-lifecycle/src/client/mod.rs", "runpod-lifecycle/src/pods/reap.rs"],
        |evidence| {
            let good = evidence.exchanges().iter().filter(|answer| answer.is_success());
            carried(&good.collect::<Vec<_>>(), "date")
        },
    ),
    documented(
        "v1-retired",
        "REST v1 answers 410 to everything",
        &["runpod-lifecycle/src/error/classify.rs"],
        |evidence| answer(evidence, "v1", |answer| Seen::rule(answer.status == 410, told(answer))),
    ),
];

/// A rule that every answer carries a header.
fn carried(answers: &[&Exchange], header: &str) -> Seen {
    let without = answers.iter().filter(|answer| answer.header(header).is_none()).count();
    match answers.len() {
        0 => Seen::nothing("no answer came"),
        _ => Seen::rule(without == 0, format!("{without} answers without")),
    }
}
