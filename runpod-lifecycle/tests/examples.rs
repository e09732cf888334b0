//! Every example does what it says, against its own simulator.

use std::{path::PathBuf, process::Command};

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../../tests/tests/lifecycle/network/tls.rs"]
mod tls;

/// Output of an example; it must exit with 0.
fn run(name: &str) -> String {
    // Examples are built into the folder beside the one that holds the tests.
    let test = std::env::current_exe().expect("a test has a path");
    let target: PathBuf = test.ancestors().nth(2).expect("tests are in <profile>/deps").into();
    let example = target.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    let output = Command::new(&example)
        .env_remove("RUNPOD_API_KEY")
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn deploy_ends_with_the_ready_line() {
    let text = run("deploy");
    let last = text.lines().last().expect("it prints");
    let rest = last.strip_prefix("ready pod=").expect(last);
    let (id, rest) = rest.split_once(" ssh=\"ssh ").expect(last);
    assert!(id.len() == 14 && rest.contains("root@127.0.0.1\" cost_usd_per_hour=0."), "{last}");
    assert!(text.contains("refused: "), "the first GPU is out of stock: {text}");
    assert!(text.contains("is terminated and gone"), "{text}");
}

#[test]
fn deploy_live_without_a_key_says_what_to_do() {
    let target = std::env::current_exe().expect("a test has a path");
    let example = target.ancestors().nth(2).expect("tests are in <profile>/deps").join("examples/deploy");
    let output = Command::new(example).arg("--live").env_remove("RUNPOD_API_KEY").output().expect("it runs");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("RUNPOD_API_KEY"), "{output:?}");
}

#[test]
fn progress_shows_a_wait() {
    assert!(run("progress").contains("was ready and is terminated"));
}

#[test]
fn plan_prices_candidates_in_order() {
    let text = run("plan");
    assert!(text.contains("create a pod") && text.contains("per month, storage included"), "{text}");
}

#[test]
fn logs_shows_the_image_pull_and_the_container() {
    let text = run("logs");
    assert!(text.contains(" system ") && text.contains(" container "), "{text}");
}

#[test]
fn reap_ends_only_what_is_overdue() {
    let text = run("reap");
    assert_eq!(text.matches("would terminate").count(), 1, "{text}");
    assert!(text.contains("2 pods are left"), "{text}");
}

#[test]
fn fleet_gets_every_pod_ready_and_leaves_none() {
    let text = run("fleet");
    assert!(text.contains("50 of 50 pods are ready") && text.contains("0 pods still bill"), "{text}");
    assert!(text.contains("50 pods have the label, 0 may have it"), "{text}");
}

/// A simulator that stands for the account, as a program finds it in its environment.
fn account() -> (tokio::runtime::Runtime, runpod_sim::Sim) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let sim = runpod_sim::Sim::builder().time_scale(50.0).page_size(2);
    let sim = runtime.block_on(sim.start()).expect("loopback is free");
    (runtime, sim)
}

/// An example as a command that finds the simulator.
fn with_account(name: &str, sim: &runpod_sim::Sim) -> Command {
    let test = std::env::current_exe().expect("a test has a path");
    let mut command =
        Command::new(test.ancestors().nth(2).expect("<profile>/deps").join("examples").join(name));
    command.env("RUNPOD_API_KEY", sim.api_key()).env("RUNPOD_API_URL", sim.url());
    command
}

#[test]
fn raw_makes_a_template_finds_it_and_is_told_that_it_is_gone() {
    let (_runtime, sim) = account();
    let output = with_account("raw", &sim).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let (found, gone) = text.trim().split_once('\n').expect("two lines");
    let id = found.strip_suffix(" my-template").expect("it is found");
    assert!(gone.starts_with(&format!("could not get template {id}: RunPod answered 404")), "{text}");
}

#[test]
fn ci_says_by_its_exit_code_what_came_of_the_test_and_leaves_no_pod() {
    let run = |arguments: &[&str]| {
        let test = std::env::current_exe().expect("a test has a path");
        let example = test.ancestors().nth(2).expect("tests are in <profile>/deps").join("examples/ci");
        let output = Command::new(example).args(arguments).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.starts_with("0 pods still bill\n"), "{output:?}");
        (output.status.code(), text)
    };
    let ends = |arguments: &[&str], code, words| {
        let (exit, text) = run(arguments);
        assert!(exit == Some(code) && text.contains(words), "{arguments:?}: {exit:?} {text}");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| ends(&[], 0, "passed for $0."));
        scope.spawn(|| ends(&["ADA_24", "/broken"], 1, "/broken answers 500"));
        scope.spawn(|| ends(&["NVIDIA H200"], 75, "skipped: no candidate"));
    });
}

#[cfg(feature = "blocking")]
#[test]
fn sync_deploys_waits_and_ends_without_async_code() {
    let (_runtime, sim) = account();
    let output = with_account("sync", &sim).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("ssh "), "{output:?}");
    let ledger = sim.ledger();
    assert!(ledger.len() == 1 && !ledger[0].is_billing(), "{ledger:?}");
}

#[cfg(feature = "serde")]
#[test]
fn server_deploys_shows_and_ends_pods_and_tells_its_callers_why_not() {
    use std::io::{BufRead, BufReader, Read};

    use runpod_lifecycle::api::{ClientBuilder, reqwest::Method};
    use serde_json::{Value, json};

    let (runtime, sim) = account();
    sim.set_capacity("NVIDIA H200", 0).expect("the catalog has it");
    let mut command = with_account("server", &sim);
    let command = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut server = command.spawn().expect("it runs");
    let mut url = String::new();
    let _ = BufReader::new(server.stdout.take().expect("it is piped")).read_line(&mut url).expect("a line");
    let client = ClientBuilder::new("").plain_http(std::time::Duration::from_secs(30)).expect("a client");
    let call = |method: Method, path: String, body: Option<Value>| {
        let request = client.request(method, format!("{}{path}", url.trim()));
        let request = if let Some(body) = body { request.json(&body) } else { request };
        runtime.block_on(async {
            let answer = request.send().await.expect("it answers");
            let status = answer.status().as_u16();
            let json = answer.json::<Value>().await.unwrap_or_default();
            (status, json)
        })
    };
    let spec = |gpu: &str| json!({"name": "web", "image": "runpod/pytorch:latest", "gpus": [gpu]});
    let (status, made) = call(Method::POST, "/pods".to_owned(), Some(spec("ADA_24")));
    assert_eq!(status, 201, "{made}");
    let path = format!("/pods/{}", made["id"].as_str().expect("an id"));
    let (status, shown) = call(Method::GET, path.clone(), None);
    assert_eq!((status, &shown["name"]), (200, &json!("web")), "{shown}");
    let (status, taken) = call(Method::POST, "/pods".to_owned(), Some(spec("ADA_24")));
    assert!(
        status == 409 && taken["error"].as_str().is_some_and(|text| text.contains("is taken by")),
        "{taken}"
    );
    let (status, ended) = call(Method::DELETE, path.clone(), None);
    assert_eq!((status, &ended["terminated"]), (200, &json!(true)), "{ended}");
    let (status, gone) = call(Method::GET, "/pods/k3x9q2m7v1b8z5".to_owned(), None);
    assert_eq!(status, 404, "{gone}");
    let mut other = spec("NVIDIA H200");
    other["name"] = json!("other");
    let (status, none) = call(Method::POST, "/pods".to_owned(), Some(other));
    assert_eq!(status, 503, "{none}");
    server.kill().expect("it runs");
    let mut spans = String::new();
    server.stderr.take().expect("it is piped").read_to_string(&mut spans).expect("it is text");
    server.wait().expect("it ends");
    for span in ["deploy{name=\"web\"}", "show{id=", "terminate{id="] {
        assert!(spans.contains(span), "{span}\n{spans}");
    }
    assert!(!spans.contains(sim.api_key()));
    assert!(sim.ledger().iter().all(|entry| !entry.is_billing()));
}

#[test]
fn private_goes_through_the_proxy_trusts_its_root_and_pulls_with_the_login() {
    let (runtime, sim) = account();
    let ca = tls::PrivateCa::new();
    let front = runtime.block_on(tls::TlsFront::start(&ca, "localhost", sim.address()));
    let proxy = runtime.block_on(tls::Proxy::start(None));
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("root.pem");
    std::fs::write(&root, ca.pem()).expect("it can be written");
    let mut command = with_account("private", &sim);
    command.env("RUNPOD_API_URL", front.url()).env("COMPANY_ROOT", &root);
    command.env("COMPANY_PROXY", format!("http://{}", proxy.authority()));
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    let output = command.env("REGISTRY_USER", "me").env("REGISTRY_PASSWORD", "hunter2-secret").output();
    let output = output.expect("it runs");
    let (text, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}{told}");
    assert!(text.contains(" runs registry.example.com/team/model:7 with the login "), "{text}");
    assert!(!text.contains("hunter2") && !told.contains("hunter2"), "{text}{told}");
    assert!(front.connections() > 0 && proxy.heard().iter().all(|line| !line.contains(sim.api_key())));
    assert!(proxy.heard().iter().any(|line| line.starts_with("CONNECT localhost:")), "{:?}", proxy.heard());
    let ledger = sim.ledger();
    assert!(ledger.len() == 1 && !ledger[0].is_billing(), "{ledger:?}");
}

#[test]
fn examples_are_as_short_as_they_are_said_to_be() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for (name, most) in [
        ("notebook", 50),
        ("fleet", 40),
        ("ci", 60),
        ("server", 60),
        ("sync", 12),
        ("raw", 25),
        ("private", 30),
    ] {
        let text = std::fs::read_to_string(examples.join(name).with_extension("rs")).expect("it is there");
        let code = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
        let lines = code.count();
        assert!(lines <= most, "{name} has {lines} lines of code, more than {most}");
    }
}

/// The number before some words in a text.
fn number_before(words: &str, text: &str) -> u64 {
    let (before, _) = text.split_once(words).unwrap_or_else(|| panic!("{words:?} is not in {text}"));
    let number =
        before.rsplit(' ').next().unwrap_or_default().trim_start_matches(|c: char| !c.is_ascii_digit());
    number.parse().unwrap_or_else(|_| panic!("no number before {words:?} in {text}"))
}

#[test]
fn patience_takes_stock_as_soon_as_there_is_some_for_two_requests_a_minute() {
    let text = run("patience");
    assert!(text.contains("waits for stock of 1x NVIDIA H200"), "{text}");
    assert!(number_before(" s after there was stock", &text) <= 35, "{text}");
    // The deploy's own four before the wait, and two a minute.
    assert!(number_before(" requests were sent", &text.replace('\n', " ")) <= 4 + 40, "{text}");
    assert!(text.ends_with("0 pods still bill\n"), "{text}");
}

#[test]
fn need_takes_the_cheapest_type_that_fits_beside_its_volume_and_says_why_others_do_not() {
    let text = run("need");
    assert!(text.contains("  not ") && text.contains("GB of VRAM") && text.contains("per hour"), "{text}");
    assert!(
        text.contains("where the stock is") && text.contains("the price leaves out network volume"),
        "{text}"
    );
    assert!(text.ends_with("0 volumes are left\n0 pods still bill\n"), "{text}");
}

#[test]
fn scope_ends_its_pod_on_every_way_out() {
    let text = run("scope");
    for way in [
        "a value of 14 for $",
        "failed: out of memory; it was terminated",
        "a panic goes on: true",
        "was interrupted; it was terminated",
    ] {
        assert!(text.contains(way), "{way}\n{text}");
    }
    assert!(text.ends_with("0 pods still bill\n"), "{text}");
}

#[test]
fn notebook_is_created_then_adopted_and_stopped_when_idle() {
    let text = run("notebook");
    assert!(text.contains("Monday: created, http") && text.contains("Tuesday: adopted, http"), "{text}");
    assert_eq!(text.matches(": idle, $").count(), 2, "{text}");
    assert!(text.ends_with("0 pods still bill\n"), "{text}");
}

#[test]
fn custom_condition_waits_for_what_only_it_knows() {
    assert!(run("custom_condition").contains("has been up for"));
}

/// Interrupts `deploy --live`, which runs against a simulator of this test's own, as soon as it prints
/// `moment`. Returns what it printed and how many pods were made.
#[cfg(unix)]
fn interrupt_deploy_at(moment: &str) -> (String, usize) {
    use std::{
        io::{BufRead, BufReader},
        process::Stdio,
    };

    use runpod_sim::{BootProfile, Fault, FaultKind, PodStatus, Sim};

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let lasting = std::time::Duration::from_millis(300);
    let boot = BootProfile::fixed(std::time::Duration::from_secs(60));
    let sim = Sim::builder().time_scale(20.0).boot(boot).list_lag(std::time::Duration::ZERO);
    let sim = runtime.block_on(sim.start()).expect("loopback is free");
    sim.inject(Fault::new(FaultKind::SlowBody { lasting }).on("createPod")).expect("a sound fault");
    let target = std::env::current_exe().expect("a test has a path");
    let example = target.ancestors().nth(2).expect("tests are in <profile>/deps").join("examples/deploy");
    let mut child = Command::new(example)
        .arg("--live")
        .env("RUNPOD_API_KEY", sim.api_key())
        .env("RUNPOD_API_URL", sim.url())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut text = String::new();
    let mut is_due = true;
    for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
        let line = line.expect("it is text");
        if is_due && line.contains(moment) {
            is_due = false;
            let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
            assert!(sent.expect("kill is there").success());
        }
        text += &format!("{line}\n");
    }
    assert!(!is_due, "{moment:?} never came: {text}");
    assert_eq!(child.wait().expect("it ends").code(), Some(1), "it ends by itself: {text}");
    let (ledger, pods) = (sim.ledger(), sim.pods());
    assert!(ledger.iter().all(|entry| !entry.is_billing()), "{moment:?} left a pod that bills: {text}");
    assert!(pods.iter().all(|pod| pod.status == PodStatus::Terminated), "{moment:?} left a pod: {text}");
    (text, ledger.len())
}

#[cfg(unix)]
#[test]
fn deploy_leaves_no_pod_when_it_is_interrupted() {
    let interrupt = |moment| {
        let (text, made) = interrupt_deploy_at(moment);
        assert_eq!(made, 1, "{moment:?}: {text}");
        assert!(text.contains("is terminated and gone"), "{moment:?}: {text}");
    };
    std::thread::scope(|scope| {
        for moment in ["asking for", "created pod", "PROVISIONING", "STARTING"] {
            scope.spawn(move || interrupt(moment));
        }
    });
}

/// The guide to events, spans and metrics.
#[cfg(any(feature = "metrics", feature = "tracing"))]
fn guide() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/observing.md");
    std::fs::read_to_string(path).expect("the guide is there")
}

/// The lines of a trace without what differs from run to run: ids, and the number of polls.
#[cfg(feature = "tracing")]
fn shape(trace: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in trace.lines() {
        let words = line.split(' ').map(|word| match word.split_once('=') {
            Some((field @ ("request_id" | "waited"), _)) => field,
            Some(("pod", id)) if id != "\"traced\"" => "pod",
            _ => word,
        });
        let line = words.collect::<Vec<_>>().join(" ");
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

#[cfg(feature = "tracing")]
#[test]
fn trace_has_every_request_in_its_operation_as_the_guide_shows_it() {
    let (trace, guide) = (run("trace"), guide());
    let shown = guide.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a trace");
    assert_eq!(shape(&trace), shape(shown), "{trace}");
    let is_inside = |line: &&str| line.trim_start().starts_with("request") && line.starts_with("  ");
    let requests = trace.lines().filter(|line| line.contains("request_id="));
    assert_eq!(requests.count(), trace.lines().filter(is_inside).count(), "{trace}");
}

/// The metrics in the first column of tables, without their labels.
#[cfg(feature = "metrics")]
fn metrics(text: &str) -> std::collections::BTreeSet<&str> {
    let names = text.lines().filter_map(|line| line.strip_prefix("| `runpod_"));
    names.filter_map(|rest| rest.split(['{', '`']).next()).collect()
}

#[cfg(feature = "metrics")]
#[test]
fn metrics_are_those_that_the_guide_lists_and_agree_with_what_was_done() {
    let (table, guide) = (run("metrics"), guide());
    let (_, listed) = guide.split_once("## Metrics").expect("a chapter");
    let (listed, shown) = listed.split_once("cargo run").expect("a list, then a run");
    for described in [listed, shown] {
        assert_eq!(metrics(&table), metrics(described), "{table}");
    }
    for row in [
        "| `runpod_pods_created_total` | 12 | count |",
        "| `runpod_pods_ended_total` | 11 | count |",
        "| `runpod_requests_total{operation=\"create pod\", status=\"201\"}` | 12 | count |",
        "| `runpod_requests_total{operation=\"list pods\", status=\"503\"}` | 1 | count |",
        "| `runpod_requests_total{operation=\"terminate pod\", status=\"204\"}` | 11 | count |",
        "| `runpod_running_usd_per_hour` | 0.69 |  |",
    ] {
        assert!(table.contains(row) && guide.contains(row), "{row:?} is not in {table} and in the guide");
    }
}
