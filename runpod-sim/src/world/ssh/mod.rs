//! The SSH servers of pods. Without the feature `ssh` they say who they are, and nothing more.

#[cfg(feature = "ssh")]
mod answer;
#[cfg(not(feature = "ssh"))]
mod banner;
#[cfg(feature = "ssh")]
mod command;
#[cfg(feature = "ssh")]
mod connection;
#[cfg(feature = "ssh")]
mod container;
#[cfg(feature = "ssh")]
mod disk;
#[cfg(feature = "ssh")]
mod keys;
#[cfg(feature = "ssh")]
mod life;
#[cfg(feature = "ssh")]
mod paths;
#[cfg(feature = "ssh")]
mod processes;
#[cfg(feature = "ssh")]
mod session;
#[cfg(feature = "ssh")]
mod settings;
#[cfg(feature = "ssh")]
mod sftp;
mod spec;
#[cfg(feature = "ssh")]
mod strike;
mod version;

#[cfg(feature = "ssh")]
pub use answer::ExecAnswer;
#[cfg(feature = "ssh")]
pub(crate) use answer::Script;
#[cfg(not(feature = "ssh"))]
pub(crate) use banner::{Container, PodDisk, ShellSettings, Shells};
#[cfg(feature = "ssh")]
pub(crate) use container::Container;
#[cfg(feature = "ssh")]
pub(crate) use disk::{PodDisk, Shells};
#[cfg(feature = "ssh")]
pub use settings::ExecLimits;
#[cfg(feature = "ssh")]
pub(crate) use settings::{Commands, ShellSettings};
pub(crate) use spec::ContainerSpec;
