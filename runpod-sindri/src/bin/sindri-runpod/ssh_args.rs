//! The command line of what is done over SSH.

use std::{path::PathBuf, str::FromStr};

use clap::{Args, ValueEnum};

/// The way to log in over SSH.
#[derive(Debug, Args)]
pub(crate) struct LoginArguments {
    /// The user to log in as. Default: `providers.runpod.sshUser`, else root.
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// The private key, and no other. Default: `providers.runpod.identityFile`, else those of ssh-agent and ~/.ssh.
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
    /// The environment; `None` for this machine.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The path in an environment; `None` for one of this machine.
    pub(crate) fn remote(&self) -> Option<&str> {
        self.name().map(|_| self.path())
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
