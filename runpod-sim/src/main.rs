//! Runs the simulator until it is told to stop.

use std::{
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    time::SystemTime,
};

use clap::Parser;
use runpod_sim::{Sim, SimBuilder, SimError};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A RunPod to run on a laptop.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Listen here: an address, or a port of 127.0.0.1; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_parser = address)]
    listen: SocketAddr,
    /// A configuration in TOML, such as sim.example.toml. A hangup (SIGHUP) reads it again; one that is wrong changes nothing.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Settings that belong together; they come before the configuration, whose values win.
    #[arg(long, value_enum, default_value_t = Profile::Observed)]
    profile: Profile,
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
    /// Everything that has been seen of the live service at once.
    Observed,
    /// RunPod on a good day: boots within a minute, answers that are hardly behind.
    Gentle,
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
    // Where nobody reads the log any more, a terminal that is gone for one, that cannot be said either.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    log.log_internal_errors(false).init();
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
    let builder = arguments.builder()?;
    let mut signals = Signals::listen(arguments.config.is_some())?;
    let sim = builder.start().await?;
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {}", sim.url())?;
    // A key that was chosen may open something else as well, so only the usual one is shown.
    match sim.usual_api_key() {
        Some(key) => writeln!(stdout, "key {key}")?,
        None => writeln!(stdout, "key as configured")?,
    }
    writeln!(stdout, "control {}/_sim", sim.url())?;
    stdout.flush()?;
    while signals.next().await == Asked::Reload {
        reload(&sim, &arguments);
    }
    tracing::info!("stopping");
    sim.shutdown().await;
    Ok(())
}

impl Arguments {
    /// The simulator that they and the configuration describe.
    fn builder(&self) -> Result<SimBuilder, Failure> {
        let mut builder = Sim::builder().listen(self.listen);
        if let Profile::Observed = self.profile {
            builder = builder.observed();
        }
        if let Some(path) = &self.config {
            let unreadable = |source| Failure::Unreadable { path: path.clone(), source };
            let text = std::fs::read_to_string(path).map_err(unreadable)?;
            builder =
                builder.config(&text).map_err(|source| Failure::Config { path: path.clone(), source })?;
        }
        builder = self.seed.into_iter().fold(builder, SimBuilder::seed);
        builder = self.time_scale.into_iter().fold(builder, SimBuilder::time_scale);
        builder = self.epoch.into_iter().fold(builder, SimBuilder::epoch);
        if self.verify {
            builder = builder.verify(true);
        }
        #[cfg(feature = "ssh")]
        if self.exec {
            builder = builder.exec(true);
        }
        Ok(builder)
    }
}

/// Reads the configuration again. One that is wrong changes nothing.
fn reload(sim: &Sim, arguments: &Arguments) {
    let reloaded = arguments.builder().and_then(|builder| Ok(sim.reload(builder)?));
    match reloaded {
        Ok(waiting) if waiting.is_empty() => tracing::info!("the configuration is read again"),
        Ok(waiting) => {
            let names = waiting.join(", ");
            tracing::warn!(
                "the configuration is read again, except for what only another start changes: {names}"
            );
        }
        Err(failure) => tracing::error!("the configuration stays as it was: {failure}"),
    }
}

/// The wish that a signal stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Stop,
    #[cfg_attr(not(unix), expect(dead_code, reason = "no signal says so"))]
    Reload,
}

/// The signals that are heard.
#[cfg(unix)]
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// Asks for the configuration to be read again; `None` without one, so that a hangup ends the simulator as usual.
    hangup: Option<Signal>,
    /// True if it has a terminal, whose end is a hangup too.
    terminal: bool,
}

#[cfg(unix)]
impl Signals {
    fn listen(reloads: bool) -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: reloads.then(|| signal(SignalKind::hangup())).transpose()?,
            terminal: has_terminal(),
        })
    }

    async fn next(&mut self) -> Asked {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.terminate.recv() => Asked::Stop,
            _ = hangup => if self.terminal && !has_terminal() { Asked::Stop } else { Asked::Reload },
        }
    }
}

/// Returns true while the process has a terminal that is there.
#[cfg(unix)]
fn has_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}

/// The signal that is heard.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "on Unix it may fail")]
    fn listen(_: bool) -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Asked {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "cannot hear the interrupt");
        }
        Asked::Stop
    }
}
