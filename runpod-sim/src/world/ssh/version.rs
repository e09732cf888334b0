//! The version that SSH servers of pods tell.

/// The version string of a pod's sshd.
pub(super) const VERSION: &str = "SSH-2.0-OpenSSH_9.6p1 runpod-sim";
