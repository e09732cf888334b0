//! Commands, copies, forwards and jobs on the command line: OpenSSH's own client against a simulator that one can log in to.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use runpod_sim::{Fault, FaultKind, Sim};
use serde_json::Value;
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(60);

struct World {
    folder: TempDir,
    sim: Sim,
}

impl World {
    async fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder of its own");
        fs::write(folder.path().join("sindri.yaml"), config).expect("the folder is writable");
        for key in ["key", "other"] {
            let words = ["-q", "-t", "ed25519", "-N", "", "-f"];
            let made = Command::new("ssh-keygen").args(words).arg(folder.path().join(key)).status();
            assert!(made.expect("OpenSSH's client is installed").success());
        }
        let key = fs::read_to_string(folder.path().join("key.pub")).expect("it was made");
        let sim = Sim::builder().time_scale(200.0).exec(true).ssh_keys([key]);
        let sim = sim.list_lag(Duration::ZERO).start().await.expect("loopback");
        Self { folder, sim }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command line in the folder of the config, with a key of the account unless it names another.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sindri-runpod"));
        let (subcommand, rest) = words.split_first().expect("a command");
        command.arg(subcommand).current_dir(self.folder.path()).env_clear();
        if matches!(*subcommand, "exec" | "cp" | "forward" | "run") {
            command.args(["--known-hosts", "known_hosts"]);
            if !words.contains(&"--identity") {
                command.args(["--identity", "key"]);
            }
        }
        command.args(["--api-url", &self.sim.url()]).args(rest);
        command
            .env("RUNPOD_API_KEY", self.sim.api_key())
            .env("PATH", std::env::var_os("PATH").expect("a PATH"));
        command.env("HOME", self.folder.path()).env("TOKEN", "sentinel_token");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    async fn run(&self, words: &[&str]) -> Output {
        let mut command = self.command(words);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    async fn done(&self, words: &[&str]) -> String {
        let output = self.run(words).await;
        assert_eq!(code(&output), 0, "{words:?}: {}{}", out(&output), err(&output));
        out(&output)
    }

    fn billing(&self) -> usize {
        self.sim.ledger().iter().filter(|entry| entry.is_billing()).count()
    }
}

const ENV: &str = "{name: my-env, deployment: {image: a}}";

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// A command line that runs, and the lines of its standard output.
struct Running {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Sends it a signal; its exit code and what it said on standard error.
    fn end(mut self, signal: &str) -> (i32, String) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code().unwrap(), said)
    }
}

fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['Z', 'X'])))
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_has_its_words_its_streams_and_its_exit_status() {
    let world = World::new(ENV).await;
    world.done(&["deploy"]).await;
    let odd = world.done(&["exec", "my-env", "--", "printf", "%s|", "-n", "two words", "$HOME", "a\nb", "'"]);
    assert_eq!(odd.await, "-n|two words|$HOME|a\nb|'|");
    let output = world.run(&["exec", "my-env", "--shell", "echo out; echo err >&2; exit 3"]).await;
    assert_eq!((code(&output), out(&output).as_str()), (3, "out\n"));
    assert!(err(&output).ends_with("err\n") && !err(&output).contains("error:"), "{}", err(&output));
    assert_eq!(code(&world.run(&["exec", "my-env", "--", "no-such-program"]).await), 127);
    assert_eq!(code(&world.run(&["exec", "my-env", "--shell", "kill -TERM $$"]).await), 143);
    let given = ["exec", "my-env", "--env", "TOKEN", "--env", "A=b c", "--shell", "echo $TOKEN $A; exit 0"];
    assert_eq!(world.done(&given).await, "sentinel_token b c\n");
    let limited = world.run(&["exec", "my-env", "--timeout", "1", "--", "sleep", "600"]).await;
    assert_eq!(code(&limited), 124, "{}", err(&limited));
    assert!(err(&limited).contains("took longer than 1 s"), "{}", err(&limited));
    let large = world.run(&["exec", "my-env", "--", "head", "-c", "3000000", "/dev/zero"]).await;
    assert_eq!((code(&large), large.stdout.len()), (0, 3_000_000));

    let mut command = world.command(&["exec", "my-env", "--stdin", "--", "tr", "a", "b"]);
    command.stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"banana").unwrap();
    let piped = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!((code(&piped), out(&piped).as_str()), (0, "bbnbnb"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_its_own_is_told_from_that_of_a_command() {
    let world = World::new(ENV).await;
    let absent = world.run(&["exec", "my-env", "--json", "--", "true"]).await;
    assert_eq!(code(&absent), 255);
    let error: Value = serde_json::from_str(&out(&absent)).unwrap();
    assert_eq!((&error["error"]["kind"], &error["error"]["exit_code"]), (&"not_found".into(), &255.into()));
    assert_eq!(code(&world.run(&["cp", "my-env:a", "b"]).await), 3);
    for words in
        [&["cp", "a", "b"][..], &["cp", "x:a", "y:b"], &["exec", "my-env"], &["forward", "my-env", "80"]]
    {
        assert_eq!(code(&world.run(words).await), 2, "{words:?}");
    }
    world.done(&["deploy"]).await;
    let refused = world.run(&["exec", "my-env", "--identity", "other", "--", "true"]).await;
    assert_eq!(code(&refused), 255);
    assert!(err(&refused).contains("accepts no key for root"), "{}", err(&refused));
    let keyless = world.run(&["exec", "my-env", "--identity", "nowhere", "--", "true"]).await;
    assert!(code(&keyless) == 255 && err(&keyless).contains("nowhere: No such file"), "{}", err(&keyless));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_is_stopped_is_started_first_as_connect_does() {
    let world = World::new(ENV).await;
    world.done(&["deploy"]).await;
    world.done(&["stop", "--wait"]).await;
    let output = world.run(&["exec", "my-env", "--", "echo", "up"]).await;
    assert_eq!((code(&output), out(&output).as_str()), (0, "up\n"), "{}", err(&output));
    assert!(err(&output).contains("s pod "), "its boot is told: {}", err(&output));
    assert_eq!(world.done(&["status"]).await.lines().next(), Some("my-env: running"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_command_is_ended_there_and_what_bills_is_said() {
    let world = World::new(ENV).await;
    world.done(&["deploy"]).await;
    for signal in ["-INT", "-TERM"] {
        let line = "sleep 600 & echo $!; wait";
        let mut running = Running::start(world.command(&["exec", "my-env", "--shell", line]));
        let child = running.line();
        assert!(is_alive(&child), "{child:?}");
        let (code, said) = running.end(signal);
        assert_eq!(code, 130, "{said}");
        assert!(
            said.contains("interrupted: ") && said.contains("runs on and bills: see status and stop"),
            "{said}"
        );
        wait_until("the child of the command goes on", || !is_alive(&child));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_folders_are_copied_both_ways_with_plain_lines() {
    let world = World::new(ENV).await;
    world.done(&["deploy"]).await;
    fs::create_dir_all(world.path("tree/sub")).unwrap();
    fs::write(world.path("tree/a b"), "one").unwrap();
    fs::write(world.path("tree/sub/-c"), vec![7; 5 << 20]).unwrap();
    let sent = world.run(&["cp", "tree", "my-env:up"]).await;
    assert_eq!((code(&sent), out(&sent).as_str()), (0, "2 files were copied to up\n"));
    assert!(
        err(&sent).contains("tree/sub/-c: 5.00 MiB\n") && !err(&sent).contains('\u{1b}'),
        "{}",
        err(&sent)
    );
    assert_eq!(world.done(&["exec", "my-env", "--", "cat", "up/a b"]).await, "one");
    world.done(&["cp", "my-env:up", "down"]).await;
    assert_eq!(fs::read(world.path("down/sub/-c")).unwrap(), vec![7; 5 << 20]);
    let json = world.done(&["cp", "--json", "my-env:up/a b", "into/"]).await;
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["files"], 1);
    assert_eq!(fs::read_to_string(world.path("into/a b")).unwrap(), "one");
    let missing = world.run(&["cp", "my-env:never made", "x"]).await;
    assert!(code(&missing) == 1 && err(&missing).contains("\"never made\""), "{}", err(&missing));
    let missing = world.run(&["cp", "never made", "my-env:x"]).await;
    assert!(code(&missing) == 1 && err(&missing).contains("never made: No such file"), "{}", err(&missing));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forward_leads_to_the_pod_until_it_is_ended() {
    let world = World::new(ENV).await;
    world.done(&["deploy"]).await;
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let remote = service.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in service.incoming() {
            stream.unwrap().write_all(b"hello from the pod").unwrap();
        }
    });
    let local = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut running =
        Running::start(world.command(&["forward", "my-env", &format!("{}:{remote}", local.port())]));
    let line = running.line();
    assert!(line.starts_with(&format!("{local} leads to 127.0.0.1:{remote} of pod ")), "{line}");
    let mut text = String::new();
    TcpStream::connect(local).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello from the pod");
    let (code, said) = running.end("-INT");
    assert!(
        code == 130 && said.contains("the forwards are closed") && said.contains("bills"),
        "{code}: {said}"
    );
    wait_until("the port is still taken", || TcpStream::connect(local).is_err());
}

const JOB: &str = "
name: trainer
deployment: {image: a}
secrets: [{name: TOKEN, source: env}]
providers:
  runpod:
    job:
      command: cat data/part; echo \"token $TOKEN\"; echo result > result; exit 3
      upload: {inputs: data}
      download: {result: out/result}
      timeoutMinutes: 5
";

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_the_config_is_run_on_a_pod_of_its_own_and_leaves_its_result_and_nothing_else() {
    let world = World::new(JOB).await;
    fs::create_dir(world.path("inputs")).unwrap();
    fs::write(world.path("inputs/part"), "brought\n").unwrap();
    let output = world.run(&["run"]).await;
    assert_eq!(
        (code(&output), out(&output).as_str()),
        (3, "brought\ntoken sentinel_token\n"),
        "{}",
        err(&output)
    );
    assert_eq!(fs::read_to_string(world.path("out/result")).unwrap(), "result\n");
    let said = err(&output);
    assert!(
        said.contains("note: the job exited with status 3; ") && said.contains(" s running, $"),
        "{said}"
    );
    assert!(said.contains("inputs/part: 8 B\n") && !said.contains("sentinel_token"), "{said}");
    assert_eq!((world.billing(), world.sim.ledger().len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_the_command_line_goes_before_that_of_the_config_and_may_keep_its_pod() {
    let world = World::new(JOB).await;
    fs::create_dir(world.path("inputs")).unwrap();
    let words = ["run", "--json", "--keep", "--env", "A=b", "--upload", "sindri.yaml", "config", "--shell"];
    let line = "test -e config && echo $A > result && exit 4";
    let output = world.run(&[&words[..], &[line]].concat()).await;
    assert_eq!(code(&output), 4, "{}", err(&output));
    let report: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!((&report["is_kept"], &report["exit_status"]), (&true.into(), &4.into()), "{report}");
    assert_eq!(fs::read_to_string(world.path("out/result")).unwrap(), "b\n");
    assert_eq!(world.billing(), 1);
    assert_eq!(world.done(&["exec", "trainer", "--", "cat", "result"]).await, "b\n");
    let taken = world.run(&["run", "--", "true"]).await;
    assert!(code(&taken) == 255 && err(&taken).contains("taken"), "{}", err(&taken));
    world.done(&["destroy"]).await;
    assert_eq!(world.billing(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_can_never_work_costs_nothing() {
    let world = World::new(JOB).await;
    fs::create_dir(world.path("inputs")).unwrap();
    let upload = world.run(&["run", "--upload", "absent", "x"]).await;
    assert!(code(&upload) == 255 && err(&upload).contains("absent: No such file"), "{}", err(&upload));
    assert!(
        err(&upload).contains("no pod was deployed, since the upload could never work"),
        "{}",
        err(&upload)
    );
    let key = world.run(&["run", "--identity", "nowhere"]).await;
    assert!(code(&key) == 255 && err(&key).contains("nowhere: No such file"), "{}", err(&key));
    let mut clientless = world.command(&["run"]);
    clientless.env("PATH", "/nowhere");
    let output = tokio::task::spawn_blocking(move || clientless.output().unwrap()).await.unwrap();
    assert!(code(&output) == 255 && err(&output).contains("install OpenSSH's client"), "{}", err(&output));
    let closed =
        "{name: a, deployment: {image: a}, providers: {runpod: {ports: [8888/http], job: {command: [a]}}}}";
    fs::write(world.path("sindri.yaml"), closed).unwrap();
    let output = world.run(&["run"]).await;
    assert!(code(&output) == 255 && err(&output).contains("opens no 22/tcp"), "{}", err(&output));
    fs::write(world.path("sindri.yaml"), ENV).unwrap();
    let jobless = world.run(&["run"]).await;
    assert!(code(&jobless) == 2 && err(&jobless).contains("there is no job"), "{}", err(&jobless));
    assert_eq!(world.sim.ledger().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_goes_on_though_nobody_reads_it_and_its_connection_breaks_and_a_command_does_not() {
    let world = World::new(ENV).await;
    let drop = FaultKind::SshDrop { after_bytes: 100_000 };
    world.sim.inject(Fault::new(drop).on("ssh:connect").times(2)).unwrap();
    let line = "seq 1 200000; echo done > result";
    let mut running =
        Running::start(world.command(&["run", "--download", "result", "result", "--shell", line]));
    assert_eq!(running.line(), "1");
    let Running { child, lines } = running;
    std::mem::drop(lines);
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert_eq!(fs::read_to_string(world.path("result")).unwrap(), "done\n");
    assert_eq!((world.sim.faults()[0].fired, world.billing()), (2, 0));

    world.done(&["deploy"]).await;
    let endless = "while :; do echo y; done";
    let mut running = Running::start(world.command(&["exec", "my-env", "--shell", endless]));
    assert_eq!(running.line(), "y");
    let Running { child, lines } = running;
    std::mem::drop(lines);
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(code(&output), 0, "a reader that has seen enough is no failure: {}", err(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_interrupted_while_its_pod_boots_ends_it() {
    let world = World::new(ENV).await;
    let running = Running::start(world.command(&["run", "--", "true"]));
    wait_until("no pod was created", || world.billing() == 1);
    let (code, said) = running.end("-INT");
    assert_eq!((code, world.billing()), (130, 0), "{said}");
    assert!(said.contains("it was terminated"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_job_ends_its_pod_unless_it_is_to_be_kept() {
    for (keep, is_kept) in [("--keep=never", false), ("--keep=always", true)] {
        let world = World::new(ENV).await;
        let mut running = Running::start(world.command(&["run", keep, "--shell", "echo up; sleep 600"]));
        assert_eq!(running.line(), "up");
        let (code, said) = running.end("-TERM");
        assert_eq!((code, world.billing()), (130, usize::from(is_kept)), "{said}");
        let says = if is_kept { "it was kept and bills until it is terminated" } else { "it was terminated" };
        assert!(said.contains("interrupted") && said.contains(says), "{said}");
    }
}

/// Moments of a job at which its process is killed; `KILLS` asks for more of them.
const KILLS: u64 = 4;
/// Longer than a job needs to be up.
const LATEST_KILL: Duration = Duration::from_secs(4);

/// Works with what a killed process has left, if there is anything, and ends it. Returns true if it could be worked with.
async fn inherited(world: &World) -> bool {
    let billing = world.billing();
    assert!(billing <= 1, "{:?}", world.sim.ledger());
    let mut is_up = false;
    if billing == 1 {
        let output = world.run(&["exec", "my-env", "--", "echo", "here"]).await;
        is_up = code(&output) == 0;
        match is_up {
            true => assert_eq!(out(&output), "here\n"),
            // Killed while its pod boots, which is said.
            false => assert!(err(&output).contains("is creating"), "{}", err(&output)),
        }
        world.done(&["destroy"]).await;
    }
    assert_eq!(world.billing(), 0);
    // The next pod may have the same port of this machine, with a key of its own.
    let _ = fs::remove_file(world.path("known_hosts"));
    is_up
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_leaves_is_found_by_its_name_worked_with_and_ended() {
    let runs = std::env::var("KILLS").ok().map_or(KILLS, |runs| runs.parse().unwrap());
    let (world, job) = (World::new(ENV).await, ["run", "--shell", "echo up; sleep 600"]);
    let mut up = Running::start(world.command(&job));
    assert_eq!(up.line(), "up");
    up.child.kill().unwrap();
    up.child.wait().unwrap();
    assert!(inherited(&world).await, "its job was up");
    let mut used = 0;
    for run in 0..runs {
        // Spread over the whole life of a job, by a step that no division repeats.
        let moment = LATEST_KILL.mul_f64((run as f64 * 0.618_034) % 1.0);
        let mut running = world.command(&job).spawn().unwrap();
        std::thread::sleep(moment);
        running.kill().unwrap();
        running.wait().unwrap();
        used += usize::from(inherited(&world).await);
    }
    println!("{runs} killed at some moment, {used} pods of theirs worked with by another process, all ended");
}

#[test]
fn the_example_is_a_job() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sindri/job.yaml");
    let config = runpod_sindri::SindriConfig::from_path(example).unwrap();
    let job = config.runpod().job.unwrap();
    assert!(!job.upload.is_empty() && !job.download.is_empty());
}
