//! An account with somebody else's pod in it, and the handle of whoever is tested.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use runpod_lifecycle::{ApiVersion, Event, PodHandle, PodSpec, RunPod, Warning};
use runpod_sim::{Behavior, BootProfile, Delay, Fault, FaultKind, Sim};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    cell::Cell,
    fault::{self, Meaning, TIMEOUT},
    operation::{Operation, Policy},
};

const GPU: &str = "NVIDIA GeForce RTX 4090";
/// Warning of every deploy whose accepted create followed an unclear one.
const UNCLEAR: &str = "an earlier create was unclear";
/// Length of each step of a boot.
pub(crate) const BOOT_STEP: Duration = Duration::from_millis(100);
/// Long enough for a get to know a new pod.
const KNOWN: Duration = Duration::from_secs(10);
/// The name of everything that is stored.
pub(crate) const STORED: &str = "stored";
/// The name of the pod that is acted upon.
pub(crate) const SUBJECT: &str = "subject";
/// The name of the second pod of a fleet.
pub(crate) const SECOND: &str = "second";
/// The label of the pod that is acted upon, where it is looked for by one.
pub(crate) const LABEL: (&str, &str) = ("job", "7");
/// When there is stock again, for a deploy that waits for some.
pub(crate) const RESTOCKED_AFTER: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) runpod: RunPod,
    pub(crate) events: Arc<Mutex<Vec<Event>>>,
    /// Pods that are nobody's business.
    pub(crate) foreign: Vec<String>,
    /// The pod that is acted upon, where there is one.
    pub(crate) subject: Option<PodHandle>,
    /// Another pod of ours, which must stay.
    pub(crate) bystander: Option<String>,
    /// True if the operation starts a pod.
    starts: bool,
    /// The id of what is stored, where something is.
    stored: Option<String>,
}

/// The event itself, also where a fleet tells of it.
pub(crate) fn plain(event: &Event) -> &Event {
    match event {
        Event::OfFleet { event, .. } => event,
        event => event,
    }
}

pub(crate) fn spec(name: &str) -> PodSpec {
    PodSpec::gpu(name, "runpod/pytorch:latest", [GPU]).port("22/tcp")
}

/// The profile `observed`, with lists as late as the fault says. A pod without an id has to be in the page that
/// the fault happens to.
fn behavior(fault: &fault::Fault) -> Behavior {
    Behavior {
        list_lag: Delay::fixed(fault.list_lag),
        short_pages: fault.meaning != Meaning::Nameless,
        ..Behavior::observed()
    }
}

fn handle(sim: &Sim, version: ApiVersion, events: &Arc<Mutex<Vec<Event>>>) -> RunPod {
    let heard = Arc::clone(events);
    RunPod::builder(sim.api_key())
        .api_version(version)
        .base_url(if version == ApiVersion::V1 { sim.v1_url() } else { sim.url() })
        .timeout(TIMEOUT)
        .build()
        .expect("the simulator's address is fine")
        .on_event(move |event| heard.lock().expect("nobody panicked with it").push(event.clone()))
}

/// Returns true for a warning of something that was left undone. That a start brings new addresses is none, where there is one.
fn is_of_undone(warning: &Warning, starts: bool) -> bool {
    let is_usual = starts && matches!(warning, Warning::AddressesChanged { .. });
    !is_usual && !warning.to_string().contains(UNCLEAR)
}

/// A request that the contract allows.
fn request<T: DeserializeOwned>(body: Value) -> T {
    serde_json::from_value(body).expect("the contract allows it")
}

impl World {
    pub(crate) async fn of(cell: &Cell) -> Self {
        let sim = Sim::builder()
            .seed(7)
            .behavior(behavior(&cell.fault))
            .boot(BootProfile::fixed(BOOT_STEP))
            .page_size(2)
            .real_endpoints(cell.row.operation == Operation::WaitSsh)
            .start()
            .await
            .expect("loopback is free");
        let events = Arc::new(Mutex::new(Vec::new()));
        let runpod = handle(&sim, cell.row.version, &events);
        let (foreign, subject, bystander, stored) = (Vec::new(), None, None, None);
        let starts = cell.row.operation == Operation::DeployAdoptAndStart;
        let mut world = Self { sim, runpod, events, foreign, subject, bystander, starts, stored };
        world.add_foreign().await;
        world.prepare(cell).await;
        if cell.row.operation == Operation::Plan {
            // A handle remembers what it has read of the catalog.
            world.runpod = handle(&world.sim, cell.row.version, &world.events);
        }
        world
    }

    /// Somebody else's pod; its owner writes the same words into its environment as we do.
    async fn add_foreign(&mut self) {
        let body = json!({
            "name": "foreign", "image": "image", "disk": 10, "gpu": {"id": GPU, "count": 1},
            "env": {"RUNPOD_LIFECYCLE_EXPIRES_AT": "2020-01-01T00:00:00Z"},
        });
        let body = request(body);
        let owner = handle(&self.sim, ApiVersion::V2, &self.events);
        let pod = owner.api().expect("v2").create_pod(&body).await.expect("no fault yet");
        self.foreign.push(pod.id.clone());
    }

    async fn deploy(&self, spec: &PodSpec) -> PodHandle {
        self.runpod.deploy(spec).await.expect("no fault yet")
    }

    /// Brings stock while a deploy waits for some.
    pub(crate) async fn restock(&self) {
        sleep(RESTOCKED_AFTER).await;
        self.sim.set_capacity(GPU, 2).expect("a type of the catalog");
    }

    /// Lets every boot end and every list catch up.
    pub(crate) fn settle(&self) {
        self.sim.advance(Duration::from_secs(30));
    }

    async fn prepare(&mut self, cell: &Cell) {
        use Operation as O;
        let subject = match cell.row.operation {
            O::DeployNew | O::DeployAll | O::Keys | O::AddKey => return self.settle(),
            O::DeployPatient => {
                // The foreign pod has the only one.
                self.sim.set_capacity(GPU, 1).expect("a type of the catalog");
                return self.settle();
            }
            O::Labelled => self.deploy(&spec(SUBJECT).label(LABEL.0, LABEL.1)).await,
            O::DeployStored => {
                self.store(O::ReplaceSecret).await;
                self.store(O::FindTemplate).await;
                return self.settle();
            }
            operation if operation.is_of_stored() => {
                self.store(operation).await;
                return self.settle();
            }
            O::WaitRunning | O::WaitSsh => {
                if cell.row.policy == Policy::Twins {
                    let twice = Fault::new(FaultKind::DuplicateCreate).times(1);
                    self.sim.inject(twice).expect("a fine fault");
                }
                self.deploy(&spec(SUBJECT)).await
            }
            O::Reap => {
                let young = spec("young").lifetime(Duration::from_secs(3600));
                self.bystander = Some(self.deploy(&young).await.id.clone());
                self.deploy(&spec(SUBJECT).lifetime(Duration::from_millis(1))).await
            }
            _ => self.deploy(&spec(SUBJECT)).await,
        };
        // A pod that was just deployed is looked for in lists, any other is asked for by its id.
        let is_asked_for = cell.row.makes("getPod") && cell.row.operation.group() == "Wait";
        match cell.row.operation {
            // All that reads a list is to be the search for a twin.
            O::WaitRunning if !is_asked_for => self.sim.advance(KNOWN),
            _ => self.settle(),
        }
        match cell.row.operation {
            O::WaitStopped | O::Start => drop(subject.stop().await.expect("no fault yet")),
            O::DeployAdoptAndStart => {
                subject.stop().await.expect("no fault yet");
                self.settle();
            }
            O::WaitGone => drop(subject.terminate().await.expect("no fault yet")),
            _ => {}
        }
        self.subject = Some(match is_asked_for {
            true => self.runpod.get(&subject.id).await.expect("no fault yet"),
            false => subject,
        });
    }

    /// Stores what an operation acts upon, by somebody else's hand.
    async fn store(&mut self, operation: Operation) {
        use Operation as O;
        let owner = handle(&self.sim, ApiVersion::V2, &self.events);
        let api = owner.api().expect("v2");
        self.stored = Some(match operation {
            O::GrowVolume | O::DeleteVolume => {
                let body = request(json!({"name": STORED, "size": 20, "dataCenter": "EU-RO-1"}));
                api.create_network_volume(&body).await.expect("no fault yet").id.clone()
            }
            O::DeleteRegistry => {
                let body = request(json!({"name": STORED, "username": "me", "password": "password"}));
                api.create_registry(&body).await.expect("no fault yet").id.clone()
            }
            O::ReplaceSecret | O::DeleteSecret => {
                let body = request(json!({"name": STORED, "value": "older"}));
                api.create_secret(&body).await.expect("no fault yet").id.clone()
            }
            O::FindTemplate => {
                let body = request(json!({"name": STORED, "image": "image"}));
                api.create_template(&body).await.expect("no fault yet").id.clone()
            }
            _ => return,
        });
    }

    /// Counts what is stored of an operation's kind.
    pub(crate) async fn count_stored(&self, operation: Operation) -> usize {
        use Operation as O;
        let owner = handle(&self.sim, ApiVersion::V2, &self.events);
        match operation {
            O::EnsureVolume | O::GrowVolume | O::DeleteVolume => {
                owner.list_volumes().await.map(|all| all.len())
            }
            O::EnsureRegistry | O::DeleteRegistry => owner.list_registries().await.map(|all| all.len()),
            _ => owner.list_account_secrets().await.map(|all| all.len()),
        }
        .expect("no fault any more")
    }

    pub(crate) fn stored(&self) -> &str {
        self.stored.as_deref().expect("this operation has something")
    }

    pub(crate) fn subject(&self) -> &PodHandle {
        self.subject.as_ref().expect("this operation has one")
    }

    /// Returns true if anything was left undone.
    pub(crate) fn warned(&self) -> bool {
        self.events
            .lock()
            .expect("nobody panicked with it")
            .iter()
            .map(plain)
            .any(|event| matches!(event, Event::Warned { warning } if is_of_undone(warning, self.starts)))
    }
}
