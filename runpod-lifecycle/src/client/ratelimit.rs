//! The headers `RateLimit` and `RateLimit-Policy`, read as structured fields (RFC 9651).

use std::time::Duration;

use runpod_api::http::{HeaderMap, HeaderValue};
use sfv::{BareItem, Item, List, ListEntry, Parser};

/// Times are whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);

/// The account's windows, as an answer's headers say.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct RateLimit {
    pub(crate) windows: Vec<Reported>,
    /// Returns true if a part of them could not be read.
    pub(crate) is_unreadable: bool,
}

/// One window, as an answer says.
#[derive(Debug, PartialEq)]
pub(crate) struct Reported {
    pub(crate) name: String,
    pub(crate) remaining: u64,
    /// `None` if the answer does not say, or not readably.
    pub(crate) resets_in: Option<Duration>,
    pub(crate) limit: Option<u64>,
    pub(crate) length: Option<Duration>,
}

impl RateLimit {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let (current, is_current_whole) = members(headers, "ratelimit");
        let (policies, _) = members(headers, "ratelimit-policy");
        let mut read = Self { windows: Vec::new(), is_unreadable: !is_current_whole };
        for item in &current {
            match (name(item), number(item, "r")) {
                (Some(name), Some(remaining)) => {
                    read.windows.push(reported(name, remaining, item, &policies))
                }
                _ => read.is_unreadable = true,
            }
        }
        read
    }
}

fn reported(own: &str, remaining: f64, item: &Item, policies: &[Item]) -> Reported {
    let policy = policies.iter().find(|policy| name(policy) == Some(own));
    let policy = |key| policy.and_then(|policy| number(policy, key)).filter(|value| *value > 0.0);
    let length = policy("w").and_then(seconds);
    // A window ends within its own length, whatever else is said; seconds are rounded.
    let within = |span: Duration| length.map_or(span, |length| span.min(length + ROUNDING));
    Reported {
        name: own.to_owned(),
        remaining: whole(remaining),
        resets_in: number(item, "t").and_then(seconds).map(within),
        limit: policy("q").map(whole).filter(|limit| *limit > 0),
        length,
    }
}

/// The members of a list that may come in several header lines, and whether all of it could be read.
fn members(headers: &HeaderMap, name: &str) -> (Vec<Item>, bool) {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    let text = lines.join(b",".as_slice());
    if let Ok(list) = Parser::new(&text).parse::<List>() {
        let count = list.len();
        let items: Vec<Item> = list.into_iter().filter_map(item).collect();
        let is_whole = items.len() == count;
        return (items, is_whole);
    }
    // A broken member makes the whole field invalid, but the others may say that nothing is left.
    let items =
        text.split(|byte| *byte == b',').filter_map(|member| Parser::new(member.trim_ascii()).parse().ok());
    (items.collect(), false)
}

fn item(entry: ListEntry) -> Option<Item> {
    match entry {
        ListEntry::Item(item) => Some(item),
        ListEntry::InnerList(_) => None,
    }
}

fn name(item: &Item) -> Option<&str> {
    match &item.bare_item {
        BareItem::String(name) => Some(name.as_str()),
        BareItem::Token(name) => Some(name.as_str()),
        _ => None,
    }
}

fn number(item: &Item, key: &str) -> Option<f64> {
    match item.params.get(key)? {
        // 15 digits at most, which a double holds exactly.
        BareItem::Integer(number) => Some(i64::from(*number) as f64),
        BareItem::Decimal(number) => Some(f64::from(*number)),
        _ => None,
    }
}

/// Rounds down: a half request cannot be sent.
fn whole(number: f64) -> u64 {
    number as u64
}

/// A time; `None` if it is negative.
fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(current: &[&str], policy: &[&str]) -> RateLimit {
        let mut headers = HeaderMap::new();
        for (name, lines) in [("ratelimit", current), ("ratelimit-policy", policy)] {
            for line in lines {
                headers.append(name, line.parse().unwrap());
            }
        }
        RateLimit::of(&headers)
    }

    fn window(name: &str, remaining: u64, resets_in: Option<f64>) -> Reported {
        let resets_in = resets_in.map(Duration::from_secs_f64);
        Reported { name: name.to_owned(), remaining, resets_in, limit: None, length: None }
    }

    #[test]
    fn every_legal_spelling_is_read() {
        let both = [window("minute", 5, Some(12.0)), window("hour", 0, Some(8.5))];
        for lines in [
            [r#""minute";r=5;t=12, "hour";r=0;t=8.5"#].as_slice(),
            &[r#""minute";r=5;t=12"#, r#""hour";r=0;t=8.5"#],
            &[r#""minute";t=12;r=5 , "hour";t=8.5;pk=:YQ==:;r=0"#],
            &["minute;r=5;t=12.0,hour;r=0;t=8.5;x"],
            &[r#""minute"; r=5; t=12"#, "", r#""hour";r=0.9;t=8.5"#],
        ] {
            let lines: Vec<&str> = lines.iter().copied().filter(|line| !line.is_empty()).collect();
            let read = read(&lines, &[]);
            assert_eq!((read.windows.as_slice(), read.is_unreadable), (both.as_slice(), false), "{lines:?}");
        }
        assert_eq!(read(&[r#""a, b;c";r=1;t=2"#], &[]).windows, [window("a, b;c", 1, Some(2.0))]);
    }

    #[test]
    fn a_policy_is_found_whatever_its_line_and_order() {
        let read = read(&[r#""hour";r=7;t=9"#], &[r#""minute";q=60;w=60"#, r#""hour";w=3600;q=1000"#]);
        assert_eq!(
            (read.windows[0].limit, read.windows[0].length),
            (Some(1000), Some(Duration::from_secs(3600)))
        );
    }

    #[test]
    fn a_window_ends_within_its_own_length() {
        for (policy, resets_in) in
            [(r#""m";q=60;w=60"#, 61.0), (r#""m";q=60"#, 604_800.0), (r#""m";w=0"#, 604_800.0)]
        {
            let read = read(&[r#""m";r=0;t=604800"#], &[policy]);
            assert_eq!(read.windows[0].resets_in, Some(Duration::from_secs_f64(resets_in)), "{policy}");
        }
    }

    #[test]
    fn a_missing_or_odd_time_is_no_time() {
        for line in [r#""m";r=0"#, r#""m";r=0;t"#, r#""m";r=0;t=soon"#, r#""m";r=0;t=-1"#, r#""m";r=-3;t=x"#]
        {
            assert_eq!(read(&[line], &[]).windows, [window("m", 0, None)], "{line}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_and_hides_nothing_else() {
        for (lines, windows) in [
            (vec![r#""m";r=0;t=9, "hour";r="#], vec![window("m", 0, Some(9.0))]),
            (vec![";;;", r#""m";r=0;t=9"#], vec![window("m", 0, Some(9.0))]),
            (vec![r#""m";r=0;t=9, ("hour");r=1"#], vec![window("m", 0, Some(9.0))]),
            (vec![r#""m";t=9"#], vec![]),
            (vec![r#""m";r=99999999999999999999;t=1"#], vec![]),
            (vec!["limit=10, remaining=0, reset=5"], vec![]),
        ] {
            let read = read(&lines, &[]);
            assert_eq!((read.windows, read.is_unreadable), (windows, true), "{lines:?}");
        }
        assert_eq!(read(&[], &[]), RateLimit::default());
    }
}
