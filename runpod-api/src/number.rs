//! Numbers received from the server.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number received where the contract promises an integer.
///
/// Numbers out of range, with a fraction or written as a text are taken too.
#[derive(Clone, Copy, PartialEq)]
pub struct Integer(Received);

/// A number received where the contract promises one; written as a text it is taken too.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Number(f64);

#[derive(Clone, Copy, PartialEq)]
enum Received {
    Signed(i64),
    Unsigned(u64),
    Fraction(f64),
}

impl Integer {
    /// The number; without its fraction, and at most the least or largest `i64`.
    pub fn get(self) -> i64 {
        match self.0 {
            Received::Signed(value) => value,
            Received::Unsigned(value) => i64::try_from(value).unwrap_or(i64::MAX),
            // A cast from a float saturates.
            Received::Fraction(value) => value as i64,
        }
    }

    /// Returns true if [`get`](Self::get) is exactly the number received.
    pub fn is_exact(self) -> bool {
        match self.0 {
            Received::Signed(_) => true,
            Received::Unsigned(value) => i64::try_from(value).is_ok(),
            Received::Fraction(value) => value.fract() == 0.0 && value.abs() < 9.0e15,
        }
    }
}

impl Number {
    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl From<i64> for Integer {
    fn from(value: i64) -> Self {
        Self(Received::Signed(value))
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self(value)
    }
}

impl Default for Integer {
    fn default() -> Self {
        Self::from(0)
    }
}

impl PartialEq<i64> for Integer {
    fn eq(&self, other: &i64) -> bool {
        self.is_exact() && self.get() == *other
    }
}

impl PartialEq<f64> for Number {
    fn eq(&self, other: &f64) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Received::Signed(value) => value.fmt(f),
            Received::Unsigned(value) => value.fmt(f),
            Received::Fraction(value) => value.fmt(f),
        }
    }
}

impl fmt::Debug for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Integer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Received::Signed(value) => serializer.serialize_i64(value),
            Received::Unsigned(value) => serializer.serialize_u64(value),
            Received::Fraction(value) => serializer.serialize_f64(value),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNumber).map(Self)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match deserializer.deserialize_any(AnyNumber)? {
            Received::Signed(value) => value as f64,
            Received::Unsigned(value) => value as f64,
            Received::Fraction(value) => value,
        }))
    }
}

struct AnyNumber;

impl de::Visitor<'_> for AnyNumber {
    type Value = Received;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E>(self, value: i64) -> Result<Received, E> {
        Ok(Received::Signed(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Received, E> {
        Ok(i64::try_from(value).map_or(Received::Unsigned(value), Received::Signed))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Received, E> {
        Ok(Received::Fraction(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Received, E> {
        let text = text.trim();
        if let Ok(value) = text.parse() {
            return Ok(Received::Signed(value));
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Received::Fraction(value)),
            _ => Err(E::invalid_type(de::Unexpected::Other("a text"), &self)),
        }
    }
}
