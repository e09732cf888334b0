//! The key, env values, passwords and registry credentials are in requests and nowhere else.

use std::{
    fmt::{Debug, Write as _},
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use runpod_bench::clock::run_fast;
use runpod_lifecycle::{Gone, IfExists, OnFailure, Place, PodSpec, Ready, RunPod, Running, Stopped};
use runpod_sim::{BootProfile, Fault, FaultKind, Sim};
use serde_json::json;
use tracing_subscriber::{filter::LevelFilter, fmt::MakeWriter};

const KEY: &str = "rpa_SENTINELkey0000000000000000000000000";
const ENV: &str = "SENTINELenvvalue";
const JUPYTER: &str = "SENTINELjupyterpassword";
const REGISTRY: &str = "SENTINELregistrypassword";
const ACCOUNT: &str = "SENTINELaccountsecret";
/// Forms of an escaped value: a secret with quotes and line breaks.
const ODD: &str = "SENTINEL\"odd\\value\nwith ü";

/// Everything that was written, said or printed.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panicked with it")).into_owned()
    }

    fn add(&self, text: &str) {
        self.0.lock().expect("nobody panicked with it").extend_from_slice(text.as_bytes());
    }

    /// A result as people print it: with every cause below an error.
    fn outcome<T: Debug, E: std::error::Error>(&self, outcome: &Result<T, E>) {
        let mut text = format!("{outcome:?} {outcome:#?}\n");
        if let Err(error) = outcome {
            let mut cause: Option<&dyn std::error::Error> = Some(error);
            while let Some(error) = cause {
                writeln!(text, "{error} {error:?} {error:#?}").expect("a string takes it");
                cause = error.source();
            }
        }
        self.add(&text);
    }
}

impl io::Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked with it").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Heard {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The faults under which everything is done once more. A server may quote what it was sent.
fn faults() -> Vec<Fault> {
    let env = format!("{KEY} {ENV} {JUPYTER} {ODD}");
    let often = |kind| Fault::new(kind).probability(0.5);
    let mut faults = vec![
        often(FaultKind::DropAfterApply),
        often(FaultKind::DropMidAnswer),
        often(FaultKind::TruncatedJson),
        often(FaultKind::Html { status: 502, applied: true }),
        often(FaultKind::MissingField { field: "id".to_owned() }),
        often(FaultKind::Gone),
        Fault::new(FaultKind::DropMidAnswer).on("createPod"),
    ];
    for status in [400, 422, 500] {
        faults.push(Fault::new(FaultKind::refusal(status, &env)).on("createPod"));
        faults.push(Fault::new(FaultKind::refusal(status, format!("{KEY} {REGISTRY}"))).on("createRegistry"));
        for call in ["createSecret", "updateSecret"] {
            faults.push(Fault::new(FaultKind::refusal(status, format!("{KEY} {ACCOUNT}"))).on(call));
        }
        faults.push(often(FaultKind::refusal(status, KEY)));
    }
    faults
}

fn spec(name: &str) -> PodSpec {
    PodSpec::gpu(name, "runpod/pytorch:latest", ["NVIDIA GeForce RTX 4090"])
        .port("22/tcp")
        .jupyter(true)
        .env("HF_TOKEN", ENV)
        .env("JUPYTER_PASSWORD", JUPYTER)
        .env("ODD", ODD)
        .lifetime(Duration::from_millis(1))
}

/// Every operation of the facade, whatever comes of it, on a pod of this name.
async fn do_everything(runpod: &RunPod, heard: &Heard, name: &str) {
    let spec = spec(name);
    heard.add(&format!("{spec:?} {spec:#?} {runpod:?}"));
    heard.outcome(&runpod.plan(&spec).await);
    let deployed = runpod.deploy(&spec).await;
    heard.outcome(&deployed);
    let pods = runpod.list().await;
    heard.outcome(&pods);
    // A failed deploy leaves somebody else's pod to try things on.
    let pod = deployed.ok().or_else(|| pods.ok()?.into_iter().next());
    if let Some(pod) = pod {
        let longest = Duration::from_secs(20);
        heard.add(&format!("{:?} {:?}", *pod, pod.connection()));
        heard.outcome(&pod.wait_until(Running, longest).await);
        heard.outcome(&pod.wait_until(Ready::Ports, longest).await);
        heard.outcome(&runpod.logs(&pod.id).history().await);
        heard.outcome(&runpod.pod(name).await);
        heard.outcome(&pod.restart().await);
        heard.outcome(&pod.stop().await);
        heard.outcome(&pod.wait_until(Stopped, longest).await);
        heard.outcome(&pod.start().await);
        heard.outcome(&pod.billed_usd().await);
        heard.outcome(&pod.terminate().await);
        heard.outcome(&pod.wait_until(Gone, longest).await);
    }
    heard.outcome(&runpod.deploy(&spec).await);
    heard.outcome(&runpod.deploy(&spec.clone().if_exists(IfExists::Adopt)).await);
    heard.outcome(&runpod.find(name).await);
    heard.outcome(&runpod.ssh_keys().await);
    heard.outcome(&runpod.add_ssh_key("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOurs laptop").await);
    let replace = spec.if_exists(IfExists::Replace);
    heard.outcome(&runpod.deploy(&replace).await);
    let waiting =
        runpod.deploy_and_wait_until(&replace, Ready::Ssh, Duration::from_secs(5), OnFailure::Terminate);
    heard.outcome(&Box::pin(waiting).await);
    do_everything_stored(runpod, heard, name).await;
    heard.outcome(&runpod.overdue().await);
    heard.outcome(&runpod.reap().await);
    let fleet = runpod.deploy_all([replace.label("job", "7")]);
    heard.add(&format!("{fleet:?}"));
    for deployed in fleet.await.into_iter().flatten() {
        heard.outcome(&deployed);
    }
    let found = runpod.list_labelled("job", "7").await;
    heard.outcome(&found);
    for ended in runpod.terminate_all(found.map_or_else(|_| Vec::new(), |found| found.pods)).await {
        heard.outcome(&ended.outcome);
    }
    if let Some(api) = runpod.api() {
        let secret = json!({"name": "other", "value": ACCOUNT});
        let secret = serde_json::from_value(secret).expect("the contract allows it");
        heard.add(&format!("{secret:?}"));
        heard.outcome(&api.create_secret(&secret).await);
        heard.outcome(&api.list_secrets().await);
        let registry = json!({"name": "mine", "username": "me", "password": REGISTRY});
        let registry = serde_json::from_value(registry).expect("the contract allows it");
        heard.add(&format!("{registry:?}"));
        heard.outcome(&api.create_registry(&registry).await);
        heard.outcome(&api.list_registries().await);
    }
}

/// Every operation on what the account stores, whatever comes of it.
async fn do_everything_stored(runpod: &RunPod, heard: &Heard, name: &str) {
    let spec = spec("stored").account_secret("TOKEN", name).template_named(name);
    heard.add(&format!("{spec:?}"));
    heard.outcome(&runpod.set_account_secret(name, ACCOUNT).await);
    heard.outcome(&runpod.set_account_secret(name, ACCOUNT).await);
    heard.outcome(&runpod.set_account_secret("a b", ACCOUNT).await);
    heard.outcome(&runpod.list_account_secrets().await);
    heard.outcome(&runpod.ensure_registry(name, "me", REGISTRY).await);
    heard.outcome(&runpod.ensure_registry(name, "me", REGISTRY).await);
    let registries = runpod.list_registries().await;
    heard.outcome(&registries);
    heard.outcome(&runpod.ensure_volume(name, 20, Place::WhereInStock(&spec)).await);
    heard.outcome(&runpod.ensure_volume(name, 20, Place::DataCenter("EU-RO-1")).await);
    let volumes = runpod.list_volumes().await;
    heard.outcome(&volumes);
    heard.outcome(&runpod.list_templates().await);
    heard.outcome(&runpod.plan(&spec).await);
    for registry in registries.unwrap_or_default() {
        heard.outcome(&runpod.delete_registry(&registry.id).await);
    }
    for volume in volumes.unwrap_or_default() {
        heard.outcome(&runpod.grow_volume(&volume.id, 30).await);
        heard.outcome(&runpod.delete_volume(&volume.id).await);
    }
    heard.outcome(&runpod.delete_account_secret(name).await);
}

#[test]
fn secrets_are_in_requests_and_nowhere_else() {
    let heard = Heard::default();
    // Libraries that speak through `log` are heard as well.
    tracing_log::LogTracer::builder().with_max_level(tracing_log::log::LevelFilter::Trace).init().ok();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(heard.clone()).finish();
    let (events, listener) = (heard.clone(), heard.clone());
    let arrived = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
    let requests = run_fast(100, async move {
        let mut requests = 0;
        for fault in faults() {
            let sim = Sim::builder()
                .api_key(KEY)
                .boot(BootProfile::fixed(Duration::from_millis(100)))
                .list_lag(Duration::ZERO)
                .real_endpoints(false)
                .start()
                .await
                .unwrap();
            let events = events.clone();
            let runpod = RunPod::builder(KEY)
                .base_url(sim.url())
                .timeout(Duration::from_secs(5))
                .build()
                .unwrap()
                .on_any_event(move |event| events.add(&format!("{event} {event:?}\n")));
            // Once as it should be, then with the fault.
            do_everything(&runpod, &listener, "sound").await;
            sim.inject(fault).unwrap();
            do_everything(&runpod, &listener, "unsound").await;
            let ledger = sim.ledger();
            assert!(ledger[0].env_keys.iter().any(|key| key == "JUPYTER_PASSWORD"), "the values were sent");
            listener.add(&format!("{ledger:?} {:?} {:?} {sim:?}", sim.requests(), sim.pods()));
            requests += sim.requests().len();
        }
        requests
    })
    .unwrap();
    drop(arrived);
    let text = heard.text();
    assert!(requests > 300, "{requests} requests");
    for heard in ["TRACE", "PodCreated", "OutcomeUnclear", "Refused", "[redacted]"] {
        assert!(text.contains(heard), "nothing of {heard} was heard");
    }
    if let Some(position) = text.find("SENTINEL") {
        let around = position.saturating_sub(600)..(position + 100).min(text.len());
        panic!("a secret is in: {}", String::from_utf8_lossy(&text.as_bytes()[around]));
    }
}
