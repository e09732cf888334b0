//! Folders that stand for the disks of pods.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tempfile::TempDir;

use super::settings::ShellSettings;
use crate::world::order::Mounts;

/// The folders of all pods, and the settings of commands in them.
#[derive(Clone)]
pub(crate) struct Shells(Arc<Room>);

struct Room {
    settings: ShellSettings,
    /// Removed with the simulator; `None` where no command is run.
    folder: Option<TempDir>,
}

impl Shells {
    /// Makes the folder, if commands are run at all.
    pub(crate) fn new(settings: &ShellSettings) -> io::Result<Self> {
        let own = Permissions::from_mode(0o700);
        let make = || tempfile::Builder::new().prefix("runpod-sim-").permissions(own).tempdir();
        let folder = settings.runs().then(make).transpose()?;
        Ok(Self(Arc::new(Room { settings: settings.clone(), folder })))
    }

    pub(super) fn settings(&self) -> &ShellSettings {
        &self.0.settings
    }

    /// The disks of a pod.
    pub(crate) fn pod(&self, id: &str) -> PodDisk {
        let disk = |all: &TempDir| Disk { all: all.path().to_owned(), pod: all.path().join(id) };
        PodDisk(self.0.folder.as_ref().map(disk))
    }

    /// Empties the folder, so that pods and network volumes can begin anew.
    pub(crate) fn clear(&self) {
        let entries = self.0.folder.iter().filter_map(|folder| fs::read_dir(folder.path()).ok()).flatten();
        entries.flatten().for_each(|entry| remove(&entry.path()));
    }

    /// Removes the folder.
    pub(crate) fn close(&self) {
        if let Some(folder) = &self.0.folder {
            remove(folder.path());
        }
    }
}

/// The disks of one pod; `None` where no command is run.
#[derive(Clone)]
pub(crate) struct PodDisk(Option<Disk>);

#[derive(Clone)]
struct Disk {
    /// The folder of all pods.
    all: PathBuf,
    pod: PathBuf,
}

/// A volume: where it is mounted by the pod's order, and the folder that stands for it.
pub(super) struct Volume {
    pub(super) mount: PathBuf,
    pub(super) folder: PathBuf,
}

impl PodDisk {
    /// Removes everything but a network volume.
    pub(crate) fn remove(&self) {
        if let Some(disk) = &self.0 {
            remove(&disk.pod);
        }
    }

    /// Makes a fresh container disk; `None` where no command is run.
    pub(super) fn container(&self, number: u64, mounts: &Mounts, environ: &[u8]) -> io::Result<Option<Home>> {
        let Some(disk) = &self.0 else { return Ok(None) };
        let folder = disk.pod.join(format!("container-{number:016x}"));
        let home =
            Home { root: folder.join("root"), folder, pod: disk.pod.clone(), volume: disk.volume(mounts) };
        home.make(environ)?;
        Ok(Some(home))
    }
}

impl Disk {
    fn volume(&self, mounts: &Mounts) -> Option<Volume> {
        let volume = |mount: &String, folder| Volume { mount: mount.into(), folder };
        if let Some(persistent) = &mounts.persistent {
            return Some(volume(&persistent.path, self.pod.join("volume")));
        }
        let network = mounts.network.iter().flatten().next()?;
        // It outlives its pods. Its id may hold anything.
        let name = utf8_percent_encode(&network.volume_id, NON_ALPHANUMERIC).to_string();
        Some(volume(&network.path, self.all.join("network-volumes").join(name)))
    }
}

/// The container disk of one life of a container, with its home folder.
pub(super) struct Home {
    /// The container disk.
    folder: PathBuf,
    /// `HOME`.
    pub(super) root: PathBuf,
    /// Everything of the pod but a network volume.
    pub(super) pod: PathBuf,
    pub(super) volume: Option<Volume>,
}

impl Home {
    /// A home in folders that are there.
    #[cfg(test)]
    pub(super) fn at(pod: PathBuf, root: PathBuf, volume: Option<Volume>) -> Self {
        Self { folder: pod.join("container"), root, pod, volume }
    }

    fn make(&self, environ: &[u8]) -> io::Result<()> {
        remove(&self.folder);
        fs::create_dir_all(&self.root)?;
        if let Some(volume) = &self.volume {
            fs::create_dir_all(&volume.folder)?;
            std::os::unix::fs::symlink(&volume.folder, self.root.join("workspace"))?;
        }
        fs::write(self.root.join(".pod_environ"), environ)
    }

    /// The value that marks the processes of this life, which no other process on the machine has.
    pub(super) fn mark(&self) -> &Path {
        &self.folder
    }

    /// Wipes the container disk.
    pub(super) fn wipe(&self) {
        remove(&self.folder);
    }
}

/// Removes a folder, if it is there.
fn remove(folder: &Path) {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, folder = %folder.display(), "a pod's folder could not be removed");
        }
        _ => {}
    }
}
