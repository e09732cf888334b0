//! Logs.

use serde_json::Value;

use super::judge::{answer, collected, documented, refusal, told};
use crate::statement::{Seen, Statement};

/// A frame of an event stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) id: Option<String>,
    pub(crate) data: Option<String>,
}

/// The whole frames of an event stream.
pub(crate) fn frames(text: &str) -> Vec<Frame> {
    let text = text.replace("\r\n", "\n");
    let Some((whole, _)) = text.rsplit_once("\n\n") else { return Vec::new() };
    whole.split("\n\n").map(frame).filter(|frame| *frame != Frame::default()).collect()
}

fn frame(text: &str) -> Frame {
    let field = |name: &str| {
        let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        values.next().map(|value| value.trim_start().to_owned())
    };
    Frame { id: field("id"), data: field("data") }
}

pub(super) const STATEMENTS: &[Statement] = &[
    documented(
        "log-events",
        "A log is Server-Sent Events whose data are `source`, `line` and `ts`",
        &["runpod-lifecycle/src/logs/reader.rs"],
        |evidence| {
            answer(evidence, "log", |log| {
                let kind = log.header("content-type").unwrap_or_default();
                let lines = frames(&log.body).into_iter().filter_map(|frame| frame.data);
                let known = |data: String| {
                    let line: Value = serde_json::from_str(&data).unwrap_or_default();
                    ["source", "line", "ts"].iter().all(|key| line[key].is_string())
                };
                let count = lines.filter(|data| known(data.clone())).count();
                Seen::rule(kind.starts_with("text/event-stream") && count > 0, kind)
            })
        },
    ),
    collected(
        "log-ids",
        "The id of a line is its time, or its time and a number of twelve digits",
        &["runpod-lifecycle/src/logs/position.rs"],
        |evidence| {
            answer(evidence, "log", |log| {
                let ids: Vec<String> = frames(&log.body).into_iter().filter_map(|frame| frame.id).collect();
                let numbered = ids.iter().filter(|id| id.contains('/')).count();
                let form = if numbered > 0 { "a time and a number" } else { "a time" };
                Seen::rule(!ids.is_empty() && ids.iter().all(|id| is_cursor(id)), form)
            })
        },
    ),
    collected(
        "log-frames-without-data",
        "A frame may have an id and no data",
        &["runpod-lifecycle/src/logs/reader.rs"],
        |evidence| {
            answer(evidence, "log", |log| {
                let bare = frames(&log.body).into_iter().filter(|frame| frame.data.is_none()).count();
                Seen::maybe(bare > 0, if bare > 0 { "some have none" } else { "all have some" })
            })
        },
    ),
    collected(
        "log-resume-exclusive",
        "Resuming by `Last-Event-ID` begins after that line",
        &["runpod-lifecycle/src/logs/position.rs", "runpod-lifecycle/src/logs/reader.rs"],
        |evidence| {
            let judged = evidence.only("log").and_then(|log| {
                let resumed = evidence.only("log-resumed")?;
                let lines = |body: &str| -> Vec<String> {
                    let frames = frames(body).into_iter().filter(|frame| frame.data.is_some());
                    frames.filter_map(|frame| frame.id).collect()
                };
                let (before, after) = (lines(&log.body), lines(&resumed.body));
                match (before.get(1), after.first()) {
                    (Some(second), Some(first)) => {
                        let words = if first == second { "the next line came" } else { "another line came" };
                        Ok(Seen::rule(first == second, words))
                    }
                    _ => Err("too few lines came".to_owned()),
                }
            });
            judged.into()
        },
    ),
    collected(
        "log-forgotten-cursor",
        "A cursor that is not known any more is a 400 or 422",
        &["runpod-lifecycle/src/logs/reader.rs"],
        |evidence| refusal(evidence, "log-forgotten", &[400, 422], ""),
    ),
    collected(
        "log-unknown-pod-404",
        "The log of a pod that does not exist is a 404",
        &["runpod-lifecycle/src/logs/reader.rs"],
        |evidence| refusal(evidence, "log-unknown-pod", &[404], ""),
    ),
    collected(
        "log-silent-until-a-line",
        "Nothing comes, headers included, until there is a line",
        &["runpod-lifecycle/src/logs/reader.rs"],
        |evidence| match evidence.of("log-silent").last() {
            None => Seen::nothing(evidence.why("log-silent")),
            Some(log) if log.status == 0 && !log.ended => Seen::believed("nothing came"),
            Some(log) => Seen::differs(told(log)),
        },
    ),
    collected(
        "log-cut",
        "The edge cuts a log after about 100 s",
        &["runpod-lifecycle/src/logs/reader.rs"],
        |evidence| {
            answer(evidence, "log-cut", |log| {
                let about = (60..=160).contains(&log.lasted.as_secs());
                match log.ended {
                    true if about => Seen::believed("after 60 to 160 s"),
                    true => Seen::differs(format!("after {} s", log.lasted.as_secs())),
                    false => Seen::differs("not within 180 s"),
                }
            })
        },
    ),
];

/// Returns true for a time in UTC, with or without a number of twelve digits.
fn is_cursor(id: &str) -> bool {
    let (time, number) = id.split_once('/').unwrap_or((id, "000000000000"));
    let digits = number.len() == 12 && number.bytes().all(|byte| byte.is_ascii_digit());
    digits && time.parse::<runpod_api::Timestamp>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_apart_and_half_of_one_is_none() {
        let text = "id: 1\ndata: {}\n\n: still here\n\nid: 2\n\ndata: x\nid:3\n\nid: 4\ndata";
        let of = |id: &str, data: Option<&str>| Frame { id: Some(id.into()), data: data.map(str::to_owned) };
        assert_eq!(frames(text), [of("1", Some("{}")), of("2", None), of("3", Some("x"))]);
        assert!(frames("id: 1").is_empty());
    }

    #[test]
    fn cursors_are_times_with_or_without_a_number() {
        assert!(is_cursor("2026-08-20T06:16:19.430Z/000000000001") && is_cursor("2026-08-20T06:16:19Z"));
        assert!(!is_cursor("17") && !is_cursor("2026-08-20T06:16:19Z/1"));
    }
}
