//! Times as RunPod writes them.

use std::time::{Duration, SystemTime};

use humantime::parse_rfc3339_weak;

/// The earliest place of the zone: after the seconds.
const SECONDS_END: usize = "2026-08-20T06:16:19".len();

/// Reads a time as any version of the API writes it: RFC 3339, or `2026-08-20 06:16:19.43 +0000 UTC`. `None` for
/// anything else, and for a time without a zone.
pub(crate) fn server_time(text: &str) -> Option<SystemTime> {
    let text = text.trim().to_ascii_uppercase();
    let (clock, offset) = match text.strip_suffix("UTC").map(str::trim_end) {
        Some(text) => zoned(text).unwrap_or((text, Offset::default())),
        None => zoned(&text)?,
    };
    let local = parse_rfc3339_weak(clock.trim_end()).ok()?;
    if offset.is_east { local.checked_sub(offset.by) } else { local.checked_add(offset.by) }
}

/// The last second that RFC 3339 can write: a server's clock, or its times, may be far beyond any sense.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// The time as RFC 3339 writes it; the first or last that can be written for one beyond.
pub(crate) fn writable(at: SystemTime) -> SystemTime {
    at.clamp(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + LAST)
}

/// The distance of a clock from UTC.
#[derive(Clone, Copy, Default)]
struct Offset {
    is_east: bool,
    by: Duration,
}

/// Splits a zone off: `Z`, `+02:00`, `+0200`.
fn zoned(text: &str) -> Option<(&str, Offset)> {
    if let Some(clock) = text.strip_suffix('Z') {
        return Some((clock, Offset::default()));
    }
    let at = text.rfind(['+', '-']).filter(|at| *at >= SECONDS_END)?;
    let (clock, zone) = text.split_at(at);
    let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
    let is_number = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let (hours, minutes) = digits.split_at_checked(2).filter(|_| is_number)?;
    let (hours, minutes) = (hours.parse::<u64>().ok()?, minutes.parse::<u64>().ok()?);
    let by = Duration::from_secs(60 * (60 * hours + minutes));
    (hours < 24 && minutes < 60).then_some((clock, Offset { is_east: zone.starts_with('+'), by }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_time_is_one_time() {
        let expected = humantime::parse_rfc3339("2026-08-20T06:16:19.430Z").expect("it is RFC 3339");
        for text in [
            "2026-08-20T06:16:19.43Z",
            "2026-08-20T06:16:19.430000000Z",
            "2026-08-20t06:16:19.430z",
            " 2026-08-20T06:16:19.430Z\n",
            "2026-08-20T06:16:19.430+00:00",
            "2026-08-20T06:16:19.430-00:00",
            "2026-08-20T08:16:19.430+02:00",
            "2026-08-20T01:46:19.430-04:30",
            "2026-08-19T23:16:19.430-0700",
            "2026-08-20 06:16:19.43 +0000 UTC",
            "2026-08-20 06:16:19.43 UTC",
            "2026-08-20 06:16:19.43Z",
        ] {
            assert_eq!(server_time(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in [
            "",
            "Z",
            "UTC",
            "yesterday",
            "2026-08-20",
            "2026-08-20T06:16:19",
            "2026-08-20T06:16:19+1",
            "2026-08-20T06:16:19+25:00",
            "2026-08-20T06:16:19+00:60",
            "2026-08-20T06:16:19+0é:0",
            "2026-13-20T06:16:19Z",
            "1787206579",
            "0001-01-01T00:00:00Z",
            "1970-01-01T00:00:00+14:00",
            "+2026-08-20T06:16:19Z",
        ] {
            let time = server_time(text);
            assert!(time.is_none() || time < Some(SystemTime::UNIX_EPOCH), "{text}: {time:?}");
        }
    }
}
