use std::process::Stdio;

use runpod_sim::Sim;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    client::{client, order},
    house::{Told, done, key, lives, openssh, until},
};

/// A simulator that is a process of its own, with a pod in it.
struct Program {
    sim: Child,
    folder: TempDir,
    http: reqwest::Client,
    secret: String,
    pod: String,
}

impl Program {
    /// Starts it by a shell's line, in which `"$0" "$@"` is its command.
    async fn start(line: &str, switch: Option<&str>, table: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("sim.toml");
        let text =
            format!("ssh_keys = [\"{}\"]\ntime_scale = 1000.0\n{table}", key(folder.path(), "key").await);
        std::fs::write(&config, text).unwrap();
        let mut sim = Command::new("sh");
        sim.args(["-c", line, env!("CARGO_BIN_EXE_runpod-sim"), "--listen", "0", "--config"]);
        sim.arg(&config).args(switch).kill_on_drop(true);
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
        Self { sim, folder, http, secret, pod }
    }

    /// `ssh` to the pod, once it has an endpoint.
    async fn ssh(&self) -> Command {
        let port = until(async || {
            let get = self.http.get(&self.pod).bearer_auth(&self.secret);
            let seen: Value = get.send().await.ok()?.json().await.ok()?;
            Some(seen["ssh"]["direct"]["port"].as_u64()?.to_string())
        });
        let port = port.await;
        let mut ssh = openssh(self.folder.path(), "ssh", "key");
        ssh.args(["-p", &port, "root@127.0.0.1"]);
        ssh
    }

    /// Runs a command in the pod, once sshd is there.
    async fn run(&self, text: &str) -> Told {
        let run =
            async || Some(done(self.ssh().await.arg(text)).await).filter(|told| told.status != Some(255));
        until(run).await
    }
}

#[tokio::test]
async fn the_program_runs_commands_and_leaves_nothing_behind() {
    for (switch, table) in [(Some("--exec"), ""), (None, "[ssh]\nexec = true\nseconds = 60.0\n")] {
        let mut program = Program::start("exec \"$0\" \"$@\"", switch, table).await;
        let told = program.run("pwd; setsid sleep 1000 > /dev/null 2>&1 < /dev/null & echo $!").await;
        let [pid, home] = told.stdout.lines().collect::<Vec<_>>()[..] else { panic!("{told:?}") };
        let (pid, home) = if home.starts_with('/') { (pid, home) } else { (home, pid) };
        assert!(lives(pid) && std::path::Path::new(home).exists(), "{told:?}");
        let term = Command::new("kill").arg(program.sim.id().unwrap().to_string()).status().await.unwrap();
        assert!(term.success() && program.sim.wait().await.unwrap().success());
        assert!(!lives(pid) && !std::path::Path::new(home).exists());
    }
}

#[tokio::test]
async fn a_program_that_ignores_hangups_runs_commands_that_do_not() {
    let program = Program::start("trap '' HUP INT; exec \"$0\" \"$@\"", Some("--exec"), "").await;
    let text = "for one in HUP INT; do sh -c 'kill -'$one' $$; echo there'; echo $?; done";
    assert_eq!(program.run(text).await.stdout, "129\n130\n");
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
