//! Lists and their pages.

use super::judge::{answer, collected, documented, looks, refusal, told};
use crate::{
    exchange::Evidence,
    statement::{Seen, Statement},
};

pub(super) const STATEMENTS: &[Statement] = &[
    documented(
        "pagination",
        "A list of pods carries `pagination` with `hasNextPage` and `nextCursor`",
        &["runpod-lifecycle/src/backend/v2.rs", "runpod-lifecycle/src/pods/list.rs"],
        |evidence| {
            answer(evidence, "first-list", |answer| {
                let page = &answer.json()["pagination"];
                let has = page["hasNextPage"].is_boolean() && page.get("nextCursor").is_some();
                Seen::rule(has, if has { "both are there" } else { "it is not there" })
            })
        },
    ),
    documented(
        "short-pages",
        "A page may hold fewer pods than were asked for, or none, and still have a next one",
        &["runpod-lifecycle/src/backend/v2.rs"],
        |evidence| {
            let pages = ["list-young", "list-deleted"].map(|step| looks(evidence, step).unwrap_or_default());
            let pages = pages.concat();
            if pages.is_empty() {
                return Seen::nothing(evidence.why("list-young"));
            }
            let is_short =
                |page: &serde_json::Value| page["pods"].as_array().is_some_and(|pods| pods.len() < 1000);
            let short =
                pages.iter().filter(|(_, page)| is_short(page) && page["pagination"]["hasNextPage"] == true);
            let count = short.count();
            Seen::maybe(count > 0, format!("{count} of {} pages", pages.len()))
        },
    ),
    documented(
        "bad-cursor-422",
        "A cursor that is not of this list is a 422",
        &["runpod-lifecycle/src/backend/v2.rs"],
        |evidence| refusal(evidence, "bad-cursor", &[422], ""),
    ),
    collected(
        "unknown-query-ignored",
        "An unknown query parameter is ignored",
        &["runpod-sim/src/contract/document.rs"],
        |evidence| answer(evidence, "unknown-query", |answer| Seen::rule(answer.status == 200, told(answer))),
    ),
    collected(
        "new-pod-unlisted",
        "Lists may lack a new pod for up to 15 s, and show it after that",
        &["runpod-lifecycle/src/knowledge/evidence.rs", "runpod-lifecycle/src/pods/search.rs"],
        |evidence| lag(evidence, "list-young", "create", true),
    ),
    collected(
        "deleted-pod-listed",
        "Lists may show a deleted pod for up to 15 s, and lack it after that",
        &["runpod-lifecycle/src/knowledge/evidence.rs", "runpod-lifecycle/src/pods/list.rs"],
        |evidence| lag(evidence, "list-deleted", "delete", false),
    ),
];

/// Time for which lists were behind a change that put a pod into them, or took it out.
fn lag(evidence: &Evidence, step: &'static str, change: &'static str, there: bool) -> Seen {
    let Some(id) = evidence.pod() else { return Seen::nothing(evidence.why(change)) };
    let Ok(changed) = evidence.only(change) else { return Seen::nothing(evidence.why(change)) };
    let lists = evidence.lists(step);
    let behind = lists.iter().filter(|(_, ids)| ids.contains(&id) != there).map(|(at, _)| *at);
    match (behind.max(), lists.is_empty()) {
        (_, true) => Seen::nothing(evidence.why(step)),
        (None, _) => Seen::nothing(format!("none of {} lists was behind", lists.len())),
        (Some(last), _) => {
            let seconds = last.saturating_sub(changed.at).as_secs();
            Seen::rule(seconds <= 15, format!("behind for up to {seconds} s"))
        }
    }
}
