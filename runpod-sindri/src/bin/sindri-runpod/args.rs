//! The command line.

use std::{path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use runpod_lifecycle::LogSource;

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

/// The way to log in over SSH.
#[derive(Debug, Args)]
pub(crate) struct LoginArguments {
    /// The user to log in as. Default: `providers.runpod.sshUser`, else root.
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// The private key, and no other. Default: those of ssh-agent and ~/.ssh.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// The file of host keys. Default: one per start of the pod, in ~/.ssh.
    #[arg(long, value_name = "FILE")]
    pub(crate) known_hosts: Option<PathBuf>,
}

/// A command to run in an environment.
#[derive(Debug, Args)]
pub(crate) struct ExecArguments {
    /// The environment.
    pub(crate) name: String,
    /// A variable of the command: its value here if none is given, so that it is in no command line.
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// Give it standard input, which is read to its end first. Without this its input is empty, and it is killed when this program ends.
    #[arg(long)]
    pub(crate) stdin: bool,
    /// Kill it after so many seconds, and end with 124.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
    /// A line for `sh`, in place of words.
    #[arg(long, value_name = "LINE", conflicts_with = "words", required_unless_present = "words")]
    pub(crate) shell: Option<String>,
    #[command(flatten)]
    pub(crate) login: LoginArguments,
    /// The program and its arguments. No shell sees them.
    #[arg(last = true)]
    pub(crate) words: Vec<String>,
}

/// A copy between this machine and an environment.
#[derive(Debug, Args)]
pub(crate) struct CopyArguments {
    /// The file or folder.
    pub(crate) from: Place,
    /// The path of the copy, or with a `/` at its end the folder to copy into.
    pub(crate) to: Place,
    #[command(flatten)]
    pub(crate) login: LoginArguments,
}

/// A path here, or `NAME:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    name: Option<String>,
    path: String,
}

impl Place {
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The path in an environment; `None` for one of this machine.
    pub(crate) fn remote(&self) -> Option<&str> {
        self.name.as_ref().map(|_| self.path.as_str())
    }
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, path) = match text.split_once(':') {
            // A colon after a slash is part of a path here.
            Some((name, path)) if !name.contains('/') => (Some(name.to_owned()), path.to_owned()),
            _ => (None, text.to_owned()),
        };
        match path.is_empty() || name.as_ref().is_some_and(String::is_empty) {
            true => Err("a place is a path here, or NAME:PATH; a path here with a colon begins with ./"),
            false => Ok(Self { name, path }),
        }
    }
}

/// Ports to forward.
#[derive(Debug, Args)]
pub(crate) struct ForwardArguments {
    /// The environment.
    pub(crate) name: String,
    /// A port of this machine and the one it leads to: LOCAL:REMOTE, or LOCAL:HOST:REMOTE for a host that the pod reaches.
    #[arg(required = true, value_name = "LOCAL:REMOTE")]
    pub(crate) ports: Vec<Forwarded>,
    #[command(flatten)]
    pub(crate) login: LoginArguments,
}

/// A port of this machine, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forwarded {
    pub(crate) local: u16,
    pub(crate) host: String,
    pub(crate) remote: u16,
}

impl FromStr for Forwarded {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let port = |text: &str| text.parse().ok().filter(|port| *port > 0);
        let parts: Vec<&str> = text.split(':').collect();
        let (local, host, remote) = match parts.as_slice() {
            [local, remote] => (local, "127.0.0.1", remote),
            [local, host, remote] if !host.is_empty() => (local, *host, remote),
            _ => return Err("it is written LOCAL:REMOTE or LOCAL:HOST:REMOTE, for example 8000:8000"),
        };
        match (port(local), port(remote)) {
            (Some(local), Some(remote)) => Ok(Self { local, host: host.to_owned(), remote }),
            _ => Err("a port is a number from 1 to 65535"),
        }
    }
}

/// A job on a pod of its own.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Bring a file or folder before the job. May be given several times.
    #[arg(long, num_args = 2, value_names = ["LOCAL", "REMOTE"], action = clap::ArgAction::Append)]
    pub(crate) upload: Vec<String>,
    /// Fetch a file or folder after the job, whatever came of it. May be given several times.
    #[arg(long, num_args = 2, value_names = ["REMOTE", "LOCAL"], action = clap::ArgAction::Append)]
    pub(crate) download: Vec<String>,
    /// A variable of the job: its value here if none is given, so that it is in no command line. Secrets of the config are there already.
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// The working folder on the pod.
    #[arg(long, value_name = "PATH")]
    pub(crate) folder: Option<String>,
    /// End the job after so many seconds, and end with 124.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
    /// The longest wait until the pod can be logged in to, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    pub(crate) boot_timeout: u64,
    /// Keep the pod, which bills: always, or if the job or anything else failed. `--keep` alone is `on-failure`.
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, value_name = "WHEN", default_missing_value = "on-failure")]
    pub(crate) keep: Option<KeepArgument>,
    /// A line for `sh`, in place of the config's command.
    #[arg(long, value_name = "LINE", conflicts_with = "words")]
    pub(crate) shell: Option<String>,
    #[command(flatten)]
    pub(crate) login: LoginArguments,
    /// The program and its arguments, in place of the config's command. No shell sees them.
    #[arg(last = true)]
    pub(crate) words: Vec<String>,
}

/// The pods of jobs that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeepArgument {
    /// None.
    Never,
    /// That of a job that failed or was interrupted.
    OnFailure,
    /// Every one.
    Always,
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
            Self::Cp(copy) => copy.from.name.as_deref().or(copy.to.name.as_deref()),
            _ => None,
        }
    }

    /// Tells what is wrong with the command line besides.
    pub(crate) fn problem(&self, is_simulated: bool) -> Option<&'static str> {
        match self {
            #[cfg(unix)]
            Self::Cp(copy) if copy.from.name.is_some() == copy.to.name.is_some() => {
                Some("one side of a copy is NAME:PATH, and the other a path here")
            }
            #[cfg(unix)]
            Self::Exec(_) | Self::Cp(_) | Self::Forward(_) | Self::Run(_) if is_simulated => Some(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_here_unless_a_name_goes_before_its_path() {
        for (text, name, path) in [
            ("train.py", None, "train.py"),
            ("env:/workspace/a:b", Some("env"), "/workspace/a:b"),
            ("./a:b", None, "./a:b"),
            ("my env:x", Some("my env"), "x"),
        ] {
            let place: Place = text.parse().expect(text);
            assert_eq!((place.name.as_deref(), place.path.as_str()), (name, path), "{text}");
        }
        for text in ["", ":x", "env:"] {
            assert!(text.parse::<Place>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_forward_names_two_ports_and_may_name_a_host() {
        for (text, local, host, remote) in
            [("8000:80", 8000, "127.0.0.1", 80), ("1:db.internal:5432", 1, "db.internal", 5432)]
        {
            let expected = Forwarded { local, host: host.to_owned(), remote };
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for text in ["8000", "0:80", "80:0", "80:70000", "a:b", "80::80", "1:2:3:4"] {
            assert!(text.parse::<Forwarded>().is_err(), "{text}");
        }
    }
}
