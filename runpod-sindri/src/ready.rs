//! When an environment counts as usable.

use std::time::Duration;

use runpod_lifecycle::{Condition, Pod, Port, Probe, Ready, Running, Verdict};

/// How long a running pod may take to show a direct SSH endpoint before RunPod's proxy has to do.
const DIRECT_PATIENCE: Duration = Duration::from_secs(60);

/// The environment can be used: over direct SSH, or, where its host has no public address, through RunPod's proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usable {
    /// Whether sshd is expected to answer.
    pub(crate) ssh: bool,
    /// Whether every tcp port must have a public address.
    pub(crate) public: bool,
    /// Whether the API tells of the inside of a container, as REST v2 does.
    pub(crate) tells_inside: bool,
}

impl Usable {
    fn wants_ssh(self, pod: &Pod) -> bool {
        self.ssh && (pod.ports.contains(&Port::SSH) || !pod.knows_ports())
    }
}

impl Condition for Usable {
    fn verdict(&self, pod: Option<&Pod>) -> Verdict {
        let Some(seen) = pod else { return Running.verdict(None) };
        let direct = seen.connection().direct_ssh().is_some();
        match (self.public, self.wants_ssh(seen)) {
            (true, _) => Ready::Ports.verdict(pod),
            (false, true) if direct => Ready::Ssh.verdict(pod),
            (false, wants_ssh) => match Running.verdict(pod) {
                Verdict::Done if self.tells_inside && !seen.has_runtime => {
                    Verdict::Pending("nothing from inside the container yet".into())
                }
                Verdict::Done if wants_ssh && !proxy_will_do(seen) => {
                    Verdict::Pending("no direct SSH endpoint yet".into())
                }
                verdict => verdict,
            },
        }
    }

    fn probes(&self, pod: &Pod) -> Vec<Probe> {
        let mut probes = Vec::new();
        if self.wants_ssh(pod) {
            probes.extend(Ready::Ssh.probes(pod));
        }
        if self.public {
            let ssh = pod.connection().direct_ssh().map(|endpoint| endpoint.port);
            let is_ssh = |probe: &Probe| matches!(probe, Probe::Tcp { port, .. } if Some(*port) == ssh);
            probes.extend(Ready::Ports.probes(pod).into_iter().filter(|probe| !is_ssh(probe)));
        }
        probes
    }

    fn name(&self) -> String {
        "usable".to_owned()
    }
}

/// Whether the pod has been up so long without a direct endpoint that there will be none.
fn proxy_will_do(pod: &Pod) -> bool {
    pod.connection().proxy_ssh().is_some() && pod.uptime.is_some_and(|uptime| uptime >= DIRECT_PATIENCE)
}
