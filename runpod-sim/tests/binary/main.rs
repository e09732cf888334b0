//! The binary and the guide, as a user runs them.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod secrets;

use std::{
    io::Write,
    net::TcpListener,
    path::PathBuf,
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, ChildStdout, Command},
};

const LONG: Duration = Duration::from_secs(60);

fn binary(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runpod-sim"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// A simulator in a process of its own.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    url: String,
}

async fn run(arguments: &[&str]) -> Running {
    let mut child = binary(arguments).stderr(Stdio::null()).spawn().unwrap();
    let (url, stdout) = url_of(&mut child).await;
    Running { child, stdout, url }
}

/// Address at which a simulator says that it listens, and the rest of its output.
async fn url_of(child: &mut Child) -> (String, BufReader<ChildStdout>) {
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    tokio::time::timeout(LONG, stdout.read_line(&mut line)).await.unwrap().unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
    (url, stdout)
}

async fn output(mut command: Command) -> Output {
    tokio::time::timeout(LONG, command.output()).await.unwrap().unwrap()
}

async fn signal(name: &str, child: &Child) {
    let mut kill = Command::new("kill");
    kill.args([format!("-{name}"), child.id().unwrap().to_string()]);
    assert!(output(kill).await.status.success());
}

/// A request without a key. Other members of the workspace may have switched TLS on, which then wants a provider.
async fn get(url: &str) -> reqwest::Result<reqwest::Response> {
    // An error says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build()?.get(url).send().await
}

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The first block of a language in the guide.
fn block(language: &str) -> String {
    let guide = std::fs::read_to_string(repository("docs/simulator.md")).unwrap();
    let (_, rest) = guide.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[tokio::test]
async fn it_says_where_it_listens_and_stops_cleanly_on_both_signals() {
    for name in ["INT", "TERM"] {
        let begun = Instant::now();
        let mut sim = run(&["--listen", "127.0.0.1:0"]).await;
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        assert!(sim.url.starts_with("http://127.0.0.1:"), "{}", sim.url);
        let health = get(&format!("{}/_sim/health", sim.url)).await.unwrap();
        assert_eq!(
            (health.status().as_u16(), health.text().await.unwrap()),
            (200, r#"{"status":"ok"}"#.into())
        );
        signal(name, &sim.child).await;
        let status = tokio::time::timeout(LONG, sim.child.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(0), "after SIG{name}");
        let mut rest = String::new();
        sim.stdout.read_to_string(&mut rest).await.unwrap();
        let expected =
            format!("key rpa_SIMULATOR0000000000000000000000000000000\ncontrol {}/_sim\n", sim.url);
        assert_eq!(rest, expected, "nothing else is printed");
        assert!(get(&sim.url).await.unwrap_err().is_connect());
    }
}

#[tokio::test]
async fn the_example_configuration_works_and_options_win_over_it() {
    let path = repository("runpod-sim/sim.example.toml");
    let config = path.to_str().unwrap();
    let sim = run(&["--listen", "127.0.0.1:0", "--config", config, "--seed", "9", "--time-scale", "0"]).await;
    let read = async |path: &str| -> serde_json::Value {
        get(&format!("{}{path}", sim.url)).await.unwrap().json().await.unwrap()
    };
    assert_eq!(read("/_sim").await["seed"], 9);
    assert_eq!(read("/_sim/time").await["scale"], 0.0);
    assert_eq!(read("/_sim/faults").await["faults"].as_array().unwrap().len(), 2);
}

/// Waits until a fault of this name is the first one.
async fn first_fault(sim: &Running, name: &str) {
    let begun = Instant::now();
    loop {
        let report: serde_json::Value =
            get(&format!("{}/_sim/faults", sim.url)).await.unwrap().json().await.unwrap();
        if report["faults"][0]["fault"] == name {
            return;
        }
        assert!(begun.elapsed() < LONG, "{report}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_hangup_reads_the_configuration_again_and_a_wrong_one_changes_nothing() {
    let path = file("again.toml", "[[fault]]\nfault = \"gone\"");
    let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("again.log");
    let stderr = std::fs::File::create(&log).unwrap();
    let mut child = binary(&["--listen", "0", "--seed", "9", "--config", path.to_str().unwrap()])
        .stderr(stderr)
        .spawn()
        .unwrap();
    let (url, stdout) = url_of(&mut child).await;
    let sim = Running { child, stdout, url };
    first_fault(&sim, "gone").await;
    file("again.toml", "page_size = 3\n[[fault]]\nfault = \"html\"");
    signal("HUP", &sim.child).await;
    first_fault(&sim, "html").await;
    let said = async |words: &str| {
        let begun = Instant::now();
        while !std::fs::read_to_string(&log).unwrap().contains(words) {
            assert!(begun.elapsed() < LONG, "it does not say {words:?}");
            tokio::task::yield_now().await;
        }
    };
    said("except for what only another start changes: page_size").await;
    file("again.toml", "[[fault]]\nfault = \"explode\"");
    signal("HUP", &sim.child).await;
    said("the configuration stays as it was: ").await;
    said("again.toml: ").await;
    said("unknown fault `explode`").await;
    first_fault(&sim, "html").await;
    std::fs::remove_file(&path).unwrap();
    signal("HUP", &sim.child).await;
    said("cannot read the configuration").await;
    first_fault(&sim, "html").await;
}

/// Starts a program on a terminal of its own, takes the terminal away once it is up, and prints how it ended.
#[cfg(unix)]
const TERMINAL: &str = r#"
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
said = b""
while b"/_sim" not in said:
    said += os.read(terminal, 1000)
os.close(terminal)
print(os.waitpid(pid, 0)[1])
"#;

#[cfg(unix)]
#[tokio::test]
async fn a_terminal_that_goes_away_ends_it_although_hangups_are_heard() {
    let config = file("terminal.toml", "seed = 3");
    let mut python = Command::new("python3");
    python.args(["-c", TERMINAL, env!("CARGO_BIN_EXE_runpod-sim"), "--listen", "0", "--config"]).arg(config);
    let output = output(python).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0\n", "{said}");
}

/// Writes a file that goes away with the test's folder.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
    path
}

#[tokio::test]
async fn bad_input_is_a_clear_error_and_a_failure() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (name, text, words) in [
        ("syntax.toml", "seed = ", "line 1"),
        ("key.toml", "sead = 7", "unknown field `sead`"),
        ("type.toml", "seed = \"x\"", "invalid type"),
        (
            "fault.toml",
            "[[fault]]\nfault = \"explode\"",
            "unknown fault `explode`; known are drop-before-read",
        ),
        (
            "operation.toml",
            "[[fault]]\nfault = \"gone\"\non = [\"createpod\"]",
            "`createpod` is not an operation",
        ),
        ("stray.toml", "[[fault]]\nfault = \"gone\"\nseconds = 3", "`seconds` means nothing"),
        ("scale.toml", "time_scale = -1.0", "`time_scale`"),
        ("known.toml", "[[capacity]]\ntype = \"RTX 4090\"\nunits = 1", "known are NVIDIA RTX A4000"),
        ("forbidden.toml", "forbidden = [\"RTX 4090\"]", "known are NVIDIA RTX A4000"),
        ("times.toml", "[[fault]]\nfault = \"gone\"\ntimes = 0", "`times`"),
        ("epoch.toml", "epoch = \"noon\"", "`epoch`"),
        ("profile.toml", "profile = \"lunar\"", "lunar"),
        ("behavior.toml", "[behavior]\ncolour = 1", "colour"),
        ("answer.toml", "[[http_answer]]\nstatus = 99", "`status`"),
        ("lag.toml", "list_lag_seconds = -1.0", "`list_lag_seconds`"),
        ("boot.toml", "[boot]\nports = { median_seconds = -1.0 }", "`boot.ports`"),
        (
            "volume.toml",
            "[[network_volume]]\nid = \"v\"\nname = \"v\"\nsize_gb = 1\ndata_center = \"X\"",
            "10 to 4096",
        ),
        (
            "registry.toml",
            "[[registry]]\nid = \"r\"\nname = \"a\"\n[[registry]]\nid = \"r\"\nname = \"b\"",
            "given twice",
        ),
    ] {
        let path = file(name, text);
        refused(&["--listen", "127.0.0.1:0", "--config", path.to_str().unwrap()], words).await;
    }
    refused(&["--config", "/nowhere/sim.toml"], "cannot read the configuration /nowhere/sim.toml").await;
    refused(&["--listen", &taken], "is the port in use?").await;
    refused(&["--listen", "0.0.0.0:0"], "--allow-remote").await;
    refused(&["--listen", "somewhere"], "invalid").await;
    refused(&["--listen", "65536"], "a port alone").await;
    refused(&["--epoch", "noon"], "2026-08-20T06:16:19Z").await;
    refused(&["--profile", "lunar"], "observed").await;
    refused(&["--time-scale", "fast"], "invalid").await;
}

async fn refused(arguments: &[&str], words: &str) {
    let output = output(binary(arguments)).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}");
    assert!(said.contains(words), "{arguments:?} says {said}");
}

#[tokio::test]
async fn other_addresses_are_open_to_whoever_allows_them() {
    let sim = run(&["--listen", "0.0.0.0:0", "--allow-remote"]).await;
    assert!(sim.url.starts_with("http://0.0.0.0:"), "{}", sim.url);
}

#[tokio::test]
async fn the_curl_session_works_as_printed() {
    let sim = run(&["--listen", "127.0.0.1:0", "--seed", "7", "--time-scale", "0"]).await;
    let printed = block("console");
    let commands = printed.lines().filter_map(|line| line.strip_prefix("$ "));
    let script: String = commands
        .map(|command| format!("echo '$ {}'\n{command}\necho\n", command.replace('\'', r"'\''")))
        .collect();
    let mut bash = Command::new("bash");
    bash.args(["-c", &script.replace("http://127.0.0.1:8080", &sim.url)]);
    let output = output(bash).await;
    let seen = String::from_utf8_lossy(&output.stdout).replace(&sim.url, "http://127.0.0.1:8080");
    let lines = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    assert_eq!(lines(&seen), lines(&printed), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn the_python_program_works_as_printed() {
    let sim = run(&["--listen", "127.0.0.1:0"]).await;
    let mut python = Command::new("python3");
    python.args(["-c", &block("python")]).env("SIM", &sim.url);
    let output = output(python).await;
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "TERMINATED True\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Transcript of a session with a simulator of its own, headers included.
async fn session(config: &str) -> String {
    let config = ["--listen", "0", "--seed", "5", "--epoch", "2026-08-20T06:16:19Z", "--config", config];
    let sim = run(&config).await;
    let script = format!(
        r#"
        SIM={} AGENT="authorization: Bearer rpa_SIMULATOR0000000000000000000000000000000"
        api() {{ curl -si $SIM/v2/"$@" -H "$AGENT"; }}
        ORDER='{{"name":"a","image":"i","disk":20,"ports":["22/tcp"],"gpu":{{"id":"NVIDIA L4","count":1}}}}'
        api pods -d "$ORDER"; api pods -d "$ORDER"
        for step in 1 2 3 4 5 6 7 8; do
            curl -si $SIM/_sim/advance --json '{{"seconds":13}}'; api pods; api pods?limit=1
        done
        curl -s $SIM/_sim/ledger; curl -s $SIM/_sim/requests"#,
        sim.url
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]);
    String::from_utf8(output(bash).await.stdout).unwrap()
}

#[tokio::test]
async fn one_seed_and_one_epoch_give_the_same_bytes_twice() {
    let text = "time_scale = 0.0\nreal_endpoints = false\nprofile = \"observed\"\n";
    let config = file("twice.toml", text);
    let config = config.to_str().unwrap();
    let (first, again) = (session(config).await, session(config).await);
    assert_eq!(first, again);
    assert!(first.contains("date: Thu, 20 Aug 2026 06:16:19 GMT"), "{first}");
    assert!(first.contains("\"createdAt\":\"2026-08-20T06:16:19.000Z\""), "{first}");
    assert!(first.contains("203.0.113.10"), "a pod became reachable: {first}");
}

#[tokio::test]
async fn a_port_alone_is_one_of_this_machine_s_and_answers_can_be_verified() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let sim = run(&["--listen", &free.to_string(), "--verify"]).await;
    assert_eq!(sim.url, format!("http://127.0.0.1:{free}"));
    let read = async |path: &str| -> serde_json::Value {
        get(&format!("{}{path}", sim.url)).await.unwrap().json().await.unwrap()
    };
    assert_eq!(read("/_sim").await["verify"], true);
}

#[tokio::test]
async fn it_behaves_as_observed_unless_it_is_told_to_be_gentle() {
    let config = file("gentle.toml", "profile = \"gentle\"\n");
    let gentle = config.to_str().unwrap();
    for (arguments, seconds) in [
        (vec![], 15.0),
        (vec!["--profile", "observed"], 15.0),
        (vec!["--profile", "gentle"], 0.0),
        (vec!["--config", gentle], 0.0),
    ] {
        let sim = run(&[vec!["--listen", "0"], arguments.clone()].concat()).await;
        let answer = get(&format!("{}/_sim/behavior", sim.url)).await.unwrap();
        let behavior: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(behavior["stale_endpoints_seconds"], seconds, "{arguments:?}");
    }
}

#[test]
fn every_setting_and_every_fault_is_in_the_guide() {
    let guide = std::fs::read_to_string(repository("docs/simulator.md")).unwrap();
    let settings = serde_json::to_value(runpod_sim::Behavior::default()).unwrap();
    for name in settings.as_object().unwrap().keys() {
        assert!(guide.contains(&format!("| `{name}`")), "{name} is not in the guide");
    }
    let error = runpod_sim::Sim::builder().config("[[fault]]\nfault = \"?\"").unwrap_err().to_string();
    let (_, faults) = error.split_once("known are ").unwrap();
    for name in faults.split(", ") {
        assert!(guide.contains(&format!("`{name}`")), "{name} is not in the guide");
    }
}
