//! `cargo xtask openapi`: upstream's documents in, ours out.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};

mod aliases;
mod check;
mod components;
mod corrections;
mod diff;
mod difference;
mod docs;
mod flatten;
mod generator;
mod import;
mod memory;
mod merge;
mod mutations;
mod notes;
mod operations;
mod options;
mod parameters;
mod pointer;
mod reading;
mod refusal;
mod responses;
mod revisions;
mod schema;
mod skip;
mod source;
#[cfg(test)]
mod tests;
mod tidy;
mod verify;
mod write;

/// Failure of a chore.
pub(crate) type Failure = Box<dyn std::error::Error>;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Turn an upstream document into the one the bindings are generated from.
    Import {
        /// The API version the document describes.
        version: Version,
        /// Upstream's document: a file, an https URL, or an http URL on this machine.
        #[arg(long)]
        from: String,
        /// The folder to write `<version>.json` to.
        #[arg(long, default_value_os_t = contract_folder())]
        to: PathBuf,
        /// Leave out corrections that upstream has made its own.
        #[arg(long)]
        skip_stale: bool,
        /// Go on although a correction that the facade rests on cannot be made.
        #[arg(long)]
        bindings_only: bool,
        /// Write only what compiles: the bindings of the new document, and the facade on top of them.
        #[arg(long)]
        verify: bool,
        /// The folder in which cargo builds what is verified.
        #[arg(long, default_value_os_t = contract_folder().join("../target/tmp/revisions"))]
        target_dir: PathBuf,
    },
    /// Fail unless the committed documents are what an import gives, and say where they are not.
    Check {
        /// The folder of upstream's documents, runpod-v1.json and runpod-v2.json.
        #[arg(long)]
        upstream: PathBuf,
    },
    /// Import every change of the list in xtask/mutations, compare it with its verdict, and compile some or all.
    Mutations {
        /// The folder of upstream's documents, runpod-v1.json and runpod-v2.json.
        #[arg(long)]
        upstream: PathBuf,
        /// Number to compile; all of them if it is large enough.
        #[arg(long, default_value_t = usize::MAX)]
        compile: usize,
        /// Target folder of what is compiled.
        #[arg(long, default_value_os_t = contract_folder().join("../target/tmp/revisions"))]
        target_dir: PathBuf,
    },
    /// Import a folder of revisions of one document in the order of their names, and say the step from each to the next.
    Revisions {
        /// The API version that the documents describe.
        #[arg(value_enum)]
        version: Version,
        /// The folder of the documents.
        #[arg(long)]
        folder: PathBuf,
        /// Compile the bindings of each, in this folder, and the facade on top where it can be.
        #[arg(long)]
        compile_in: Option<PathBuf>,
    },
    /// Say what changes for users of the bindings from one document to another.
    Diff {
        /// The API version that the documents describe.
        #[arg(long, value_enum, default_value_t = Version::V2)]
        version: Version,
        /// The document before: upstream's or ours, a file or a URL.
        #[arg(long)]
        old: String,
        /// The document after.
        #[arg(long)]
        new: String,
        /// Format of the report.
        #[arg(long, value_enum, default_value_t)]
        format: diff::Format,
    },
}

/// RunPod's REST API versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Version {
    /// `https://rest.runpod.io/v1`, retired.
    V1,
    /// `https://api.runpod.io`.
    V2,
}

impl Version {
    /// The name used in file names.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

/// The committed contract folder, wherever the chore is started from.
pub(crate) fn contract_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("")).join("openapi")
}

/// Runs one chore and gives what it has to say.
pub(crate) fn run(arguments: Arguments) -> Result<String, Failure> {
    match arguments.action {
        Action::Import { version, from, to, skip_stale, bindings_only, verify, target_dir } => {
            let how = corrections::How { skip_stale, bindings_only };
            let notes = import::Notes::load(version, &contract_folder())?;
            let imported = import::generated(source::read(&from)?, &notes, how)?;
            if verify {
                verify::compiles(version, &imported.document, &target_dir)?;
            }
            let path = to.join(format!("{}.json", version.name()));
            write::document(&path, &imported.document)?;
            let mut report =
                format!("{}: {} operations\n", path.display(), import::operation_count(&imported.document));
            for problem in imported.problems {
                report += &format!("note: {problem}\n");
            }
            for out in imported.skipped {
                report += &format!("left out: {} {}: {}\n", out.place, out.id, out.problem);
            }
            for ignored in notes::ignored(&imported.document) {
                report += &format!("note: {ignored}\n");
            }
            Ok(report)
        }
        Action::Check { upstream } => check::check(&upstream),
        Action::Mutations { upstream, compile, target_dir } => {
            mutations::run(&upstream, compile, &target_dir)
        }
        Action::Revisions { version, folder, compile_in } => {
            revisions::run(version, &folder, compile_in.as_deref())
        }
        Action::Diff { version, old, new, format } => diff::run(version, &old, &new, format),
    }
}
