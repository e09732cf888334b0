//! The condition that a pod can be logged in to.

use std::path::Path;

use runpod_lifecycle::{Condition, OwnProbe, Pod, PodSpec, Probe, Ready, Verdict};

use crate::{Login, master};

/// A login works: as [`Ready::Ssh`], and then a real one with OpenSSH's client.
///
/// One that is refused is tried again until the wait is over, since sshd may be up before its keys are; the last refusal is in the
/// error.
///
/// ```no_run
/// use std::time::Duration;
/// use runpod_jobs::Login;
/// use runpod_lifecycle::{OnFailure, PodSpec, RunPod};
///
/// # async fn example(runpod: RunPod) -> Result<(), Box<dyn std::error::Error>> {
/// let spec = PodSpec::any_gpu("trainer", "runpod/pytorch:latest").port("22/tcp");
/// let login = Login::new().identity_file("id_ed25519");
/// let longest = Duration::from_secs(900);
/// let pod = runpod.deploy_and_wait_until(&spec, login.clone(), longest, OnFailure::Terminate).await?;
/// let session = login.connect(&pod).await?;
/// # Ok(())
/// # }
/// ```
impl Condition for Login {
    fn verdict(&self, pod: Option<&Pod>) -> Verdict {
        Ready::Ssh.verdict(pod)
    }

    fn probes(&self, pod: &Pod) -> Vec<Probe> {
        let mut probes = Ready::Ssh.probes(pod);
        if let Some(name) = self.attempt(pod) {
            let (login, pod) = (self.clone(), pod.clone());
            let ask = move || {
                let (login, pod) = (login.clone(), pod.clone());
                async move { master::connect(&login, &pod).await.map(drop).map_err(|error| error.to_string()) }
            };
            probes.push(Probe::Own(OwnProbe::new(name, ask).timeout(self.longest())));
        }
        probes
    }

    fn never_by(&self, spec: &PodSpec) -> Option<String> {
        Ready::Ssh.never_by(spec)
    }

    fn name(&self) -> String {
        "ready (login)".to_owned()
    }
}

impl Login {
    /// Tells an attempt at a login from every other; `None` without an endpoint.
    fn attempt(&self, pod: &Pod) -> Option<String> {
        let endpoint = self.endpoint(pod).ok()?;
        let mut name = format!("a login as {} at {}:{}", endpoint.username, endpoint.host, endpoint.port);
        let files: [(&str, Option<&Path>); 3] = [
            (" with ", self.identity()),
            (" by ", self.agent_socket()),
            (" knowing ", self.own_known_hosts()),
        ];
        for (word, path) in files {
            if let Some(path) = path {
                name += word;
                name += &path.to_string_lossy();
            }
        }
        Some(name)
    }
}
