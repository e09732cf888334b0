//! A failed call in JSON.

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::Error;

impl Serialize for Error {
    /// `kind`, `operation`, `target`, `status`, `message` (RunPod's words), `request_id`, `retry_after_seconds`,
    /// `text` (the whole, with what to do).
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(8))?;
        map.serialize_entry("kind", &self.kind())?;
        map.serialize_entry("operation", self.operation())?;
        map.serialize_entry("target", &self.target())?;
        map.serialize_entry("status", &self.status())?;
        map.serialize_entry("message", self.message())?;
        map.serialize_entry("request_id", &self.request_id())?;
        map.serialize_entry("retry_after_seconds", &self.retry_after().map(|time| time.as_secs_f64()))?;
        map.serialize_entry("text", &self.to_string())?;
        map.end()
    }
}
