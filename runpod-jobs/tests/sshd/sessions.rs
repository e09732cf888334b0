//! Logins, commands and forwards.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use runpod_jobs::{Error, Login, Stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::server::{Server, is_alive, processes_with};

#[tokio::test]
async fn words_arrive_as_they_are_and_no_shell_sees_them() {
    let server = Server::start().await;
    let session = server.session().await;
    let odd = [
        "plain",
        "two words",
        "'single'",
        "\"double\"",
        "a\nb",
        "$HOME `id` $(id)",
        "-n",
        "--",
        "*",
        "back\\slash",
        "",
        "ünï",
        "!x",
        "a;b&&c|d>e",
    ];
    let output = session.exec(["printf", "%s\\0"].into_iter().chain(odd)).output().await.unwrap();
    let heard: Vec<&str> = std::str::from_utf8(&output.stdout).unwrap().split_terminator('\0').collect();
    assert_eq!((heard.as_slice(), output.status), (odd.as_slice(), 0));
    // A program of that name, and not what a shell makes of it.
    let echo = session.exec(["echo", "C:\\new"]).output().await.unwrap();
    assert_eq!(echo.stdout, b"C:\\new\n");
    assert!(matches!(session.exec([""; 0]).output().await, Err(Error::Unsendable { .. })));
    let piped = session.shell("echo $((6 * 7)) | tr 4 x; echo oops >&2").output().await.unwrap();
    assert_eq!((piped.stdout.as_slice(), piped.stderr.as_slice()), (&b"x2\n"[..], &b"oops\n"[..]));
    assert!(!format!("{piped:?}").contains("oops"), "a command may print secrets");
}

#[tokio::test]
async fn every_exit_is_told_apart() {
    let server = Server::start().await;
    let session = server.session().await;
    for (line, status) in [
        ("exit 0", 0),
        ("exit 3", 3),
        ("exit 126", 126),
        ("exit 127", 127),
        ("exit 255", 255),
        ("kill -TERM $$", 143),
        ("kill -KILL $$", 137),
    ] {
        assert_eq!(session.shell(line).output().await.unwrap().status, status, "{line}");
    }
    assert_eq!(session.exec(["no-such-program-here"]).output().await.unwrap().status, 127);
    assert!(matches!(session.exec(["a\0b"]).output().await, Err(Error::Unsendable { .. })));
}

#[tokio::test]
async fn variables_and_input_reach_the_command_and_much_output_does_not_fill_the_memory() {
    let server = Server::start().await;
    let session = server.session().await;
    let input = vec![b'x'; 300_000];
    let exec = session.shell("printf %s \"$WORD\"; wc -c").env("WORD", "a 'b'\nc ").stdin(input);
    let output = exec.output().await.unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().replace(' ', ""), "a'b'\nc300000\n");

    let heard = Arc::new(Mutex::new(0));
    let sink = Arc::clone(&heard);
    let count = move |stream, bytes: &[u8]| {
        assert_eq!(stream, Stream::Stdout);
        *sink.lock().unwrap() += bytes.len();
    };
    let output =
        session.shell("head -c 50000000 /dev/zero").keep(1000).on_output(count).output().await.unwrap();
    assert_eq!((output.stdout.len(), output.dropped, *heard.lock().unwrap()), (1000, 49_999_000, 50_000_000));
}

#[tokio::test]
async fn a_command_that_never_ends_is_killed_with_what_it_started() {
    let server = Server::start().await;
    let session = server.session().await;
    let line = format!("sleep 600 & echo $! > {}; wait", server.remote("child"));
    let began = Instant::now();
    let error = session.shell(line).time_limit(Duration::from_secs(1)).output().await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    let child = std::fs::read_to_string(server.path("child")).unwrap();
    assert!(!is_alive(&child), "its child is gone too");
}

#[tokio::test]
async fn a_command_that_is_dropped_or_loses_its_connection_is_killed_where_that_was_asked_for() {
    let server = Server::start().await;
    for is_cut in [false, true] {
        let session = server.session().await;
        let line = "sleep 600 & echo $! > CHILD; while echo up; do sleep 0.1; done";
        let line = line.replace("CHILD", &server.remote("child"));
        let up = Arc::new(tokio::sync::Notify::new());
        let told = Arc::clone(&up);
        let mut output =
            Box::pin(session.shell(line).kill_on_drop().on_output(move |_, _| told.notify_one()).output());
        tokio::select! {
            ended = &mut output => panic!("{ended:?}"),
            () = up.notified() => {}
        }
        if is_cut {
            server.cut_after(1);
            let error = output.await.unwrap_err();
            assert!(matches!(error, Error::Lost { .. }), "{error}");
        } else {
            drop(output);
        }
        let child = std::fs::read_to_string(server.path("child")).unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while is_alive(&child) {
            assert!(Instant::now() < until, "its child goes on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn a_command_that_is_to_be_killed_ends_by_itself_like_any_other() {
    let server = Server::start().await;
    let session = server.session().await;
    let exec = |line: &str| session.shell(line).kill_on_drop();
    let output = exec("echo out; echo err >&2; cat; exit 3").env("X", "'").output().await.unwrap();
    assert_eq!((output.status, &*output.stdout, &*output.stderr), (3, &b"out\n"[..], &b"err\n"[..]));
    assert_eq!(exec("kill -TERM $$").output().await.unwrap().status, 143);
    let limited = exec("sleep 600").time_limit(Duration::from_secs(1)).output().await.unwrap_err();
    assert!(matches!(limited, Error::TimedOut { .. }), "{limited}");
    assert_eq!(session.exec(["no-such-program"]).kill_on_drop().output().await.unwrap().status, 127);
}

#[tokio::test]
async fn a_login_that_cannot_be_says_why_and_what_to_do() {
    let mut server = Server::start().await;
    let login = || Login::new().known_hosts(server.path("known_hosts"));
    let error = server.refused(login().identity_file(server.path("other"))).await;
    assert!(matches!(&error, Error::LoginRefused { user, .. } if user == server.user()), "{error}");
    assert!(error.to_string().contains("add_ssh_key") && error.to_string().contains("ssh-agent"), "{error}");
    let error = server.refused(login().identity_file(server.path("nowhere"))).await;
    assert!(matches!(&error, Error::Local { path, .. } if path.ends_with("nowhere")), "{error}");

    server.session().await;
    server.restart_with_another_key().await;
    let error = server.refused(server.login()).await;
    assert!(matches!(error, Error::HostKey { .. }), "{error}");

    server.stop();
    let error = server.refused(server.login().patience(Duration::from_secs(5))).await;
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let server = Server::start().await;
    server.cut_after(0);
    let began = Instant::now();
    let error = server.refused(server.login().patience(Duration::from_secs(2))).await;
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(1) && waited < Duration::from_secs(10), "{waited:?}");
    assert_eq!(server.cuts(), 0, "its connection stood");
}

#[tokio::test]
async fn a_login_that_is_given_up_leaves_no_process_behind() {
    let server = Server::start().await;
    server.cut_after(0);
    let login = server.login().patience(Duration::from_secs(60));
    // What no other test of this process names.
    let mark = server.path("known_hosts").display().to_string();
    let pod = server.pod().await;
    let begun = async {
        while processes_with(&mark) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        connected = login.connect(&pod) => panic!("{connected:?}"),
        () = begun => {}
    }
    let until = Instant::now() + Duration::from_secs(10);
    while processes_with(&mark) > 0 {
        assert!(Instant::now() < until, "ssh goes on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_apart_from_a_command_that_fails() {
    let server = Server::start().await;
    let session = server.session().await;
    server.cut_after(100_000);
    let error = session.shell("head -c 10000000 /dev/urandom").output().await.unwrap_err();
    assert!(matches!(error, Error::Lost { .. }), "{error}");
    server.cut_after(u64::MAX);
    let again = session.reconnect().await.unwrap();
    assert!(again.exec(["true"]).output().await.unwrap().is_success());
}

#[tokio::test]
async fn a_forward_leads_to_the_pod_until_it_is_closed() {
    let server = Server::start().await;
    let session = server.session().await;
    let service = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let remote = service.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = service.accept().await {
            stream.write_all(b"hello from the pod").await.unwrap();
        }
    });
    let local = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let forward = session.forward(local, ("127.0.0.1", remote)).await.unwrap();
    let mut text = String::new();
    TcpStream::connect(forward.local()).await.unwrap().read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "hello from the pod");
    forward.close().await.unwrap();
    assert!(TcpStream::connect(local).await.is_err());
}

#[tokio::test]
async fn people_who_use_their_own_tools_get_their_arguments() {
    let server = Server::start().await;
    let (login, pod) = (server.login(), server.pod().await);
    let entry = login.ssh_config_entry(&pod, "trainer").unwrap();
    let config = server.path("config");
    std::fs::write(&config, &entry).unwrap();
    let ssh = tokio::process::Command::new("ssh")
        .arg("-F")
        .arg(&config)
        .args(["trainer", "echo", "there"])
        .output();
    assert_eq!(ssh.await.unwrap().stdout, b"there\n", "{entry}");
    // The key that was named, and no other, as a session does it.
    let parsed = tokio::process::Command::new("ssh").arg("-G").arg("-F").arg(&config).arg("trainer").output();
    let parsed = String::from_utf8(parsed.await.unwrap().stdout).unwrap();
    assert!(parsed.contains("\nidentitiesonly yes\n"), "{parsed}");
    for name in ["", "-o", "a b", "a\nb", "*"] {
        assert_eq!(login.ssh_config_entry(&pod, name), None, "{name:?}");
    }
    std::fs::write(server.path("file"), "copied").unwrap();
    let target = format!("{}@127.0.0.1:{}", server.user(), server.remote("by scp"));
    let mut scp = tokio::process::Command::new("scp");
    let copied = scp
        .arg("-q")
        .args(login.scp_arguments(&pod))
        .arg(server.path("file"))
        .arg(target)
        .output()
        .await
        .unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    assert_eq!(std::fs::read_to_string(server.path("by scp")).unwrap(), "copied");
    let shell = login.rsync_shell(&pod).unwrap();
    assert!(shell.contains(" -o IdentitiesOnly=yes "), "{shell}");
    let line = format!("{shell} {}@127.0.0.1 echo rsync", server.user());
    let ran = tokio::process::Command::new("sh").args(["-c", &line]).output().await.unwrap();
    assert_eq!(ran.stdout, b"rsync\n", "{line}");
}

#[tokio::test]
async fn variables_are_in_no_command_line() {
    let server = Server::start().await;
    let session = server.session().await;
    let exec = session.shell("cat /proc/[0-9]*/cmdline 2> /dev/null | tr '\\0' ' '; echo; echo $TOKEN");
    let output = exec.env("TOKEN", "sentinel_token").output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (lines, token) = text.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(token, "sentinel_token");
    assert!(lines.contains("sshd") && !lines.contains("sentinel_token"));
}
