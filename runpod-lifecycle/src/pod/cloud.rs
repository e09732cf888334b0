//! RunPod's two clouds.

/// Which of RunPod's two clouds a pod may run in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cloud {
    /// RunPod's own data centers. The default.
    #[default]
    Secure,
    /// Machines of other providers, usually cheaper.
    Community,
    /// Secure first, then community.
    Either,
}
