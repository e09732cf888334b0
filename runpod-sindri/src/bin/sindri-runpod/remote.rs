//! Commands, copies and forwards over SSH.

use std::{
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use clap::{CommandFactory, error::ErrorKind};
use runpod_jobs::{Error, Exec, Login, Session, Stream};
use runpod_sindri::{RunpodProvider, SindriConfig};
use serde_json::json;
use tokio::{sync::Notify, time::sleep};

use crate::{
    args::Arguments,
    output::{Printer, warn},
    progress::Progress,
    ssh_args::{CopyArguments, ExecArguments, ForwardArguments, LoginArguments},
};

/// The longest wait for a stopped environment that is logged in to.
const PATIENCE: Duration = Duration::from_secs(600);
/// The pause between two looks at whether a connection still stands.
const CHECK_EVERY: Duration = Duration::from_secs(2);
/// The exit status of a command whose time was up, as `timeout` has it.
pub(crate) const TIMED_OUT: u8 = 124;
/// The longest time limit in seconds that is passed on: a year.
const LONGEST: u64 = 365 * 24 * 3600;

/// Runs a command; its exit status.
pub(crate) async fn exec(
    provider: &RunpodProvider,
    config: &SindriConfig,
    arguments: ExecArguments,
    progress: &Progress,
) -> anyhow::Result<u8> {
    let env = variables(&arguments.env);
    let session = log_in(provider, config, &arguments.login, progress).await?;
    let exec = env
        .into_iter()
        .fold(command(&session, &arguments).await?, |exec, (name, value)| exec.env(name, value));
    let out = Outlet::default();
    let told = out.clone();
    let output = exec.keep(0).on_output(move |stream, bytes| told.pass_on(stream, bytes)).output();
    let ended = tokio::select! {
        ended = output => ended,
        failed = out.failed() => return failed.map(|()| 0).map_err(Into::into),
    };
    match ended {
        Ok(output) => Ok(status(output.status)),
        Err(error @ Error::TimedOut { .. }) => {
            warn(&[error.to_string()]);
            Ok(TIMED_OUT)
        }
        Err(error) => Err(error.into()),
    }
}

/// The command with its input, which ends with this program if it has none.
async fn command(session: &Session, arguments: &ExecArguments) -> anyhow::Result<Exec> {
    let exec = match &arguments.shell {
        Some(line) => session.shell(line),
        None => session.exec(&arguments.words),
    };
    let exec = match arguments.stdin {
        true => exec.stdin(tokio::task::spawn_blocking(read_all).await??),
        false => exec.kill_on_drop(),
    };
    Ok(arguments.timeout.into_iter().fold(exec, |exec, limit| exec.time_limit(seconds(limit))))
}

/// Copies files and folders, either way.
pub(crate) async fn copy(
    provider: &RunpodProvider,
    config: &SindriConfig,
    arguments: CopyArguments,
    progress: &Arc<Progress>,
    printer: Printer,
) -> anyhow::Result<()> {
    let session = log_in(provider, config, &arguments.login, progress).await?;
    let (from, to) = (&arguments.from, &arguments.to);
    let place = placed(to.path(), from.path());
    let copy = match to.remote() {
        Some(_) => session.upload(from.path(), &place),
        None => session.download(from.path(), &place),
    };
    let shown = Arc::clone(progress);
    let files = copy.on_progress(move |copy| shown.copied(copy)).run().await?;
    progress.end();
    match printer.json {
        true => printer.print(&json!({ "files": files })),
        false => printer.lines([format!("{files} files were copied to {place}")]),
    }
}

/// Forwards ports until the connection is lost or the program is ended.
pub(crate) async fn forward(
    provider: &RunpodProvider,
    config: &SindriConfig,
    arguments: ForwardArguments,
    progress: &Progress,
    printer: Printer,
) -> anyhow::Result<()> {
    let session = log_in(provider, config, &arguments.login, progress).await?;
    let mut held = Vec::new();
    for wanted in arguments.ports {
        let local = ([127, 0, 0, 1], wanted.local).into();
        let forward = session.forward(local, (wanted.host.as_str(), wanted.remote)).await?;
        let (id, target) = (&session.pod().id, format!("{}:{}", wanted.host, wanted.remote));
        match printer.json {
            true => printer.print(&json!({ "local": local, "remote": target, "instance_id": id }))?,
            false => printer.lines([format!("{} leads to {target} of pod {id}", forward.local())])?,
        }
        held.push(forward);
    }
    loop {
        sleep(CHECK_EVERY).await;
        session.check().await?;
    }
}

/// Logs in to an environment, after a start if it is stopped.
async fn log_in(
    provider: &RunpodProvider,
    config: &SindriConfig,
    arguments: &LoginArguments,
    progress: &Progress,
) -> anyhow::Result<Session> {
    let login = login(config, arguments)?;
    let pod = provider.reach(config, PATIENCE).await?;
    progress.end();
    Ok(login.connect(&pod).await?)
}

/// The way to log in that the command line names, or else the config.
pub(crate) fn login(config: &SindriConfig, arguments: &LoginArguments) -> anyhow::Result<Login> {
    let user = match &arguments.user {
        Some(user) => Some(user.clone()),
        None => config.ssh_user().map_err(runpod_sindri::ProviderError::from)?,
    };
    let login = user.into_iter().fold(Login::new(), Login::user);
    let identity = arguments.identity.clone().or_else(|| config.identity_file());
    let login = identity.into_iter().fold(login, Login::identity_file);
    Ok(arguments.known_hosts.iter().fold(login, Login::known_hosts))
}

/// Variables as `--env` names them: `NAME=VALUE`, or `NAME` for the value that it has here.
pub(crate) fn variables(given: &[String]) -> Vec<(String, String)> {
    let value = |given: &String| match given.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => match std::env::var(given) {
            Ok(value) => (given.clone(), value),
            Err(_) => misused(&format!("--env {given}: this variable is not set here, or is no text")),
        },
    };
    given.iter().map(value).collect()
}

/// Ends the program as for any other wrong usage.
pub(crate) fn misused(text: &str) -> ! {
    Arguments::command().error(ErrorKind::ValueValidation, text).exit()
}

pub(crate) fn seconds(limit: u64) -> Duration {
    Duration::from_secs(limit.min(LONGEST))
}

/// An exit status as this program can have it.
pub(crate) fn status(status: i32) -> u8 {
    u8::try_from(status).unwrap_or(u8::MAX)
}

/// A destination that ends with `/`, or is a dot, is the folder that something is copied into under its own name.
fn placed(destination: &str, source: &str) -> String {
    let is_folder = destination.ends_with('/') || matches!(destination, "." | "..");
    let name = PathBuf::from(source).file_name().map(|name| name.to_string_lossy().into_owned());
    match name {
        Some(name) if is_folder => format!("{}/{name}", destination.strip_suffix('/').unwrap_or(destination)),
        _ => destination.to_owned(),
    }
}

fn read_all() -> io::Result<Vec<u8>> {
    let mut input = Vec::new();
    io::Read::read_to_end(&mut io::stdin().lock(), &mut input)?;
    Ok(input)
}

/// Standard output and standard error for what a command of the pod prints, byte for byte as `ssh` would pass it on.
#[derive(Clone, Default)]
pub(crate) struct Outlet {
    error: Arc<Mutex<Option<io::Error>>>,
    is_closed: Arc<Notify>,
}

impl Outlet {
    pub(crate) fn pass_on(&self, stream: Stream, bytes: &[u8]) {
        let written = match stream {
            Stream::Stdout => write(io::stdout().lock(), bytes),
            Stream::Stderr => write(io::stderr().lock(), bytes),
        };
        if let Err(error) = written {
            self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            self.is_closed.notify_one();
        }
    }

    /// Ends when nothing more can be written. A reader that has seen enough, such as `head`, is no failure.
    pub(crate) async fn failed(&self) -> io::Result<()> {
        self.is_closed.notified().await;
        match self.error.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}

fn write(mut out: impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(bytes)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_takes_the_name_of_what_is_copied_into_it() {
        for (destination, source, expected) in [
            ("/workspace/", "data/train.py", "/workspace/train.py"),
            ("/workspace", "data/train.py", "/workspace"),
            (".", "/root/model.bin", "./model.bin"),
            ("out/", "results/", "out/results"),
            ("/", "x", "/x"),
        ] {
            assert_eq!(placed(destination, source), expected);
        }
    }
}
