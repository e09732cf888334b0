//! Runs the simulator until it is told to stop.

use std::{
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    time::SystemTime,
};

use clap::Parser;
use runpod_sim::{Sim, SimError};
use tracing_subscriber::EnvFilter;

/// A RunPod to run on a laptop.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Listen here: an address, or a port of 127.0.0.1; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_parser = address)]
    listen: SocketAddr,
    /// A configuration in TOML, such as sim.example.toml.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Settings that belong together; they come before the configuration, whose values win.
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// The simulated time at the start, such as 2026-08-20T06:16:19Z; wins over the configuration.
    #[arg(long, value_parser = epoch)]
    epoch: Option<SystemTime>,
    /// Check every answer against the contract; one that breaks it becomes a 500.
    #[arg(long)]
    verify: bool,
    /// Seed of every random choice; wins over the configuration.
    #[arg(long)]
    seed: Option<u64>,
    /// Simulated seconds per real second; wins over the configuration.
    #[arg(long)]
    time_scale: Option<f64>,
    /// Listen on an address that others can reach. Every client that reaches it controls the simulator.
    #[arg(long)]
    allow_remote: bool,
    /// Run commands over SSH as this user, in a folder of each pod. Everybody who reaches the simulator can then run
    /// commands here.
    #[cfg(feature = "ssh")]
    #[arg(long)]
    exec: bool,
}

/// Settings that belong together.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Profile {
    /// RunPod on a good day.
    Default,
    /// Everything that has been seen of the live service at once.
    Observed,
}

/// An address, or a port of 127.0.0.1.
fn address(text: &str) -> Result<SocketAddr, String> {
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    text.parse().map(local).or_else(|_| text.replacen("localhost", "127.0.0.1", 1).parse()).map_err(|_| {
        format!(
            "invalid address {text:?}: give an address with a port, such as 127.0.0.1:8080, or a port alone"
        )
    })
}

fn epoch(text: &str) -> Result<SystemTime, String> {
    let epoch = text.parse::<jiff::Timestamp>().ok().and_then(|epoch| SystemTime::try_from(epoch).ok());
    epoch.ok_or_else(|| "invalid time: give one such as 2026-08-20T06:16:19Z".to_owned())
}

/// The reason for which the simulator cannot run.
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
    if let Some(Profile::Observed) = arguments.profile {
        builder = builder.observed();
    }
    if let Some(path) = arguments.config {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(Failure::Unreadable { path, source }),
        };
        builder = builder.config(&text).map_err(|source| Failure::Config { path, source })?;
    }
    builder = arguments.seed.into_iter().fold(builder, |builder, seed| builder.seed(seed));
    builder = arguments.time_scale.into_iter().fold(builder, |builder, scale| builder.time_scale(scale));
    builder = arguments.epoch.into_iter().fold(builder, |builder, epoch| builder.epoch(epoch));
    if arguments.verify {
        builder = builder.verify(true);
    }
    #[cfg(feature = "ssh")]
    if arguments.exec {
        builder = builder.exec(true);
    }
    let mut stop = Stop::listen()?;
    let sim = builder.listen(arguments.listen).start().await?;
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {}", sim.url())?;
    // A key that was chosen may open something else as well, so only the usual one is shown.
    match sim.usual_api_key() {
        Some(key) => writeln!(stdout, "key {key}")?,
        None => writeln!(stdout, "key as configured")?,
    }
    writeln!(stdout, "control {}/_sim", sim.url())?;
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
