//! Failures of everything below in Sindri's words: the kinds are those of its own errors for targets.

use std::error::Error as _;

use runpod_jobs::Error as SshError;
use runpod_lifecycle::{DeployError, ErrorKind, WaitError, printable};
use runpod_sindri::{ConfigError, Outcome, ProviderError};

use crate::plugin::protocol::Failure;

/// Words of Sindri 3, and those of the fourth for the same.
const WORDS: [(&str, &str); 6] = [
    ("providers.runpod.", "infra."),
    ("deployment.image", "infra.image"),
    ("sindri.yaml", "the manifest"),
    ("environment \"", "target \""),
    ("no pod has this name", "it has no pod of its own"),
    ("see status", "see https://www.runpod.io/console/pods"),
];

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        if let ProviderError::Config(error) = error {
            return error.into();
        }
        let mut message = error.summary();
        let mut source = error.source();
        while let Some(below) = source {
            message += &format!(": {below}");
            source = below.source();
        }
        let fix = fix(&error).or_else(|| error.hint());
        let suggested_fix = fix.map(|fix| in_words_of_v4(&fix));
        Self { kind: kind(&error), message: in_words_of_v4(&message), suggested_fix }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let message = match error {
            // The place is one in a text that nobody wrote.
            ConfigError::Unreadable { reason } => {
                let reason = reason.rsplit_once(" (line ").map_or(reason.as_str(), |(reason, _)| reason);
                format!("the manifest cannot be understood: {reason}")
            }
            ConfigError::Invalid(mut problems) => {
                problems.iter_mut().for_each(|problem| problem.line = None);
                ConfigError::Invalid(problems).to_string()
            }
            other => other.to_string(),
        };
        Self::new("invalid-config", in_words_of_v4(&message))
    }
}

impl From<SshError> for Failure {
    fn from(error: SshError) -> Self {
        let suggested_fix = ssh_fix(&error).map(str::to_owned);
        Self { kind: ssh_kind(&error), message: error.summary(), suggested_fix }
    }
}

fn ssh_kind(error: &SshError) -> &'static str {
    match error {
        SshError::NoClient { .. } => "prerequisites",
        SshError::HostKey { .. } | SshError::LoginRefused { .. } => "auth-failed",
        SshError::NotFound { .. }
        | SshError::NoSpace { .. }
        | SshError::Changed { .. }
        | SshError::Local { .. } => "io",
        SshError::NoEndpoint { .. }
        | SshError::Unreachable { .. }
        | SshError::Lost { .. }
        | SshError::TimedOut { .. } => "unavailable",
        _ => "exec-failed",
    }
}

fn ssh_fix(error: &SshError) -> Option<&'static str> {
    Some(match error {
        SshError::NoClient { .. } => "install OpenSSH's client",
        SshError::NoEndpoint { .. } => {
            "its host has no public address: destroy the target and create it again"
        }
        SshError::Unreachable { .. } => "try again; the image must run sshd, which its log tells of",
        SshError::HostKey { .. } => {
            "if its container was restarted, delete its file in ~/.ssh; otherwise somebody else answers there"
        }
        SshError::LoginRefused { .. } => {
            "a pod has the keys that the account had when it was created: add yours at https://console.runpod.io/user/settings, then destroy the target and create it again; a key with a passphrase needs ssh-agent; infra.sshUser and infra.identityFile name others"
        }
        SshError::Lost { .. } => "try again; what became of a command is open",
        _ => return None,
    })
}

fn kind(error: &ProviderError) -> &'static str {
    let call = call_behind(error);
    match error {
        ProviderError::Unprepared { .. }
        | ProviderError::SecretMissing { .. }
        | ProviderError::SecretUnread { .. } => "prerequisites",
        ProviderError::Client(runpod_lifecycle::ConfigError::MissingKey) => "auth-failed",
        ProviderError::Client(_) => "invalid-config",
        _ if error.outcome() == Outcome::NotFound => "not-provisioned",
        _ if error.outcome() == Outcome::Misused => "invalid-config",
        _ if matches!(error.outcome(), Outcome::NoCapacity | Outcome::TimedOut) => "unavailable",
        _ => call.map_or("unavailable", kind_of_call),
    }
}

/// The failed call at the bottom of an error.
fn call_behind(error: &ProviderError) -> Option<ErrorKind> {
    match error {
        ProviderError::Deploy { source, .. } => match &**source {
            DeployError::Lookup(error) | DeployError::Refused(error) => Some(error.kind()),
            DeployError::AllRefused { attempts, .. } => attempts.last().map(|attempt| attempt.error.kind()),
            _ => None,
        },
        ProviderError::Wait { source: WaitError::Call { source, .. }, .. }
        | ProviderError::Call { source, .. }
        | ProviderError::NotSeen { source, .. } => Some(source.kind()),
        _ => None,
    }
}

fn kind_of_call(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unauthorized | ErrorKind::Forbidden => "auth-failed",
        ErrorKind::RateLimited => "rate-limited",
        ErrorKind::NoCapacity | ErrorKind::OverPrice | ErrorKind::Conflict | ErrorKind::Locked => {
            "unavailable"
        }
        _ => "http",
    }
}

/// Advice where Sindri 3's would be about commands and keys that its fourth version does not have.
fn fix(error: &ProviderError) -> Option<String> {
    Some(match error {
        ProviderError::Exists { .. } => {
            "the pod is not this target's: infra.name gives the target's pod another name".to_owned()
        }
        ProviderError::Several { .. } => {
            "end all but one at https://www.runpod.io/console/pods, or all of them: destroy the target".to_owned()
        }
        ProviderError::NotFound { .. } | ProviderError::WrongState { .. } => {
            "create the target: that starts a pod of its own that is stopped, too".to_owned()
        }
        ProviderError::Client(runpod_lifecycle::ConfigError::MissingKey) => {
            "set RUNPOD_API_KEY, or say where the key is: auth: {token: env:NAME}".to_owned()
        }
        ProviderError::Wait { .. } => {
            "the pod was left as it is, and bills: create the target again, which goes on waiting, or destroy it"
                .to_owned()
        }
        ProviderError::NotDestroyed { .. } | ProviderError::NotSeen { .. } => {
            "see to what RunPod says, then destroy the target once more".to_owned()
        }
        _ => return None,
    })
}

fn in_words_of_v4(text: &str) -> String {
    let text = WORDS.iter().fold(text.to_owned(), |text, (old, new)| text.replace(old, new));
    printable(&text).into_owned()
}
