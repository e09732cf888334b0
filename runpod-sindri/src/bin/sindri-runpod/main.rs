//! `sindri-runpod`: deploys a `sindri.yaml` on RunPod without Sindri.

mod account;
mod args;
mod creation;
mod output;
mod progress;
mod session;
#[cfg(feature = "sim")]
mod simulator;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = args::Arguments::parse();
    let json = arguments.json;
    match session::run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::fail(&error, json),
    }
}
