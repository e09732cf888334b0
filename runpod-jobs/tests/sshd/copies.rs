//! Copies both ways, whole or not at all, and taken up where they broke off.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use runpod_jobs::{CopyProgress, Error};

use crate::server::Server;

fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut step).flatten().take(bytes).collect()
}

#[tokio::test]
async fn files_of_any_name_and_size_arrive_whole_with_their_mode() {
    let server = Server::start().await;
    let session = server.session().await;
    let files = [
        ("plain", 10),
        ("empty", 0),
        ("two words 'and' \"quotes\"", 3),
        ("-leading", 4),
        ("a\nb", 5),
        ("large", 9 << 20),
    ];
    for (name, size) in files {
        let (local, there, back) =
            (server.path("local"), server.remote(&format!("there/{name}")), server.path("back"));
        fs::write(&local, noise(size)).unwrap();
        fs::set_permissions(&local, fs::Permissions::from_mode(0o750)).unwrap();
        assert_eq!(session.upload(&local, &there).run().await.unwrap(), 1, "{name:?}");
        let placed = server.path("there").join(name);
        assert_eq!(fs::read(&placed).unwrap(), noise(size), "{name:?}");
        assert_eq!(fs::metadata(&placed).unwrap().permissions().mode() & 0o777, 0o750, "{name:?}");
        assert_eq!(session.download(&there, &back).run().await.unwrap(), 1, "{name:?}");
        assert_eq!(fs::read(&back).unwrap(), noise(size), "{name:?}");
    }
    let left: Vec<_> =
        fs::read_dir(server.path("there")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), files.len(), "nothing half done is left: {left:?}");
}

#[tokio::test]
async fn folders_are_copied_with_everything_below_them() {
    let server = Server::start().await;
    let session = server.session().await;
    let files = ["a", "sub/b c", "sub/deep/-d", ".hidden"];
    for file in files {
        let path = server.path("tree").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    assert_eq!(session.upload(server.path("tree"), server.remote("up/")).run().await.unwrap(), 4);
    assert_eq!(session.download(server.remote("up"), server.path("down")).run().await.unwrap(), 4);
    for file in files {
        assert_eq!(fs::read_to_string(server.path("down").join(file)).unwrap(), file);
    }
}

#[tokio::test]
async fn names_that_are_no_text_are_copied_byte_for_byte_both_ways() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let server = Server::start().await;
    let session = server.session().await;
    let odd = OsStr::from_bytes(b"caf\xe9 '!'\n\\x");
    fs::create_dir_all(server.path("tree").join(odd)).unwrap();
    fs::write(server.path("tree").join(odd).join(odd), "odd").unwrap();
    assert_eq!(session.upload(server.path("tree"), server.remote("up")).run().await.unwrap(), 1);
    assert_eq!(session.download(server.remote("up"), server.path("down")).run().await.unwrap(), 1);
    for folder in ["up", "down"] {
        assert_eq!(fs::read(server.path(folder).join(odd).join(odd)).unwrap(), b"odd", "{folder}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let server = Server::start().await;
    let session = server.session().await;
    let error = session.download(server.remote("no where"), server.path("x")).run().await.unwrap_err();
    assert!(matches!(&error, Error::NotFound { path, .. } if path.ends_with("no where")), "{error}");
    let error = session.upload(server.path("no where"), server.remote("x")).run().await.unwrap_err();
    assert!(matches!(&error, Error::Local { path, .. } if path.ends_with("no where")), "{error}");
    fs::write(server.path("file"), "x").unwrap();
    let error = session.upload(server.path("file"), "/proc/no/such").run().await.unwrap_err();
    assert!(matches!(error, Error::Remote { .. }), "{error}");
    assert!(!server.path("x").exists());
    fs::create_dir(server.path("folder")).unwrap();
    let error = session.upload(server.path("file"), server.remote("folder")).run().await.unwrap_err();
    assert!(error.to_string().contains("a folder has this name"), "{error}");
}

#[tokio::test]
async fn a_download_is_whole_or_none_when_its_source_is_replaced_behind_a_link() {
    let server = Server::start().await;
    let session = server.session().await;
    fs::write(server.path("old"), noise(6 << 20)).unwrap();
    std::os::unix::fs::symlink(server.path("old"), server.path("latest")).unwrap();
    server.cut_after(3 << 20);
    session.download(server.remote("latest"), server.path("copy")).run().await.unwrap_err();
    server.cut_after(u64::MAX);
    // As large, and another: a checkpoint is rewritten.
    let newer = noise((6 << 20) + 1)[1..].to_vec();
    fs::write(server.path("old"), &newer).unwrap();
    // Times of files may count whole seconds only, and this one is to have another.
    let later = SystemTime::now() + Duration::from_secs(2);
    File::options().write(true).open(server.path("old")).unwrap().set_modified(later).unwrap();
    let session = session.reconnect().await.unwrap();
    session.download(server.remote("latest"), server.path("copy")).run().await.unwrap();
    assert_eq!(fs::read(server.path("copy")).unwrap(), newer);
}

#[tokio::test]
async fn a_download_that_breaks_off_is_taken_up_where_it_stood() {
    const SIZE: usize = 24 << 20;
    let server = Server::start().await;
    fs::write(server.path("model"), noise(SIZE)).unwrap();
    let session = server.session().await;
    server.cut_after(10 << 20);
    let error = session.download(server.remote("model"), server.path("copy")).run().await.unwrap_err();
    assert!(error.is_connection(), "{error}");
    assert!(!server.path("copy").exists(), "it is not whole");
    server.cut_after(u64::MAX);
    let session = session.reconnect().await.unwrap();
    let first = Arc::new(Mutex::new(None));
    let sink = Arc::clone(&first);
    let hear = move |progress: &CopyProgress| {
        sink.lock().unwrap().get_or_insert(progress.copied);
    };
    session.download(server.remote("model"), server.path("copy")).on_progress(hear).run().await.unwrap();
    assert!(first.lock().unwrap().unwrap() > 8 << 20, "{first:?}");
    assert_eq!(fs::read(server.path("copy")).unwrap(), noise(SIZE));
}

#[tokio::test]
async fn an_upload_that_broke_off_is_taken_up_where_it_stood_unless_the_file_has_changed() {
    const SIZE: usize = 24 << 20;
    let server = Server::start().await;
    fs::write(server.path("data"), noise(SIZE)).unwrap();
    let session = server.session().await;
    // What an earlier attempt left: the part is named after the size and time of the file.
    let modified = fs::metadata(server.path("data")).unwrap().modified().unwrap();
    let modified = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let part = server.path(&format!(".placed.{SIZE}-{modified}.part"));
    fs::write(&part, &noise(SIZE)[..20 << 20]).unwrap();
    let first = Arc::new(Mutex::new(None));
    let sink = Arc::clone(&first);
    let hear = move |progress: &CopyProgress| {
        sink.lock().unwrap().get_or_insert(progress.copied);
    };
    session.upload(server.path("data"), server.remote("placed")).on_progress(hear).run().await.unwrap();
    assert!(first.lock().unwrap().unwrap() > 20 << 20, "{first:?}");
    assert_eq!(fs::read(server.path("placed")).unwrap(), noise(SIZE));
    assert!(!part.exists());
    // Another file of the same name is not mixed with it.
    fs::write(&part, "of another file").unwrap();
    fs::write(server.path("data"), noise(SIZE - 1)).unwrap();
    session.upload(server.path("data"), server.remote("placed")).run().await.unwrap();
    assert_eq!(fs::read(server.path("placed")).unwrap(), noise(SIZE - 1));
}

#[tokio::test]
async fn downloads_of_one_file_at_once_all_end_well() {
    const SIZE: usize = 24 << 20;
    let server = Server::start().await;
    fs::write(server.path("model"), noise(SIZE)).unwrap();
    let session = server.session().await;
    let download = || session.download(server.remote("model"), server.path("copy")).run();
    for _ in 0..5 {
        let (one, other, third) = tokio::join!(download(), download(), download());
        assert_eq!((one.unwrap(), other.unwrap(), third.unwrap()), (1, 1, 1));
        assert_eq!(fs::read(server.path("copy")).unwrap(), noise(SIZE));
        fs::remove_file(server.path("copy")).unwrap();
    }
}
