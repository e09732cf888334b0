//! What changes for users of the bindings from one document to another.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::{Failure, Version, contract_folder, import, source};

mod change;
mod operations;
mod rust;
mod schemas;

use change::{Change, Changes, Effect, Step};

/// How the changes are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Markdown, for a reader or a pull request.
    #[default]
    Text,
    /// JSON, for a program.
    Json,
}

/// Reads both documents and tells the changes.
pub(crate) fn run(old: &str, new: &str, format: Format) -> Result<String, Failure> {
    let changes = between(&ours(old)?, &ours(new)?);
    Ok(match format {
        Format::Text => text(&changes),
        Format::Json => {
            let step = Step::of(&changes);
            serde_json::to_string_pretty(&json!({ "semver": step, "changes": changes }))? + "\n"
        }
    })
}

/// A document of ours as it is, one of upstream's imported with the committed notes.
fn ours(place: &str) -> Result<Value, Failure> {
    let document = source::read(place)?;
    if document.pointer("/info").is_some_and(|info| info.get(import::CORRECTED).is_some()) {
        return Ok(document);
    }
    let notes = import::Notes::load(version(&document), &contract_folder())?;
    Ok(import::import(document, &notes, true).map_err(|error| format!("{place}: {error}"))?.document)
}

/// The API version that a document of upstream's describes: only v2 has it in every path.
fn version(document: &Value) -> Version {
    let paths = document.get("paths").and_then(Value::as_object);
    let v2 = paths.into_iter().flatten().any(|(path, _)| path.starts_with("/v2/"));
    if v2 { Version::V2 } else { Version::V1 }
}

/// The changes between two documents of ours, the breaking ones first.
fn between(old: &Value, new: &Value) -> Vec<Change> {
    let mut changes = Changes::default();
    operations::compare(old, new, &mut changes);
    schemas::compare(old, new, &mut changes);
    let mut changes = changes.0;
    changes.sort_by(|one, other| (other.effect, one).cmp(&(one.effect, other)));
    changes.dedup();
    changes
}

fn text(changes: &[Change]) -> String {
    let mut out = format!("semver step: {}\n", Step::of(changes).told());
    for (effect, title) in [(Effect::Breaking, "Breaking"), (Effect::Additive, "Additive")] {
        let lines: Vec<String> = changes
            .iter()
            .filter(|change| change.effect == effect)
            .map(|change| format!("- {change}\n"))
            .collect();
        if !lines.is_empty() {
            // Writing to a text cannot fail.
            let _ = write!(out, "\n## {title} ({})\n\n{}", lines.len(), lines.concat());
        }
    }
    out
}

#[cfg(test)]
mod tests;
