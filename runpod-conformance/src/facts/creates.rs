//! Creates: what is refused, and what the answer to an accepted one shows.

use serde_json::{Value, json};

use super::judge::{answer, collected, created, documented, live, refusal, told};
use crate::statement::{Seen, Statement};

/// Words that mean that there is no machine for a pod.
const NO_STOCK: [&str; 4] = [
    "no longer any instances available",
    "no instances",
    "does not have the resources",
    "could not find any pods",
];

pub(super) const STATEMENTS: &[Statement] = &[
    collected(
        "unknown-key-422",
        "An unknown key of a body is a 422 whose `errors` name it",
        &["runpod-lifecycle/src/backend/v2.rs"],
        |evidence| refusal(evidence, "unknown-key", &[422], "conformance"),
    ),
    documented(
        "image-required-422",
        "A create without `image` and `templateId` is a 422 that names the image",
        &["runpod-lifecycle/src/spec/validate.rs"],
        |evidence| refusal(evidence, "missing-image", &[422], "image"),
    ),
    live(
        "disk-required-400",
        "A create without `disk` is a 400, although the contract does not ask for it",
        &["runpod-lifecycle/src/backend/v2.rs", "openapi/v2.corrections.json"],
        |evidence| refusal(evidence, "no-disk", &[400], "pod configuration parameters"),
    ),
    documented(
        "gpu-or-cpu-400",
        "A create with both `gpu` and `cpu` is a 400",
        &["runpod-lifecycle/src/backend/v2.rs"],
        |evidence| refusal(evidence, "gpu-and-cpu", &[400], ""),
    ),
    collected(
        "cpu-pods-no-volume",
        "A CPU pod has no volume of its own: 400",
        &["runpod-lifecycle/src/spec/validate.rs"],
        |evidence| refusal(evidence, "cpu-persistent", &[400], ""),
    ),
    collected(
        "vcpus-power-of-two",
        "vCPUs are a power of two: 400",
        &["runpod-lifecycle/src/deploy/cpus.rs"],
        |evidence| refusal(evidence, "odd-vcpus", &[400], ""),
    ),
    live(
        "disk-cap-of-cpu-pods",
        "A CPU pod's disk is capped by its vCPUs: 400 over it",
        &["runpod-lifecycle/src/deploy/cpus.rs"],
        |evidence| refusal(evidence, "large-disk", &[400], ""),
    ),
    documented(
        "entrypoint-and-cmd",
        "`cmd` is known, and refused with 400 beside `args` that say otherwise",
        &["runpod-lifecycle/src/spec/mod.rs"],
        |evidence| refusal(evidence, "args-and-cmd", &[400], ""),
    ),
    live(
        "unknown-gpu",
        "An unknown GPU type is a 422 or 400 that says so",
        &["runpod-lifecycle/src/deploy/gpus.rs"],
        |evidence| refusal(evidence, "unknown-gpu", &[400, 422], "unknown gpu type"),
    ),
    live(
        "gpu-count-required",
        "A create without `gpu.count` is refused as if nothing were in stock",
        &["runpod-lifecycle/src/backend/v2.rs"],
        |evidence| out_of_stock(evidence, "gpu-no-count"),
    ),
    live(
        "pinned-community-refused",
        "A community create that names data centers is refused as if nothing were in stock",
        &["runpod-lifecycle/src/deploy/placement.rs"],
        |evidence| out_of_stock(evidence, "pinned-community"),
    ),
    live(
        "created-runtime-empty",
        "The 201 shows `runtime: {}`, not null",
        &["openapi/v2.corrections.json", "runpod-lifecycle/src/backend/v2.rs"],
        |evidence| {
            let judged = created(evidence)
                .map(|pod| Seen::rule(pod["runtime"] == json!({}), pod["runtime"].to_string()));
            judged.into()
        },
    ),
    collected(
        "env-in-clear",
        "The environment is echoed in clear",
        &["runpod-api/src/secret.rs", "runpod-lifecycle/src/knowledge/identity.rs"],
        |evidence| env(evidence, "CONFORMANCE", &json!("from-the-run")),
    ),
    live(
        "public-key-in-env",
        "With `startSsh` the environment holds `PUBLIC_KEY`, if only as the text `null`",
        &["runpod-lifecycle/src/deploy/difference.rs"],
        |evidence| {
            let judged = created(evidence).map(|pod| {
                let shown = pod["env"]["PUBLIC_KEY"].is_string();
                Seen::rule(shown, if shown { "it is there" } else { "it is not there" })
            });
            judged.into()
        },
    ),
    documented(
        "price-by-vcpu",
        "A CPU pod costs the catalog's price for each vCPU",
        &["runpod-lifecycle/src/pods/cost.rs"],
        |evidence| {
            let judged = created(evidence).and_then(|pod| {
                let cpus = evidence.only("cpus")?.json();
                let mut all = cpus["cpus"].as_array().into_iter().flatten();
                let flavor = all.find(|cpu| cpu["id"] == pod["cpu"]["id"]).cloned().unwrap_or_default();
                let price = flavor["price"]["securePerVcpu"].as_f64().unwrap_or_default();
                let listed = price * pod["cpu"]["vcpuCount"].as_f64().unwrap_or_default();
                let cost = pod["cost"].as_f64().unwrap_or_default();
                let words = format!("{cost} USD/h, listed {listed}");
                Ok(Seen::rule((cost - listed).abs() < 0.0011 && cost > 0.0, words))
            });
            judged.into()
        },
    ),
    collected(
        "body-over-template",
        "What a create says wins over its template",
        &["runpod-lifecycle/src/backend/v2.rs", "runpod-lifecycle/src/account/templates.rs"],
        |evidence| {
            from_template(evidence, |pod| {
                let own = pod["image"] == "ubuntu:24.04"
                    && pod["disk"] == 20
                    && pod["env"]["SHARED"] == "from-the-run";
                Seen::rule(own, format!("image {}, disk {}", pod["image"], pod["disk"]))
            })
        },
    ),
    collected(
        "template-env-merged",
        "Only the environment of a template is merged, by key",
        &["runpod-lifecycle/src/account/templates.rs"],
        |evidence| {
            from_template(evidence, |pod| {
                let merged = pod["env"]["OWN"] == "from-the-template"
                    && pod["ports"].as_array().map(Vec::len) == Some(2);
                Seen::rule(merged, if merged { "merged" } else { "not merged" })
            })
        },
    ),
    collected(
        "template-forgotten",
        "A pod does not remember its template: `template` is null",
        &["runpod-lifecycle/src/backend/v2.rs"],
        |evidence| {
            from_template(evidence, |pod| Seen::rule(pod["template"].is_null(), pod["template"].to_string()))
        },
    ),
    collected(
        "template-without-mounts",
        "A template without mounts has no key `mounts`",
        &["openapi/v2.corrections.json"],
        |evidence| {
            answer(evidence, "template", |answer| {
                let mounts = answer.json().get("mounts").cloned();
                let words = mounts.as_ref().map_or("no such key".to_owned(), Value::to_string);
                Seen::rule(mounts.is_none() && answer.is_success(), words)
            })
        },
    ),
];

/// A refusal in words of stock.
fn out_of_stock(evidence: &crate::Evidence, step: &'static str) -> Seen {
    answer(evidence, step, |refusal| {
        let words = refusal.words().to_lowercase();
        Seen::rule(refusal.status == 400 && NO_STOCK.iter().any(|text| words.contains(text)), told(refusal))
    })
}

/// A variable of the environment in the answer to the create.
fn env(evidence: &crate::Evidence, name: &str, value: &Value) -> Seen {
    let judged = created(evidence).map(|pod| {
        let shown = pod["env"][name] == *value;
        Seen::rule(shown, if shown { "as it was sent" } else { "not as it was sent" })
    });
    judged.into()
}

/// A rule about a pod that was made from a template.
fn from_template(evidence: &crate::Evidence, judge: impl Fn(&Value) -> Seen) -> Seen {
    let judged = evidence.only("make-template").and_then(|made| match made.is_success() {
        true => created(evidence).map(|pod| judge(&pod)),
        false => Err(format!("no template was made: {}", told(made))),
    });
    judged.into()
}
