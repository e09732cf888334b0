use std::{os::unix::fs::MetadataExt, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use runpod_sim::{ExecLimits, Sim};
use russh::{ChannelMsg, Sig, client, keys};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::house::{House, done, fed, lives, until};

fn noise(bytes: u32) -> Vec<u8> {
    (0..bytes).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[tokio::test]
async fn a_command_has_its_streams_and_its_status() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    let told = house.run(&pod, "echo out; echo err >&2; exit 7").await;
    assert_eq!((told.status, told.stdout.as_str(), told.stderr.as_str()), (Some(7), "out\n", "err\n"));
    let mebibyte = noise(1 << 20);
    let output = fed(house.ssh(&pod).await.arg("cat"), &mebibyte).await;
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout == mebibyte, "{} of {} bytes", output.stdout.len(), mebibyte.len());
    let told = house.run(&pod, "kill -TERM $$").await;
    assert_eq!(told.status, Some(255), "OpenSSH has no other status for a signal: {told:?}");
}

#[tokio::test]
async fn a_command_that_writes_before_it_reads_does_not_stall() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    let much = noise(16 << 20);
    let output = fed(house.ssh(&pod).await.arg("head -c 16777216 /dev/zero; cat"), &much).await;
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 32 << 20));
    assert!(output.stdout[16 << 20..] == much);
    let output = fed(house.ssh(&pod).await.arg("true"), &much).await;
    assert_eq!(output.status.code(), Some(0), "it need not read");
}

#[tokio::test]
async fn a_shell_reads_its_commands_with_and_without_a_terminal() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    for (option, terminal) in [("-T", ""), ("-tt", "dumb")] {
        let mut ssh = house.ssh(&pod).await;
        let output = fed(ssh.arg(option).env("TERM", "dumb"), b"echo \"<$TERM>\"\nexit 5\n").await;
        assert_eq!(output.status.code(), Some(5), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("<{terminal}>\n"));
    }
}

#[tokio::test]
async fn the_environment_is_clean_and_the_pods_own_is_that_of_process_1() {
    let house = House::new().await;
    let env = json!({ "env": { "MODE": "sentinel-value", "TWO": "a\nb" } });
    let pod = house.pod(env).await;
    let home = house.say(&pod, "pwd; cd; pwd; cd workspace; pwd -P; echo $RUNPOD_SIM_VOLUME").await;
    let [first, second, third, fourth] = home.lines().collect::<Vec<_>>()[..] else { panic!("{home}") };
    assert_eq!((first, third), (second, fourth));
    let mut names: Vec<String> = house.say(&pod, "env").await.lines().map(str::to_owned).collect();
    names.iter_mut().for_each(|line| line.truncate(line.find('=').unwrap()));
    names.sort();
    let expected = [
        "HOME",
        "LANG",
        "LOGNAME",
        "PATH",
        "PWD",
        "RUNPOD_SIM_CONTAINER",
        "RUNPOD_SIM_VOLUME",
        "SHELL",
        "USER",
    ];
    names.retain(|name| !["OLDPWD", "SHLVL", "_"].contains(&name.as_str()));
    assert_eq!(names, expected);
    let process_1 = house.run(&pod, "cat .pod_environ").await.stdout;
    let entries: Vec<&str> = process_1.split_terminator('\0').collect();
    assert!(entries.contains(&"MODE=sentinel-value") && entries.contains(&"TWO=a\nb"), "{entries:?}");
    assert!(entries.contains(&format!("RUNPOD_POD_ID={pod}").as_str()), "{entries:?}");
    assert!(entries.iter().any(|entry| entry.starts_with("PUBLIC_KEY=ssh-ed25519 ")), "{entries:?}");
    let mut ssh = house.ssh(&pod).await;
    ssh.args(["-o", "SendEnv=LC_TESTS MINE"]).env("LC_TESTS", "yes").env("MINE", "no");
    assert_eq!(done(ssh.arg("echo $LC_TESTS$MINE")).await.stdout, "yes\n");
}

#[tokio::test]
async fn a_stop_wipes_the_container_disk_and_keeps_the_volume() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    let write = "echo kept > workspace/file; echo lost > file; pwd";
    for (action, then) in [("restart", None), ("stop", Some("start"))] {
        let home = house.say(&pod, write).await;
        house.caller.act(&pod, action).await;
        assert!(!std::path::Path::new(&home).exists(), "{action} wipes");
        if let Some(then) = then {
            house.caller.act(&pod, then).await;
        }
        assert_eq!(house.say(&pod, "cat workspace/file; ls").await, "kept\nworkspace");
    }
    let volume = house.say(&pod, "echo $RUNPOD_SIM_VOLUME").await;
    assert!(std::path::Path::new(&volume).join("file").exists());
    house.caller.delete(&format!("/v2/pods/{pod}")).await;
    assert!(!std::path::Path::new(&volume).exists(), "the volume ends with the pod");
}

#[tokio::test]
async fn a_network_volume_outlives_its_pods() {
    let house = House::of(Sim::builder().exec(true).network_volume("vol/../1", "data", 10, "EU-RO-1")).await;
    let mounts = json!({ "mounts": { "network": [{ "volumeId": "vol/../1", "path": "/workspace" }] } });
    let first = house.pod(mounts.clone()).await;
    house.say(&first, "echo kept > workspace/file").await;
    house.caller.delete(&format!("/v2/pods/{first}")).await;
    let second = house.pod(mounts).await;
    assert_eq!(house.say(&second, "cat workspace/file").await, "kept");
}

#[tokio::test]
async fn nothing_is_left_of_a_simulator() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    let home = house.say(&pod, "pwd").await;
    let pid = house.say(&pod, "setsid nohup sleep 1000 > /dev/null 2>&1 < /dev/null & echo $!").await;
    let all = std::path::Path::new(&home).ancestors().nth(3).unwrap();
    assert!(all.file_name().unwrap().to_str().unwrap().starts_with("runpod-sim-"), "{all:?}");
    assert!(all.exists() && lives(&pid));
    assert_eq!(all.metadata().unwrap().mode() & 0o777, 0o700, "nobody else reads it");
    house.caller.sim.shutdown().await;
    assert!(!all.exists() && !lives(&pid));
}

#[tokio::test]
async fn detached_processes_die_with_their_container_only() {
    let house = House::new().await;
    let (pod, other) = (house.pod(json!({})).await, house.pod(json!({})).await);
    let detach = "setsid nohup sh -c 'env -i sleep 1000 & echo $! > sleeper; wait' > /dev/null 2>&1 < /dev/null & echo $!";
    for action in ["stop", "restart", "terminate"] {
        let shell = house.say(&pod, detach).await;
        let elsewhere = house.say(&other, detach).await;
        let sleeper =
            until(async || Some(house.run(&pod, "cat sleeper").await.stdout).filter(|pid| !pid.is_empty()));
        let sleeper = sleeper.await.trim().to_owned();
        assert!(lives(&shell) && lives(&sleeper), "they run on without their client");
        house.caller.act(&pod, action).await;
        assert!(!lives(&shell) && !lives(&sleeper), "{action}");
        assert!(lives(&elsewhere), "{action} of another pod");
        if action == "stop" {
            house.caller.act(&pod, "start").await;
        }
    }
}

#[tokio::test]
async fn a_command_without_an_environment_dies_with_its_container() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    let home = PathBuf::from(house.say(&pod, "pwd").await);
    let mut ssh = house.ssh(&pod).await;
    let bare = ssh
        .arg("echo $$ > pid; exec env -i /bin/sh -c 'sleep 1000 & echo $! > child; wait'")
        .spawn()
        .unwrap();
    let read = |name| std::fs::read_to_string(home.join(name)).ok().filter(|pid| pid.ends_with('\n'));
    let (pid, child) = until(async || Some((read("pid")?, read("child")?))).await;
    assert!(lives(pid.trim()) && lives(child.trim()));
    house.caller.act(&pod, "stop").await;
    assert!(!lives(pid.trim()) && !lives(child.trim()));
    assert_eq!(bare.wait_with_output().await.unwrap().status.code(), Some(255));
}

#[tokio::test]
async fn a_reset_begins_with_empty_disks() {
    let house = House::of(Sim::builder().exec(true).network_volume("vol", "data", 10, "EU-RO-1")).await;
    let mounts = json!({ "mounts": { "network": [{ "volumeId": "vol", "path": "/workspace" }] } });
    let pod = house.pod(mounts.clone()).await;
    house.say(&pod, "echo lost > workspace/file; echo lost > file").await;
    house.caller.post("/_sim/reset", json!({})).await;
    let again = house.pod(mounts).await;
    assert_eq!(again, pod, "the seed decides");
    std::fs::remove_file(house.path("known_hosts")).unwrap();
    assert_eq!(house.say(&again, "ls . workspace/").await, ".:\nworkspace\n\nworkspace/:");
}

#[tokio::test]
async fn connections_close_with_the_container() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    for action in ["restart", "stop"] {
        let mut ssh = house.ssh(&pod).await;
        let sleeping = ssh.arg("touch begun; exec sleep 1000").spawn().unwrap();
        until(async || (house.run(&pod, "test -e begun").await.status == Some(0)).then_some(())).await;
        house.caller.act(&pod, action).await;
        let output = tokio::time::timeout(Duration::from_secs(30), sleeping.wait_with_output()).await;
        assert_eq!(output.expect("it ends").unwrap().status.code(), Some(255), "{action}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_terminals_processes_along_and_no_others() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    for (option, stays) in [("-T", true), ("-tt", false)] {
        let mut ssh = house.ssh(&pod).await;
        let mut client = ssh.args([option, "echo $$ > pid; exec sleep 1000 > /dev/null"]).spawn().unwrap();
        let pid = until(async || {
            Some(house.run(&pod, "cat pid").await.stdout.trim().to_owned()).filter(|pid| !pid.is_empty())
        });
        let pid = pid.await;
        client.kill().await.unwrap();
        if stays {
            // The next command's connection was begun later than the other's end.
            house.say(&pod, "rm pid").await;
            assert!(lives(&pid));
        } else {
            until(async || (!lives(&pid)).then_some(())).await;
        }
    }
}

/// A client that trusts every host.
struct Trusting;

impl client::Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &keys::PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

#[tokio::test]
async fn a_signal_reaches_the_whole_process_group() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    let key = keys::load_secret_key(house.path("key"), None).unwrap();
    let address = ("127.0.0.1", house.port(&pod).await);
    let mut session = client::connect(Arc::default(), address, Trusting).await.unwrap();
    let key = keys::PrivateKeyWithHashAlg::new(Arc::new(key), None);
    assert!(session.authenticate_publickey("root", key).await.unwrap().success());
    let mut channel = session.channel_open_session().await.unwrap();
    channel.exec(true, "sleep 1000 & echo $!; wait").await.unwrap();
    let (mut pid, mut end) = (String::new(), None);
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                pid += std::str::from_utf8(&data).unwrap().trim();
                assert!(lives(&pid));
                channel.signal(Sig::KILL).await.unwrap();
            }
            ChannelMsg::ExitSignal { signal_name, .. } => end = Some(signal_name),
            _ => {}
        }
    }
    assert!(matches!(end, Some(Sig::KILL)), "{end:?}");
    until(async || (!lives(&pid)).then_some(())).await;
}

#[tokio::test]
async fn commands_have_limits() {
    let limits = ExecLimits { sessions: 2, output_bytes: 1 << 20, lasting: Duration::from_secs(4) };
    let house = House::of(Sim::builder().exec(true).exec_limits(limits)).await;
    let pod = house.pod(json!({})).await;
    let told = house.run(&pod, "head -c 2097152 /dev/zero; sleep 1000").await;
    assert_eq!(told.status, Some(255));
    assert!(told.stderr.contains("it wrote more than 1048576 bytes"), "{}", told.stderr);
    let home = PathBuf::from(house.say(&pod, "pwd").await);
    let mut sleepers = Vec::new();
    for name in ["one", "two"] {
        sleepers.push(tokio::spawn(house.ssh(&pod).await.arg(format!("touch {name}; sleep 1000")).output()));
        until(async || home.join(name).exists().then_some(())).await;
    }
    let told = house.run(&pod, "true").await;
    assert!(told.stderr.contains("exec request failed"), "{told:?}");
    for sleeping in sleepers {
        let output = sleeping.await.unwrap().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.contains("it took longer than 4s"), "{stderr}");
    }
    assert_eq!(house.say(&pod, "echo on").await, "on", "there is room again");
    for bad in [ExecLimits { sessions: 0, ..limits }, ExecLimits { lasting: Duration::ZERO, ..limits }] {
        let refused = Sim::builder().exec_limits(bad).start().await.unwrap_err();
        assert!(refused.to_string().contains("exec_limits"), "{refused}");
    }
}

#[tokio::test]
async fn connections_are_forwarded_to_loopback_only() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    let mut ssh = house.ssh(&pod).await;
    let mut client = ssh.args(["-W", "localhost:8888"]).stdin(Stdio::piped()).spawn().unwrap();
    // Held until the answer is there, since an end of the request's side would be the end of the connection.
    let mut stdin = client.stdin.take().unwrap();
    stdin.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let output = client.wait_with_output().await.unwrap();
    drop(stdin);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.ends_with("simulated service on port 8888\n"), "{output:?}");
    for host in ["192.0.2.1:80", "example.invalid:80", "[::1]:80"] {
        let told = done(house.ssh(&pod).await.args(["-W", host])).await;
        assert_eq!(told.status, Some(255), "{host}");
        assert!(told.stderr.contains("stdio forwarding failed"), "{host}: {told:?}");
    }
}
