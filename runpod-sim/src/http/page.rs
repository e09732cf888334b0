use serde::Serialize;
use serde_json::json;

use super::{Call, Outcome, Reply};
use crate::problem::Problem;

/// The largest page RunPod gives out.
const MAX_LIMIT: usize = 1000;

/// The part of a list a request asks for.
pub(super) struct Page {
    limit: usize,
    after: Option<u64>,
}

impl Page {
    /// Reads `limit` and `cursor`.
    pub(super) fn read(call: &Call, default: usize) -> Result<Self, Box<Problem>> {
        let out_of_range = || Problem::invalid(vec![format!("query.limit: must be 1 to {MAX_LIMIT}")]);
        let limit = match call.query("limit") {
            None => default,
            Some(text) => {
                let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                limit.ok_or_else(out_of_range)?
            }
        };
        let after = match call.query("cursor") {
            None => None,
            Some(text) => {
                Some(cursor(text).ok_or_else(|| Problem::bad_request("the cursor is not one of ours"))?)
            }
        };
        Ok(Self { limit, after })
    }

    /// Cuts the page out of items that come with the number that keeps their place, lowest first, and writes it.
    pub(super) fn cut<T, V: Serialize>(
        &self,
        key: &str,
        items: impl Iterator<Item = (u64, T)>,
        view: impl Fn(T) -> V,
    ) -> Outcome {
        let beyond = items.filter(|(number, _)| self.after.is_none_or(|after| *number > after));
        let mut page: Vec<(u64, T)> = beyond.take(self.limit + 1).collect();
        let more = page.len() > self.limit;
        page.truncate(self.limit);
        let next = page.last().filter(|_| more).map(|(number, _)| format!("c{number:x}"));
        let items: Vec<V> = page.into_iter().map(|(_, item)| view(item)).collect();
        let items = serde_json::to_string(&items).map_err(|error| Problem::internal(error.to_string()))?;
        let pagination = json!({ "nextCursor": next, "hasNextPage": more });
        Ok(Reply::Written(format!("{{\"{key}\":{items},\"pagination\":{pagination}}}")))
    }
}

fn cursor(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix('c')?, 16).ok()
}
