//! Lists received from the server.

use std::{fmt, marker::PhantomData, ops::Deref};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::decode::{self, MalformedItem};

/// A list received from the server. It reads like a slice of the items that could be decoded.
///
/// A malformed item does not hide the others: it is in [`malformed`](Self::malformed).
///
/// ```
/// use runpod_api::LenientList;
///
/// let list: LenientList<u8> = serde_json::from_str("[1, \"two\", 3]").unwrap();
/// assert_eq!(*list, [1, 3]);
/// assert_eq!(list.malformed()[0].position(), "1");
/// ```
#[derive(Clone, Debug)]
pub struct LenientList<T> {
    items: Vec<T>,
    malformed: Vec<MalformedItem>,
}

impl<T> LenientList<T> {
    /// The items that could not be decoded.
    pub fn malformed(&self) -> &[MalformedItem] {
        &self.malformed
    }

    /// The items that could be decoded.
    pub fn into_inner(self) -> Vec<T> {
        self.items
    }
}

impl<T> Default for LenientList<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T> From<Vec<T>> for LenientList<T> {
    fn from(items: Vec<T>) -> Self {
        Self { items, malformed: Vec::new() }
    }
}

impl<T> FromIterator<T> for LenientList<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Vec::from_iter(items).into()
    }
}

impl<T> Deref for LenientList<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T> IntoIterator for LenientList<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a LenientList<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<T: Serialize> Serialize for LenientList<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;

        let mut list = serializer.serialize_seq(Some(self.items.len() + self.malformed.len()))?;
        self.items.iter().try_for_each(|item| list.serialize_element(item))?;
        self.malformed.iter().try_for_each(|item| list.serialize_element(item.raw()))?;
        list.end()
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for LenientList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for ListVisitor<T> {
    type Value = LenientList<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<LenientList<T>, A::Error> {
        let mut out = LenientList::default();
        if decode::is_strict() {
            while let Some(item) = list.next_element()? {
                out.items.push(item);
            }
            return Ok(out);
        }
        while let Some(json) = list.next_element::<Box<RawValue>>()? {
            let position = (out.items.len() + out.malformed.len()).to_string();
            match MalformedItem::or_read(position, json) {
                Ok(item) => out.items.push(item),
                Err(malformed) => out.malformed.push(malformed),
            }
        }
        Ok(out)
    }
}
