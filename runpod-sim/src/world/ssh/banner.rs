//! SSH servers that greet and say nothing more.

use std::{io, time::Duration};

use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{ContainerSpec, version::VERSION};

/// The settings of commands over SSH: none.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShellSettings {}

impl ShellSettings {
    pub(crate) fn flaw(&self) -> Option<&'static str> {
        None
    }
}

/// The folders of all pods: none.
#[derive(Clone)]
pub(crate) struct Shells;

impl Shells {
    #[expect(clippy::unnecessary_wraps, reason = "with the feature `ssh` it makes a folder")]
    pub(crate) fn new(_: &ShellSettings) -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn pod(&self, _: &str) -> PodDisk {
        PodDisk
    }

    pub(crate) fn clear(&self) {}

    pub(crate) fn close(&self) {}
}

/// The folders of one pod: none.
#[derive(Clone)]
pub(crate) struct PodDisk;

impl PodDisk {
    pub(crate) fn remove(&self) {}
}

/// The container of one run of a pod.
pub(crate) struct Container;

impl Container {
    pub(crate) fn new(_: ContainerSpec) -> Self {
        Self
    }

    /// Greets, and reads until the other side closes.
    pub(crate) async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.write_all(format!("{VERSION}\r\n").as_bytes()).await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(|_| ())
    }

    pub(crate) fn end(&self) {}

    pub(crate) fn restarted(&self, _: Duration) -> Option<Duration> {
        None
    }
}
