//! `sindri-runpod`: deploys a `sindri.yaml` on RunPod without Sindri.

mod account;
mod args;
mod creation;
#[cfg(unix)]
mod job;
mod output;
mod progress;
#[cfg(unix)]
mod remote;
mod session;
mod signals;
#[cfg(feature = "sim")]
mod simulator;
#[cfg(unix)]
mod ssh_args;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = args::Arguments::parse();
    let (json, passes_status_on) = (arguments.json, arguments.command.passes_status_on());
    match session::run(arguments).await {
        Ok(status) => ExitCode::from(status),
        Err(error) => output::fail(&error, json, passes_status_on),
    }
}
