//! Moments in RFC 3339.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::bounded::ValueError;

/// A moment as RFC 3339 writes it, such as `2026-11-15T08:30:00Z`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timestamp(String);

impl Timestamp {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Timestamp {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if is_rfc3339(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValueError::new("a moment such as 2026-11-15T08:30:00Z"))
        }
    }
}

impl TryFrom<&str> for Timestamp {
    type Error = ValueError;

    fn try_from(text: &str) -> Result<Self, ValueError> {
        text.parse()
    }
}

fn is_rfc3339(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't']) else { return false };
    let (clock, zone) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => return false,
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = |text: &str, separator: char, limits: &[(usize, u32, u32)]| {
        let parts: Vec<&str> = text.split(separator).collect();
        parts.len() == limits.len()
            && parts.iter().zip(limits).all(|(part, (length, least, most))| {
                part.len() == *length
                    && digits(part)
                    && part.parse::<u32>().is_ok_and(|number| (*least..=*most).contains(&number))
            })
    };
    let zoned = match zone.split_at_checked(1) {
        Some(("Z" | "z", "")) => true,
        Some(("+" | "-", offset)) => numbers(offset, ':', &[(2, 0, 23), (2, 0, 59)]),
        _ => false,
    };
    zoned
        && digits(fraction)
        && numbers(date, '-', &[(4, 0, 9999), (2, 1, 12), (2, 1, 31)])
        && numbers(clock, ':', &[(2, 0, 23), (2, 0, 59), (2, 0, 60)])
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
