//! The public SSH keys of the account, which RunPod puts into pods.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::{
    Error, ErrorKind, PodSpec, Port, RunPod,
    client::{Call, Feature},
    pod::{PUBLIC_KEY, is_no_key},
};

const READ: &str = "read the account's SSH keys";
const WRITE: &str = "write the account's SSH keys";
/// How old the keys may be that a deploy warns by: they change rarely.
const KEYS_SHARED_FOR: Duration = Duration::from_secs(60);
/// The longest a deploy waits for them.
const KEYS_PATIENCE: Duration = Duration::from_secs(2);

impl RunPod {
    /// The account's public SSH keys, one line each.
    ///
    /// # Errors
    /// If they cannot be read; [`ErrorKind::Unsupported`] on REST v1.
    pub async fn ssh_keys(&self) -> Result<Vec<String>, Error> {
        let call = Call::look(READ, None);
        self.require(Feature::SshKeys, call)?;
        self.repeatedly(call, || self.backend().ssh_keys()).await
    }

    /// Adds a public SSH key to the account and keeps the others. Says whether it was new.
    ///
    /// RunPod replaces the whole set on every write, so this reads first. Two programs that add keys
    /// at the same moment can lose one; the set is read again afterwards to notice that.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] for anything but one line of an OpenSSH public key, before anything is
    /// sent; a private key in particular.
    pub async fn add_ssh_key(&self, key: &str) -> Result<bool, Error> {
        let key = key.trim();
        if let Some(problem) = problem_of(key) {
            return Err(Error::of_answer(ErrorKind::Rejected, WRITE, None, problem));
        }
        let mut keys = self.ssh_keys().await?;
        if keys.iter().any(|known| body_of(known) == body_of(key)) {
            return Ok(false);
        }
        keys.push(key.to_owned());
        let call = Call::mutation(WRITE, None);
        self.repeatedly(call, || self.backend().set_ssh_keys(&keys)).await?;
        self.lookups().ssh_keys.forget().await;
        let stored = self.ssh_keys().await?;
        match keys.iter().find(|wanted| !stored.iter().any(|known| body_of(known) == body_of(wanted))) {
            None => Ok(true),
            Some(_) => {
                let message =
                    "RunPod does not show every key that was written; another program may be writing too";
                Err(Error::of_answer(ErrorKind::Conflict, WRITE, None, message))
            }
        }
    }

    /// What keeps SSH from working although the spec asks for it; `None` if nothing is known to.
    pub(crate) async fn ssh_warning(&self, spec: &PodSpec) -> Option<String> {
        if !self.supports(Feature::SshKeys) || !spec.starts_ssh() {
            return None;
        }
        if let Some(key) = spec.env.get(PUBLIC_KEY) {
            let warning =
                "PUBLIC_KEY holds no key: no login will be accepted, and a later one needs a new pod";
            return is_no_key(key.expose()).then(|| warning.to_owned());
        }
        if !spec.parsed_ports().any(|port| port == Port::SSH) {
            return Some(
                "sshd is started but 22/tcp is not opened: only RunPod's SSH proxy will work".to_owned(),
            );
        }
        // A look that fails, or that the rate limit holds back, is no reason to hold a deploy up.
        let read = self.once(Call::look(READ, None), Box::pin(self.backend().ssh_keys()));
        let oldest = Instant::now().checked_sub(KEYS_SHARED_FOR);
        let keys = timeout(KEYS_PATIENCE, self.lookups().ssh_keys.get((), oldest, read)).await.ok()?.ok()?;
        keys.is_empty().then(|| {
            "the account has no SSH key, so sshd will not start: add one with add_ssh_key before deploying, since a key that is added later needs a new pod".to_owned()
        })
    }
}

/// What is wrong with a text as an OpenSSH public key. Never quotes it, since it may be a private one.
fn problem_of(key: &str) -> Option<&'static str> {
    if key.contains("PRIVATE KEY") {
        return Some("not sent: this is a private key; pass the line in the .pub file beside it");
    }
    let mut words = key.split_ascii_whitespace();
    let kind = words.next().unwrap_or_default();
    let known = ["ssh-", "ecdsa-", "sk-"].iter().any(|prefix| kind.starts_with(prefix));
    let one_line = !key.contains(['\n', '\r']);
    (!known || !one_line || words.next().is_none())
        .then_some("not sent: a public key is one line such as: ssh-ed25519 AAAA... name")
}

/// A key without its comment.
fn body_of(key: &str) -> Vec<&str> {
    key.split_ascii_whitespace().take(2).collect()
}
