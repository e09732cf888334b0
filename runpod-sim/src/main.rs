//! Runs the simulator until it is told to stop.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use runpod_sim::{Sim, SimError};
use tracing_subscriber::EnvFilter;

/// A RunPod to run on a laptop.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// A configuration in TOML, such as sim.example.toml.
    #[arg(long)]
    config: Option<PathBuf>,
    /// What every random choice follows from; wins over the configuration.
    #[arg(long)]
    seed: Option<u64>,
    /// Simulated seconds per real second; wins over the configuration.
    #[arg(long)]
    time_scale: Option<f64>,
    /// Listen on an address that others can reach. Whoever reaches it controls the simulator.
    #[arg(long)]
    allow_remote: bool,
}

/// Why the simulator cannot run.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0} can be reached by others: listen on 127.0.0.1, or add --allow-remote")]
    Remote(SocketAddr),
    #[error("cannot read the configuration {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Config { path: PathBuf, source: SimError },
    #[error(transparent)]
    Sim(#[from] SimError),
    #[error("the simulator lost its terminal or its signals: {0}")]
    Io(#[from] io::Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // The last resort when even this cannot be said is the exit code.
            let _ = writeln!(io::stderr(), "runpod-sim: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    if !arguments.listen.ip().is_loopback() && !arguments.allow_remote {
        return Err(Failure::Remote(arguments.listen));
    }
    let mut builder = Sim::builder();
    if let Some(path) = arguments.config {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(Failure::Unreadable { path, source }),
        };
        builder = builder.config(&text).map_err(|source| Failure::Config { path, source })?;
    }
    builder = arguments.seed.into_iter().fold(builder, |builder, seed| builder.seed(seed));
    builder = arguments.time_scale.into_iter().fold(builder, |builder, scale| builder.time_scale(scale));
    let mut stop = Stop::listen()?;
    let sim = builder.listen(arguments.listen).start().await?;
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {}", sim.url())?;
    stdout.flush()?;
    stop.wait().await;
    tracing::info!("stopping");
    sim.shutdown().await;
    Ok(())
}

/// The signals that stop the simulator.
#[cfg(unix)]
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The signal that stops the simulator.
#[cfg(not(unix))]
struct Stop;

#[cfg(not(unix))]
impl Stop {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn wait(&mut self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "cannot hear the interrupt");
        }
    }
}
