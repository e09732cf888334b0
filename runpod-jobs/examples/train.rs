//! Trains on a pod of its own: 24 GB below a price, data beside it, a connection that breaks twice, the result fetched, the pod ended.

use std::{error::Error, fs, process::Command};

use runpod_jobs::{Job, Login, Task, run};
use runpod_lifecycle::{Place, PodSpec, RunPod};
use runpod_sim::{Fault, FaultKind, Sim};

const SCRIPT: &str = "
for epoch in $(seq 1 2000); do echo \"epoch $epoch: loss 0.$((10000 - epoch))\"; done
sleep 1; echo trained on $(cat data.txt) > model.txt; echo done";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    // In earnest: the key of yours that RunPod's account knows.
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path("key")).status()?;
    assert!(made.success(), "ssh-keygen is part of OpenSSH's client");
    let sim = Sim::builder()
        .time_scale(50.0)
        .exec(true)
        .ssh_keys([fs::read_to_string(path("key.pub"))?])
        .start()
        .await?;
    sim.inject(Fault::new(FaultKind::SshDrop { after_bytes: 20_000 }).on("ssh:connect").times(2))?;
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?;
    fs::write(path("train.sh"), SCRIPT)?;
    fs::write(path("data.txt"), "a thousand pictures")?;

    let spec = PodSpec::any_gpu("trainer", "runpod/pytorch:latest")
        .min_vram_gb(24)
        .max_usd_per_hour(0.60)
        .port("22/tcp");
    let volume = runpod.ensure_volume("datasets", 100, Place::WhereInStock(&spec)).await?;
    let task = Task::new(Job::new(["sh", "train.sh"]))
        .login(Login::new().identity_file(path("key")).known_hosts(path("known_hosts")))
        .upload(path("train.sh"), "train.sh")
        .upload(path("data.txt"), "data.txt")
        .download("model.txt", path("model.txt"));
    let report = run(&runpod, &spec.network_volume(&volume), &task).await?;

    println!("{}", fs::read_to_string(path("model.txt"))?.trim());
    println!("{report}");
    println!("{} pods still bill", sim.ledger().iter().filter(|entry| entry.is_billing()).count());
    Ok(())
}
