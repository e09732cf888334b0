//! Pages of lists and their cursors.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::Serialize;
use serde_json::json;

use crate::{
    contract::Problem,
    http::{
        call::Call,
        reply::{Outcome, Reply},
    },
    world::App,
};

/// The largest page RunPod returns.
const MAX_LIMIT: usize = 1000;

/// The part of a list a request asks for, newest first.
pub(crate) struct Page {
    key: &'static str,
    /// The beginning of the cursors of this list of this account.
    tag: u32,
    limit: usize,
    start: Start,
    /// Drawn when pages may be short; `None` when each is as long as was asked for.
    luck: Option<StdRng>,
}

/// The beginning of a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Start {
    /// The number of the last item of the page before; `None` for the first page.
    before: Option<u64>,
    /// True if the page before was empty.
    after_nothing: bool,
}

impl Page {
    /// Reads `limit` and `cursor` of a request for a list.
    pub(crate) fn read(app: &App, call: &Call, key: &'static str) -> Result<Self, Box<Problem>> {
        let out_of_range =
            || Problem::invalid(vec![format!("$.limit: value must be between 1 and {MAX_LIMIT}")]);
        let limit = match call.query("limit") {
            None => app.settings.page_size,
            Some(text) => {
                let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                limit.ok_or_else(out_of_range)?
            }
        };
        let tag = tag(app.settings.seed, key);
        let start = match call.query("cursor") {
            None => Start::default(),
            Some(text) => Start::read(text, tag)
                .ok_or_else(|| Problem::invalid(vec!["$.cursor: not a cursor of this list".to_owned()]))?,
        };
        Ok(Self { key, tag, limit, start, luck: None })
    }

    /// Lets the page be shorter than was asked for, or empty.
    pub(crate) fn maybe_short(mut self, app: &App, now: Duration) -> Self {
        let place =
            self.start.before.unwrap_or(0) ^ u64::from(self.start.after_nothing) ^ (now.as_secs() << 20);
        let luck = || StdRng::seed_from_u64(app.settings.seed ^ place.wrapping_mul(0x2545_f491_4f6c_dd1d));
        self.luck = app.behavior().short_pages.then(luck);
        self
    }

    /// Cuts the page out of items that come with the number that keeps their place, highest first; then takes out
    /// those that are not shown, and writes the rest.
    pub(crate) fn cut<T, V: Serialize>(
        mut self,
        items: impl Iterator<Item = (u64, T)>,
        view: impl Fn(T) -> Option<V>,
    ) -> Outcome {
        let start = self.start;
        let beyond = items.filter(|(number, _)| start.before.is_none_or(|before| *number < before));
        let mut page: Vec<(u64, T)> = beyond.take(self.limit + 1).collect();
        let length = self.length(page.len().min(self.limit));
        let more = page.len() > length;
        page.truncate(length);
        let next = Start {
            before: page.last().map(|(number, _)| *number).or(start.before),
            after_nothing: page.is_empty(),
        };
        let cursor = more.then(|| next.write(self.tag));
        let items: Vec<V> = page.into_iter().filter_map(|(_, item)| view(item)).collect();
        let items = serde_json::to_string(&items).map_err(|error| Problem::internal(error.to_string()))?;
        let pagination = json!({ "nextCursor": cursor, "hasNextPage": more });
        Ok(Reply::Written(format!("{{\"{}\":{items},\"pagination\":{pagination}}}", self.key)))
    }

    /// Draws the number of items on the page: in one case of six none, in two fewer than fit.
    fn length(&mut self, fitting: usize) -> usize {
        let Some(luck) = &mut self.luck else { return fitting };
        let least = usize::from(self.start.after_nothing).min(fitting);
        match luck.random_range(0..6) {
            0 => least,
            1 | 2 => luck.random_range(least..=fitting),
            _ => fitting,
        }
    }
}

/// Tells the cursors of one list of one account from all others.
fn tag(seed: u64, key: &str) -> u32 {
    let mixed = key.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |mixed, byte| {
        (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (mixed >> 32) as u32
}

impl Start {
    fn write(self, tag: u32) -> String {
        let before = self.before.map_or(String::new(), |before| format!("{before:x}"));
        format!("{tag:08x}.{before}.{}", u8::from(self.after_nothing))
    }

    fn read(text: &str, tag: u32) -> Option<Self> {
        let mut parts = text.strip_prefix(&format!("{tag:08x}."))?.split('.');
        let before = match parts.next()? {
            "" => None,
            hex => Some(u64::from_str_radix(hex, 16).ok()?),
        };
        let start = Self { before, after_nothing: parts.next()? == "1" };
        (start.write(tag) == text).then_some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cursors_of_the_same_list_are_read() {
        let (pods, templates) = (tag(7, "pods"), tag(7, "templates"));
        for start in
            [Start { before: Some(12), after_nothing: false }, Start { before: None, after_nothing: true }]
        {
            assert_eq!(Start::read(&start.write(pods), pods), Some(start));
            assert_eq!(Start::read(&start.write(pods), templates), None);
            assert_eq!(Start::read(&start.write(tag(8, "pods")), pods), None);
        }
        for odd in
            ["", "zz", "c1", &format!("{pods:08x}"), &format!("{pods:08x}.+1.0"), &format!("{pods:08x}.1.2")]
        {
            assert_eq!(Start::read(odd, pods), None, "{odd}");
        }
    }
}
