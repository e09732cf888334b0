//! Lists received from the server.

use std::{fmt, marker::PhantomData, ops::Deref};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::misfit::{self, Odd};

/// A list received from the server. It reads like a slice of the items that could be decoded.
///
/// A malformed item does not hide the others: it is in [`odd`](Self::odd).
///
/// ```
/// use runpod_api::Listed;
///
/// let list: Listed<u8> = serde_json::from_str("[1, \"two\", 3]").unwrap();
/// assert_eq!(*list, [1, 3]);
/// assert_eq!(list.odd()[0].position(), "1");
/// ```
#[derive(Clone, Debug)]
pub struct Listed<T> {
    items: Vec<T>,
    odd: Vec<Odd>,
}

impl<T> Listed<T> {
    /// The items that could not be decoded.
    pub fn odd(&self) -> &[Odd] {
        &self.odd
    }

    /// The items that could be decoded.
    pub fn into_inner(self) -> Vec<T> {
        self.items
    }
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T> From<Vec<T>> for Listed<T> {
    fn from(items: Vec<T>) -> Self {
        Self { items, odd: Vec::new() }
    }
}

impl<T> FromIterator<T> for Listed<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Vec::from_iter(items).into()
    }
}

impl<T> Deref for Listed<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T> IntoIterator for Listed<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Listed<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<T: Serialize> Serialize for Listed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;

        let mut list = serializer.serialize_seq(Some(self.items.len() + self.odd.len()))?;
        self.items.iter().try_for_each(|item| list.serialize_element(item))?;
        self.odd.iter().try_for_each(|odd| list.serialize_element(odd.raw()))?;
        list.end()
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Listed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for ListVisitor<T> {
    type Value = Listed<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Listed<T>, A::Error> {
        let mut out = Listed::default();
        if misfit::is_strict() {
            while let Some(item) = list.next_element()? {
                out.items.push(item);
            }
            return Ok(out);
        }
        while let Some(json) = list.next_element::<Box<RawValue>>()? {
            let position = (out.items.len() + out.odd.len()).to_string();
            match Odd::or_read(position, json) {
                Ok(item) => out.items.push(item),
                Err(odd) => out.odd.push(odd),
            }
        }
        Ok(out)
    }
}
