//! One life of a container: from its start to its exit.

use std::{
    borrow::Cow,
    collections::HashSet,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use russh::{MethodKind, MethodSet, SshId, keys::PublicKey, server::Config};
use tokio::{
    process::{Child, Command},
    sync::{Semaphore, watch},
};

use super::{
    disk::Home,
    keys,
    processes::{self, Group},
};
use crate::world::ssh::{ContainerSpec, version::VERSION};

/// One life of a container. Everything in it dies with it.
pub(super) struct Life {
    pub(super) spec: Arc<ContainerSpec>,
    pub(super) server: Arc<Config>,
    pub(super) home: Option<Home>,
    /// Room for commands, shells and sftp sessions.
    pub(super) room: Arc<Semaphore>,
    authorized: Vec<PublicKey>,
    /// The commands that run. Held while one is started, so that none is once the life is over.
    running: Mutex<HashSet<Group>>,
    /// The instant it ended.
    ended: watch::Sender<Option<Duration>>,
}

impl Life {
    /// Begins a life with a host key of its own and an empty container disk.
    pub(super) fn begin(spec: &Arc<ContainerSpec>, number: u64) -> io::Result<Arc<Self>> {
        let seed = spec.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let limits = spec.shells.settings().limits;
        Ok(Arc::new(Self {
            server: Arc::new(server(seed)),
            home: spec.disk.container(seed, &spec.mounts, &environ(spec))?,
            room: Arc::new(Semaphore::new(limits.sessions as usize)),
            authorized: keys::authorized(&spec.keys),
            running: Mutex::default(),
            ended: watch::Sender::new(None),
            spec: spec.clone(),
        }))
    }

    /// Returns true if a key may log in.
    pub(super) fn opens_to(&self, key: &PublicKey) -> bool {
        keys::opens(&self.authorized, key)
    }

    fn running(&self) -> MutexGuard<'_, HashSet<Group>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a process in its own group, unless the life is over.
    pub(super) fn start(&self, command: &mut Command) -> io::Result<(Child, Group)> {
        let mut running = self.running();
        if self.ended_at().is_some() {
            return Err(io::Error::other("the container is gone"));
        }
        processes::unignore_signals();
        let child = command.process_group(0).spawn()?;
        let group = child.id().and_then(Group::of).ok_or_else(|| io::Error::other("it ended at once"))?;
        running.insert(group);
        Ok((child, group))
    }

    /// Notes that a process has ended.
    pub(super) fn forget(&self, group: Group) {
        self.running().remove(&group);
    }

    /// The instant it ended; `None` while it lasts.
    pub(super) fn ended_at(&self) -> Option<Duration> {
        *self.ended.borrow()
    }

    /// Returns once it is over.
    pub(super) async fn over(&self) {
        // An error would say that the sender is gone, which lives as long as this.
        let _ = self.ended.subscribe().wait_for(Option::is_some).await;
    }

    /// Ends it: closes its connections, kills its processes and wipes its disk.
    pub(super) fn end(&self) {
        let running = self.running();
        if self.ended_at().is_some() {
            return;
        }
        self.ended.send_replace(Some(self.spec.clock.now()));
        let groups = running.clone();
        drop(running);
        if let Some(home) = &self.home {
            processes::kill(home.mark(), &groups);
            home.wipe();
        }
    }
}

/// The server's side of the protocol: public keys only, and the library's own choice of everything else.
fn server(seed: u64) -> Config {
    let mut methods = MethodSet::empty();
    methods.push(MethodKind::PublicKey);
    Config {
        server_id: SshId::Standard(Cow::Borrowed(VERSION)),
        methods,
        // Nobody guesses at a simulator, and its tests refuse often.
        auth_rejection_time: Duration::ZERO,
        keys: vec![keys::host(seed)],
        // More than a client of sftp asks for at once: a full buffer stalls the connection.
        channel_buffer_size: 1024,
        inactivity_timeout: None,
        nodelay: true,
        ..Config::default()
    }
}

/// The environment of process 1, as `/proc/1/environ` has it.
fn environ(spec: &ContainerSpec) -> Vec<u8> {
    let mut env = spec.env.0.clone();
    env.entry("RUNPOD_POD_ID".to_owned()).or_insert_with(|| spec.pod.clone());
    if !spec.keys.is_empty() {
        env.entry("PUBLIC_KEY".to_owned()).or_insert_with(|| spec.keys.clone());
    }
    env.iter().flat_map(|(name, value)| format!("{name}={value}\0").into_bytes()).collect()
}
