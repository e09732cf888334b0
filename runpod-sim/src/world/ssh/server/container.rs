//! The container of one run of a pod.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::net::TcpStream;

use super::{connection, life::Life};
use crate::world::ssh::ContainerSpec;

/// The container of one run of a pod, which may exit and start again in it.
pub(crate) struct Container {
    spec: Arc<ContainerSpec>,
    lives: Mutex<Lives>,
}

/// The lives of a container. The first begins with the first connection, since most pods never see one.
#[derive(Default)]
struct Lives {
    current: Option<Arc<Life>>,
    /// The instants at which it exited by itself, but for the last one.
    exits: Vec<Duration>,
    /// True once the run has ended.
    over: bool,
}

impl Container {
    pub(crate) fn new(spec: ContainerSpec) -> Self {
        Self { spec: Arc::new(spec), lives: Mutex::default() }
    }

    fn lives(&self) -> MutexGuard<'_, Lives> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves a connection. It is closed at once while sshd is away.
    pub(crate) async fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let life = self.lives().present(&self.spec);
        match life {
            Ok(Some(life)) => connection::serve(life, stream).await,
            Ok(None) => Ok(()),
            Err(error) => {
                tracing::error!(%error, pod = self.spec.pod, "a pod's disk could not be made");
                Err(error)
            }
        }
    }

    /// Ends the run: everything in the container dies, and nothing begins any more.
    pub(crate) fn end(&self) {
        let mut lives = self.lives();
        lives.over = true;
        if let Some(life) = lives.current.take() {
            lives.exits.extend(life.ended_at());
            life.end();
        }
    }

    /// The last instant up to `at` at which it exited by itself and was started again.
    pub(crate) fn restarted(&self, at: Duration) -> Option<Duration> {
        let lives = self.lives();
        let last = lives.current.as_ref().and_then(|life| life.ended_at());
        lives.exits.iter().copied().chain(last).filter(|exit| *exit <= at).max()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.end();
    }
}

impl Lives {
    /// The life that lasts, begun if it is time for it; `None` while there is none.
    fn present(&mut self, spec: &Arc<ContainerSpec>) -> io::Result<Option<Arc<Life>>> {
        let exit = self.current.as_ref().and_then(|life| life.ended_at());
        if self.over || exit.is_some_and(|exit| spec.clock.now() < exit.saturating_add(spec.downtime)) {
            return Ok(None);
        }
        if self.current.is_none() || exit.is_some() {
            let number = self.exits.len() as u64 + u64::from(exit.is_some());
            self.current = Some(Life::begin(spec, number)?);
            self.exits.extend(exit);
        }
        Ok(self.current.clone())
    }
}
