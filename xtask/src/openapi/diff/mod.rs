//! Changes for users of the bindings from one document to another.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::{Failure, Version, contract_folder, corrections::How, import, memory::Memory, source};

mod beside;
mod change;
mod operations;
mod rust;
mod schemas;

pub(super) use change::{Change, Step};
use change::{Changes, Effect};

/// Format in which the changes are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Markdown, for a reader or a pull request.
    #[default]
    Text,
    /// JSON, for a program.
    Json,
}

/// Reads both documents and tells the changes.
pub(crate) fn run(version: Version, old: &str, new: &str, format: Format) -> Result<String, Failure> {
    let notes = import::Notes::load(version, &contract_folder())?;
    let old = ours(old, &notes)?;
    // What had a name in the old document keeps it in the new one.
    let notes = import::Notes { memory: Memory::of(old.clone()), ..notes };
    let changes = between(&old, &ours(new, &notes)?);
    Ok(match format {
        Format::Text => text(&changes),
        Format::Json => {
            let step = Step::of(&changes);
            serde_json::to_string_pretty(&json!({ "semver": step, "changes": changes }))? + "\n"
        }
    })
}

/// A document of ours as it is, one of upstream's imported with the notes.
fn ours(place: &str, notes: &import::Notes) -> Result<Value, Failure> {
    let document = source::read(place)?;
    if document.pointer("/info").is_some_and(|info| info.get(import::CORRECTED).is_some()) {
        return Ok(document);
    }
    Ok(import::import(document, notes, How::LENIENT).map_err(|error| format!("{place}: {error}"))?.document)
}

/// The changes between two documents of ours, the breaking ones first.
pub(super) fn between(old: &Value, new: &Value) -> Vec<Change> {
    let mut changes = Changes::default();
    operations::compare(old, new, &mut changes);
    schemas::compare(old, new, &mut changes);
    beside::compare(old, new, &mut changes);
    let mut changes = changes.0;
    changes.sort_by(|one, other| (other.effect, one).cmp(&(one.effect, other)));
    changes.dedup();
    changes
}

fn text(changes: &[Change]) -> String {
    let mut out = format!("semver step: {}\n", Step::of(changes).told());
    for (effect, title) in
        [(Effect::Breaking, "Breaking"), (Effect::Additive, "Additive"), (Effect::Note, "To know")]
    {
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
