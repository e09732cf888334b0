//! Measurements and endurance runs of the RunPod crates, one subcommand each.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use runpod_bench::soak;

#[derive(Debug, Parser)]
#[command(about)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Random deployments under random faults, with an audit after each.
    Soak(soak::Arguments),
}

fn main() -> ExitCode {
    let Task::Soak(arguments) = Arguments::parse().task;
    match soak::run(&arguments) {
        Ok(report) => {
            println!("{report}");
            if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
