//! Lists sent as one text with commas.

use std::{fmt, marker::PhantomData};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    bounded::ValueError,
    list::{Len, Limits, text, within},
};

/// A list sent as one text with commas, as some query parameters are.
///
/// ```
/// use runpod_api::Joined;
///
/// let codes = Joined::<String>::try_from(vec!["DE".to_owned(), "FR".to_owned()]).unwrap();
/// assert_eq!(codes.to_string(), "DE,FR");
/// ```
pub struct Joined<T, L = Len<0, { u32::MAX }, false>>(String, PhantomData<fn() -> (T, L)>);

impl<T: Serialize, L: Limits> TryFrom<Vec<T>> for Joined<T, L> {
    type Error = ValueError;

    fn try_from(items: Vec<T>) -> Result<Self, ValueError> {
        within::<T, L>(&items)?;
        let comma_free = |item| text(item).filter(|text| !text.contains(','));
        let texts: Option<Vec<String>> = items.iter().map(comma_free).collect();
        let texts =
            texts.ok_or_else(|| ValueError::new("items that are texts without a comma, or numbers"))?;
        Ok(Self(texts.join(","), PhantomData))
    }
}

impl<T, L> Clone for Joined<T, L> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<T, L> fmt::Debug for Joined<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T, L> fmt::Display for Joined<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<T, L> Serialize for Joined<T, L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// From a list, as the contract has it.
impl<'de, T: Deserialize<'de> + Serialize, L: Limits> Deserialize<'de> for Joined<T, L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Vec::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
