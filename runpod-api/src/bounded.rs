//! Numbers within the bounds of the contract.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A value that the contract does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not allowed by RunPod's API: give {expected}")]
#[non_exhaustive]
pub struct ValueError {
    /// The values that are allowed.
    pub expected: String,
}

impl ValueError {
    pub(crate) fn new(expected: impl Into<String>) -> Self {
        Self { expected: expected.into() }
    }
}

/// An integer from `MIN` to `MAX`.
///
/// ```
/// use runpod_api::Int;
///
/// assert_eq!(Int::<1, 8>::try_from(3).unwrap().get(), 3);
/// assert!(Int::<1, 8>::try_from(0).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Int<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> Int<MIN, MAX> {
    /// Keeps the number.
    ///
    /// # Errors
    /// When it is below `MIN` or above `MAX`.
    pub fn new(value: i64) -> Result<Self, ValueError> {
        if (MIN..=MAX).contains(&value) { Ok(Self(value)) } else { Err(Self::refused()) }
    }

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }

    fn refused() -> ValueError {
        ValueError::new(match (MIN, MAX) {
            (least, i64::MAX) => format!("an integer of at least {least}"),
            (i64::MIN, most) => format!("an integer of at most {most}"),
            (least, most) => format!("an integer from {least} to {most}"),
        })
    }
}

macro_rules! from_integers {
    ($($integer:ty),*) => {$(
        impl<const MIN: i64, const MAX: i64> TryFrom<$integer> for Int<MIN, MAX> {
            type Error = ValueError;

            fn try_from(value: $integer) -> Result<Self, ValueError> {
                i64::try_from(value).map_err(|_| Self::refused()).and_then(Self::new)
            }
        }
    )*};
}

from_integers!(i32, i64, u16, u32, u64, usize);

impl<const MIN: i64, const MAX: i64> fmt::Display for Int<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const MIN: i64, const MAX: i64> Serialize for Int<MIN, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for Int<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(i64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A number from `MIN` to `MAX`, both given in thousandths.
///
/// ```
/// use runpod_api::Num;
///
/// assert_eq!(Num::<500, 10_000>::try_from(0.5).unwrap().get(), 0.5);
/// assert!(Num::<500, 10_000>::try_from(0.4).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Num<const MIN: i64, const MAX: i64>(f64);

impl<const MIN: i64, const MAX: i64> Num<MIN, MAX> {
    /// Keeps the number.
    ///
    /// # Errors
    /// When it is below `MIN` or above `MAX` thousandths, or not a number.
    pub fn new(value: f64) -> Result<Self, ValueError> {
        let (least, most) = (MIN as f64 / 1000.0, MAX as f64 / 1000.0);
        if value >= least && (value <= most || MAX == i64::MAX) && value.is_finite() {
            return Ok(Self(value));
        }
        Err(ValueError::new(match (MIN, MAX) {
            (_, i64::MAX) => format!("a number of at least {least}"),
            (i64::MIN, _) => format!("a number of at most {most}"),
            _ => format!("a number from {least} to {most}"),
        }))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl<const MIN: i64, const MAX: i64> TryFrom<f64> for Num<MIN, MAX> {
    type Error = ValueError;

    fn try_from(value: f64) -> Result<Self, ValueError> {
        Self::new(value)
    }
}

impl<const MIN: i64, const MAX: i64> fmt::Display for Num<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const MIN: i64, const MAX: i64> Serialize for Num<MIN, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for Num<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
