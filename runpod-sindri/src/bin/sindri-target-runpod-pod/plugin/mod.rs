//! One request of Sindri's, and the answer to it.

mod failure;
mod install;
mod log;
mod manifest;
mod prerequisites;
mod profile;
mod protocol;
mod target;
mod token;

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    process::ExitCode,
};

use tokio::signal::unix::{SignalKind, signal};

use crate::plugin::{
    log::Log,
    manifest::Manifest,
    protocol::{Answer, Failure, HANDSHAKE, Request},
    target::Target,
};

/// The most bytes of a request: more than any command line may have.
const LARGEST_REQUEST: u64 = 16 << 20;
const USAGE: &str = "Sindri starts this plugin for targets of kind runpod-pod, and speaks to it over standard input and output.
With --install it copies itself to ~/.sindri/plugins/runpod-pod, where Sindri looks for it.";

/// Speaks the protocol: a handshake, a request, an answer. Nothing else is written to standard output.
pub(crate) fn speak() -> ExitCode {
    match exchange() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: Sindri cannot be spoken to: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Puts the plugin where Sindri looks for it.
pub(crate) fn install() -> ExitCode {
    match install::install() {
        Ok(place) => {
            let _ = writeln!(io::stdout(), "installed {}", place.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: the plugin could not be installed: {error}");
            ExitCode::FAILURE
        }
    }
}

pub(crate) fn show_usage() -> ExitCode {
    let _ = writeln!(io::stderr(), "{USAGE}");
    ExitCode::from(2)
}

fn exchange() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tell(&format!("{HANDSHAKE}\n"))?;
    let mut line = Vec::new();
    BufReader::new(io::stdin().lock().take(LARGEST_REQUEST)).read_until(b'\n', &mut line)?;
    let log = Log::start();
    let answer = runtime.block_on(answer(&line, &log));
    tell(&protocol::line(&answer))?;
    log.end();
    Ok(())
}

fn tell(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes())?;
    out.flush()
}

async fn answer(line: &[u8], log: &Log) -> Answer {
    let request = match protocol::request(line) {
        Ok(request) => request,
        Err(failure) => return Answer::Error(failure),
    };
    // What it has open on the pod is closed when it is dropped.
    let answer = tokio::select! {
        answer = Box::pin(carry_out(request, log)) => answer,
        () = interrupted() => Err(Failure::new("unavailable", "it was interrupted").fix(
            "a pod that was created goes on and bills: create the target again, which takes it, or destroy it",
        )),
    };
    answer.unwrap_or_else(Answer::Error)
}

async fn carry_out(request: Request, log: &Log) -> Result<Answer, Failure> {
    let target = || {
        let manifest = Manifest::from_env()?;
        Target::new(&manifest, manifest.config()?, log)
    };
    match request {
        // Keys and tokens of this machine are no pod's: who wants one there says so in `provides`.
        Request::AuthCapabilities => Ok(Answer::AuthCapabilities { capabilities: Vec::new() }),
        Request::CheckPrerequisites => Ok(Answer::PrereqList { checks: prerequisites::check(log).await }),
        Request::Create => target()?.create().await,
        // What is wrong with the rest of a manifest must not keep a pod that bills from being ended.
        Request::Destroy => {
            let manifest = Manifest::from_env()?;
            Target::new(&manifest, manifest.named(), log)?.destroy().await
        }
        Request::Profile => {
            let profile = profile::of(&target()?.session().await?).await?;
            Ok(Answer::Profile { profile })
        }
        Request::Exec { cmd, env } => target()?.exec(cmd, env).await,
        Request::Upload { local, remote } => target()?.copy(|on| on.upload(&local, &remote)).await,
        Request::Download { remote, local } => target()?.copy(|on| on.download(&remote, &local)).await,
    }
}

/// Ends when the program is to end, as when Ctrl-C ends Sindri.
async fn interrupted() {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [Ok(mut one), Ok(mut two), Ok(mut three)] = kinds.map(signal) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = one.recv() => {}
        _ = two.recv() => {}
        _ = three.recv() => {}
    }
}
