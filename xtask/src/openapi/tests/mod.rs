//! Tests of the whole import.

use serde_json::Value;

use super::{
    corrections::How,
    import::{Imported, Notes, import},
};

mod broken;
pub(super) mod documents;
mod names;
mod rules;

/// Imports a document without corrections or descriptions.
pub(super) fn imported(document: Value) -> Result<Value, String> {
    let Imported { document, .. } =
        import(document, &Notes::default(), How::default()).map_err(|error| error.to_string())?;
    Ok(document)
}

/// The import's refusal.
fn refusal(document: Value) -> String {
    imported(document).expect_err("refused")
}
