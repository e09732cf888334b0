//! Times copies to and from a pod against plain `scp` between the same two ends, in turns: `copy_speed POD_ID KEY_FILE MIB ROUNDS`.

use std::{
    error::Error,
    ffi::OsString,
    fs,
    io::Write as _,
    process::Command,
    time::{Duration, Instant},
};

use runpod_jobs::Login;
use runpod_lifecycle::RunPod;

const MIB: usize = 1 << 20;

fn scp(arguments: &[OsString], from: &str, to: &str) -> Result<Duration, Box<dyn Error>> {
    let began = Instant::now();
    let copied = Command::new("scp").arg("-q").args(arguments).args([from, to]).status()?;
    copied.success().then(|| began.elapsed()).ok_or_else(|| "scp failed".into())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [pod, key, mib, rounds] = words.as_slice() else { return Err("POD_ID KEY_FILE MIB ROUNDS".into()) };
    let (mib, rounds): (usize, u32) = (mib.parse()?, rounds.parse()?);
    let pod = RunPod::from_env()?.get(pod).await?;
    let folder = tempfile::tempdir()?;
    let login = Login::new().identity_file(key).known_hosts(folder.path().join("known_hosts"));
    let session = login.connect(&pod).await?;

    let (local, back) = (folder.path().join("local"), folder.path().join("back"));
    let mut file = fs::File::create(&local)?;
    // Nothing that a connection could compress.
    let mut word = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..mib {
        let mut next = || {
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
            word.to_le_bytes()
        };
        file.write_all(&(0..MIB / 8).flat_map(|_| next()).collect::<Vec<u8>>())?;
    }
    file.sync_all()?;

    let endpoint = pod.connection().direct_ssh().ok_or("the pod has no direct SSH endpoint")?;
    let there = format!("{}@{}:copy-speed-", endpoint.username, endpoint.host);
    let (ours, theirs, arguments) = ("copy-speed-ours", format!("{there}scp"), login.scp_arguments(&pod));
    for round in 1..=rounds {
        let began = Instant::now();
        session.upload(&local, ours).run().await?;
        let up = (began.elapsed(), scp(&arguments, &local.display().to_string(), &theirs)?);
        let began = Instant::now();
        session.download(ours, &back).run().await?;
        let down = (began.elapsed(), scp(&arguments, &theirs, &back.display().to_string())?);
        assert!(fs::read(&back)? == fs::read(&local)?, "every byte has come back");
        for (way, (ours, theirs)) in [("up", up), ("down", down)] {
            let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
            println!("{round} {way}: {ours:.2?}, scp {theirs:.2?}: {:.0} % of its speed", 100.0 * ratio);
        }
        session.exec(["rm", "-f", ours, "copy-speed-scp"]).output().await?;
        fs::remove_file(&back)?;
    }
    Ok(())
}
