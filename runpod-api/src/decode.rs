//! Decoding of answers, and the values that could not be decoded.

use std::{cell::Cell, fmt};

use serde::de::DeserializeOwned;
use serde_json::{error::Category, value::RawValue};

use crate::printable::printable;

/// Longest path or type shown, in characters.
const LONGEST: usize = 200;

/// The place at which a JSON text cannot be decoded, and what was expected there. It holds nothing of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DecodeError {
    pub(crate) path: String,
    pub(crate) expected: String,
    /// True if the text ends before the JSON does.
    pub(crate) cut: bool,
}

impl DecodeError {
    /// The error of a text that is no JSON at all.
    pub(crate) fn no_json() -> Self {
        Self { path: ".".into(), expected: "JSON".into(), cut: false }
    }
}

thread_local! {
    /// True if lists and maps refuse malformed items instead of setting them aside.
    static STRICT: Cell<bool> = const { Cell::new(false) };
}

/// Returns true if a list or map being read refuses malformed items.
pub(crate) fn is_strict() -> bool {
    STRICT.get()
}

/// Reads a value from JSON in one pass. If an item is malformed, reads it again and sets that item aside.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, DecodeError> {
    // Checked as a whole: checking each string for itself takes a seventh of all instructions.
    let Ok(text) = std::str::from_utf8(json) else { return read_leniently(json) };
    STRICT.set(true);
    let value = serde_json::from_str(text);
    STRICT.set(false);
    value.or_else(|_| read_leniently(json))
}

/// Reads an answer as a call does; for measurements.
#[doc(hidden)]
pub fn read_answer<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    read(json).ok()
}

fn read_leniently<T: DeserializeOwned>(json: &[u8]) -> Result<T, DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| DecodeError {
        path: shortened(&error.path().to_string()),
        expected: shortened(&expected(error.inner())),
        cut: error.inner().classify() == Category::Eof,
    })?;
    deserializer.end().map_err(|_| DecodeError {
        path: ".".into(),
        expected: "nothing more".into(),
        cut: false,
    })?;
    Ok(value)
}

/// The type or value that was expected. The rest of the message may quote the payload, so only this is taken.
fn expected(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Eof => return "more JSON".to_owned(),
        Category::Syntax | Category::Io => return "JSON".to_owned(),
        Category::Data => {}
    }
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    if let Some(field) = message.strip_prefix("missing ") {
        return field.to_owned();
    }
    message.rsplit_once(", expected ").map_or("another value", |(_, expected)| expected).to_owned()
}

fn shortened(text: &str) -> String {
    printable(text).chars().take(LONGEST).collect()
}

/// An item of a list, or a value of a map, that could not be decoded. It does not hide the others.
#[derive(Clone)]
pub struct MalformedItem {
    position: String,
    error: DecodeError,
    json: Box<RawValue>,
}

impl MalformedItem {
    /// Reads one item.
    pub(crate) fn or_read<T: DeserializeOwned>(position: String, json: Box<RawValue>) -> Result<T, Self> {
        read(json.get().as_bytes()).map_err(|error| Self { position, error, json })
    }

    /// Its index in the list, or its key in the map.
    pub fn position(&self) -> &str {
        &self.position
    }

    /// Path to the value in it that could not be decoded, such as `gpu.count`.
    pub fn path(&self) -> &str {
        &self.error.path
    }

    /// The type or value that was expected there.
    pub fn expected(&self) -> &str {
        &self.error.expected
    }

    /// Its JSON text as received. It may hold secrets.
    pub fn json(&self) -> &str {
        self.json.get()
    }

    pub(crate) fn raw(&self) -> &RawValue {
        &self.json
    }
}

impl fmt::Display for MalformedItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: at {} expected {}", self.position, self.path(), self.expected())
    }
}

impl fmt::Debug for MalformedItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MalformedItem({self})")
    }
}
