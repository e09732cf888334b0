//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use runpod_lifecycle::LogSource;

#[cfg(unix)]
use crate::ssh_args::{CopyArguments, ExecArguments, ForwardArguments, RunArguments};

const EXIT_CODES: &str = "Exit codes:
  0  done
  1  failed
  2  wrong usage, config, key or secret
  3  there is no such environment
  4  RunPod has no machine for it
  5  a wait was over; the pod was left as it is
exec and run end with the exit status of their command, and with 255 where they fail by themselves.";

/// Deploys sindri.yaml on RunPod.
#[derive(Debug, Parser)]
#[command(name = "sindri-runpod", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// The config.
    #[arg(long, short, global = true, default_value = "sindri.yaml", value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Print the result, or the error, as JSON on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Base URL of RunPod's API, in place of RUNPOD_API_URL.
    #[arg(long, global = true, value_name = "URL", conflicts_with = "sim")]
    pub(crate) api_url: Option<String>,
    /// Use a simulated RunPod inside this process: no key, no cost, everything forgotten at the end. To keep one, run
    /// `runpod-sim` and give its address with --api-url.
    #[arg(long, global = true)]
    pub(crate) sim: bool,
    /// Let the simulated RunPod have no machine at all.
    #[arg(long, global = true, requires = "sim")]
    pub(crate) sim_out_of_stock: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what a deploy would do and cost. Changes nothing.
    Plan,
    /// Create the environment, and wait until it can be used.
    Deploy {
        /// Replace an environment of that name.
        #[arg(long)]
        force: bool,
        /// Only show what would be done.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        wait: Wait,
    },
    /// Show what is known about the environment. One that is not deployed is no error.
    Status,
    /// Open a shell in the environment, starting it first if it is stopped. With --json show how to reach it instead.
    Connect {
        /// The user to log in as over direct SSH. Default: `providers.runpod.sshUser`, else root.
        #[arg(long)]
        user: Option<String>,
        /// End the wait as soon as RunPod's log names a cause that does not heal by itself.
        #[arg(long)]
        fail_early: bool,
    },
    /// Start the environment, and wait until it can be used.
    Start {
        #[command(flatten)]
        wait: Wait,
    },
    /// Stop the environment. A pod volume is kept and bills.
    Stop {
        /// Stop it only once nobody has worked for so many minutes. Default: `providers.runpod.idleMinutes`, else 20.
        #[arg(long, value_name = "MINUTES", num_args = 0..=1, value_parser = clap::value_parser!(u32).range(1..))]
        when_idle: Option<Option<u32>>,
        #[command(flatten)]
        wait: Wait,
    },
    /// Delete the environment with everything on its disk and pod volume.
    Destroy {
        /// Delete every pod of that name, where there are several.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        wait: Wait,
    },
    /// Show the environment's log.
    Logs {
        /// Go on with new lines until interrupted.
        #[arg(long, short)]
        follow: bool,
        /// Number of past lines, at most 5000.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=5000))]
        tail: u32,
        /// Only lines of one source.
        #[arg(long)]
        source: Option<Source>,
    },
    /// Run a command in an environment, which `connect` would reach by this name, and end with its exit status. Needs no config.
    #[cfg(unix)]
    Exec(ExecArguments),
    /// Copy a file or folder to or from an environment: one side is `NAME:PATH`. Needs no config.
    #[cfg(unix)]
    Cp(CopyArguments),
    /// Forward ports of this machine to an environment until interrupted. Needs no config.
    #[cfg(unix)]
    Forward(ForwardArguments),
    /// Run a job on a pod of its own: deploy, wait, upload, run, download, and delete the pod, whatever comes of it. Ends with the exit
    /// status of the job.
    #[cfg(unix)]
    Run(RunArguments),
    /// Show the account's pods that this program made. Needs no config.
    List {
        /// Show every pod of the account.
        #[arg(long)]
        all: bool,
    },
    /// Show the GPU types that RunPod rents, the cheapest first. Needs no config.
    Gpus(GpuFilter),
    /// End the pods whose lifetime is over. Needs no config.
    Reap {
        /// Only show them.
        #[arg(long)]
        dry_run: bool,
    },
    /// Print the JSON Schema of the config.
    Schema,
    /// Print shell completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Filter of the GPU types to show.
#[derive(Debug, Args)]
pub(crate) struct GpuFilter {
    /// Only types whose id or pool has this in it.
    pub(crate) name: Option<String>,
    /// The cloud to list.
    #[arg(long, value_enum, default_value_t = Cloud::Secure)]
    pub(crate) cloud: Cloud,
    /// Number of GPUs that a pod is to have: stock is for so many.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(crate) count: u32,
    /// Only types with at least so much memory, in GB.
    #[arg(long, value_name = "GB")]
    pub(crate) min_memory: Option<i64>,
    /// Only types that cost no more for one GPU, in USD per hour.
    #[arg(long, value_name = "USD")]
    pub(crate) max_price: Option<f64>,
    /// Only types that are in stock.
    #[arg(long)]
    pub(crate) in_stock: bool,
}

/// One of RunPod's clouds.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Cloud {
    /// RunPod's own data centers.
    Secure,
    /// Machines of other providers.
    Community,
}

/// Options of a wait.
#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// Return once it is done. The default of deploy and start.
    #[arg(long)]
    wait: bool,
    /// Return once RunPod has accepted it. The default of stop and destroy.
    #[arg(long, conflicts_with = "wait")]
    no_wait: bool,
    /// The longest wait in seconds.
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    timeout: u64,
    /// End the wait as soon as RunPod's log names a cause that does not heal by itself, such as an image that is not there.
    /// The pod is left as it is.
    #[arg(long, conflicts_with = "no_wait")]
    fail_early: bool,
}

/// Parts of a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// None: the command is about the whole account.
    Nothing,
    /// The name. What is wrong with the rest must not keep a pod that bills from being found and ended.
    Name,
    /// All of it.
    Everything,
}

impl Command {
    /// The environment that the command line names itself.
    pub(crate) fn named(&self) -> Option<&str> {
        match self {
            #[cfg(unix)]
            Self::Exec(exec) => Some(&exec.name),
            #[cfg(unix)]
            Self::Forward(forward) => Some(&forward.name),
            #[cfg(unix)]
            Self::Cp(copy) => copy.from.name().or(copy.to.name()),
            _ => None,
        }
    }

    /// Tells what is wrong with the command line besides.
    pub(crate) fn problem(&self, is_simulated: bool) -> Option<&'static str> {
        match (self, is_simulated) {
            #[cfg(unix)]
            (Self::Cp(copy), _) if copy.from.name().is_some() == copy.to.name().is_some() => {
                Some("one side of a copy is NAME:PATH, and the other a path here")
            }
            #[cfg(unix)]
            (Self::Exec(_) | Self::Cp(_) | Self::Forward(_) | Self::Run(_), true) => Some(
                "nobody can log in to a pod of --sim: run runpod-sim, built with the feature ssh, and give its address with --api-url",
            ),
            _ => None,
        }
    }

    /// Returns true if the exit status is that of a command on a pod.
    pub(crate) fn passes_status_on(&self) -> bool {
        #[cfg(unix)]
        return matches!(self, Self::Exec(_) | Self::Run(_));
        #[cfg(not(unix))]
        false
    }

    /// Tells how much of a config it needs.
    pub(crate) fn reads(&self) -> Reads {
        match self {
            Self::List { .. } | Self::Gpus(_) | Self::Reap { .. } => Reads::Nothing,
            Self::Status | Self::Stop { .. } | Self::Destroy { .. } | Self::Logs { .. } => Reads::Name,
            _ => Reads::Everything,
        }
    }

    /// Returns true if its wait is to end with a cause that does not heal.
    pub(crate) fn fails_early(&self) -> bool {
        match self {
            Self::Deploy { wait, .. }
            | Self::Start { wait }
            | Self::Stop { wait, .. }
            | Self::Destroy { wait, .. } => wait.fail_early,
            Self::Connect { fail_early, .. } => *fail_early,
            _ => false,
        }
    }
}

impl Wait {
    /// The longest wait; `None` for none.
    pub(crate) fn longest(&self, by_default: bool) -> Option<Duration> {
        (self.wait || (by_default && !self.no_wait)).then(|| Duration::from_secs(self.timeout))
    }
}

/// A source of log lines.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Source {
    /// The container's own output.
    Container,
    /// Image pulls, starts and exits.
    System,
}

impl From<Source> for LogSource {
    fn from(source: Source) -> Self {
        match source {
            Source::Container => Self::Container,
            Source::System => Self::System,
        }
    }
}
