//! The public SSH keys of the account, which RunPod puts into pods.

mod key;

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::{
    Error, ErrorKind, Event, PodSpec, Port, RunPod, Warning,
    backend::SshKeys,
    client::{call::Call, lookups::WrittenKeys},
    error::operation::Operation,
    knowledge::evidence::{LAG, lag_pauses},
    pod::{PUBLIC_KEY, is_no_key},
    version::Feature,
};

/// The oldest keys that a deploy warns by: they change rarely.
const KEYS_SHARED_FOR: Duration = Duration::from_secs(60);
/// The longest a deploy waits for them.
const KEYS_PATIENCE: Duration = Duration::from_secs(2);
/// The longest a write waits for another one through the same handle.
const TURN_PATIENCE: Duration = Duration::from_secs(60);

impl RunPod {
    /// The account's public SSH keys, one line each. An entry that is no text is left out and reported as
    /// [`Event::Warned`].
    ///
    /// # Errors
    /// If they cannot be read; [`ErrorKind::Unsupported`] on REST v1.
    pub async fn ssh_keys(&self) -> Result<Vec<String>, Error> {
        let keys = self.read_ssh_keys().await?;
        if keys.unreadable > 0 {
            let warning = Warning::SshKeysUnreadable { count: keys.unreadable };
            self.notify(&Event::Warned { warning });
        }
        Ok(keys.readable)
    }

    /// Adds a public SSH key to the account and keeps the others. Returns true if it was new.
    ///
    /// It takes the content of a `.pub` file: a byte order mark, line ends of any kind, blank lines and lines
    /// that begin with `#` are dropped.
    ///
    /// RunPod replaces the whole set on every write, so this reads first, and again afterwards for up to 15 s.
    /// Writes through one handle wait for each other; two programs that add keys at the same moment can lose one.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] for anything but one OpenSSH public key, before anything is sent; a private key in
    /// particular. [`ErrorKind::Unreadable`] if an entry of the account's set cannot be read: writing the rest
    /// would delete it. [`ErrorKind::Conflict`] if RunPod does not show the keys 15 s after they were written.
    ///
    /// # Cancellation
    /// If the future is dropped after the write was sent, the key may have been added.
    pub async fn add_ssh_key(&self, key: &str) -> Result<bool, Error> {
        self.operation(Call::mutation(Operation::WriteSshKeys, None), self.added_ssh_key(key)).await
    }

    async fn added_ssh_key(&self, key: &str) -> Result<bool, Error> {
        let refused = |kind, problem: &str| Error::of_answer(kind, Operation::WriteSshKeys, None, problem);
        let key = key::normal(key).map_err(|problem| refused(ErrorKind::Rejected, &problem))?;
        let turn = timeout(TURN_PATIENCE, self.lookups().written_ssh_keys.lock()).await;
        let mut written =
            turn.map_err(|_| refused(ErrorKind::Conflict, "not sent: another write is under way"))?;
        let SshKeys { readable: mut keys, unreadable } = self.read_ssh_keys().await?;
        if unreadable > 0 {
            let problem = format!(
                "not sent: {unreadable} of the account's SSH keys cannot be read, and writing the others would delete them; add the key at https://console.runpod.io/user/settings"
            );
            return Err(refused(ErrorKind::Unreadable, &problem));
        }
        // A read may still lack what was written a moment ago.
        let recent = written.iter().filter(|written| written.at.elapsed() < LAG);
        for known in recent.flat_map(|written| &written.keys) {
            if !key::is_among(known, &keys) {
                keys.push(known.clone());
            }
        }
        if key::is_among(&key, &keys) {
            return Ok(false);
        }
        keys.push(key);
        let call = Call::mutation(Operation::WriteSshKeys, None);
        self.repeatedly(call, || self.backend().set_ssh_keys(&keys)).await?;
        *written = Some(WrittenKeys { at: Instant::now(), keys: keys.clone() });
        self.lookups().ssh_keys.invalidate();
        self.confirm_ssh_keys(&keys).await.map(|()| true)
    }

    /// Reads until every key that was written is shown.
    async fn confirm_ssh_keys(&self, wanted: &[String]) -> Result<(), Error> {
        for pause in lag_pauses() {
            sleep(pause).await;
            let stored = self.read_ssh_keys().await?.readable;
            if wanted.iter().all(|wanted| key::is_among(wanted, &stored)) {
                return Ok(());
            }
        }
        let message = format!(
            "RunPod does not show every key {} s after they were written; another program may be writing too",
            LAG.as_secs()
        );
        Err(Error::of_answer(ErrorKind::Conflict, Operation::WriteSshKeys, None, message))
    }

    async fn read_ssh_keys(&self) -> Result<SshKeys, Error> {
        let call = Call::read(Operation::ReadSshKeys, None);
        self.require(Feature::SshKeys, call)?;
        self.repeatedly(call, || self.backend().ssh_keys()).await
    }

    /// Warns of what keeps SSH from working although the spec asks for it; `None` if nothing is known to.
    pub(crate) async fn ssh_warning(&self, spec: &PodSpec) -> Option<Warning> {
        if !self.supports(Feature::SshKeys) || !spec.starts_ssh() {
            return None;
        }
        if let Some(key) = spec.env.get(PUBLIC_KEY) {
            return is_no_key(key.expose()).then_some(Warning::PublicKeyEmpty);
        }
        if !spec.parsed_ports().any(|port| port == Port::SSH) {
            return Some(Warning::SshPortClosed);
        }
        // A read that fails, or that the rate limit holds back, is no reason to hold a deploy up.
        let read = self.once(Call::read(Operation::ReadSshKeys, None), Box::pin(self.backend().ssh_keys()));
        let oldest = Instant::now().checked_sub(KEYS_SHARED_FOR);
        let keys = timeout(KEYS_PATIENCE, self.lookups().ssh_keys.get((), oldest, read)).await.ok()?;
        match keys {
            Ok(keys) => (keys.readable.is_empty() && keys.unreadable == 0).then_some(Warning::NoSshKey),
            Err(error) if error.kind() == ErrorKind::Forbidden => {
                Some(Warning::SshKeysForbidden { reason: error.what() })
            }
            Err(_) => None,
        }
    }
}
