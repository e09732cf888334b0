//! Measures our own sources: imports that run up, circles, and how the code and its documentation read.

mod imports;
mod layers;
mod prose;
mod source;

use std::path::{Path, PathBuf};

use self::{prose::Prose, source::Crate};

/// The crates that are published: what an inheritor reads first.
const PUBLISHED: [&str; 4] = ["runpod-api", "runpod-lifecycle", "runpod-sim", "runpod-sindri"];

/// The options of `cargo xtask house`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The repository's root.
    #[arg(long, default_value = ".")]
    root: PathBuf,
}

/// Measures the published crates. The report is an error if a limit is passed.
pub(crate) fn run(arguments: &Arguments) -> Result<String, Box<dyn std::error::Error>> {
    let (mut report, mut faults) = (String::new(), Vec::new());
    for name in PUBLISHED {
        let published = read(&arguments.root, name)?;
        faults.extend(layers::faults(&published));
        let prose = Prose::of(&published);
        report += &format!("{name}: {prose}\n");
        faults.extend(prose.faults(name));
    }
    if faults.is_empty() { Ok(report) } else { Err(format!("{report}{}", faults.join("\n")).into()) }
}

fn read(root: &Path, name: &str) -> Result<Crate, Box<dyn std::error::Error>> {
    Crate::read(name, &root.join(name).join("src"))
}
