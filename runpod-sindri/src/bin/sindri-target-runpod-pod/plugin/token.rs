//! The API key, as the manifest's `auth.token` names it.

use std::{env, fs, path::PathBuf, process::Command};

use runpod_lifecycle::Secret;

use crate::plugin::protocol::Failure;

/// Reads the key: `env:NAME`, `file:PATH`, `cli:WORDS`, `plain:KEY` or the key itself, as Sindri has it.
pub(crate) fn resolve(token: &str) -> Result<Secret, Failure> {
    let (source, rest) = token.split_once(':').unwrap_or(("", token));
    let key = match source {
        "env" => env::var(rest).map_err(|_| failed(format!("the environment variable {rest} is not set")))?,
        "file" => {
            let path = at_home(rest);
            fs::read_to_string(&path)
                .map_err(|error| failed(format!("{} cannot be read: {error}", path.display())))?
        }
        "cli" => said(rest)?,
        "secret" => return Err(failed("a plugin cannot read Sindri's secret store".to_owned())),
        "plain" => rest.to_owned(),
        _ => token.to_owned(),
    };
    match key.trim() {
        "" => Err(failed(format!("{} is empty", if source.is_empty() { "it" } else { source }))),
        key => Ok(key.into()),
    }
}

fn failed(reason: String) -> Failure {
    Failure::new("auth-failed", format!("auth.token gives no API key: {reason}"))
        .fix("auth: {token: env:RUNPOD_API_KEY}, with a key made at https://console.runpod.io/user/settings")
}

/// The output of a command, by its words and without a shell, as Sindri runs it.
fn said(words: &str) -> Result<String, Failure> {
    let mut words = words.split_whitespace();
    let Some(program) = words.next() else { return Err(failed("cli: names no command".to_owned())) };
    let output = Command::new(program).args(words).output();
    let output = output.map_err(|error| failed(format!("{program} cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(failed(format!("{program} failed ({})", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn at_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
