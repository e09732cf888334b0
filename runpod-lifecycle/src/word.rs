//! Words for the values of closed enums: written, read and listed from one table.

use std::fmt;

use runpod_api::printable;

/// A text that is no word for what was asked for. Its Display says which words there are.
///
/// ```
/// let error = "blue".parse::<runpod_lifecycle::Cloud>().unwrap_err();
/// assert_eq!(error.to_string(), "\"blue\" is no cloud: it may be secure, community or either");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord {
    what: &'static str,
    word: String,
    allowed: Vec<&'static str>,
}

impl UnknownWord {
    /// The text, shortened.
    #[must_use]
    pub fn word(&self) -> &str {
        &self.word
    }

    /// The words there are.
    #[must_use]
    pub fn allowed(&self) -> &[&'static str] {
        &self.allowed
    }
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (last, others) = self.allowed.split_last().unwrap_or((&"", &[]));
        let allowed =
            if others.is_empty() { (*last).to_owned() } else { format!("{} or {last}", others.join(", ")) };
        write!(f, "{:?} is no {}: it may be {allowed}", printable(&self.word), self.what)
    }
}

impl std::error::Error for UnknownWord {}

/// Finds the value for a word, in any case.
pub(crate) fn find<T: Copy>(
    what: &'static str,
    all: &[T],
    as_str: fn(T) -> &'static str,
    text: &str,
) -> Result<T, UnknownWord> {
    let is_it = |value: &&T| as_str(**value).eq_ignore_ascii_case(text.trim());
    all.iter().find(is_it).copied().ok_or_else(|| UnknownWord {
        what,
        word: text.chars().take(80).collect(),
        allowed: all.iter().copied().map(as_str).collect(),
    })
}

/// Gives an enum without data its words: `ALL`, `as_str`, Display, `FromStr`, and JSON with the features for it.
macro_rules! words {
    ($type:ident, $what:literal, $($(#[$when:meta])* $variant:ident => $word:literal),+ $(,)?) => {
        impl $type {
            /// Every value that this version knows.
            pub const ALL: &'static [Self] = &[$($(#[$when])* Self::$variant),+];

            /// The word for it, in lower case, as it is read by `FromStr` and written in JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($(#[$when])* Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::word::find($what, Self::ALL, Self::as_str, text)
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "schemars")]
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let words: Vec<&str> = Self::ALL.iter().map(|value| value.as_str()).collect();
                schemars::json_schema!({ "type": "string", "enum": words })
            }
        }
    };
}

pub(crate) use words;
