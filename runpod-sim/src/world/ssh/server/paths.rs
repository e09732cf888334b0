//! Paths of sftp, which stay in a pod's folders.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use super::disk::Home;

/// The home folder's name in images.
const ROOT: &str = "/root";

/// The last part of a path: followed where it is a link, or taken as the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Followed,
    Taken,
}

/// Turns a path of a client into one of this machine. Relative ones begin at the home folder, `/root` is the home folder
/// and the mount path is the volume.
///
/// # Errors
/// A path that leads out of the pod's folders, also by a link, or to a place in no folder.
pub(super) fn resolve(home: &Home, path: &str, link: Link) -> io::Result<PathBuf> {
    let wanted = plain(&place(home, Path::new(path)));
    let real = match (link, fs::canonicalize(&wanted)) {
        (Link::Followed, Ok(real)) => real,
        // A link to nowhere would be followed by what makes the file.
        (Link::Followed, Err(_)) if wanted.is_symlink() => return Err(outside()),
        _ => match (wanted.parent(), wanted.file_name()) {
            (Some(parent), Some(name)) => fs::canonicalize(parent)?.join(name),
            _ => return Err(outside()),
        },
    };
    if is_inside(home, &real)? { Ok(real) } else { Err(outside()) }
}

/// The path that is shown for one, whether it is there or not.
pub(super) fn shown(home: &Home, path: &str) -> PathBuf {
    plain(&place(home, Path::new(path)))
}

/// The place on this machine that a path means.
fn place(home: &Home, path: &Path) -> PathBuf {
    let volume = home.volume.as_ref();
    // The folders themselves are what commands see and print.
    if path.starts_with(&home.pod) || volume.is_some_and(|volume| path.starts_with(&volume.folder)) {
        return path.to_owned();
    }
    if let Some(volume) = volume
        && let Ok(rest) = path.strip_prefix(&volume.mount)
    {
        return volume.folder.join(rest);
    }
    match path.strip_prefix(ROOT) {
        Ok(rest) => home.root.join(rest),
        Err(_) => home.root.join(path),
    }
}

/// Takes `.` and `..` out of a path by its words alone.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

fn is_inside(home: &Home, real: &Path) -> io::Result<bool> {
    let folders = [Some(&home.pod), home.volume.as_ref().map(|volume| &volume.folder)];
    for folder in folders.into_iter().flatten() {
        if real.starts_with(fs::canonicalize(folder)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn outside() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "the path leads out of the pod's folders")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::world::ssh::server::disk::Volume;

    #[test]
    fn paths_stay_in_the_pods_folders() {
        let all = tempfile::tempdir().unwrap();
        let all = all.path().canonicalize().unwrap();
        let (pod, folder) = (all.join("pod"), all.join("pod/volume"));
        let root = all.join("pod/container/root");
        fs::create_dir_all(&root).unwrap();
        fs::create_dir_all(&folder).unwrap();
        fs::write(all.join("secret"), "").unwrap();
        symlink(&folder, root.join("workspace")).unwrap();
        symlink(all.join("secret"), root.join("leak")).unwrap();
        symlink(all.join("new"), root.join("dangling")).unwrap();
        let volume = Some(Volume { mount: "/workspace".into(), folder: folder.clone() });
        let home = Home::at(pod, root.clone(), volume);
        for (path, link, wanted) in [
            (".", Link::Followed, Some(root.clone())),
            ("", Link::Followed, Some(root.clone())),
            ("new", Link::Followed, Some(root.join("new"))),
            ("/root/new", Link::Followed, Some(root.join("new"))),
            ("workspace/new", Link::Followed, Some(folder.join("new"))),
            ("/workspace/./new", Link::Followed, Some(folder.join("new"))),
            ("/workspace", Link::Followed, Some(folder.clone())),
            ("workspace", Link::Taken, Some(root.join("workspace"))),
            ("leak", Link::Taken, Some(root.join("leak"))),
            (root.to_str().unwrap(), Link::Followed, Some(root.clone())),
            ("leak", Link::Followed, None),
            ("dangling", Link::Followed, None),
            ("/etc/passwd", Link::Followed, None),
            ("/", Link::Followed, None),
            ("../../../secret", Link::Followed, None),
            ("/workspace/../../secret", Link::Followed, None),
            ("/root/../../../secret", Link::Followed, None),
            ("no/such/folder", Link::Followed, None),
        ] {
            assert_eq!(resolve(&home, path, link).ok(), wanted, "{path} {link:?}");
        }
    }
}
