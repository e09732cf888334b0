//! An sshd that one can log in to: keys, commands, files, and a disk that lives as long as its pod's.

mod answer;
mod command;
mod connection;
mod container;
mod disk;
mod keys;
mod life;
mod paths;
mod processes;
mod session;
mod settings;
mod sftp;
mod strike;

pub use answer::ExecAnswer;
pub(crate) use answer::Script;
pub(crate) use container::Container;
pub(crate) use disk::{PodDisk, Shells};
pub use settings::ExecLimits;
pub(crate) use settings::{Commands, ShellSettings};
