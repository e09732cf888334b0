//! The verbs of a target.

use std::{env, fs::File, time::Duration};

use runpod_jobs::{Copy, Login, Session};
use runpod_lifecycle::{PodHandle, Ready, Secret, WaitError};
use runpod_sindri::{
    DeployOptions, Prerequisite, Provider as _, ProviderError, RunpodProvider, SindriConfig,
};
use tokio::time::sleep;

use crate::plugin::{
    log::Log,
    manifest::Manifest,
    protocol::{Answer, Failure},
};

/// The longest that a pod may take to come up, its image's pull included.
const BOOT: Duration = Duration::from_secs(20 * 60);
/// The longest that a pod which is up may take until its addresses are certain.
const SETTLING: Duration = Duration::from_secs(120);
/// The longest that RunPod's lists may be behind.
const LAG: Duration = Duration::from_secs(15);
/// The longest that a pod may take to be gone.
const GOING: Duration = Duration::from_secs(5 * 60);
/// Attempts at a copy whose connection breaks.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(2);
/// Bytes of each of a command's streams that are told.
const MOST_TOLD: usize = 8 << 20;

/// A target: a pod of its own, by its name and label.
pub(crate) struct Target {
    provider: RunpodProvider,
    config: SindriConfig,
}

impl Target {
    pub(crate) fn new(manifest: &Manifest, config: SindriConfig, log: &Log) -> Result<Self, Failure> {
        let (label, value) = manifest.label();
        let write = log.writer();
        let provider = RunpodProvider::new().only_labelled(label, value).on_event(move |event| write(&event));
        let provider = match manifest.key()? {
            Some(key) => provider.environment_variables(variables_with(key)),
            None => provider,
        };
        Ok(Self { provider, config })
    }

    pub(crate) fn provider(&self) -> &RunpodProvider {
        &self.provider
    }

    pub(crate) fn config(&self) -> &SindriConfig {
        &self.config
    }

    /// Takes the target's pod, started if it is stopped, or makes one, and waits until a login works.
    pub(crate) async fn create(&self) -> Result<Answer, Failure> {
        self.provider.check(&self.config)?;
        if !has_client(&self.provider) {
            return Err(
                Failure::new("prerequisites", "there is no ssh client").fix("install OpenSSH's client")
            );
        }
        if let Some(reason) = self.unread_identity() {
            return Err(Failure::new("io", reason).fix("infra.identityFile names a private key"));
        }
        let id = match self.take().await? {
            Some(id) => id,
            None => match self.deploy().await {
                // Another create of this target was on its way, and its pod is the one that stays.
                Err(error) if is_second(&error) => self.take().await?.ok_or(error)?,
                outcome => outcome?,
            },
        };
        let pod = self.ready(&id).await?;
        self.log_in(&pod).await.map_err(|failure| {
            let message = format!("{}; the pod is up and bills", failure.message);
            Failure { message, ..failure }
        })?;
        Ok(Answer::Ok)
    }

    /// Why the identity file cannot be used; `None` if it can, or if the manifest names none.
    pub(crate) fn unread_identity(&self) -> Option<String> {
        let path = self.config.identity_file()?;
        let error = File::open(&path).err()?;
        Some(format!("the identity file {} cannot be read: {error}", path.display()))
    }

    /// Starts the target's pod if need be, and waits for it; its id, or `None` if there is none.
    async fn take(&self) -> Result<Option<String>, Failure> {
        let start = || self.provider.start_environment(&self.config, Some(BOOT));
        let outcome = match Box::pin(start()).await {
            // Of two creates at once one has not given way yet.
            Err(ProviderError::Several { .. }) => {
                sleep(LAG).await;
                Box::pin(start()).await
            }
            outcome => outcome,
        };
        match outcome {
            Ok(report) => Ok(report.instance_id),
            Err(ProviderError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a pod and waits for it; its id.
    async fn deploy(&self) -> Result<String, ProviderError> {
        let options = DeployOptions { wait: true, timeout: Some(BOOT.as_secs()), ..DeployOptions::default() };
        match self.provider.deploy(&self.config, options).await {
            Ok(result) => Ok(result.instance_id.unwrap_or_default()),
            Err(error) => Err(error
                .downcast()
                .unwrap_or_else(|error| ProviderError::Output(std::io::Error::other(error.to_string())))),
        }
    }

    /// Waits until sshd of a pod that is up answers.
    async fn ready(&self, id: &str) -> Result<PodHandle, ProviderError> {
        let name = || self.config.name.clone();
        let pod = self.provider.account()?.get(id).await;
        let pod = pod.map_err(|source| ProviderError::Call { doing: "look at", name: name(), source })?;
        let ready = pod.wait_until(Ready::Ssh, SETTLING).await;
        ready.map_err(|source| ProviderError::Wait { name: name(), source })
    }

    /// Ends the target's pods and waits until they are gone. None is fine.
    pub(crate) async fn destroy(&self) -> Result<Answer, Failure> {
        self.provider.destroy_environment(&self.config, true, Some(GOING)).await?;
        Ok(Answer::Ok)
    }

    /// Runs a line for a shell.
    pub(crate) async fn exec(&self, cmd: String, env: Vec<(String, String)>) -> Result<Answer, Failure> {
        let session = self.session().await?;
        let command = session.shell(cmd).keep(MOST_TOLD);
        let command = env.into_iter().fold(command, |command, (name, value)| command.env(name, value));
        let output = command.output().await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut stderr = text(&output.stderr);
        if output.dropped > 0 {
            stderr += &format!("\n[{} bytes more were printed and are not told]\n", output.dropped);
        }
        Ok(Answer::Exec { stdout: text(&output.stdout), stderr, exit_code: output.status })
    }

    /// Copies, again over a new connection where one breaks: a copy goes on where it stood.
    pub(crate) async fn copy(&self, copy: impl Fn(&Session) -> Copy) -> Result<Answer, Failure> {
        for _ in 1..ATTEMPTS {
            match copy(&self.session().await?).run().await {
                Err(error) if error.is_connection() => sleep(PAUSE).await,
                outcome => return Ok(outcome.map(|_| Answer::Ok)?),
            }
        }
        Ok(copy(&self.session().await?).run().await.map(|_| Answer::Ok)?)
    }

    /// Logs in to the target's pod, which must run.
    pub(crate) async fn session(&self) -> Result<Session, Failure> {
        let pod = self.provider.running_pod(&self.config, SETTLING).await?;
        self.log_in(&pod).await
    }

    async fn log_in(&self, pod: &PodHandle) -> Result<Session, Failure> {
        let login = self.config.identity_file().into_iter().fold(Login::new(), Login::identity_file);
        let login = self.config.runpod().ssh_user.into_iter().fold(login, Login::user);
        Ok(login.connect_persistently(pod).await?)
    }
}

/// Returns true if there is an ssh client.
pub(crate) fn has_client(provider: &RunpodProvider) -> bool {
    let is_there = |one: &Prerequisite| one.name == "ssh" && one.install_hint.is_none();
    provider.check_prerequisites().is_ok_and(|status| status.available.iter().any(is_there))
}

/// Returns true if a deploy made no pod, or gave it up, since another has the name.
fn is_second(error: &ProviderError) -> bool {
    match error {
        ProviderError::Wait { source, .. } => matches!(source, WaitError::GaveWay { .. }),
        error => matches!(error, ProviderError::Exists { .. }),
    }
}

/// This process's variables with another API key.
fn variables_with(key: Secret) -> impl Iterator<Item = (String, Secret)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?.into()))
    };
    env::vars_os().filter_map(text).chain([("RUNPOD_API_KEY".to_owned(), key)])
}
