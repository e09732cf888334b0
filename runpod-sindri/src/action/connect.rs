//! Opening a shell in an environment.

use std::{
    io::{self, Write},
    process::Stdio,
    time::{Duration, SystemTime},
};

use runpod_lifecycle::{PodHandle, SshCommand};
use tokio::{io::AsyncReadExt, process::ChildStderr};

use crate::{
    ConnectionInfo, DeploymentState, ProviderError, RunpodProvider, SindriConfig,
    action::wrong_state,
    environment::{
        connection::{VARIABLES, ways, web_terminal},
        present::Present,
        wait::DEFAULT_TIMEOUT,
    },
};

/// The exit code with which ssh says that it could not connect, rather than how the shell ended.
const COULD_NOT_CONNECT: i32 = 255;
/// The longest that an uptime may be behind: RunPod refreshes it every 15 s, and answers lag.
const UPTIME_LAG: Duration = Duration::from_secs(30);
/// Bytes of what ssh said that are kept to tell why it could not connect.
const LAST_WORDS: usize = 4096;

impl RunpodProvider {
    /// Finds out how to reach the environment; starts it first and waits up to `longest` if it is stopped.
    ///
    /// # Errors
    /// [`ProviderError`]: `NotFound`, `WrongState`, `Call` if RunPod refuses, `Wait` if the wait was in vain.
    pub async fn connection(
        &self,
        config: &SindriConfig,
        longest: Duration,
    ) -> Result<ConnectionInfo, ProviderError> {
        let user = config.ssh_user()?;
        Ok(ConnectionInfo::of(&self.reach(config, longest).await?, user.as_deref()))
    }

    pub(crate) async fn open_shell(&self, config: &SindriConfig) -> Result<(), ProviderError> {
        let user = config.ssh_user()?;
        let pod = self.reach(config, Duration::from_secs(DEFAULT_TIMEOUT)).await?;
        match ways(&pod, user.as_deref()).and_then(|connection| connection.ssh_command()) {
            Some(command) if self.ssh_version().is_some() => self.run_ssh(config, &command).await,
            _ => show_instructions(&pod, user.as_deref()).map_err(ProviderError::Output),
        }
    }

    /// The environment's pod with the addresses of its present run, waited for up to `longest` while they are in doubt. Unlike
    /// [`connection`](Self::connection) it starts nothing.
    ///
    /// # Errors
    /// [`ProviderError`]: `NotFound`, `WrongState` unless it runs, `Call` if RunPod refuses, `Wait` if the wait was in vain.
    pub async fn running_pod(
        &self,
        config: &SindriConfig,
        longest: Duration,
    ) -> Result<PodHandle, ProviderError> {
        let present = self.present(&self.watched()?, &config.name).await?;
        match DeploymentState::of(&present.pod) {
            DeploymentState::Running => self.settled(config, &present, longest).await,
            _ => Err(wrong_state(&config.name, &present.pod, "only running pods can be worked on")),
        }
    }

    /// A running pod once its addresses are those of its present run.
    async fn settled(
        &self,
        config: &SindriConfig,
        present: &Present,
        longest: Duration,
    ) -> Result<PodHandle, ProviderError> {
        // RunPod says RUNNING before there is anything to connect to.
        if present.doubt.is_none() && present.pod.connection().ssh_command().is_some() {
            return Ok(present.pod.clone());
        }
        self.wait_until_usable(config, &present.pod, Some(present), longest).await
    }

    /// The environment's pod with the addresses of its present run, to log in to; starts it first and waits up to `longest` if it is
    /// stopped.
    ///
    /// # Errors
    /// As [`connection`](Self::connection).
    ///
    /// # Cost
    /// A pod that is started bills until it is stopped.
    pub async fn reach(&self, config: &SindriConfig, longest: Duration) -> Result<PodHandle, ProviderError> {
        let pod = self.up(config, longest).await?;
        if let Some(command) = pod.connection().ssh_command() {
            forget_earlier_run(&command, pod.uptime);
        }
        Ok(pod)
    }

    async fn up(&self, config: &SindriConfig, longest: Duration) -> Result<PodHandle, ProviderError> {
        let present = self.present(&self.watched()?, &config.name).await?;
        let pod = &present.pod;
        match DeploymentState::of(pod) {
            DeploymentState::Running => self.settled(config, &present, longest).await,
            DeploymentState::Stopped => {
                pod.start().await.map_err(ProviderError::call("start", &config.name))?;
                self.wait_until_usable(config, pod, None, longest).await
            }
            _ => Err(wrong_state(&config.name, pod, "only running and stopped pods can be connected to")),
        }
    }

    async fn run_ssh(&self, config: &SindriConfig, command: &SshCommand) -> Result<(), ProviderError> {
        let failed = |refused, source| ProviderError::Ssh {
            name: config.name.clone(),
            command: command.to_string(),
            refused,
            source,
        };
        writeln!(io::stderr(), "{VARIABLES}").map_err(ProviderError::Output)?;
        let mut ssh = tokio::process::Command::from(self.ssh());
        if let Some(key) = config.identity_file() {
            ssh.args(["-o", "IdentitiesOnly=yes", "-i"]).arg(key);
        }
        ssh.args(command.arguments());
        // What ssh itself says is passed on and listened to: nothing else tells a refused login from a dead host.
        ssh.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::piped());
        let mut ssh = ssh.spawn().map_err(|error| failed(false, Some(error)))?;
        let said = pass_on(ssh.stderr.take()).await.map_err(ProviderError::Output)?;
        let status = ssh.wait().await.map_err(|error| failed(false, Some(error)))?;
        match status.code() {
            Some(COULD_NOT_CONNECT) | None => Err(failed(is_refusal(&said), None)),
            Some(_) => Ok(()),
        }
    }
}

/// Forgets the host keys of an earlier run of the container. RunPod may restart one without another `startedAt`, which
/// names their file, and every run makes new keys. Those of the present run stay and are checked.
fn forget_earlier_run(command: &SshCommand, uptime: Option<Duration>) {
    let file = command.arguments().into_iter().find_map(|argument| {
        let file = argument.to_str()?.strip_prefix("UserKnownHostsFile=~/")?.to_owned();
        Some(std::env::home_dir()?.join(file))
    });
    let (Some(file), Some(uptime)) = (file, uptime) else { return };
    let written = file.metadata().and_then(|data| data.modified());
    if written.is_ok_and(|written| is_of_earlier_run(written, SystemTime::now(), uptime)) {
        // What cannot be removed is checked, and ssh says what it is about.
        let _ = std::fs::remove_file(file);
    }
}

/// Returns true if something was written before a container came up that has been running for `uptime` now.
fn is_of_earlier_run(written: SystemTime, now: SystemTime, uptime: Duration) -> bool {
    written.checked_add(uptime + UPTIME_LAG).is_some_and(|end| end < now)
}

/// Passes on what ssh says to its end, and returns the last of it.
async fn pass_on(said: Option<ChildStderr>) -> io::Result<Vec<u8>> {
    let Some(mut said) = said else { return Ok(Vec::new()) };
    let (mut last, mut piece) = (Vec::new(), [0; 1024]);
    loop {
        let read = said.read(&mut piece).await?;
        if read == 0 {
            return Ok(last);
        }
        io::stderr().write_all(&piece[..read])?;
        last.extend_from_slice(&piece[..read]);
        let old = last.len().saturating_sub(LAST_WORDS);
        last.drain(..old);
    }
}

/// Returns true if ssh reached sshd, which took no key of ours.
fn is_refusal(said: &[u8]) -> bool {
    String::from_utf8_lossy(said).contains("Permission denied")
}

fn show_instructions(pod: &PodHandle, user: Option<&str>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "There is no ssh client here, or no SSH endpoint. Open a terminal in the browser:")?;
    writeln!(out, "{}", web_terminal(&pod.id))?;
    writeln!(out, "{}", ConnectionInfo::of(pod, user).instructions.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_keys_are_forgotten_only_if_they_were_written_before_the_present_run() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10_000);
        for (written_ago, uptime, expected) in [
            (0, 600, false),
            (600, 600, false),
            (625, 600, false),
            (640, 600, true),
            (100, 0, true),
            (20, 0, false),
        ] {
            let written = now - Duration::from_secs(written_ago);
            let forgotten = is_of_earlier_run(written, now, Duration::from_secs(uptime));
            assert_eq!(forgotten, expected, "written {written_ago} s ago, up for {uptime} s");
        }
    }
}
