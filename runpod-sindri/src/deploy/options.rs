//! Options of a deploy.

/// Options of a deploy. The default creates the environment and returns once RunPod has accepted it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeployOptions {
    /// Replace an environment of that name.
    pub force: bool,
    /// Only say what would be done. Sends reads only.
    pub dry_run: bool,
    /// Return once the environment can be used.
    pub wait: bool,
    /// The longest wait in seconds. Default: 600.
    pub timeout: Option<u64>,
    /// Sindri's validation; this provider checks a config always, since that costs nothing.
    pub skip_validation: bool,
    /// Has no effect: what happens is told through [`on_event`](crate::RunpodProvider::on_event) and `tracing`.
    pub verbose: bool,
    /// Has no effect: this provider builds no images.
    pub skip_build: bool,
}
