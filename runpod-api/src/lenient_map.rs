//! Maps received from the server.

use std::{collections::BTreeMap, fmt, marker::PhantomData, ops::Deref};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::decode::{self, MalformedItem};

/// A map received from the server. It reads like a map of the values that could be decoded.
///
/// A malformed value does not hide the others: it is in [`malformed`](Self::malformed).
#[derive(Clone, Debug)]
pub struct LenientMap<T> {
    entries: BTreeMap<String, T>,
    malformed: Vec<MalformedItem>,
}

impl<T> LenientMap<T> {
    /// The values that could not be decoded.
    pub fn malformed(&self) -> &[MalformedItem] {
        &self.malformed
    }

    /// The values that could be decoded.
    pub fn into_inner(self) -> BTreeMap<String, T> {
        self.entries
    }
}

impl<T> Default for LenientMap<T> {
    fn default() -> Self {
        BTreeMap::new().into()
    }
}

impl<T> From<BTreeMap<String, T>> for LenientMap<T> {
    fn from(entries: BTreeMap<String, T>) -> Self {
        Self { entries, malformed: Vec::new() }
    }
}

impl<T> FromIterator<(String, T)> for LenientMap<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(entries: I) -> Self {
        BTreeMap::from_iter(entries).into()
    }
}

impl<T> Deref for LenientMap<T> {
    type Target = BTreeMap<String, T>;

    fn deref(&self) -> &Self::Target {
        &self.entries
    }
}

impl<T> IntoIterator for LenientMap<T> {
    type Item = (String, T);
    type IntoIter = std::collections::btree_map::IntoIter<String, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a LenientMap<T> {
    type Item = (&'a String, &'a T);
    type IntoIter = std::collections::btree_map::Iter<'a, String, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

impl<T: Serialize> Serialize for LenientMap<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;

        let mut map = serializer.serialize_map(Some(self.entries.len() + self.malformed.len()))?;
        self.entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
        self.malformed.iter().try_for_each(|value| map.serialize_entry(value.position(), value.raw()))?;
        map.end()
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for LenientMap<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MapVisitor(PhantomData))
    }
}

struct MapVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for MapVisitor<T> {
    type Value = LenientMap<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LenientMap<T>, A::Error> {
        let mut out = LenientMap::default();
        if decode::is_strict() {
            while let Some((key, value)) = map.next_entry()? {
                out.entries.insert(key, value);
            }
            return Ok(out);
        }
        while let Some((key, json)) = map.next_entry::<String, Box<RawValue>>()? {
            match MalformedItem::or_read(key.clone(), json) {
                Ok(value) => drop(out.entries.insert(key, value)),
                Err(malformed) => out.malformed.push(malformed),
            }
        }
        Ok(out)
    }
}
