//! Deploys a pod, waits until SSH answers and terminates it, without async code.

use std::{error::Error, time::Duration};

use runpod_lifecycle::{OnFailure, PodSpec, Ready, blocking::RunPod};

fn main() -> Result<(), Box<dyn Error>> {
    let runpod = RunPod::from_env()?.on_event(|event| eprintln!("{event}"));
    let longest = Duration::from_secs(900);
    let spec = PodSpec::any_gpu("sync", "runpod/pytorch:latest").port("22/tcp").lifetime(4 * longest);
    let pod = runpod.deploy_and_wait_until(&spec, Ready::Ssh, longest, OnFailure::Terminate)?;
    println!("{}", pod.connection().ssh_command().ok_or("no address")?);
    pod.terminate()?;
    Ok(())
}
