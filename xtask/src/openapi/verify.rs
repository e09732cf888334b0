//! Compiling what an import gives, before anything is written.

use std::path::Path;

use serde_json::Value;

use super::{Failure, Version, contract_folder, mutations, write};

/// Compiles the bindings and the facade from the document, beside the committed one of the other version.
pub(crate) fn compiles(version: Version, document: &Value, target: &Path) -> Result<(), Failure> {
    let folder = with(version, document)?;
    mutations::check(folder.path(), target, false)
        .map_err(|error| format!("the bindings of this document: {error}\nnothing was written"))?;
    mutations::check(folder.path(), target, true).map_err(|error| {
        format!("the facade on top of this document: {error}\nnothing was written; see what `diff` says is breaking").into()
    })
}

/// A folder of documents to build from: this one, and the committed one of the other version.
pub(crate) fn with(version: Version, document: &Value) -> Result<tempfile::TempDir, Failure> {
    let folder = tempfile::tempdir()?;
    for one in [Version::V1, Version::V2] {
        let file = format!("{}.json", one.name());
        let path = folder.path().join(&file);
        if one == version {
            write::document(&path, document)?;
        } else {
            std::fs::copy(contract_folder().join(&file), &path)?;
        }
    }
    Ok(folder)
}
