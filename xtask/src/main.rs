//! Maintainer chores, run as `cargo xtask <chore>`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod api;
#[path = "../../runpod-api/build/bindings.rs"]
mod bindings;
mod house;
mod http;
mod openapi;
mod schema;
mod sindri;
#[path = "../../runpod-api/build/surface.rs"]
mod surface;
mod undo;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Maintainer chores of the RunPod crates")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// The contract documents in openapi/.
    Openapi(openapi::Arguments),
    /// List the public items of the facade and of jobs in docs/api/, or find what is not as it is listed.
    Api(api::Arguments),
    /// Measure the published crates: imports, circles, functions, doc comments.
    House(house::Arguments),
    /// Write the JSON Schema of sindri.yaml into docs/schema/.
    Schema,
    /// Put the adapter of docs/sindri.md into Sindri's own source, build it, and run it against the simulator.
    Sindri(sindri::Arguments),
    /// Run the target plugin under Sindri 4's own plugin host and command line, against the simulator.
    SindriTarget(sindri::target::Arguments),
    /// Undo each rule of evidence and identity in turn, and have the adversary find that out.
    Undo(undo::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().chore {
        Chore::Openapi(arguments) => openapi::run(arguments),
        Chore::Api(arguments) => api::run(&arguments),
        Chore::House(arguments) => house::run(&arguments),
        Chore::Schema => schema::run(),
        Chore::Sindri(arguments) => sindri::run(&arguments),
        Chore::SindriTarget(arguments) => sindri::target::run(&arguments),
        Chore::Undo(arguments) => undo::run(&arguments),
    };
    match outcome {
        Ok(report) => {
            say(&report);
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

fn say(report: &str) {
    print!("{report}");
}

fn complain(error: &dyn std::error::Error) {
    eprintln!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because: {cause}");
        source = cause.source();
    }
}
