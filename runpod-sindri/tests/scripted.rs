//! The command line against a RunPod that says exactly what a test tells it to.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    io::{BufRead, BufReader, Read},
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};

use httpmock::{Method, MockServer, Then};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};

const POD: &str = "k3x9q2m7v1b8z5";
const GPU: &str = "NVIDIA GeForce RTX 4090";
const OTHER_GPU: &str = "NVIDIA A40";

/// A server, and a config for it.
struct Account {
    server: MockServer,
    folder: TempDir,
}

impl Account {
    async fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("sindri.yaml"), config).unwrap();
        Self { server: MockServer::start_async().await, folder }
    }

    /// An account that has these pods, and RunPod's catalogs.
    async fn with_pods(config: &str, pods: &[Value]) -> Self {
        let account = Self::new(config).await;
        account.answer(Method::GET, "/v2/pods", |then| then.status(200).json_body(json!({ "pods": pods })));
        for pod in pods {
            let path = format!("/v2/pods/{}", pod["id"].as_str().unwrap());
            account.answer(Method::GET, &path, |then| then.status(200).json_body(pod.clone()));
        }
        let gpu = |id: &str| {
            json!({ "id": id, "name": id, "memory": 24, "maxCount": { "secure": 8, "community": 8 }, "secure": true,
                    "community": true, "price": { "secure": 0.69, "community": 0.5 } })
        };
        account.answer(Method::GET, "/v2/catalog/gpus", |then| {
            then.status(200).json_body(json!({ "gpus": [gpu(GPU), gpu(OTHER_GPU)] }))
        });
        account
    }

    fn answer(&self, method: Method, path: &str, answer: impl FnOnce(Then) -> Then) -> httpmock::Mock<'_> {
        self.server.mock(|when, then| {
            when.method(method).path(path);
            answer(then);
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sindri-runpod"));
        command.args(arguments).args(["--api-url", &self.server.base_url()]);
        command.current_dir(self.folder.path()).env_clear().env("PATH", self.folder.path());
        command.env("RUNPOD_API_KEY", "rpa_sentinel_key").env("HOME", self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn pod(id: &str, status: &str) -> Value {
    json!({
        "id": id, "name": "my-env", "status": status, "actions": ["stop"], "image": "runpod/pytorch:latest",
        "args": "", "disk": 50, "mounts": { "persistent": { "size": 100, "path": "/workspace" } },
        "ports": ["8888/http", "22/tcp"], "env": {}, "registry": null, "gpu": { "id": GPU, "count": 8 },
        "cloud": "SECURE", "dataCenterId": "US-CA-2", "cudaVersion": "12.8",
        "ssh": { "proxy": null, "direct": { "host": "203.0.113.7", "port": 10022, "username": "root", "command": "" } },
        "template": null, "cost": 5.52, "locked": false,
        "runtime": { "uptime": 90, "gpus": [], "cpu": { "util": 1 }, "memory": { "util": 2 }, "ports": [
            { "private": 22, "public": 10022, "type": "tcp", "ip": "203.0.113.7" },
        ] },
        "createdAt": "2026-08-20T06:16:19.430Z", "startedAt": "2026-08-20T06:17:02.000Z",
        "globalNetworking": { "enabled": false }
    })
}

fn problem(then: Then, status: u16, detail: &str) -> Then {
    let body = json!({ "title": "no", "status": status, "detail": detail });
    then.status(status).header("content-type", "application/problem+json").body(body.to_string())
}

const CONFIG: &str =
    "{name: my-env, deployment: {image: a}, providers: {runpod: {gpuCount: 8, volumeSizeGb: 100}}}";

/// Clears the screen, sets the title, goes back and up, turns the direction of reading, and ends the line.
const HOSTILE: &str = "x\u{1b}[2J\u{1b}]0;t\u{7}\r\u{9b}1A\u{7f}\u{202e}\u{2066}\ny";

const EVERY: [&[&str]; 10] = [
    &["status"],
    &["plan"],
    &["deploy", "--no-wait"],
    &["deploy", "--force", "--dry-run"],
    &["connect", "--json"],
    &["start", "--timeout", "0"],
    &["stop", "--wait", "--timeout", "0"],
    &["stop"],
    &["logs"],
    &["destroy"],
];

/// Everything that a server or a container says reaches the terminal without what terminals act on.
#[tokio::test]
async fn nothing_that_a_terminal_acts_on_is_printed_by_any_command() {
    let mut running = pod(POD, "RUNNING");
    running["image"] = json!(HOSTILE);
    running["gpu"]["id"] = json!(HOSTILE);
    running["dataCenterId"] = json!(HOSTILE);
    running["mounts"] = json!({ "network": [{ "volumeId": HOSTILE, "path": "/a" }] });
    running["ssh"]["direct"]["host"] = json!(HOSTILE);
    running["createdAt"] = json!(HOSTILE);
    running["env"] = json!({ HOSTILE: HOSTILE });
    let mut odd = running.clone();
    odd["status"] = json!(HOSTILE);
    let mut stopped = running.clone();
    stopped["status"] = json!("EXITED");
    let line = |ts: &str| json!({ "source": HOSTILE, "line": HOSTILE, "ts": ts }).to_string();
    let events =
        format!("id: 1\ndata: {}\n\nid: 2\ndata: {}\n\n", line("2026-08-20T06:16:19Z"), line(HOSTILE));
    let refusal = |then: Then| {
        let body = json!({ "title": HOSTILE, "status": 400, "detail": HOSTILE, "errors": [HOSTILE] });
        then.status(400).header("x-request-id", "a\u{9b}1A").body(body.to_string())
    };
    let mut runs = JoinSet::new();
    for (state, refuses) in
        [(&running, false), (&running, true), (&odd, false), (&stopped, false), (&stopped, true)]
    {
        let account = Account::with_pods(CONFIG, std::slice::from_ref(state)).await;
        let path = format!("/v2/pods/{POD}");
        let answer =
            |then: Then| if refuses { refusal(then) } else { then.status(200).json_body(state.clone()) };
        account.answer(Method::POST, &(path.clone() + "/action"), answer);
        account.answer(Method::DELETE, &path, |then| if refuses { refusal(then) } else { then.status(204) });
        account.answer(Method::GET, &(path + "/logs"), |then| {
            then.status(200).header("content-type", "text/event-stream").body(&events)
        });
        let account = Arc::new(account);
        for (words, json) in EVERY.into_iter().flat_map(|words| [(words, false), (words, true)]) {
            let account = Arc::clone(&account);
            let words: Vec<&str> = words.iter().copied().chain(json.then_some("--json")).collect();
            runs.spawn(async move {
                let output = account.run(&words).await;
                (words, out(&output) + &err(&output))
            });
        }
    }
    let mut printed = 0;
    for (words, shown) in runs.join_all().await {
        let acts =
            |char: &char| (char.is_control() && *char != '\n') || ('\u{202a}'..='\u{2069}').contains(char);
        let found: Vec<char> = shown.chars().filter(acts).collect();
        assert!(found.is_empty(), "{words:?}: {found:?} in {shown:?}");
        assert!(!shown.lines().any(|line| line.starts_with('y')), "{words:?}: a line is forged in {shown}");
        printed += shown.matches("\\u{1b}[2J").count() + shown.matches("\\u001b[2J").count();
    }
    assert!(printed > 20, "what was said is shown as escapes: {printed}");
}

#[tokio::test]
async fn a_locked_pod_keeps_no_other_from_being_destroyed() {
    let account = Account::with_pods(CONFIG, &[pod(POD, "RUNNING"), pod("second", "RUNNING")]).await;
    let path = |id: &str| format!("/v2/pods/{id}");
    let locked = account.answer(Method::DELETE, &path(POD), |then| problem(then, 400, "Pod is locked"));
    let second = account.answer(Method::DELETE, &path("second"), |then| then.status(204));
    let output = account.run(&["destroy", "--force"]).await;
    assert_eq!((locked.calls(), second.calls()), (1, 1));
    assert_eq!(output.status.code(), Some(1));
    let said = err(&output);
    assert!(said.contains(&format!("pod {POD} may still bill: could not terminate pod {POD}")), "{said}");
    assert!(said.contains("Pod is locked") && said.contains("pod second was destroyed"), "{said}");
}

#[tokio::test]
async fn a_stop_says_what_runpod_answered() {
    for (state, says) in [("RUNNING", "says RUNNING"), ("EXITED", "says EXITED")] {
        let account = Account::with_pods(CONFIG, &[pod(POD, "RUNNING")]).await;
        account.answer(Method::POST, &format!("/v2/pods/{POD}/action"), |then| {
            then.status(200).json_body(pod(POD, state))
        });
        let output = account.run(&["stop"]).await;
        let said = out(&output);
        assert!(said.starts_with(&format!("RunPod accepted the stop of pod {POD} and {says}\n")), "{said}");
        assert!(!said.contains("is stopping"), "{said}");
    }
}

#[tokio::test]
async fn what_is_done_to_a_pod_goes_by_the_pod_and_not_by_a_list_that_may_be_behind() {
    for (command, listed, present) in [("stop", "EXITED", "RUNNING"), ("start", "RUNNING", "EXITED")] {
        let account = Account::with_pods(CONFIG, &[]).await;
        account.server.reset_async().await;
        account.answer(Method::GET, "/v2/pods", |then| {
            then.status(200).json_body(json!({ "pods": [pod(POD, listed)] }))
        });
        account.answer(Method::GET, &format!("/v2/pods/{POD}"), |then| {
            then.status(200).json_body(pod(POD, present))
        });
        let act = account.answer(Method::POST, &format!("/v2/pods/{POD}/action"), |then| {
            then.status(200).json_body(pod(POD, present))
        });
        let output = account.run(&[command, "--no-wait"]).await;
        assert_eq!(act.calls(), 1, "{command}: {}{}", out(&output), err(&output));
        assert!(out(&output).starts_with(&format!("RunPod accepted the {command}")), "{}", out(&output));
    }
}

#[tokio::test]
async fn a_pod_that_does_not_run_has_no_addresses() {
    let account = Account::with_pods(CONFIG, &[pod(POD, "EXITED")]).await;
    let shown = out(&account.run(&["status"]).await);
    assert!(shown.starts_with("my-env: stopped\n"), "{shown}");
    assert!(!shown.contains("203.0.113.7") && !shown.contains("proxy.runpod.net"), "{shown}");
    let status: Value = serde_json::from_str(&out(&account.run(&["status", "--json"]).await)).unwrap();
    assert_eq!(status["addresses"], json!([]));
}

#[tokio::test]
async fn plan_deploy_and_status_name_one_price_with_its_storage() {
    let account = Account::with_pods(CONFIG, &[]).await;
    account.answer(Method::POST, "/v2/pods", |then| then.status(201).json_body(pod(POD, "PROVISIONING")));
    let plan: Value = serde_json::from_str(&out(&account.run(&["plan", "--json"]).await)).unwrap();
    let hourly = plan["estimated_cost"]["hourly"].as_f64().unwrap();
    assert_eq!(format!("{hourly:.3}"), "5.541");
    assert!(out(&account.run(&["plan"]).await).contains("about $5.541 per hour"));
    let deployed = out(&account.run(&["deploy", "--no-wait"]).await);
    assert!(deployed.contains("\n$5.541 per hour, $0.021 of it storage, until it is stopped"), "{deployed}");

    let account = Account::with_pods(CONFIG, &[pod(POD, "RUNNING")]).await;
    let status: Value = serde_json::from_str(&out(&account.run(&["status", "--json"]).await)).unwrap();
    assert_eq!(status["details"]["cost_per_hr"], "$5.541");
    assert_eq!(status["details"]["storage_cost_per_hr"], "$0.021");
    let account = Account::with_pods(CONFIG, &[pod(POD, "EXITED")]).await;
    let shown = out(&account.run(&["status"]).await);
    assert!(shown.contains("$0.027") && !shown.contains("5.5") && !shown.contains("$0.000"), "{shown}");
}

#[tokio::test]
async fn a_refused_start_is_told_once_and_about_a_start() {
    for (status, detail) in [
        (400, "There are not enough free GPUs on the host machine to start this pod."),
        (400, "Failed to resume pod."),
        (402, "no balance"),
        (501, "not implemented"),
    ] {
        let account = Account::with_pods(CONFIG, &[pod(POD, "EXITED")]).await;
        account.answer(Method::POST, &format!("/v2/pods/{POD}/action"), |then| problem(then, status, detail));
        let said = err(&account.run(&["start"]).await);
        assert!(said.contains(detail), "{said}");
        for wrong in ["Nothing was created", "another GPU", "gpuType", "may have been done", "may have done"]
        {
            assert!(!said.contains(wrong), "{wrong}: {said}");
        }
        let advice = said.matches("hint:").count()
            + said.matches("Nothing was").count()
            + said.matches("It was not").count();
        assert_eq!(advice, 1, "{said}");
    }
}

/// Has the command line interrupted as soon as it sends a create, and gives how it ended and what it said.
async fn interrupted(mut command: Command, signal: &'static str) -> (Option<i32>, String) {
    let run = move || {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let sends = lines.by_ref().find(|line| line.starts_with("asking for"));
        assert!(sends.is_some(), "it asks for a pod");
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let said = lines.collect::<Vec<_>>().join("\n");
        (child.wait().unwrap().code(), said)
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn a_create_that_is_on_its_way_is_seen_through_to_its_id() {
    let account = Account::with_pods(CONFIG, &[]).await;
    let create = account.answer(Method::POST, "/v2/pods", |then| {
        then.status(201).delay(Duration::from_secs(2)).json_body(pod(POD, "PROVISIONING"))
    });
    // A child begins with what its parent catches, and not with what that ignores, as tests under `nohup` do.
    let _caught = signal(SignalKind::hangup()).unwrap();
    for signal in ["-INT", "-TERM", "-HUP"] {
        let (code, said) = interrupted(account.command(&["deploy"]), signal).await;
        assert_eq!(code, Some(130), "{signal}: {said}");
        assert!(said.contains("a create is on its way"), "{signal}: {said}");
        assert!(said.contains(&format!("interrupted: pod {POD} goes on and bills")), "{signal}: {said}");
    }
    assert_eq!(create.calls(), 3);
}

#[tokio::test]
async fn a_program_that_is_to_outlive_its_terminal_does() {
    let account = Account::with_pods(CONFIG, &[]).await;
    account.answer(Method::POST, "/v2/pods", |then| {
        problem(then.delay(Duration::from_secs(1)), 402, "no balance")
    });
    let direct = account.command(&["deploy"]);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(direct.get_program()).args(direct.get_args());
    command.env_clear().envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(account.folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (code, said) = interrupted(command, "-HUP").await;
    assert!(code != Some(130) && said.contains("no balance"), "{code:?}: {said}");
    assert!(!said.contains("interrupted") && !said.contains("on its way"), "{said}");
}

#[tokio::test]
async fn after_an_interrupt_no_further_candidate_is_tried() {
    let config = format!(
        "{{name: my-env, deployment: {{image: a}}, providers: {{runpod: {{gpuType: [{GPU}, {OTHER_GPU}]}}}}}}"
    );
    let account = Account::with_pods(&config, &[]).await;
    let create = account.answer(Method::POST, "/v2/pods", |then| {
        let then = then.delay(Duration::from_secs(2));
        problem(then, 400, "There are no longer any instances available with the requested specifications.")
    });
    let (code, said) = interrupted(account.command(&["deploy"]), "-INT").await;
    assert_eq!((code, create.calls()), (Some(130), 1), "{said}");
}

/// Arguments of the ssh client, with a fake one in its place.
#[tokio::test]
async fn ssh_gets_no_key_and_says_where_the_pods_variables_are() {
    let account = Account::with_pods(CONFIG, &[pod(POD, "RUNNING")]).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/tests/sindri/fake/ssh");
    symlink(script, account.folder.path().join("ssh")).unwrap();
    let mut command = account.command(&["connect"]);
    command
        .env("HF_TOKEN", "sentinel")
        .env("LC_ALL", "C")
        .env("SSH_AUTH_SOCK", "/agent")
        .env("AWS_SECRET", "sentinel");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let given = std::fs::read_to_string(account.folder.path().join("ssh.environment")).unwrap();
    assert!(!given.contains("sentinel") && !given.contains("RUNPOD"), "{given}");
    for needed in ["HOME", "PATH", "LC_ALL", "SSH_AUTH_SOCK"] {
        assert!(given.contains(needed), "{needed}: {given}");
    }
    assert!(err(&output).contains("/proc/1/environ"), "{}", err(&output));
}

/// RunPod may restart a container without another `startedAt`, and every run makes new host keys.
#[tokio::test]
async fn host_keys_of_an_earlier_run_of_the_container_are_forgotten_and_those_of_this_one_are_not() {
    let account = Account::with_pods(CONFIG, &[pod(POD, "RUNNING")]).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/tests/sindri/fake/ssh");
    symlink(script, account.folder.path().join("ssh")).unwrap();
    std::fs::create_dir(account.folder.path().join(".ssh")).unwrap();
    for (written_ago, is_kept) in [(3600, false), (10, true)] {
        account.run(&["connect"]).await;
        let arguments = std::fs::read_to_string(account.folder.path().join("ssh.arguments")).unwrap();
        let name = arguments.lines().find_map(|line| line.strip_prefix("UserKnownHostsFile=~/")).unwrap();
        let path = account.folder.path().join(name);
        let file = std::fs::File::create(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(written_ago)).unwrap();
        account.run(&["connect"]).await;
        assert_eq!(path.exists(), is_kept, "written {written_ago} s ago, up for 90 s");
        assert!(arguments.contains("StrictHostKeyChecking=accept-new"), "{arguments}");
    }
}

/// Another process has started or stopped the pod just now.
#[tokio::test]
async fn a_status_that_runpods_answers_contradict_is_told_as_doubt_and_without_addresses() {
    for (listed, by_id, says) in [("RUNNING", "EXITED", "stopped"), ("EXITED", "RUNNING", "running")] {
        let account = Account::new(CONFIG).await;
        account.answer(Method::GET, "/v2/pods", |then| {
            then.status(200).json_body(json!({ "pods": [pod(POD, listed)] }))
        });
        account.answer(Method::GET, &format!("/v2/pods/{POD}"), |then| {
            then.status(200).json_body(pod(POD, by_id))
        });
        let output = account.run(&["status"]).await;
        assert!(out(&output).starts_with(&format!("my-env: {says}\n")), "{}", out(&output));
        let doubt = format!("RunPod's list says {listed} and its answer about the pod says {by_id}");
        assert!(err(&output).contains(&doubt), "{}", err(&output));
        assert!(!out(&output).contains("203.0.113.7"), "{}", out(&output));
        let status: Value = serde_json::from_str(&out(&account.run(&["status", "--json"]).await)).unwrap();
        assert!(status["details"]["doubt"].as_str().unwrap().contains(&doubt), "{status}");
        assert_eq!(status["addresses"], json!([]));
    }
}

/// The account's rate limit is used up for an hour by the answer to the first look.
#[tokio::test]
async fn a_stop_and_a_destroy_are_sent_into_a_closed_rate_limit() {
    for command in ["stop", "destroy"] {
        let account = Account::new(CONFIG).await;
        account.answer(Method::GET, "/v2/pods", |then| {
            then.status(200)
                .header("RateLimit", r#""hour";r=0;t=3000"#)
                .header("RateLimit-Policy", r#""hour";q=100;w=3600"#)
                .json_body(json!({ "pods": [pod(POD, "RUNNING")] }))
        });
        account.answer(Method::GET, &format!("/v2/pods/{POD}"), |then| {
            then.status(200).json_body(pod(POD, "RUNNING"))
        });
        let stop = account.answer(Method::POST, &format!("/v2/pods/{POD}/action"), |then| {
            then.status(200).json_body(pod(POD, "EXITED"))
        });
        let delete = account.answer(Method::DELETE, &format!("/v2/pods/{POD}"), |then| then.status(204));
        let output = account.run(&[command]).await;
        assert_eq!(output.status.code(), Some(0), "{command}: {}", err(&output));
        assert_eq!(stop.calls() + delete.calls(), 1, "{command}");
    }
}

/// A stop that RunPod's answers about the pod make look needless.
#[tokio::test]
async fn a_stop_is_sent_whatever_runpod_says_of_the_state() {
    for (by_id, status) in [("EXITED", 200), ("STARTING", 200), ("HIBERNATING", 200), ("RUNNING", 500)] {
        let account = Account::new(CONFIG).await;
        account.answer(Method::GET, "/v2/pods", |then| {
            then.status(200).json_body(json!({ "pods": [pod(POD, "EXITED")] }))
        });
        account.answer(Method::GET, &format!("/v2/pods/{POD}"), |then| {
            if status == 200 {
                then.status(200).json_body(pod(POD, by_id))
            } else {
                problem(then, status, "no")
            }
        });
        let stop = account.answer(Method::POST, &format!("/v2/pods/{POD}/action"), |then| {
            then.status(200).json_body(pod(POD, "EXITED"))
        });
        let output = account.run(&["stop"]).await;
        assert_eq!((output.status.code(), stop.calls()), (Some(0), 1), "{by_id}: {}", err(&output));
        let says_already = out(&output).contains("is stopped already");
        assert_eq!(says_already, by_id == "EXITED", "{by_id}: {}", out(&output));
    }
}

/// The list that would show a pod which another process created just before cannot be read.
#[tokio::test]
async fn a_destroy_whose_last_list_cannot_be_read_names_the_pods_and_how_to_look() {
    for listed in [vec![], vec![pod(POD, "RUNNING")]] {
        let account = Account::new(CONFIG).await;
        let is_listed = !listed.is_empty();
        let first = account
            .answer(Method::GET, "/v2/pods", |then| then.status(200).json_body(json!({ "pods": listed })));
        account.answer(Method::DELETE, &format!("/v2/pods/{POD}"), |then| then.status(204));
        let mut child = account.command(&["destroy"]).spawn().unwrap();
        while first.calls_async().await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        first.delete_async().await;
        account.answer(Method::GET, "/v2/pods", |then| problem(then, 500, "no lists today"));
        let mut said = String::new();
        let mut stderr = child.stderr.take().unwrap();
        let (code, said) = tokio::task::spawn_blocking(move || {
            stderr.read_to_string(&mut said).unwrap();
            (child.wait().unwrap().code(), said)
        })
        .await
        .unwrap();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("another pod named \"my-env\" may be there and bill"), "{said}");
        assert!(said.contains("check with status or at https://www.runpod.io/console/pods"), "{said}");
        assert_eq!(said.contains(&format!("pod {POD} was destroyed")), is_listed, "{said}");
    }
}

/// A pod of which RunPod does not show whether its lifetime is over bills on, if it is.
#[tokio::test]
async fn a_reap_that_cannot_judge_every_pod_fails_and_names_it() {
    let mut hidden = pod(POD, "RUNNING");
    hidden["env"] = Value::Null;
    let unreadable = json!({ "id": POD, "name": 7, "status": [] });
    for (listed, arguments) in [
        (&hidden, ["reap", "--json"].as_slice()),
        (&hidden, &["reap", "--dry-run"]),
        (&unreadable, &["reap"]),
    ] {
        let account = Account::new(CONFIG).await;
        account
            .answer(Method::GET, "/v2/pods", |then| then.status(200).json_body(json!({ "pods": [listed] })));
        account.answer(Method::GET, &format!("/v2/pods/{POD}"), |then| problem(then, 403, "not this one"));
        let output = account.run(arguments).await;
        assert_eq!(output.status.code(), Some(1), "{listed}: {}{}", out(&output), err(&output));
        assert!(!out(&output).contains("no pod has outlived"), "{}", out(&output));
        let said = err(&output);
        assert!(said.contains("not every pod could be judged") && said.contains(POD), "{said}");
        if arguments.contains(&"--json") {
            let document: Value = serde_json::from_str(&out(&output)).unwrap();
            assert_eq!((&document["done"], &document["error"]["exit_code"]), (&json!([]), &json!(1)));
        }
    }
}

#[tokio::test]
async fn a_warning_that_was_shown_as_it_came_is_not_shown_again() {
    let account = Account::with_pods(CONFIG, &[]).await;
    let mut unmarked = pod(POD, "PROVISIONING");
    unmarked["env"] = json!({});
    account.answer(Method::POST, "/v2/pods", |then| then.status(201).json_body(unmarked));
    let said = err(&account.run(&["deploy", "--no-wait"]).await);
    let warnings: Vec<&str> = said.lines().filter(|line| line.starts_with("warning:")).collect();
    assert!(warnings.iter().any(|line| line.contains(POD)), "{said}");
    let mut once = warnings.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), warnings.len(), "{said}");
}

#[tokio::test]
async fn a_reap_says_why_it_leaves_a_pod() {
    let mut kept = pod(POD, "EXITED");
    kept["env"] = json!({
        "RUNPOD_LIFECYCLE_DEPLOYMENT": "0123456789abcdef0123456789abcdef",
        "RUNPOD_LIFECYCLE_EXPIRES_AT": "2026-08-20T07:16:19Z", "RUNPOD_LIFECYCLE_LIFETIME_SECONDS": "3600",
    });
    for (created_at, says) in [
        ("2026-08-20T06:16:19.430Z", "may hold data"),
        ("2026-08-20T06:46:19.430Z", "its lifetime began well before it was created"),
    ] {
        kept["createdAt"] = json!(created_at);
        let account = Account::with_pods(CONFIG, std::slice::from_ref(&kept)).await;
        let output = account.run(&["reap"]).await;
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        let said = out(&output);
        assert!(said.contains(POD) && said.contains(says) && said.contains("it bills"), "{said}");
        assert_eq!(said.contains("may hold data"), says == "may hold data", "{said}");
    }
}

/// The answer to a change is lost, or proves nothing: the pod may be up, and bill.
#[tokio::test]
async fn a_change_that_may_have_been_made_is_told_as_doubt() {
    const BROKEN: &str = "Something went wrong. Please try again later or contact support.";
    for (command, state) in [("start", "EXITED"), ("stop", "RUNNING"), ("destroy", "RUNNING")] {
        for (status, body) in [
            (524, "<html>a timeout occurred</html>".to_owned()),
            (400, json!({ "title": "no", "status": 400, "detail": BROKEN }).to_string()),
        ] {
            let account = Account::with_pods(CONFIG, &[pod(POD, state)]).await;
            let path = format!("/v2/pods/{POD}");
            for (method, path) in [(Method::POST, path.clone() + "/action"), (Method::DELETE, path)] {
                account.answer(method, &path, |then| {
                    then.status(status).header("content-type", "application/problem+json").body(&body)
                });
            }
            let output = account.run(&[command]).await;
            let said = err(&output);
            assert_eq!(output.status.code(), Some(1), "{command} {status}: {said}");
            assert!(said.contains(POD), "{command} {status}: {said}");
            assert_eq!(
                said.matches("may have done it all the same, and the pod may bill").count(),
                1,
                "{said}"
            );
        }
    }
}
