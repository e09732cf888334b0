use std::process::Stdio;

use runpod_sim::Sim;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::{
    client::{client, order},
    house::{done, key, lives, openssh, until},
};

#[tokio::test]
async fn the_program_runs_commands_and_leaves_nothing_behind() {
    for (switch, table) in [(Some("--exec"), ""), (None, "[ssh]\nexec = true\nseconds = 60.0\n")] {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("sim.toml");
        let text =
            format!("ssh_keys = [\"{}\"]\ntime_scale = 1000.0\n{table}", key(folder.path(), "key").await);
        std::fs::write(&config, text).unwrap();
        let mut sim = Command::new(env!("CARGO_BIN_EXE_runpod-sim"));
        sim.args(["--listen", "0", "--config"]).arg(&config).args(switch).kill_on_drop(true);
        let mut sim = sim.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(sim.stdout.take().unwrap()).lines();
        let mut word =
            async || said.next_line().await.unwrap().unwrap().split(' ').next_back().unwrap().to_owned();
        let (url, secret) = (word().await, word().await);
        let http = client().user_agent("sim-tests/1").build().unwrap();
        let pods = format!("{url}/v2/pods");
        let create = http.post(&pods).bearer_auth(&secret).json(&order(serde_json::json!({})));
        let pod: Value = create.send().await.unwrap().json().await.unwrap();
        let pod = format!("{pods}/{}", pod["id"].as_str().unwrap());
        let text = "pwd; setsid sleep 1000 > /dev/null 2>&1 < /dev/null & echo $!";
        let told = until(async || {
            let seen: Value = http.get(&pod).bearer_auth(&secret).send().await.ok()?.json().await.ok()?;
            let port = seen["ssh"]["direct"]["port"].as_u64()?.to_string();
            let mut ssh = openssh(folder.path(), "ssh", "key");
            Some(done(ssh.args(["-p", &port, "root@127.0.0.1", text])).await)
                .filter(|told| told.status != Some(255))
        });
        let told = told.await;
        let [pid, home] = told.stdout.lines().collect::<Vec<_>>()[..] else { panic!("{told:?}") };
        let (pid, home) = if home.starts_with('/') { (pid, home) } else { (home, pid) };
        assert!(lives(pid) && std::path::Path::new(home).exists(), "{told:?}");
        let term = Command::new("kill").arg(sim.id().unwrap().to_string()).status().await.unwrap();
        assert!(term.success() && sim.wait().await.unwrap().success());
        assert!(!lives(pid) && !std::path::Path::new(home).exists());
    }
}

#[test]
fn a_table_that_means_nothing_is_refused() {
    for (table, words) in [
        ("exec = 1", "expected a boolean"),
        ("seconds = -1.0", "`ssh.seconds` must be a number of seconds"),
        ("shell = true", "shell"),
    ] {
        let error = Sim::builder().config(&format!("[ssh]\n{table}\n")).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
