//! Lists sent to the server, within the limits of the contract.

use std::{collections::HashSet, fmt, marker::PhantomData, ops::Deref};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use crate::bounded::ValueError;

/// Limits of a list: its number of items, and uniqueness.
pub trait Limits {
    /// The least number of items.
    const MIN: u32;
    /// The greatest number of items.
    const MAX: u32;
    /// True if no two items may be the same.
    const UNIQUE: bool;
}

/// From `MIN` to `MAX` items, all different if `UNIQUE`.
#[derive(Clone, Copy, Debug)]
pub struct Len<const MIN: u32, const MAX: u32, const UNIQUE: bool>;

impl<const MIN: u32, const MAX: u32, const UNIQUE: bool> Limits for Len<MIN, MAX, UNIQUE> {
    const MIN: u32 = MIN;
    const MAX: u32 = MAX;
    const UNIQUE: bool = UNIQUE;
}

/// A list within limits; it reads like a slice.
///
/// ```
/// use runpod_api::{Len, List};
///
/// type One = List<String, Len<0, 1, false>>;
/// assert!(One::try_from(vec!["a".to_owned()]).is_ok());
/// assert!(One::try_from(vec!["a".to_owned(), "b".to_owned()]).is_err());
/// ```
#[derive(Clone, Debug)]
pub struct List<T, L: Limits = Len<0, { u32::MAX }, false>>(Vec<T>, PhantomData<L>);

impl<T, L: Limits> List<T, L> {
    /// The items.
    pub fn into_inner(self) -> Vec<T> {
        self.0
    }
}

impl<T: Serialize, L: Limits> TryFrom<Vec<T>> for List<T, L> {
    type Error = ValueError;

    fn try_from(items: Vec<T>) -> Result<Self, ValueError> {
        within::<T, L>(&items)?;
        Ok(Self(items, PhantomData))
    }
}

/// The items' texts with commas between them.
impl<T: Serialize, L: Limits> fmt::Display for List<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().filter_map(text).collect();
        f.write_str(&texts.join(","))
    }
}

/// A text or number as it is, without the quotes of JSON.
pub(crate) fn text(item: &impl Serialize) -> Option<String> {
    match serde_json::to_value(item).ok()? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// Checks the number of items, and that they differ.
pub(crate) fn within<T: Serialize, L: Limits>(items: &[T]) -> Result<(), ValueError> {
    let counted = u32::try_from(items.len()).is_ok_and(|count| (L::MIN..=L::MAX).contains(&count));
    let mut seen = HashSet::new();
    let differ = !L::UNIQUE || items.iter().all(|item| seen.insert(serde_json::to_string(item).ok()));
    if counted && differ {
        return Ok(());
    }
    let count = match (L::MIN, L::MAX) {
        (least, u32::MAX) => format!("a list of at least {least}"),
        (0, most) => format!("a list of at most {most}"),
        (least, most) => format!("a list of {least} to {most}"),
    };
    Err(ValueError::new(if L::UNIQUE {
        format!("{count} different items")
    } else {
        format!("{count} items")
    }))
}

impl<T, L: Limits> Deref for List<T, L> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Serialize, L: Limits> Serialize for List<T, L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de> + Serialize, L: Limits> Deserialize<'de> for List<T, L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Vec::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
