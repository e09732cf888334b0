//! The file a deploy leaves in the output directory.

use std::{fs, io, io::Write, path::Path};

use crate::{DeployResult, RunpodProvider};

impl RunpodProvider {
    /// Writes what a deploy came to into the output directory, if there is one. A failure is a warning.
    pub(crate) fn record(&self, result: &mut DeployResult) {
        let Some(directory) = self.output_dir() else { return };
        if let Err(error) = write(directory, result) {
            let warning = format!("the result could not be written to {}: {error}", directory.display());
            result.warnings.push(warning);
        }
    }
}

fn write(directory: &Path, result: &DeployResult) -> io::Result<()> {
    let id = result.instance_id.as_deref().filter(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let Some(id) = id else { return Err(io::Error::other("the pod's id is no file name")) };
    let text = serde_json::to_vec_pretty(result)?;
    fs::create_dir_all(directory)?;
    let path = directory.join(format!("runpod-{id}.json"));
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private(&path)?;
    file.write_all(&text)?;
    file.write_all(b"\n")
}

/// A new file that only its owner reads.
fn private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
