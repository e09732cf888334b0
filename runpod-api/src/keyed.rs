//! Maps received from the server.

use std::{collections::BTreeMap, fmt, marker::PhantomData, ops::Deref};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::misfit::{self, Odd};

/// A map received from the server. It reads like a map of the values that could be decoded.
///
/// A malformed value does not hide the others: it is in [`odd`](Self::odd).
#[derive(Clone, Debug)]
pub struct Keyed<T> {
    entries: BTreeMap<String, T>,
    odd: Vec<Odd>,
}

impl<T> Keyed<T> {
    /// The values that could not be decoded.
    pub fn odd(&self) -> &[Odd] {
        &self.odd
    }

    /// The values that could be decoded.
    pub fn into_inner(self) -> BTreeMap<String, T> {
        self.entries
    }
}

impl<T> Default for Keyed<T> {
    fn default() -> Self {
        BTreeMap::new().into()
    }
}

impl<T> From<BTreeMap<String, T>> for Keyed<T> {
    fn from(entries: BTreeMap<String, T>) -> Self {
        Self { entries, odd: Vec::new() }
    }
}

impl<T> FromIterator<(String, T)> for Keyed<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(entries: I) -> Self {
        BTreeMap::from_iter(entries).into()
    }
}

impl<T> Deref for Keyed<T> {
    type Target = BTreeMap<String, T>;

    fn deref(&self) -> &Self::Target {
        &self.entries
    }
}

impl<T> IntoIterator for Keyed<T> {
    type Item = (String, T);
    type IntoIter = std::collections::btree_map::IntoIter<String, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Keyed<T> {
    type Item = (&'a String, &'a T);
    type IntoIter = std::collections::btree_map::Iter<'a, String, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

impl<T: Serialize> Serialize for Keyed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;

        let mut map = serializer.serialize_map(Some(self.entries.len() + self.odd.len()))?;
        self.entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
        self.odd.iter().try_for_each(|odd| map.serialize_entry(odd.position(), odd.raw()))?;
        map.end()
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Keyed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MapVisitor(PhantomData))
    }
}

struct MapVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for MapVisitor<T> {
    type Value = Keyed<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keyed<T>, A::Error> {
        let mut out = Keyed::default();
        if misfit::is_strict() {
            while let Some((key, value)) = map.next_entry()? {
                out.entries.insert(key, value);
            }
            return Ok(out);
        }
        while let Some((key, json)) = map.next_entry::<String, Box<RawValue>>()? {
            match Odd::or_read(key.clone(), json) {
                Ok(value) => drop(out.entries.insert(key, value)),
                Err(odd) => out.odd.push(odd),
            }
        }
        Ok(out)
    }
}
