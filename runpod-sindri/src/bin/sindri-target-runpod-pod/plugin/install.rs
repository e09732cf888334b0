//! Putting the plugin where Sindri looks for it.

use std::{env, fs, io, path::PathBuf};

/// Copies this program to `~/.sindri/plugins/runpod-pod/sindri-target-runpod-pod`; gives that path.
pub(crate) fn install() -> io::Result<PathBuf> {
    let home = env::home_dir().filter(|home| home.is_absolute());
    let home = home.ok_or_else(|| io::Error::other("there is no home folder: HOME is not set"))?;
    let folder = home.join(".sindri/plugins/runpod-pod");
    let (program, place) = (env::current_exe()?, folder.join("sindri-target-runpod-pod"));
    if fs::canonicalize(&place).is_ok_and(|there| there == program) {
        return Ok(place);
    }
    fs::create_dir_all(&folder)?;
    // Beside its place first: the one that is there may be running.
    let part = folder.join(format!(".part-{}", std::process::id()));
    let copied = fs::copy(&program, &part).and_then(|_| fs::rename(&part, &place));
    if copied.is_err() {
        let _ = fs::remove_file(&part);
    }
    copied.map(|()| place)
}
