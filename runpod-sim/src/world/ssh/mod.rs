//! The SSH servers of pods. Without the feature `ssh` they say who they are, and nothing more.

#[cfg(not(feature = "ssh"))]
mod banner;
#[cfg(feature = "ssh")]
mod server;
mod spec;
mod version;

#[cfg(not(feature = "ssh"))]
pub(crate) use banner::{Container, PodDisk, ShellSettings, Shells};
#[cfg(feature = "ssh")]
pub(crate) use server::{Commands, Container, PodDisk, Script, ShellSettings, Shells};
#[cfg(feature = "ssh")]
pub use server::{ExecAnswer, ExecLimits};
pub(crate) use spec::ContainerSpec;
