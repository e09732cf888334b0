//! When an environment counts as usable.

use std::time::Duration;

use runpod_lifecycle::{ApiVersion, Condition, Pod, Port, Probe, Ready, Running, Verdict};
use tokio::time::Instant;

use crate::{blueprint::Blueprint, environment::present::Present};

/// The longest that a running pod may take to show a direct SSH endpoint before RunPod's proxy has to do.
const DIRECT_PATIENCE: Duration = Duration::from_secs(60);

/// The environment can be used: over direct SSH, or, where its host has no public address, through RunPod's proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usable {
    /// True if sshd is expected to answer.
    pub(crate) ssh: bool,
    /// True if every tcp port must have a public address.
    pub(crate) public: bool,
    /// True if the API tells of the inside of a container, as REST v2 does.
    pub(crate) tells_inside: bool,
}

impl Usable {
    pub(crate) fn of(blueprint: &Blueprint) -> Self {
        Self {
            ssh: blueprint.expects_ssh,
            public: blueprint.public_ip,
            tells_inside: blueprint.version == ApiVersion::V2,
        }
    }

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

/// The environment can be used, and what is shown of it is not from before a start that another program has just made.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    usable: Usable,
    /// Why addresses may be old, and until when.
    doubt: Option<(String, Instant)>,
}

impl Settled {
    /// `present` is `None` for a pod whose start this process made, of which the facade shows no old address.
    pub(crate) fn new(usable: Usable, present: Option<&Present>) -> Self {
        let doubt = present.and_then(|present| Some((present.doubt.clone()?, present.sure_at)));
        Self { usable, doubt }
    }
}

impl Condition for Settled {
    fn verdict(&self, pod: Option<&Pod>) -> Verdict {
        let verdict = self.usable.verdict(pod);
        let (Some(seen), Some((doubt, sure_at))) = (pod, &self.doubt) else { return verdict };
        let is_settled = Instant::now() >= *sure_at;
        match verdict {
            Verdict::Done if !is_settled && has_address(seen) => Verdict::Pending(doubt.clone()),
            Verdict::Failed(reason) if !is_settled && !seen.is_gone() => Verdict::Pending(reason),
            verdict => verdict,
        }
    }

    fn probes(&self, pod: &Pod) -> Vec<Probe> {
        self.usable.probes(pod)
    }

    fn name(&self) -> String {
        self.usable.name()
    }
}

/// Returns true if RunPod shows an address that was another before the last start.
fn has_address(pod: &Pod) -> bool {
    let connection = pod.connection();
    connection.direct_ssh().is_some() || !connection.tcp_endpoints().is_empty()
}

/// Returns true if the pod has been up so long without a direct endpoint that there will be none.
fn proxy_will_do(pod: &Pod) -> bool {
    pod.connection().proxy_ssh().is_some() && pod.uptime.is_some_and(|uptime| uptime >= DIRECT_PATIENCE)
}
