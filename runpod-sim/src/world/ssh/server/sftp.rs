//! The sftp subsystem, confined to the folders of a pod.

use std::{
    collections::HashMap,
    fs::{self, File, FileTimes, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use russh_sftp::{
    protocol::{self, Attrs, Data, FileAttributes, Handle, Name, OpenFlags, Status, StatusCode},
    server::{Handler, StatusReply},
};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    disk::Home,
    life::Life,
    paths::{self, Link},
};

/// Bytes of one read at most, whatever is asked for.
const MOST_READ: u32 = 256 * 1024;
/// Entries of one answer to a read of a folder.
const ENTRIES: usize = 100;
/// Bits of a mode that say who may do what.
const MODE: u32 = 0o7777;

type Answer<T> = Result<T, StatusReply>;

/// One sftp session.
pub(super) struct Sftp {
    life: Arc<Life>,
    disk_full: bool,
    opened: HashMap<String, Opened>,
    next: u64,
    /// Counts as a session until it has ended.
    _room: OwnedSemaphorePermit,
}

enum Opened {
    File(File),
    /// The entries that are left.
    Folder(Vec<protocol::File>),
}

impl Sftp {
    pub(super) fn new(life: Arc<Life>, disk_full: bool, room: OwnedSemaphorePermit) -> Self {
        Self { life, disk_full, opened: HashMap::new(), next: 0, _room: room }
    }

    fn home(&self) -> Answer<&Home> {
        self.life.home.as_ref().ok_or_else(|| StatusReply::new(StatusCode::OpUnsupported))
    }

    fn path(&self, path: &str, link: Link) -> Answer<PathBuf> {
        paths::resolve(self.home()?, path, link).map_err(refusal)
    }

    fn hand_out(&mut self, id: u32, opened: Opened) -> Handle {
        let handle = self.next.to_string();
        self.next += 1;
        self.opened.insert(handle.clone(), opened);
        Handle { id, handle }
    }

    fn file(&self, handle: &str) -> Answer<&File> {
        match self.opened.get(handle) {
            Some(Opened::File(file)) => Ok(file),
            _ => Err(unknown()),
        }
    }
}

impl Handler for Sftp {
    type Error = StatusReply;

    fn unimplemented(&self) -> StatusReply {
        StatusReply::new(StatusCode::OpUnsupported)
    }

    async fn open(
        &mut self,
        id: u32,
        path: String,
        flags: OpenFlags,
        attributes: FileAttributes,
    ) -> Answer<Handle> {
        let path = self.path(&path, Link::Followed)?;
        let mut options = OpenOptions::from(flags);
        options.mode(attributes.permissions.map_or(0o666, |mode| mode & MODE));
        let file = options.open(path).map_err(refusal)?;
        Ok(self.hand_out(id, Opened::File(file)))
    }

    async fn close(&mut self, id: u32, handle: String) -> Answer<Status> {
        self.opened.remove(&handle).map(|_| done(id)).ok_or_else(unknown)
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, length: u32) -> Answer<Data> {
        let mut data = vec![0; length.min(MOST_READ) as usize];
        let read = self.file(&handle)?.read_at(&mut data, offset).map_err(refusal)?;
        data.truncate(read);
        if data.is_empty() { Err(StatusReply::new(StatusCode::Eof)) } else { Ok(Data { id, data }) }
    }

    async fn write(&mut self, id: u32, handle: String, offset: u64, data: Vec<u8>) -> Answer<Status> {
        if self.disk_full {
            return Err(refusal(io::ErrorKind::StorageFull.into()));
        }
        self.file(&handle)?.write_all_at(&data, offset).map_err(refusal)?;
        Ok(done(id))
    }

    async fn lstat(&mut self, id: u32, path: String) -> Answer<Attrs> {
        let facts = fs::symlink_metadata(self.path(&path, Link::Taken)?).map_err(refusal)?;
        Ok(Attrs { id, attrs: FileAttributes::from(&facts) })
    }

    async fn stat(&mut self, id: u32, path: String) -> Answer<Attrs> {
        let facts = fs::metadata(self.path(&path, Link::Followed)?).map_err(refusal)?;
        Ok(Attrs { id, attrs: FileAttributes::from(&facts) })
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Answer<Attrs> {
        let facts = self.file(&handle)?.metadata().map_err(refusal)?;
        Ok(Attrs { id, attrs: FileAttributes::from(&facts) })
    }

    async fn setstat(&mut self, id: u32, path: String, attributes: FileAttributes) -> Answer<Status> {
        let path = self.path(&path, Link::Followed)?;
        // A folder can be opened for reading only, which is enough for its mode and times.
        let file = File::options().write(path.is_file()).read(true).open(path).map_err(refusal)?;
        change(&file, &attributes).map_err(refusal)?;
        Ok(done(id))
    }

    async fn fsetstat(&mut self, id: u32, handle: String, attributes: FileAttributes) -> Answer<Status> {
        change(self.file(&handle)?, &attributes).map_err(refusal)?;
        Ok(done(id))
    }

    async fn opendir(&mut self, id: u32, path: String) -> Answer<Handle> {
        let entries = entries(&self.path(&path, Link::Followed)?).map_err(refusal)?;
        Ok(self.hand_out(id, Opened::Folder(entries)))
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Answer<Name> {
        match self.opened.get_mut(&handle) {
            Some(Opened::Folder(left)) if left.is_empty() => Err(StatusReply::new(StatusCode::Eof)),
            Some(Opened::Folder(left)) => {
                let files = left.split_off(left.len().saturating_sub(ENTRIES));
                Ok(Name { id, files })
            }
            _ => Err(unknown()),
        }
    }

    async fn remove(&mut self, id: u32, path: String) -> Answer<Status> {
        fs::remove_file(self.path(&path, Link::Taken)?).map_err(refusal)?;
        Ok(done(id))
    }

    async fn mkdir(&mut self, id: u32, path: String, attributes: FileAttributes) -> Answer<Status> {
        let mode = attributes.permissions.map_or(0o777, |mode| mode & MODE);
        let path = self.path(&path, Link::Taken)?;
        fs::DirBuilder::new().mode(mode).create(path).map_err(refusal)?;
        Ok(done(id))
    }

    async fn rmdir(&mut self, id: u32, path: String) -> Answer<Status> {
        fs::remove_dir(self.path(&path, Link::Taken)?).map_err(refusal)?;
        Ok(done(id))
    }

    async fn realpath(&mut self, id: u32, path: String) -> Answer<Name> {
        let shown = paths::shown(self.home()?, &path);
        let shown = fs::canonicalize(&shown).unwrap_or(shown);
        Ok(Name { id, files: vec![protocol::File::dummy(shown.to_string_lossy())] })
    }

    async fn rename(&mut self, id: u32, from: String, to: String) -> Answer<Status> {
        let (from, to) = (self.path(&from, Link::Taken)?, self.path(&to, Link::Taken)?);
        // This version of the protocol never overwrites.
        if to.symlink_metadata().is_ok() {
            return Err(refusal(io::ErrorKind::AlreadyExists.into()));
        }
        fs::rename(from, to).map_err(refusal)?;
        Ok(done(id))
    }

    async fn readlink(&mut self, id: u32, path: String) -> Answer<Name> {
        let target = fs::read_link(self.path(&path, Link::Taken)?).map_err(refusal)?;
        Ok(Name { id, files: vec![protocol::File::dummy(target.to_string_lossy())] })
    }

    /// Makes a link. OpenSSH sends the target first, against the protocol's text, and everybody follows it.
    async fn symlink(&mut self, id: u32, target: String, link: String) -> Answer<Status> {
        symlink(target, self.path(&link, Link::Taken)?).map_err(refusal)?;
        Ok(done(id))
    }
}

/// The entries of a folder.
fn entries(folder: &Path) -> io::Result<Vec<protocol::File>> {
    let mut files = Vec::new();
    for name in [".", ".."] {
        files.push(protocol::File::new(name, FileAttributes::from(&fs::metadata(folder)?)));
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let facts = FileAttributes::from(&entry.metadata()?);
        files.push(protocol::File::new(entry.file_name().to_string_lossy(), facts));
    }
    Ok(files)
}

/// Changes the size, mode and times of a file as far as they are given.
fn change(file: &File, attributes: &FileAttributes) -> io::Result<()> {
    if let Some(size) = attributes.size {
        file.set_len(size)?;
    }
    if let Some(mode) = attributes.permissions {
        file.set_permissions(Permissions::from_mode(mode & MODE))?;
    }
    let time = |seconds: u32| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into());
    if let (Some(accessed), Some(modified)) = (attributes.atime, attributes.mtime) {
        file.set_times(FileTimes::new().set_accessed(time(accessed)).set_modified(time(modified)))?;
    }
    Ok(())
}

fn done(id: u32) -> Status {
    Status { id, status_code: StatusCode::Ok, error_message: "Ok".to_owned(), language_tag: "en".to_owned() }
}

fn unknown() -> StatusReply {
    StatusCode::Failure.with_message("no such handle")
}

fn refusal(error: io::Error) -> StatusReply {
    let code = match error.kind() {
        io::ErrorKind::NotFound => StatusCode::NoSuchFile,
        io::ErrorKind::PermissionDenied => StatusCode::PermissionDenied,
        _ => StatusCode::Failure,
    };
    let words = if error.kind() == io::ErrorKind::StorageFull {
        "No space left on device".to_owned()
    } else {
        error.to_string()
    };
    code.with_message(words)
}
