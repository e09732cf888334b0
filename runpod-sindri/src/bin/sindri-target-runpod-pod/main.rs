//! `sindri-target-runpod-pod`: the kind `runpod-pod` of targets for Sindri 4, a plugin that it drives line by line.

#[cfg(unix)]
mod plugin;

use std::process::ExitCode;

#[cfg(unix)]
fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    match (words.next().as_deref().and_then(std::ffi::OsStr::to_str), words.next()) {
        (None, None) if std::env::args_os().len() == 1 => plugin::speak(),
        (Some("--install"), None) => plugin::install(),
        _ => plugin::show_usage(),
    }
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    use std::io::Write;
    let _ =
        writeln!(std::io::stderr(), "error: this needs a Unix, since OpenSSH shares connections there only");
    ExitCode::FAILURE
}
