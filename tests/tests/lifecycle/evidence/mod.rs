//! Proof by answers: RunPod's lists and answers by id lag, each by itself, and no old answer decides anything.

mod absence;
mod changes;
mod lists;
mod refusals;

use std::time::Duration;

use runpod_bench::clock::run_fast;
use runpod_lifecycle::{Pod, PodHandle, Verdict};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpListener, time::sleep};

use crate::script::{ID, Script, To::Act, pod};

const SPEED: u32 = 50;
const MINUTE: Duration = Duration::from_secs(60);
/// Longer than anything of RunPod's lags.
const LATER: Duration = Duration::from_secs(20);
const OLD_START: &str = "2026-08-20T06:16:19.430Z";
const NEW_START: &str = "2026-08-20T07:16:19.430Z";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn state(word: &str) -> Value {
    pod(json!({"status": word}))
}

fn fast<F: Future>(future: F) -> F::Output {
    run_fast(SPEED, future).expect("a runtime")
}

/// A server that greets as sshd on a port of this machine.
async fn sshd() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
    let port = listener.local_addr().expect("it listens").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Whoever only wanted to know that it listens is gone by now.
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").await;
        }
    });
    port
}

/// An account that shows a pod so and accepts whatever is done to it, and the pod as it was looked up.
async fn showing(shown: Value) -> (Script, PodHandle) {
    let script = Script::new().await;
    script.show(shown.clone());
    script.set(Act, (200, shown));
    let pod = script.runpod().get(ID).await.expect("it is there");
    (script, pod)
}

/// Does something so many seconds from now.
async fn after(delay: u64, then: impl FnOnce()) {
    sleep(seconds(delay)).await;
    then();
}

/// A condition that never holds.
fn never(_: Option<&Pod>) -> Verdict {
    Verdict::Pending("never".into())
}
