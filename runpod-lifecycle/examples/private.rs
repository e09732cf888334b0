//! Deploys a private image from behind a proxy that re-signs connections with a root certificate of the company's own.

use std::{env, error::Error, fs, time::Duration};

use runpod_lifecycle::{OnFailure, PodSpec, Ready, RunPod};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::var("RUNPOD_API_URL").unwrap_or_else(|_| "https://api.runpod.io".to_owned());
    let runpod = RunPod::builder(env::var("RUNPOD_API_KEY")?)
        .base_url(url)
        .proxy(env::var("COMPANY_PROXY")?)
        .add_root_certificate_pem(fs::read(env::var("COMPANY_ROOT")?)?)
        .without_probe() // SSH to pods is closed here: RunPod's word has to do.
        .build()?
        .on_event(|event| eprintln!("{event}"));

    let (user, password) = (env::var("REGISTRY_USER")?, env::var("REGISTRY_PASSWORD")?);
    let login = runpod.ensure_registry("company", &user, password).await?;
    let spec = PodSpec::any_gpu("private", "registry.example.com/team/model:7")
        .registry(&login.id)
        .port("22/tcp")
        .lifetime(Duration::from_secs(3600));
    let longest = Duration::from_secs(900);
    let pod = runpod.deploy_and_wait_until(&spec, Ready::Ssh, longest, OnFailure::Terminate).await?;
    println!("{} runs {} with the login {}", pod.id, pod.image.as_deref().unwrap_or_default(), login.id);
    pod.terminate().await?;
    Ok(())
}
