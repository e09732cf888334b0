//! RunPod's two clouds.

use crate::word::words;

/// One of RunPod's two clouds, or either.
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

words!(
    Cloud,
    "cloud",
    Secure => "secure",
    Community => "community",
    Either => "either",
);
