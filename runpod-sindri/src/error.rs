//! Errors of a provider's methods, and what to do about each.

use std::{io, path::PathBuf};

use runpod_lifecycle::{DeployError, Error, ErrorKind, PodHandle, VolumeError, WaitError};

use crate::{ConfigError, DeploymentState};

/// A method of the provider that did not come to its end.
///
/// [`Provider`](crate::Provider)'s methods return it inside an `anyhow::Error`; `downcast_ref` brings it back. Its
/// Display is the [`summary`](Self::summary) and the [`hint`](Self::hint), and what RunPod said is its source.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProviderError {
    /// Something the provider cannot work without is missing.
    Unprepared {
        /// The missing prerequisites, with where to get them.
        missing: Vec<String>,
    },
    /// The config cannot be deployed.
    Config(ConfigError),
    /// The API key, the base URL or the API version is unusable.
    Client(runpod_lifecycle::ConfigError),
    /// A required secret has no value.
    SecretMissing {
        /// Its name.
        name: String,
        /// The place where it was searched for.
        reason: String,
    },
    /// A secret's file cannot be read.
    SecretUnread {
        /// The secret's name.
        name: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The environment exists already and is not to be replaced.
    Exists {
        /// Its name.
        name: String,
        /// Its pod.
        pod_id: String,
        /// Its state.
        state: DeploymentState,
    },
    /// Several pods have the environment's name.
    Several {
        /// The name.
        name: String,
        /// The pods.
        pod_ids: Vec<String>,
    },
    /// Pods have the environment's name, and RunPod does not show whether they are the environment's.
    Unclear {
        /// The name.
        name: String,
        /// The pods.
        pod_ids: Vec<String>,
    },
    /// There is no such environment.
    NotFound {
        /// Its name.
        name: String,
    },
    /// The environment's state does not allow it.
    WrongState {
        /// Its name.
        name: String,
        /// Its pod.
        pod_id: String,
        /// Its state.
        state: DeploymentState,
        /// RunPod's word for it; empty if it said none.
        word: String,
        /// The states that allow it, for example `only stopped pods can be started`.
        allowed: &'static str,
    },
    /// The deploy failed.
    Deploy {
        /// The environment's name.
        name: String,
        /// The cause.
        source: Box<DeployError>,
        /// Settings that would widen the search, in the words of sindri.yaml.
        suggestions: Vec<&'static str>,
    },
    /// The network volume of the config's name is not there, and could not be made.
    Volume {
        /// The environment's name.
        name: String,
        /// The cause.
        source: Box<VolumeError>,
    },
    /// A wait ended without the environment being where it should be. The pod was left as it is.
    Wait {
        /// The environment's name.
        name: String,
        /// The cause.
        source: WaitError,
    },
    /// Not every pod of the name could be terminated.
    NotDestroyed {
        /// The name.
        name: String,
        /// The pods that were.
        destroyed: Vec<String>,
        /// The pods that may still bill, each with why.
        left: Vec<(String, String)>,
    },
    /// The list that would show a pod which RunPod lists late could not be read, so one of the name may be left.
    NotSeen {
        /// The name.
        name: String,
        /// The pods that were destroyed.
        destroyed: Vec<String>,
        /// Why it could not be read.
        source: Error,
    },
    /// Any other call failed.
    Call {
        /// The action that was to be done.
        doing: &'static str,
        /// The environment's name.
        name: String,
        /// The cause.
        source: Error,
    },
    /// The ssh client could not be run, or could not connect.
    Ssh {
        /// The environment's name.
        name: String,
        /// The command, for a shell.
        command: String,
        /// The pod was reached and took no key of ours.
        refused: bool,
        /// Why it could not be run; `None` if it ran and could not connect.
        source: Option<io::Error>,
    },
    /// Nothing could be written to the terminal.
    Output(io::Error),
}

/// Kinds of failure, as many as the command line has exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Any other failure. Exit code 1.
    Failed,
    /// The config, the key or a secret is wrong or missing. Exit code 2.
    Misused,
    /// There is no such environment. Exit code 3.
    NotFound,
    /// RunPod has no machine for it. Exit code 4.
    NoCapacity,
    /// A wait was over. Exit code 5.
    TimedOut,
}

impl Outcome {
    /// The command line's exit code.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Misused => 2,
            Self::NotFound => 3,
            Self::NoCapacity => 4,
            Self::TimedOut => 5,
        }
    }

    /// A word for programs: `failed`, `misused`, `not_found`, `no_capacity` or `timed_out`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Misused => "misused",
            Self::NotFound => "not_found",
            Self::NoCapacity => "no_capacity",
            Self::TimedOut => "timed_out",
        }
    }

    fn of_call(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::NoCapacity => Self::NoCapacity,
            ErrorKind::NotFound => Self::NotFound,
            _ => Self::Failed,
        }
    }

    fn of_wait(error: &WaitError) -> Self {
        match error {
            WaitError::TimedOut { .. } => Self::TimedOut,
            WaitError::Call { source, .. } => Self::of_call(source),
            _ => Self::Failed,
        }
    }

    fn of_volume(error: &VolumeError) -> Self {
        match error {
            VolumeError::Placement(error) => Self::of_deploy(error),
            VolumeError::NowhereInStock { .. } => Self::NoCapacity,
            VolumeError::Elsewhere { .. } | VolumeError::TooSmall { .. } => Self::Misused,
            _ => Self::Failed,
        }
    }

    fn of_deploy(error: &DeployError) -> Self {
        match error {
            DeployError::Spec(_) => Self::Misused,
            DeployError::AllRefused { .. } if error.is_no_capacity() => Self::NoCapacity,
            DeployError::NotReplaced(source) => Self::of_wait(source),
            DeployError::NotReady { source, .. } => Self::of_wait(source),
            _ => Self::Failed,
        }
    }
}

impl ProviderError {
    /// Tells that several pods have an environment's name.
    pub(crate) fn several(name: &str, pods: &[PodHandle]) -> Self {
        let pod_ids = pods.iter().map(|pod| pod.id.clone()).collect();
        Self::Several { name: name.to_owned(), pod_ids }
    }

    /// Takes a failed call on an environment.
    pub(crate) fn call(doing: &'static str, name: &str) -> impl FnOnce(Error) -> Self {
        let name = name.to_owned();
        move |source| Self::Call { doing, name, source }.told_once()
    }

    /// Takes a failed deploy of an environment, with the settings that would widen its search.
    pub(crate) fn deploy(name: &str, suggestions: Vec<&'static str>) -> impl FnOnce(DeployError) -> Self {
        let name = name.to_owned();
        move |error| match error {
            DeployError::NameTaken { pods, .. } => match pods.as_slice() {
                [pod] => Self::Exists { name, pod_id: pod.id.clone(), state: DeploymentState::of(pod) },
                pods => Self::several(&name, pods),
            },
            error => Self::Deploy { name, source: Box::new(error), suggestions }.told_once(),
        }
    }

    /// Returns the kind of failure.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Unprepared { .. }
            | Self::Config(_)
            | Self::Client(_)
            | Self::SecretMissing { .. }
            | Self::SecretUnread { .. } => Outcome::Misused,
            Self::NotFound { .. } => Outcome::NotFound,
            Self::Deploy { source, .. } => Outcome::of_deploy(source),
            Self::Wait { source, .. } => Outcome::of_wait(source),
            Self::Volume { source, .. } => Outcome::of_volume(source),
            Self::Call { source, .. } => Outcome::of_call(source),
            _ => Outcome::Failed,
        }
    }

    /// Tells what could not be done, without what to do about it.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::Unprepared { missing } => format!("RunPod cannot be used yet: {}", missing.join("; ")),
            Self::Config(error) => error.to_string(),
            Self::Client(error) => error.to_string(),
            Self::SecretMissing { name, reason } => format!("secret {name} is required: {reason}"),
            Self::SecretUnread { name, path, .. } => {
                format!("secret {name} cannot be read from {}", path.display())
            }
            Self::Exists { name, pod_id, state } => {
                format!("environment {name:?} exists already: pod {pod_id} is {state}")
            }
            Self::Several { name, pod_ids } => {
                format!("several pods are named {name:?}: {}", pod_ids.join(", "))
            }
            Self::Unclear { name, pod_ids } => format!(
                "nobody can tell whose the pods named {name:?} are: RunPod does not show the labels of {}",
                pod_ids.join(", ")
            ),
            Self::NotFound { name } => format!("environment {name:?} is not deployed: no pod has this name"),
            Self::WrongState { name, pod_id, state, word, allowed } => {
                let says = if word.is_empty() { "nothing" } else { word };
                format!("environment {name:?} is {state} (RunPod says {says} about pod {pod_id}): {allowed}")
            }
            Self::Deploy { name, .. } => format!("could not deploy environment {name:?}"),
            Self::Volume { name, .. } => {
                format!(
                    "no pod was created for environment {name:?}, since its network volume could not be had"
                )
            }
            Self::Wait { name, .. } => format!("environment {name:?} is not where it should be"),
            Self::NotDestroyed { name, destroyed, left } => {
                let left: Vec<String> =
                    left.iter().map(|(id, why)| format!("pod {id} may still bill: {why}")).collect();
                let destroyed: String =
                    destroyed.iter().map(|id| format!("; pod {id} was destroyed")).collect();
                format!("environment {name:?} is not destroyed as a whole: {}{destroyed}", left.join("; "))
            }
            Self::NotSeen { name, destroyed, .. } => {
                let destroyed: String =
                    destroyed.iter().map(|id| format!("pod {id} was destroyed, but ")).collect();
                format!(
                    "{destroyed}RunPod's list cannot be read, so another pod named {name:?} may be there and bill"
                )
            }
            Self::Call { doing, name, .. } => format!("could not {doing} environment {name:?}"),
            Self::Ssh { name, command, refused, source } => {
                let what = match source {
                    Some(_) => "ssh cannot be run",
                    None if *refused => "the login was refused",
                    None => "ssh could not connect",
                };
                format!("{what} for environment {name:?} ({command})")
            }
            Self::Output(_) => "nothing can be written to the terminal".to_owned(),
        }
    }

    /// Advises what to do about it; `None` if the summary or the source says all there is.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exists { .. } => Some("use --force to recreate".to_owned()),
            Self::Several { .. } => Some(
                "names are not unique on RunPod: terminate all but one at https://www.runpod.io/console/pods, or all of them with destroy --force"
                    .to_owned(),
            ),
            Self::Unclear { .. } => Some(
                "look at them at https://www.runpod.io/console/pods, or use a key that may read their variables"
                    .to_owned(),
            ),
            Self::NotFound { .. } => Some(
                "deploy it first; if that was within the last 15 s, try again: RunPod may not list it yet".to_owned(),
            ),
            Self::NotSeen { .. } => Some(
                "check with status or at https://www.runpod.io/console/pods, or destroy once more".to_owned(),
            ),
            Self::Deploy { suggestions, source, .. } if source.is_no_capacity() => {
                Some(format!("RunPod has no machine for this right now; try {}", suggestions.join(", ")))
            }
            Self::Deploy { source, .. } => call_behind(source).map(advice).map(str::to_owned),
            Self::Wait { source: WaitError::Call { source, .. }, .. } | Self::Call { source, .. } => {
                Some(advice(source).to_owned())
            }
            Self::Wait { .. } => Some("the pod was left as it is: see status and logs".to_owned()),
            Self::NotDestroyed { .. } => Some("see to what RunPod says, then destroy once more".to_owned()),
            Self::Ssh { source: None, refused: true, .. } => Some(
                "its sshd takes none of your keys: a pod has the keys that the account had at its create (https://console.runpod.io/user/settings), so one that was added later needs a new pod; for another user than root use connect --user"
                    .to_owned(),
            ),
            Self::Ssh { source: None, .. } => Some(
                "the image must run sshd, and the key must be among the account's at https://console.runpod.io/user/settings before the pod is created"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// The error without what the facade would do about it, where this one says that in the words of sindri.yaml.
    pub(crate) fn told_once(self) -> Self {
        if self.hint().is_none() {
            return self;
        }
        match self {
            Self::Deploy { name, source, suggestions } => {
                Self::Deploy { name, source: Box::new(deploy_without_hint(*source)), suggestions }
            }
            Self::Wait { name, source } => Self::Wait { name, source: wait_without_hint(source) },
            Self::Call { doing, name, source } => Self::Call { doing, name, source: source.without_hint() },
            other => other,
        }
    }
}

fn wait_without_hint(error: WaitError) -> WaitError {
    match error {
        WaitError::Call { source, report } => WaitError::Call { source: source.without_hint(), report },
        other => other,
    }
}

fn deploy_without_hint(error: DeployError) -> DeployError {
    match error {
        DeployError::Lookup(source) => DeployError::Lookup(source.without_hint()),
        DeployError::Refused(source) => DeployError::Refused(source.without_hint()),
        DeployError::AllRefused { name, attempts, waited, replaced, .. } => {
            DeployError::AllRefused { name, attempts, suggestions: Vec::new(), waited, replaced }
        }
        DeployError::Unclear { name, pod_id, reason, source } => {
            DeployError::Unclear { name, pod_id, reason, source: source.map(Error::without_hint) }
        }
        DeployError::NotReplaced(source) => DeployError::NotReplaced(wait_without_hint(source)),
        other => other,
    }
}

/// The failed call behind a failed deploy.
fn call_behind(error: &DeployError) -> Option<&Error> {
    match error {
        DeployError::Lookup(error) | DeployError::Refused(error) => Some(error),
        DeployError::AllRefused { attempts, .. } => attempts.last().map(|attempt| &attempt.error),
        DeployError::Unclear { source, .. } => source.as_ref(),
        _ => None,
    }
}

/// Returns true if a pod may have been started, stopped or terminated although the call failed.
fn may_have_changed(error: &Error) -> bool {
    const CHANGES: [&str; 4] = ["start pod", "stop pod", "restart pod", "terminate pod"];
    error.may_have_been_applied() && CHANGES.contains(&error.operation())
}

/// Advice about a failed call: the facade's, but where it names a key of sindri.yaml or a command.
fn advice(error: &Error) -> &'static str {
    let is_create = error.operation() == "create pod";
    match error.kind() {
        _ if may_have_changed(error) => {
            "RunPod may have done it all the same, and the pod may bill: see status and https://uptime.runpod.io"
        }
        ErrorKind::Rejected if is_create => {
            "check gpuType, gpuCount, region, cloudType, networkVolumeId, ports and the image in sindri.yaml"
        }
        ErrorKind::Forbidden if is_create => {
            "the key needs write access to pods, and the account must be allowed this GPU: try another gpuType"
        }
        ErrorKind::NotFound if is_create => {
            "check networkVolumeId and templateId in sindri.yaml, and see status"
        }
        ErrorKind::Rejected => "RunPod does not take it as it is: see status",
        ErrorKind::NoCapacity => {
            "the host has given its GPUs to others: try again later, or destroy and deploy anew (a pod volume does not move)"
        }
        ErrorKind::NotFound => "it is gone, or the API is elsewhere: see status",
        ErrorKind::Conflict => "its state does not allow this now: see status",
        _ => error.hint(),
    }
}

impl std::fmt::Display for ProviderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.summary())?;
        self.hint().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

impl std::error::Error for ProviderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => error.source(),
            Self::Client(error) => error.source(),
            Self::SecretUnread { source, .. } | Self::Output(source) => Some(source),
            Self::Deploy { source, .. } => Some(&**source),
            Self::Wait { source, .. } => Some(source),
            Self::Volume { source, .. } => Some(&**source),
            Self::Call { source, .. } | Self::NotSeen { source, .. } => Some(source),
            Self::Ssh { source, .. } => source.as_ref().map(|error| error as _),
            _ => None,
        }
    }
}

impl From<ConfigError> for ProviderError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<runpod_lifecycle::ConfigError> for ProviderError {
    fn from(error: runpod_lifecycle::ConfigError) -> Self {
        Self::Client(error)
    }
}
