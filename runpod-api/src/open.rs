//! Enums whose values may grow.

use std::{borrow::Cow, fmt, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A value the server picks from a list that may grow: one this crate knows, or another.
///
/// ```
/// # #[cfg(feature = "v2")] {
/// use runpod_api::{Open, v2::types::PodStatus};
///
/// let status: Open<PodStatus> = "HIBERNATED".parse().unwrap();
/// assert_eq!(status.known(), None);
/// assert_eq!(status.to_string(), "HIBERNATED");
/// assert_eq!("RUNNING".parse::<Open<PodStatus>>().unwrap(), PodStatus::Running);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Open<T> {
    /// A value that the contract lists.
    Known(T),
    /// A value that it does not list, as received.
    Other(String),
}

impl<T> Open<T> {
    /// The value, if the contract lists it.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Other(_) => None,
        }
    }
}

impl<T: fmt::Display> Open<T> {
    /// The value as it is sent.
    pub fn as_str(&self) -> Cow<'_, str> {
        match self {
            Self::Known(value) => Cow::Owned(value.to_string()),
            Self::Other(text) => Cow::Borrowed(text),
        }
    }
}

impl<T> From<T> for Open<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: FromStr> FromStr for Open<T> {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::Other(text.to_owned()), Self::Known))
    }
}

impl<T: PartialEq> PartialEq<T> for Open<T> {
    fn eq(&self, other: &T) -> bool {
        self.known() == Some(other)
    }
}

impl<T: fmt::Display> fmt::Display for Open<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => value.fmt(f),
            Self::Other(text) => f.pad(text),
        }
    }
}

impl<T: fmt::Display> Serialize for Open<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: FromStr> Deserialize<'de> for Open<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Word(PhantomData))
    }
}

struct Word<T>(PhantomData<T>);

impl<T: FromStr> de::Visitor<'_> for Word<T> {
    type Value = Open<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<Open<T>, E> {
        Ok(text.parse().map_or_else(|_| Open::Other(text.to_owned()), Open::Known))
    }
}
