//! Lines that are no request, and requests that need no pod.

use std::{os::unix::fs::PermissionsExt, process::Command};

use serde_json::json;

use crate::host::{Host, PLUGIN, SENTINEL, failed};

#[test]
fn what_is_no_request_is_answered_all_the_same() {
    let host = Host::new();
    let wrong = [
        (&b""[..], "invalid-request", "holds none"),
        (b"\n", "invalid-request", "holds none"),
        (b"{", "invalid-request", "no JSON"),
        (b"profile\n", "invalid-request", "no JSON"),
        (b"\xff\xfe{}\n", "invalid-request", "no JSON"),
        (b"[]\n", "invalid-request", "names no method"),
        (b"{\"method\": 7}\n", "invalid-request", "names no method"),
        (b"{\"params\": {}}\n", "invalid-request", "names no method"),
        (b"{\"method\": \"start\"}\n", "method-not-supported", "\"start\" is no method of this plugin"),
        (b"{\"method\": \"stop\"}\n", "method-not-supported", "\"stop\""),
        (b"{\"method\": \"plan\", \"params\": {}}\n", "method-not-supported", "\"plan\""),
        (b"{\"method\": \"auth_capabilities\"}\n", "method-not-supported", "auth_capabilities"),
        (b"{\"method\": \"prompt_for_credential\"}\n", "method-not-supported", "prompt_for_credential"),
        (b"{\"method\": \"exec\"}\n", "invalid-request", "missing field `cmd`"),
        (b"{\"method\": \"upload\", \"local\": \"a\"}\n", "invalid-request", "missing field `remote`"),
        (b"{\"method\": \"download\", \"local\": \"a\"}\n", "invalid-request", "missing field `remote`"),
        (b"{\"method\": \"exec\", \"cmd\": []}\n", "invalid-request", "a field is of the wrong type"),
    ];
    for (line, kind, says) in wrong {
        let answer = host.send(line);
        let (of_kind, said) = failed(&answer);
        assert!(of_kind == kind && said.contains(says), "{:?}: {answer}", String::from_utf8_lossy(line));
    }
    // An excerpt would show what is wrong, and the secret in it.
    let env = json!({"method": "exec", "cmd": "true", "env": {"TOKEN": SENTINEL}});
    assert_eq!(failed(&host.ask(&env)).0, "invalid-request");
    let endless = vec![b'x'; 17 << 20];
    assert_eq!(failed(&host.send(&endless)).0, "invalid-request");
}

#[test]
fn nothing_of_this_machine_is_offered_to_a_pod() {
    let mut host = Host::new();
    host.set("SINDRI_TARGET_CONFIG", "{").variables.remove("RUNPOD_API_KEY");
    let answer = host.method("auth-capabilities");
    assert_eq!(answer, json!({"result": "auth-capabilities", "capabilities": []}));
}

#[test]
fn what_a_create_lacks_is_told_one_by_one() {
    let mut host = Host::new();
    let checks = |host: &Host| {
        let answer = host.method("check-prerequisites");
        assert_eq!(answer["result"], "prereq-list", "{answer}");
        let checks = answer["checks"].as_array().expect("a list").clone();
        let told = |check: &serde_json::Value| {
            let fix = check["fix"].as_str().map(str::to_owned);
            assert_eq!(check["passed"].as_bool().expect("a bool"), fix.is_none(), "{check}");
            (check["name"].as_str().expect("a name").to_owned(), fix.unwrap_or_default())
        };
        checks.iter().map(told).collect::<Vec<_>>()
    };
    // Nothing listens at that port.
    let unreached = checks(&host);
    let names: Vec<&str> = unreached.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["OpenSSH client", "target in the manifest", "RunPod API key"]);
    assert!(unreached[2].1.contains("could not read the account's SSH keys"), "{unreached:?}");
    host.variables.remove("RUNPOD_API_KEY");
    assert!(checks(&host)[2].1.contains("auth: {token: env:NAME}"), "{:?}", checks(&host));
    host.config(&json!({"infra": {"gpuCount": 17, "identityFile": "nowhere"}}));
    let told = checks(&host);
    assert!(told[1].1.contains("infra.gpuCount \"17\": a pod has 1 to 16 GPUs"), "{told:?}");
    assert!(told[2].0 == "identity file" && told[2].1.contains("nowhere"), "{told:?}");
    host.config(&json!({"auth": {"token": "env:NOT_SET"}}));
    assert!(checks(&host)[1].1.contains("NOT_SET is not set"), "{:?}", checks(&host));
    host.config(&json!({"infra": {"gpu": 1}})).set("PATH", "/nowhere");
    let told = checks(&host);
    assert!(told[0].1.contains("install OpenSSH's client"), "{told:?}");
    assert!(told[1].1.contains("there is no key \"gpu\""), "{told:?}");
}

#[test]
fn it_installs_itself_where_sindri_looks_for_it() {
    let host = Host::new();
    let place = host.path(".sindri/plugins/runpod-pod/sindri-target-runpod-pod");
    for program in [PLUGIN.into(), place.clone(), PLUGIN.into()] {
        let output = Command::new(&program).arg("--install").env("HOME", host.folder.path()).output();
        let output = output.expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.trim_end().ends_with(place.to_str().unwrap()), "{said}");
        assert_eq!(place.metadata().unwrap().permissions().mode() & 0o111, 0o111);
    }
    let folder: Vec<_> = place.parent().unwrap().read_dir().unwrap().collect();
    assert_eq!(folder.len(), 1, "nothing is left beside it");
    let taken = host.path("taken");
    std::fs::write(&taken, "").unwrap();
    for (home, words, code) in [
        (&taken, &["--install"][..], 1),
        (&taken, &["--help"], 2),
        (&taken, &["--install", "x"], 2),
        (&taken, &["profile"], 2),
    ] {
        let output = Command::new(PLUGIN).args(words).env("HOME", home).output().expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{words:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{words:?}");
    }
}
