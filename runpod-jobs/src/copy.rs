//! Copies of files and folders, either way: resumed where they broke off, and in their place only once they are whole.

use std::{
    convert::Infallible,
    ffi::{OsStr, OsString},
    io,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Component, Path, PathBuf},
    process::ExitStatus,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use openssh::{Child, Stdio};
use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, SeekFrom},
    time::sleep,
};
use uuid::Uuid;

use crate::{Error, Session, script::Script};

/// The least that a disk must take to be said not to be full.
const CHUNK: usize = 1 << 20;
/// The pause between two looks at how far a copy is.
const TELLING: Duration = Duration::from_millis(200);
/// A smaller file is sent whole again in place of being asked for.
const WORTH_RESUMING: u64 = 4 << 20;

/// Prints how much of an upload is there already.
const PART_SIZE: &str = "if [ -e \"$1\" ]; then wc -c < \"$1\"; else echo 0; fi";
/// Takes an upload's bytes from `$3` on, and puts the whole in its place.
const TAKE: &str = r#"
part=$1 size=$2 from=$3 to=$4 mode=$5
[ ! -d "$to" ] || { echo 'a folder has this name' >&2; exit 1; }
case $to in ?*/*) mkdir -p -- "${to%/*}" || exit ;; esac
if [ "$from" = 0 ]; then : > "$part" || exit; fi
[ "$(wc -c < "$part")" -eq "$from" ] || exit 46
cat >> "$part" || exit
[ "$(wc -c < "$part")" -eq "$size" ] || exit 46
chmod -- "$mode" "$part" && mv -f -- "$part" "$to""#;
/// Prints size and time of change of a file.
const DESCRIBE: &str = r#"[ -f "$1" ] || exit 44
wc -c < "$1" && stat -L -c %Y -- "$1""#;
/// Sends a file from a byte on.
const SEND: &str = r#"[ -f "$1" ] || exit 44
[ "$2" = 1 ] && exec cat -- "$1"
exec tail -c +"$2" -- "$1""#;
/// Prints every file below a folder, each ended by a NUL.
const LIST: &str = r#"[ -d "$1" ] || exit 44
cd -- "$1" && find . -type f -print0"#;

/// The progress of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyProgress {
    /// The file that is copied, as its source names it.
    pub file: String,
    /// Bytes of it that are over, those of an earlier attempt included.
    pub copied: u64,
    /// Its size in bytes.
    pub size: u64,
}

type OnProgress = dyn Fn(&CopyProgress) + Send + Sync;

/// A copy of a file or folder, made by [`Session::upload`] and [`Session::download`].
#[must_use = "nothing is copied until it is run"]
pub struct Copy {
    session: Session,
    local: PathBuf,
    remote: String,
    is_upload: bool,
    on_progress: Option<Arc<OnProgress>>,
}

impl Session {
    /// A copy of a file, or of a folder with every file below it, to a path on the pod. Links to files are followed, those to folders
    /// and what is neither file nor folder are left out.
    ///
    /// The path names the copy itself; missing folders above it are made. A relative one begins in the home folder of who is logged in.
    /// Replaces files that are there already, one by one, each at once when it is whole.
    pub fn upload(&self, local: impl Into<PathBuf>, remote: impl Into<String>) -> Copy {
        self.copy(local.into(), remote.into(), true)
    }

    /// A copy of a file of the pod, or of a folder with every file below it, to a path on this machine, which names the copy itself.
    pub fn download(&self, remote: impl Into<String>, local: impl Into<PathBuf>) -> Copy {
        self.copy(local.into(), remote.into(), false)
    }

    fn copy(&self, local: PathBuf, remote: String, is_upload: bool) -> Copy {
        Copy { session: self.clone(), local, remote, is_upload, on_progress: None }
    }
}

impl Copy {
    /// Hears how far each file is, five times a second and at its end. Must be quick.
    pub fn on_progress(mut self, hear: impl Fn(&CopyProgress) + Send + Sync + 'static) -> Self {
        self.on_progress = Some(Arc::new(hear));
        self
    }

    /// Hears as [`on_progress`](Self::on_progress) does, if anybody listens.
    pub(crate) fn hears(mut self, hear: Option<Arc<OnProgress>>) -> Self {
        self.on_progress = hear;
        self
    }

    /// Copies it; the number of files.
    ///
    /// A copy that broke off is taken up where it stood if it is run again, as long as the source has the same size and time of change. What
    /// is not whole is kept beside its place, as `.NAME.SIZE-TIME.part`.
    ///
    /// # Errors
    /// [`Error`]: `Local`, `NotFound`, `NoSpace`, `Changed`, `Lost`, `Remote`.
    pub async fn run(self) -> Result<u64, Error> {
        match self.is_upload {
            true => self.upload().await,
            false => self.download().await,
        }
    }

    async fn upload(&self) -> Result<u64, Error> {
        let metadata = fs::metadata(&self.local).await.map_err(Error::local(&self.local))?;
        if metadata.is_file() {
            return self.send(&self.local, self.remote.as_ref()).await.map(|()| 1);
        }
        let mut files = 0;
        let mut folders = vec![(self.local.clone(), OsString::from(self.remote.trim_end_matches('/')))];
        while let Some((folder, remote)) = folders.pop() {
            let mut entries = fs::read_dir(&folder).await.map_err(Error::local(&folder))?;
            while let Some(entry) = entries.next_entry().await.map_err(Error::local(&folder))? {
                let path = entry.path();
                let remote = below(&remote, &entry.file_name());
                let kind = entry.file_type().await.map_err(Error::local(&path))?;
                if kind.is_dir() {
                    folders.push((path, remote));
                } else if fs::metadata(&path).await.map_err(Error::local(&path))?.is_file() {
                    self.send(&path, &remote).await?;
                    files += 1;
                }
            }
        }
        Ok(files)
    }

    /// Sends one file.
    async fn send(&self, local: &Path, remote: &OsStr) -> Result<(), Error> {
        let mut file = File::open(local).await.map_err(Error::local(local))?;
        let metadata = file.metadata().await.map_err(Error::local(local))?;
        let (size, during) = (metadata.len(), format!("the upload of {}", local.display()));
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let mut part = beside(remote, size, modified.unwrap_or_default().as_secs());
        let from = match size >= WORTH_RESUMING {
            true => self.part_size(&part, size, &during).await?,
            false => {
                // Nobody takes it up, so that nobody else may write to it either.
                part.push(format!("-{}", Uuid::new_v4().simple()));
                0
            }
        };
        file.seek(SeekFrom::Start(from)).await.map_err(Error::local(local))?;
        let mode = format!("{:o}", metadata.permissions().mode() & 0o777);
        let (whole_size, begin) = (size.to_string(), from.to_string());
        let arguments = vec![part.as_os_str(), whole_size.as_ref(), begin.as_ref(), remote, mode.as_ref()];
        let path = &*remote.to_string_lossy();
        let script = Script { text: TAKE, arguments, during: &during, path };
        let stdin = file.try_clone().await.map_err(Error::local(local))?.into_std().await;
        let child = script.start_with(&self.session, stdin, Stdio::null()).await?;
        let tell = self.teller(&local.display().to_string(), size);
        // The two handles of the file share one place in it.
        let look = async {
            loop {
                sleep(TELLING).await;
                tell(file.stream_position().await?);
            }
        };
        let (waited, stderr) = watched(child, look).await.map_err(Error::local(local))?;
        tell(file.stream_position().await.map_err(Error::local(local))?);
        script.judge(&self.session, waited, &stderr).await
    }

    /// Bytes of an upload that are there already.
    async fn part_size(&self, part: &OsStr, size: u64, during: &str) -> Result<u64, Error> {
        let path = &*part.to_string_lossy();
        let script = Script { text: PART_SIZE, arguments: vec![part], during, path };
        let there = script.output(&self.session).await?.trim().parse().unwrap_or(0);
        Ok(if there <= size { there } else { 0 })
    }

    async fn download(&self) -> Result<u64, Error> {
        match self.fetch(self.remote.as_ref(), &self.local).await {
            Ok(()) => return Ok(1),
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let during = format!("listing {:?}", self.remote);
        let arguments = vec![self.remote.as_ref()];
        let script = Script { text: LIST, arguments, during: &during, path: &self.remote };
        let listed = script.output_with(&self.session, b"").await?;
        let mut files = 0;
        for name in listed.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            let name = Path::new(OsStr::from_bytes(name.strip_prefix(b"./").unwrap_or(name)));
            // Only what lies below the folder is written.
            if name.components().any(|part| !matches!(part, Component::Normal(_))) {
                continue;
            }
            let remote = below(self.remote.trim_end_matches('/').as_ref(), name.as_os_str());
            self.fetch(&remote, &self.local.join(name)).await?;
            files += 1;
        }
        Ok(files)
    }

    /// Fetches one file.
    async fn fetch(&self, remote: &OsStr, local: &Path) -> Result<(), Error> {
        let path = &*remote.to_string_lossy();
        let during = format!("the download of {path:?}");
        let (size, modified) = self.describe(remote, &during).await?;
        let part = PathBuf::from(beside(local.as_os_str(), size, modified));
        if let Some(folder) = local.parent() {
            fs::create_dir_all(folder).await.map_err(Error::local(folder))?;
        }
        let mut file = OpenOptions::new();
        let file = file.create(true).truncate(false).write(true);
        let mut file = file.open(&part).await.map_err(Error::local(&part))?;
        let mut here = file.metadata().await.map_err(Error::local(&part))?.len();
        if here > size {
            file.set_len(0).await.map_err(Error::local(&part))?;
            here = 0;
        }
        // Not appended: another download of the same file writes the same bytes to the same places.
        file.seek(SeekFrom::Start(here)).await.map_err(Error::local(&part))?;
        let offset = (here + 1).to_string();
        let arguments = vec![remote, offset.as_ref()];
        let script = Script { text: SEND, arguments, during: &during, path };
        let to = file.try_clone().await.map_err(Error::local(&part))?.into_std().await;
        let child = script.start_with(&self.session, Stdio::null(), to).await?;
        let tell = self.teller(path, size);
        // Of the file that was opened: another download may have put it in its place by now.
        let length = async || file.metadata().await.map(|metadata| metadata.len());
        let look = async {
            loop {
                sleep(TELLING).await;
                tell(length().await?);
                // Little by little, so that little is left at the end.
                file.sync_data().await?;
            }
        };
        let (waited, stderr) = watched(child, look).await.map_err(Error::local(&part))?;
        let written = length().await.map_err(Error::local(&part))?;
        tell(written);
        if written < size {
            check_space(&part).await.map_err(Error::local(&part))?;
        }
        script.judge(&self.session, waited, &stderr).await?;
        if written != size || self.describe(remote, &during).await? != (size, modified) {
            return Err(Error::Changed { path: path.to_owned() });
        }
        // The pod may be gone a moment later, with the only other copy.
        file.sync_all().await.map_err(Error::local(&part))?;
        match fs::rename(&part, local).await {
            // Another download of it was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_so_long(local, size).await => Ok(()),
            renamed => renamed.map_err(Error::local(local)),
        }
    }

    /// Size and time of change of a file of the pod.
    async fn describe(&self, remote: &OsStr, during: &str) -> Result<(u64, u64), Error> {
        let path = &*remote.to_string_lossy();
        let script = Script { text: DESCRIBE, arguments: vec![remote], during, path };
        let text = script.output(&self.session).await?;
        let mut numbers = text.split_whitespace().map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(size)), Some(Ok(modified))) => Ok((size, modified)),
            _ => Err(Error::Remote {
                pod_id: self.session.pod_id(),
                during: during.to_owned(),
                status: 0,
                reason: format!("its size was said as {:?}", text.chars().take(40).collect::<String>()),
            }),
        }
    }

    /// Tells whoever listens how much of a file is over.
    fn teller(&self, file: &str, size: u64) -> impl Fn(u64) + Send + 'static {
        let (hear, file) = (self.on_progress.clone(), file.to_owned());
        move |copied| {
            if let Some(hear) = &hear {
                hear(&CopyProgress { file: file.clone(), copied, size });
            }
        }
    }
}

impl std::fmt::Debug for Copy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Copy")
            .field("local", &self.local)
            .field("remote", &self.remote)
            .field("is_upload", &self.is_upload)
            .finish_non_exhaustive()
    }
}

/// Waits for the end of a script that reads or writes a file by itself, while somebody looks at the file; an error of theirs
/// ends it. A pipe between this process and OpenSSH's client would cost up to half of the speed.
async fn watched(
    mut child: Child<Arc<openssh::Session>>,
    look: impl Future<Output = io::Result<Infallible>>,
) -> io::Result<(Result<ExitStatus, openssh::Error>, Vec<u8>)> {
    let stderr = child.stderr().take();
    let wait = async {
        tokio::select! {
            waited = child.wait() => Ok(waited),
            Err(error) = look => Err(error),
        }
    };
    let (waited, stderr) = tokio::join!(wait, whole(stderr));
    waited.map(|waited| (waited, stderr))
}

/// Finds out if the disk of a file that was not written to its end is full: who wrote it does not say why it stopped.
async fn check_space(part: &Path) -> io::Result<()> {
    let mut probe = part.as_os_str().to_owned();
    probe.push(format!("-{}", Uuid::new_v4().simple()));
    let written = async {
        let mut file = File::create(&probe).await?;
        file.write_all(&vec![0; CHUNK]).await?;
        file.sync_data().await
    };
    let written = written.await;
    // What was written of it is nobody's.
    let _ = fs::remove_file(&probe).await;
    written
}

async fn is_so_long(path: &Path, size: u64) -> bool {
    fs::metadata(path).await.is_ok_and(|metadata| metadata.is_file() && metadata.len() == size)
}

/// Everything that a stream holds, cut at a few KiB.
async fn whole(stream: Option<impl tokio::io::AsyncRead + Unpin>) -> Vec<u8> {
    const MOST: u64 = 8 << 10;
    let mut text = Vec::new();
    if let Some(mut stream) = stream {
        let _ = (&mut stream).take(MOST).read_to_end(&mut text).await;
        // The other side is not to stand still because of it.
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
    text
}

/// The path of something in a folder of the pod.
fn below(folder: &OsStr, name: &OsStr) -> OsString {
    let mut path = folder.to_owned();
    path.push("/");
    path.push(name);
    path
}

/// The path beside a file's place at which it is gathered.
fn beside(path: &OsStr, size: u64, modified: u64) -> OsString {
    let bytes = path.as_bytes();
    let begin = bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let (folder, name) = bytes.split_at(begin);
    let mut part = OsStr::from_bytes(folder).to_owned();
    part.push(".");
    part.push(OsStr::from_bytes(name));
    part.push(format!(".{size}-{modified}.part"));
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_whole_lies_beside_its_place() {
        for (path, part) in [
            ("/workspace/a b", "/workspace/.a b.3-7.part"),
            ("model.bin", ".model.bin.3-7.part"),
            ("/x", "/.x.3-7.part"),
        ] {
            assert_eq!(beside(path.as_ref(), 3, 7), part);
        }
    }
}
