use std::fs;

use serde_json::json;

use crate::house::{House, done, fed};

const HOST: &str = "root@127.0.0.1";

#[tokio::test]
async fn files_and_folders_go_up_and_come_down() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    let bytes: Vec<u8> = (0..3 << 20).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let tree = house.path("tree");
    fs::create_dir_all(tree.join("sub")).unwrap();
    fs::write(tree.join("large"), &bytes).unwrap();
    fs::write(tree.join("sub/empty"), "").unwrap();
    let mut up = house.copier("scp", &pod).await;
    let told = done(up.args(["-r", "-p"]).arg(&tree).arg(format!("{HOST}:/workspace/up"))).await;
    assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""));
    assert_eq!(house.say(&pod, "cd workspace/up && find . -type f | sort").await, "./large\n./sub/empty");
    let mut down = house.copier("scp", &pod).await;
    let told = done(down.arg("-r").arg(format!("{HOST}:workspace/up")).arg(house.path("down"))).await;
    assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""));
    assert!(fs::read(house.path("down/large")).unwrap() == bytes);
    assert!(house.path("down/sub/empty").exists());
    let told =
        done(house.copier("scp", &pod).await.arg(format!("{HOST}:missing")).arg(house.path("x"))).await;
    assert_eq!(told.status, Some(1));
    assert!(told.stderr.contains("No such file"), "{told:?}");
}

/// Runs a batch of sftp's own commands.
async fn batch(house: &House, pod: &str, lines: &str) -> (Option<i32>, String, String) {
    let mut sftp = house.copier("sftp", pod).await;
    let output = fed(sftp.args(["-b", "-", HOST]), lines.as_bytes()).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn sftp_does_what_its_commands_say() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    let home = house.say(&pod, "echo one > a; pwd -P").await;
    let lines =
        "pwd\nmkdir d\nrename a d/b\nln -s d/b link\nchmod 600 d/b\nls -1\nls -l d\nmkdir e\nrmdir e\n";
    let (status, stdout, stderr) = batch(&house, &pod, lines).await;
    assert_eq!((status, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.contains(&format!("Remote working directory: {home}")), "{stdout}");
    assert!(stdout.contains("\nd\nlink\nworkspace\n") && stdout.contains("-rw-------"), "{stdout}");
    assert_eq!(house.say(&pod, "cat link; readlink link; ls").await, "one\nd/b\nd\nlink\nworkspace");
    let (status, _, stderr) = batch(&house, &pod, "rename d/b d/none\nrm d/none\nrm d/none\n").await;
    assert_eq!(status, Some(1));
    assert!(stderr.contains("No such file"), "{stderr}");
    let many =
        house.say(&pod, "cd d; i=0; while [ $i -lt 250 ]; do : > f$i; i=$((i+1)); done; ls | wc -l").await;
    let (_, listed, _) = batch(&house, &pod, "ls -1 d\n").await;
    assert_eq!(listed.lines().filter(|line| line.starts_with("d/f")).count().to_string(), many.trim());
}

#[tokio::test]
async fn sftp_stays_in_the_pods_folders() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    fs::write(house.path("secret"), "sentinel").unwrap();
    let secret = house.path("secret");
    let secret = secret.to_str().unwrap();
    house.say(&pod, &format!("ln -s {secret} leak; ln -s {secret}-new dangling; echo mine > mine")).await;
    let folder = house.path("got");
    fs::create_dir(&folder).unwrap();
    let mine = house.path("mine");
    fs::write(&mine, "up").unwrap();
    for line in [
        format!("get {secret} {}", folder.display()),
        format!("get leak {}", folder.display()),
        "ls /etc".to_owned(),
        "ls ../../..".to_owned(),
        format!("put {} dangling", mine.display()),
        format!("put {} /tmp/dangling", mine.display()),
        format!("rename mine {secret}-moved"),
        "mkdir /tmp/runpod-sim-outside".to_owned(),
    ] {
        let (status, _, stderr) = batch(&house, &pod, &format!("{line}\n")).await;
        assert_eq!(status, Some(1), "{line}");
        assert!(
            stderr.to_lowercase().contains("permission denied") || stderr.contains("not found"),
            "{line}: {stderr}"
        );
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    assert!(!house.path("secret-new").exists() && !house.path("secret-moved").exists());
}
