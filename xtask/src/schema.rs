//! `cargo xtask schema`: the JSON Schema of what `sindri.yaml` says about RunPod.

use std::{path::Path, process::Command};

use crate::openapi::Failure;

/// Asks the command line for its schema. As a dependency it would tie every chore to bindings that build, the import
/// that repairs them included.
pub(crate) fn run() -> Result<String, Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let words = ["run", "--quiet", "-p", "runpod-sindri", "--bin", "sindri-runpod", "--", "schema"];
    let output = Command::new(env!("CARGO")).args(words).current_dir(&root).output()?;
    if !output.status.success() {
        return Err(
            format!("sindri-runpod schema failed: {}", String::from_utf8_lossy(&output.stderr)).into()
        );
    }
    std::fs::write(root.join("docs/schema/runpod.schema.json"), output.stdout)?;
    Ok("wrote docs/schema/runpod.schema.json\n".to_owned())
}
