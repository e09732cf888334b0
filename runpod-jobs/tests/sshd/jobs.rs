//! Jobs that outlive their connection.

use std::{fs, time::Duration};

use runpod_jobs::{Error, Job, JobEnd, RunningJob};
use tokio::{sync::oneshot, time::sleep};

use crate::server::{Server, is_alive};

const EXITED_WELL: JobEnd = JobEnd::Exited { status: 0, is_disk_full: false };

async fn printed(job: &RunningJob) -> (JobEnd, String) {
    let mut text = Vec::new();
    let end = job.follow(|bytes| text.extend_from_slice(bytes)).await.expect("it is followed");
    (end, String::from_utf8(text).expect("it is text"))
}

#[tokio::test]
async fn a_job_keeps_its_output_and_its_exit_status() {
    let server = Server::start().await;
    let session = server.session().await;
    let job = Job::shell("pwd; echo \"$WORD\"; echo err >&2; sleep 1; exit 3")
        .env("WORD", "a 'b'")
        .folder(server.remote(""));
    let job = session.start(&job).await.unwrap();
    let (end, text) = printed(&job).await;
    assert_eq!(end, JobEnd::Exited { status: 3, is_disk_full: false });
    assert_eq!(text, format!("{}\na 'b'\nerr\n", server.folder.path().display()));
    let words = ["printf", "%s|", "-n", "two words", "$HOME"];
    let job = session.start(&Job::new(words)).await.unwrap();
    assert_eq!(printed(&job).await, (EXITED_WELL, "-n|two words|$HOME|".to_owned()));
    let status = job.status().await.unwrap();
    assert_eq!((status.end, status.printed), (Some(EXITED_WELL), 19));
}

#[tokio::test]
async fn a_job_is_started_once_however_often_it_is_sent_and_anybody_can_attach() {
    let server = Server::start().await;
    let session = server.session().await;
    let id = format!("once-{}", std::process::id());
    let line = format!(
        "echo started >> {}; while [ ! -e {} ]; do sleep 0.1; done; echo done",
        server.remote("starts"),
        server.remote("go")
    );
    let job = Job::shell(line).id(&id);
    let (one, other) = tokio::join!(session.start(&job), session.start(&job));
    assert_eq!(one.unwrap().id(), other.unwrap().id());
    let elsewhere = server.session().await.attach(&id);
    assert_eq!(elsewhere.status().await.unwrap().end, None);
    fs::write(server.path("go"), "").unwrap();
    assert_eq!(printed(&elsewhere).await, (EXITED_WELL, "done\n".to_owned()));
    assert_eq!(fs::read_to_string(server.path("starts")).unwrap(), "started\n");
    let error = session.attach("nobody-started-this").status().await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn ten_megabytes_are_followed_byte_for_byte_over_twenty_cuts() {
    const BYTES: usize = 10_000_000;
    let server = Server::start().await;
    let session = server.session().await;
    let line = format!("seq 1 2000000 | head -c {BYTES}");
    let job = session.start(&Job::shell(&line)).await.unwrap();
    server.cut_after(480_000);
    let mut heard = Vec::new();
    let end = job
        .follow(|bytes| {
            heard.extend_from_slice(bytes);
            if server.cuts() >= 20 {
                server.cut_after(u64::MAX);
            }
        })
        .await
        .unwrap();
    assert_eq!(end, EXITED_WELL);
    assert!(server.cuts() >= 20, "{}", server.cuts());
    let truth: String = (1..).map(|number: u32| format!("{number}\n")).take(2_000_000).collect();
    assert!(heard == truth.as_bytes()[..BYTES], "{} bytes", heard.len());
}

#[tokio::test]
async fn the_job_goes_on_when_its_connection_is_gone() {
    let server = Server::start().await;
    let session = server.session().await;
    let job = session.start(&Job::shell("sleep 2; echo late")).await.unwrap();
    let id = job.id().to_owned();
    drop((job, session));
    let attached = server.session().await.attach(id);
    assert_eq!(printed(&attached).await, (EXITED_WELL, "late\n".to_owned()));
}

#[tokio::test]
async fn a_kill_and_a_time_limit_end_the_whole_group() {
    let server = Server::start().await;
    let session = server.session().await;
    for (is_limited, expected) in [(false, JobEnd::Killed), (true, JobEnd::TimedOut)] {
        let line = format!("sleep 600 & echo $! > {}; echo up; wait", server.remote("child"));
        let job = Job::shell(line);
        let job = if is_limited { job.time_limit(Duration::from_secs(2)) } else { job };
        let job = session.start(&job).await.unwrap();
        if !is_limited {
            while job.status().await.unwrap().printed == 0 {
                sleep(Duration::from_millis(50)).await;
            }
            job.kill().await.unwrap();
        }
        assert_eq!(printed(&job).await, (expected, "up\n".to_owned()));
        let child = fs::read_to_string(server.path("child")).unwrap();
        assert!(!is_alive(&child), "its child is gone too");
        job.kill().await.unwrap();
    }
}

#[tokio::test]
async fn a_job_whose_watcher_is_gone_has_ended_with_its_container() {
    let server = Server::start().await;
    let session = server.session().await;
    let job = session.start(&Job::shell("echo up; sleep 600")).await.unwrap();
    let folder = format!(".runpod-jobs/{}", job.id());
    let (seen, is_seen) = oneshot::channel();
    let (mut seen, mut text) = (Some(seen), Vec::new());
    let follow = job.follow(|bytes| {
        text.extend_from_slice(bytes);
        if let Some(seen) = seen.take() {
            seen.send(()).expect("the other half waits for it");
        }
    });
    let restart = async {
        is_seen.await.expect("it is printed before the job ends");
        // What a restart does: everything dies, and the container disk is wiped.
        let line = format!(
            "read -r pid rest < {folder}/pid; read -r group rest < {folder}/group; kill -KILL $pid -$group; rm -r {folder}"
        );
        session.shell(line).output().await.unwrap();
    };
    let (end, ()) = tokio::join!(follow, restart);
    let end = end.unwrap();
    assert!(matches!(end, JobEnd::ContainerEnded { state: Some(_) }), "{end:?}");
    assert_eq!(text, b"up\n");
}

#[tokio::test]
async fn a_job_that_heeds_no_sigterm_is_killed_all_the_same() {
    let server = Server::start().await;
    let session = server.session().await;
    let line = format!(
        "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > {}; echo up; while :; do sleep 1; done'",
        server.remote("child")
    );
    let job = session.start(&Job::shell(line).time_limit(Duration::from_secs(2))).await.unwrap();
    assert_eq!(printed(&job).await, (JobEnd::TimedOut, "up\n".to_owned()));
    assert!(!is_alive(&fs::read_to_string(server.path("child")).unwrap()));
}

#[tokio::test]
async fn a_start_that_failed_can_be_made_again_and_shows_no_variable() {
    let server = Server::start().await;
    let session = server.session().await;
    let job = Job::shell("echo $TOKEN").env("TOKEN", "sentinel_token").folder(server.remote("later"));
    assert!(!format!("{job:?}").contains("sentinel_token"));
    let error = session.start(&job).await.unwrap_err();
    assert!(matches!(&error, Error::NotFound { path, .. } if path.ends_with("later")), "{error}");
    fs::create_dir(server.path("later")).unwrap();
    let job = session.start(&job).await.unwrap();
    assert_eq!(printed(&job).await, (EXITED_WELL, "sentinel_token\n".to_owned()));
}
