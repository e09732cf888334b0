//! The catalog.

use serde_json::Value;

use super::judge::{answer, collected, documented, live, refusal};
use crate::{
    exchange::Exchange,
    statement::{Seen, Statement},
};

pub(super) const STATEMENTS: &[Statement] = &[
    collected(
        "stock-needs-product",
        "`include=AVAILABILITY` without `product` is a 400",
        &["runpod-lifecycle/src/backend/v2.rs"],
        |evidence| refusal(evidence, "gpus-no-product", &[400], "product"),
    ),
    collected(
        "filters-need-stock",
        "`cloud` and `count` without `include=AVAILABILITY` are a 400",
        &["runpod-lifecycle/src/backend/v2.rs"],
        |evidence| {
            let cloud = refusal(evidence, "gpus-stray-cloud", &[400], "");
            let count = refusal(evidence, "gpus-stray-count", &[400], "");
            if count == cloud || cloud.verdict != crate::Verdict::AsBelieved { cloud } else { count }
        },
    ),
    collected(
        "no-stock-unasked",
        "Without `include` no entry says how much there is",
        &["runpod-lifecycle/src/deploy/gpus.rs"],
        |evidence| {
            answer(evidence, "gpus-plain", |answer| {
                let count = entries(answer).iter().filter(|gpu| !gpu["availability"].is_null()).count();
                Seen::rule(count == 0 && answer.is_success(), format!("{count} entries say it"))
            })
        },
    ),
    documented(
        "stock-levels",
        "Stock is NONE, LOW, MEDIUM or HIGH",
        &["runpod-lifecycle/src/spec/offer.rs"],
        |evidence| {
            answer(evidence, "gpus-stock", |answer| {
                let all = entries(answer);
                let mut levels: Vec<&str> =
                    all.iter().filter_map(|gpu| gpu["availability"].as_str()).collect();
                levels.sort_unstable();
                levels.dedup();
                let known = levels.iter().all(|level| ["NONE", "LOW", "MEDIUM", "HIGH"].contains(level));
                Seen::rule(known && !levels.is_empty(), levels.join(", "))
            })
        },
    ),
    collected(
        "unknown-entry",
        "An entry with the id `unknown` exists",
        &["runpod-lifecycle/src/deploy/gpus.rs"],
        |evidence| {
            answer(evidence, "gpus-plain", |answer| {
                let found = entries(answer).iter().any(|gpu| gpu["id"] == "unknown");
                Seen::maybe(found, if found { "it is there" } else { "it is not there" })
            })
        },
    ),
    collected(
        "two-blanks",
        "An id with two blanks in a row exists, so ids are sent byte for byte",
        &["runpod-lifecycle/src/deploy/gpus.rs"],
        |evidence| {
            answer(evidence, "gpus-plain", |answer| {
                let all = entries(answer);
                let found = all.iter().filter_map(|gpu| gpu["id"].as_str()).find(|id| id.contains("  "));
                Seen::maybe(found.is_some(), found.map_or("none".to_owned(), |id| format!("`{id}`")))
            })
        },
    ),
    live(
        "placeholder-prices",
        "A cloud in which a type is not offered still shows a price",
        &["runpod-lifecycle/src/deploy/candidate.rs"],
        |evidence| {
            answer(evidence, "gpus-plain", |answer| {
                let all = entries(answer);
                let shows = |gpu: &&Value| {
                    gpu["community"] == false
                        && gpu["price"]["community"].as_f64().is_some_and(|usd| usd > 0.0)
                };
                let count = all.iter().filter(shows).count();
                Seen::maybe(count > 0, format!("{count} of {} types", all.len()))
            })
        },
    ),
    documented(
        "cpu-prices",
        "A CPU flavor has its range of vCPUs and a price for each vCPU",
        &["runpod-lifecycle/src/deploy/cpus.rs", "runpod-lifecycle/src/pods/cost.rs"],
        |evidence| {
            answer(evidence, "cpus", |answer| {
                let body = answer.json();
                let all = body["cpus"].as_array().cloned().unwrap_or_default();
                let whole =
                    |cpu: &&Value| cpu["price"]["securePerVcpu"].is_number() && cpu["vcpu"]["max"].is_u64();
                let count = all.iter().filter(whole).count();
                Seen::rule(count == all.len() && count > 0, format!("{count} of {} flavors", all.len()))
            })
        },
    ),
];

fn entries(answer: &Exchange) -> Vec<Value> {
    answer.json()["gpus"].as_array().cloned().unwrap_or_default()
}
