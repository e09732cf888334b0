use std::{cell::Cell, fmt};

use serde::de::DeserializeOwned;
use serde_json::{error::Category, value::RawValue};

use crate::printable::printable;

/// Longest path or type shown, in characters.
const LONGEST: usize = 200;

/// Where a JSON text is not what was expected, without anything of what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub(crate) path: String,
    pub(crate) expected: String,
    /// Whether the text ends before the JSON does.
    pub(crate) cut: bool,
}

impl Misfit {
    /// What is no JSON at all.
    pub(crate) fn no_json() -> Self {
        Self { path: ".".into(), expected: "JSON".into(), cut: false }
    }
}

thread_local! {
    /// Whether lists and maps refuse odd items instead of setting them aside.
    static STRICT: Cell<bool> = const { Cell::new(false) };
}

/// Whether a list or map being read is to refuse odd items.
pub(crate) fn is_strict() -> bool {
    STRICT.get()
}

/// Reads a value from JSON: in one pass if all is as expected, else once more to set aside what is odd.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, Misfit> {
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

fn read_leniently<T: DeserializeOwned>(json: &[u8]) -> Result<T, Misfit> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| Misfit {
        path: shortened(&error.path().to_string()),
        expected: shortened(&expected(error.inner())),
        cut: error.inner().classify() == Category::Eof,
    })?;
    deserializer.end().map_err(|_| Misfit {
        path: ".".into(),
        expected: "nothing more".into(),
        cut: false,
    })?;
    Ok(value)
}

/// What the type wanted. The rest of the message may quote the payload, so only this is taken.
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

/// An item of a list, or a value of a map, that could not be read. The others are there all the same.
#[derive(Clone)]
pub struct Odd {
    position: String,
    misfit: Misfit,
    json: Box<RawValue>,
}

impl Odd {
    /// Reads one item.
    pub(crate) fn or_read<T: DeserializeOwned>(position: String, json: Box<RawValue>) -> Result<T, Self> {
        read(json.get().as_bytes()).map_err(|misfit| Self { position, misfit, json })
    }

    /// Where it is: its index in the list, or its key in the map.
    pub fn position(&self) -> &str {
        &self.position
    }

    /// Where in it the trouble is, as in `gpu.count`.
    pub fn path(&self) -> &str {
        &self.misfit.path
    }

    /// What was expected there.
    pub fn expected(&self) -> &str {
        &self.misfit.expected
    }

    /// Its JSON text, as received. It may hold secrets.
    pub fn json(&self) -> &str {
        self.json.get()
    }

    pub(crate) fn raw(&self) -> &RawValue {
        &self.json
    }
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: at {} expected {}", self.position, self.path(), self.expected())
    }
}

impl fmt::Debug for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Odd({self})")
    }
}
