//! A pod that has the name already: taken as it is, said to differ, and started if it is stopped.

use std::time::Duration;

use runpod_bench::clock::run_fast;
use runpod_lifecycle::{
    DeployError, IfExists, Origin, PlannedAction, PodHandle, PodSpec, Ready, Running, Stopped,
};
use runpod_sim::{Fault, FaultKind, SimBuilder};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    account::{Account, accept, pod_with},
    mock::{GPU, spec},
    world::{World, build, settings},
};

const OLD: &str = "aaaaaaaaaaaaaa";
const SPEED: u32 = 50;
/// Long enough for any boot.
const LONG: Duration = Duration::from_secs(900);

/// A change to a spec, members of the pod that has its name, and the differences between them.
type Row = (fn(PodSpec) -> PodSpec, Value, &'static str);

#[test]
fn a_pod_is_said_to_differ_where_it_does_and_nowhere_else() {
    let rows: [Row; 34] = [
        (|spec| spec, json!({}), ""),
        (|spec| spec, json!({"image": "runpod/pytorch"}), ""),
        (
            |spec| spec,
            json!({"image": "runpod/pytorch:2"}),
            "image is \"runpod/pytorch:2\", not \"runpod/pytorch:latest\"",
        ),
        (|spec| spec.gpu_count(2), json!({}), "gpu_count is 1, not 2"),
        (|_| PodSpec::gpu("trainer", "runpod/pytorch", ["ADA_24"]), json!({}), ""),
        (
            |_| PodSpec::gpu("trainer", "runpod/pytorch", ["AMPERE_80", "NVIDIA L4"]),
            json!({}),
            "gpus is NVIDIA GeForce RTX 4090, not AMPERE_80 or NVIDIA L4",
        ),
        (|_| PodSpec::any_gpu("trainer", "runpod/pytorch").min_vram_gb(80), json!({}), ""),
        (
            |_| PodSpec::cpu("trainer", "runpod/pytorch", 4),
            json!({}),
            "cpu is 1x NVIDIA GeForce RTX 4090, not a CPU pod",
        ),
        (
            |_| PodSpec::cpu("trainer", "runpod/pytorch", 4).cpu_flavor("cpu5c"),
            json!({"gpu": null, "cpu": {"id": "cpu3c", "vcpuCount": 8}}),
            "cpu_flavor is cpu3c, not cpu5c; vcpus is 8, not 4",
        ),
        (
            |_| PodSpec::any_cpu("trainer", "runpod/pytorch").min_vcpus(4),
            json!({"gpu": null, "cpu": {"id": "cpu3c", "vcpuCount": 8}}),
            "",
        ),
        (|spec| spec, json!({"cloud": "COMMUNITY"}), "cloud is Community, not Secure"),
        (|spec| spec.data_center("us-ca-2"), json!({"dataCenterId": "US-CA-2"}), ""),
        (|spec| spec.data_center("US-CA-2"), json!({"dataCenterId": null}), ""),
        (
            |spec| spec.data_center("US-CA-2"),
            json!({"dataCenterId": "EU-RO-1"}),
            "data_center is EU-RO-1, not US-CA-2",
        ),
        (|spec| spec.container_disk_gb(80), json!({}), "container_disk_gb is 50 GB, not 80 GB"),
        (|spec| spec.volume_gb(20), json!({}), "volume_gb is none, not 20 GB"),
        (
            |spec| spec,
            json!({"mounts": {"persistent": {"size": 30, "path": "/workspace"}}}),
            "volume_gb is 30 GB, not none",
        ),
        // A template brings what it has, named or not.
        (
            |spec| spec.template_named("base"),
            json!({"mounts": {"persistent": {"size": 30, "path": "/workspace"}}}),
            "",
        ),
        (
            |spec| spec.network_volume("vol1"),
            json!({"mounts": {"network": [{"volumeId": "vol2", "path": "/workspace"}]}}),
            "network_volume is vol2, not vol1",
        ),
        (
            |spec| spec.network_volume("vol1"),
            json!({"mounts": {"network": [{"volumeId": "vol1", "path": "/workspace"}]}}),
            "",
        ),
        (|spec| spec.network_volume("vol1"), json!({"mounts": {"network": [{"path": "/workspace"}]}}), ""),
        (|spec| spec.registry("reg1"), json!({"registry": "reg2"}), "registry is reg2, not reg1"),
        (|spec| spec.registry("reg1"), json!({"registry": null}), ""),
        (|spec| spec.port("8888/http"), json!({}), "port is closed, not 8888/http"),
        (|spec| spec.port("8888/http"), json!({"ports": null}), ""),
        (
            |spec| spec.env("HF_TOKEN", "hf_secret").env("DEBUG", "1").env("SAME", "x"),
            json!({"env": {"HF_TOKEN": "hf_other", "SAME": "x"}}),
            "env is missing, not the value of DEBUG; env is another value, not the value of HF_TOKEN",
        ),
        (|spec| spec.env("HF_TOKEN", "hf_secret"), json!({"env": {"HF_TOKEN": "********"}}), ""),
        // Ours, and masked but for one value.
        (
            |spec| spec.env("HF_TOKEN", "hf_secret"),
            json!({"env": {"HF_TOKEN": "********", "RUNPOD_LIFECYCLE_DEPLOYMENT": "********", "DEBUG": "1"}}),
            "",
        ),
        (
            |spec| spec.label("job", "8").label("team", "vision"),
            json!({"env": {"RUNPOD_LIFECYCLE_LABELS": "{\"job\":\"7\"}"}}),
            "label is job=7, not job=8; label is missing, not team=vision",
        ),
        (
            |spec| spec.lifetime(Duration::from_secs(60)),
            json!({"env": {
                "RUNPOD_LIFECYCLE_EXPIRES_AT": "2026-09-20T00:00:00Z", "RUNPOD_LIFECYCLE_LIFETIME_SECONDS": "2678400",
            }}),
            "lifetime is another, not as long, with that end",
        ),
        (
            |spec| spec.max_total_usd(5.0),
            json!({"env": {"A": "b"}}),
            "max_total_usd is none, not a limited lifetime",
        ),
        (|_| PodSpec::gpu("trainer", "runpod/pytorch", ["BLACKWELL_96"]), json!({}), ""),
        // A deploy takes as much for within it.
        (|spec| spec.max_usd_per_hour(0.6966), json!({}), ""),
        (
            |spec| spec.max_usd_per_hour(0.6).lifetime(Duration::from_secs(60)),
            json!({"env": {"A": "b"}}),
            "lifetime is for ever, not limited; max_usd_per_hour is $0.697, not at most $0.600",
        ),
    ];
    run_fast(SPEED, async {
        let account = Account::new(|state, sent| accept(state, sent, "mmmmmmmmmmmmmm")).await;
        for (change, members, differences) in rows {
            account.state().pods = vec![old(members.clone())];
            let pod = account.runpod().pod(OLD).await.unwrap();
            let found: Vec<String> =
                change(spec()).differences(&pod).iter().map(ToString::to_string).collect();
            assert_eq!(found.join("; "), differences, "{members}");
        }
    })
    .expect("a runtime");
}

fn old(members: Value) -> Value {
    let mut pod = pod_with(members);
    pod["id"] = json!(OLD);
    pod
}

#[test]
fn an_adoption_is_told_with_the_differences() {
    run_fast(SPEED, async {
        let account = Account::new(|state, sent| accept(state, sent, "mmmmmmmmmmmmmm")).await;
        account.state().pods.push(old(json!({"env": {"HF_TOKEN": "hf_other"}})));
        let spec = spec().env("HF_TOKEN", "hf_secret").volume_gb(20).if_exists(IfExists::Adopt);
        let adopted = account.runpod().deploy(&spec).await.unwrap();
        assert_eq!((adopted.id.as_str(), adopted.origin()), (OLD, Origin::Adopted));
        let told = format!(
            "adopted pod {OLD}, which differs from the spec: volume_gb is none, not 20 GB; env is another value, not the value of HF_TOKEN\n"
        );
        assert_eq!(account.heard(), told);
    })
    .expect("a runtime");
}

#[test]
fn gpus_of_a_stopped_pod_are_no_difference() {
    run_fast(SPEED, async {
        let account = Account::new(|state, sent| accept(state, sent, "mmmmmmmmmmmmmm")).await;
        let stopped = json!({"id": OLD, "status": "EXITED", "gpu": {"id": GPU, "count": 0}});
        account.state().pods.push(pod_with(stopped));
        account.runpod().deploy(&spec().if_exists(IfExists::Adopt)).await.unwrap();
        assert!(account.heard().ends_with(&format!("adopted pod {OLD}\n")), "{}", account.heard());
    })
    .expect("a runtime");
}

/// The usual world on the test's own clock.
fn unscaled() -> SimBuilder {
    settings().time_scale(1.0)
}

async fn world() -> World {
    build(unscaled()).await
}

fn starting(name: &str) -> PodSpec {
    PodSpec::gpu(name, "runpod/pytorch:latest", [GPU])
        .port("22/tcp")
        .volume_gb(20)
        .if_exists(IfExists::AdoptAndStart)
}

/// The pod of that spec, stopped.
async fn stopped_notebook(world: &World) -> PodHandle {
    let pod = world.runpod.deploy(&starting("notebook")).await.expect("it is deployed");
    pod.wait_until(Running, LONG).await.expect("it runs");
    pod.stop().await.expect("it may be stopped");
    pod.wait_until(Stopped, LONG).await.expect("it stops");
    pod
}

#[test]
fn a_stopped_pod_is_started_and_a_running_one_is_left_alone() {
    run_fast(SPEED, async {
        let world = build(unscaled().list_lag(Duration::from_secs(12))).await;
        let made = world.runpod.deploy(&starting("notebook")).await.unwrap();
        assert_eq!(made.origin(), Origin::Created);
        made.wait_until(Ready::Ssh, LONG).await.unwrap();

        let running = world.runpod.deploy(&starting("notebook")).await.unwrap();
        assert_eq!((&running.id, running.origin(), world.sent("podAction")), (&made.id, Origin::Adopted, 0));

        // The list shows it running for 12 s more.
        running.stop().await.unwrap();
        let started = world.runpod.deploy(&starting("notebook")).await.unwrap();
        assert_eq!((&started.id, world.sent("podAction")), (&made.id, 2));
        started.wait_until(Ready::Ssh, LONG).await.unwrap();
        assert_eq!(world.sim.ledger().len(), 1);
    })
    .expect("a runtime");
}

#[test]
fn a_plan_says_that_a_stopped_pod_would_be_started_and_how_it_differs() {
    run_fast(SPEED, async {
    let world = world().await;
    let pod = world.runpod.deploy(&starting("notebook")).await.unwrap();
    pod.wait_until(Running, LONG).await.unwrap();
    let larger = starting("notebook").container_disk_gb(80);
    let plan = world.runpod.plan(&larger).await.unwrap();
    assert_eq!((plan.action, plan.differences.len()), (PlannedAction::Adopt, 1));
    pod.stop().await.unwrap();
    pod.wait_until(Stopped, LONG).await.unwrap();
    sleep(Duration::from_secs(3)).await; // as late as lists are
    let plan = world.runpod.plan(&larger).await.unwrap();
    assert_eq!(plan.action, PlannedAction::AdoptAndStart);
    let words = "adopt the pod that has the name, and start it: it is stopped\n  container_disk_gb is 50 GB, not 80 GB\n";
    assert!(plan.to_string().starts_with(words), "{plan}");
    })
    .expect("a runtime");
}

#[test]
fn a_start_that_fails_ends_the_deploy_and_names_the_pod() {
    run_fast(SPEED, async {
        let world = world().await;
        let pod = stopped_notebook(&world).await;
        world.sim.set_capacity(GPU, 0).unwrap();
        let error = world.runpod.deploy(&starting("notebook")).await.expect_err("its host has no GPU free");
        assert!(matches!(&error, DeployError::NotStarted { pod_id, .. } if *pod_id == pod.id), "{error:?}");
        assert_eq!((error.pod_id(), error.may_bill()), (Some(pod.id.as_str()), false));
        assert!(
            error.to_string().contains(&pod.id) && error.to_string().contains("was not started"),
            "{error}"
        );
        assert_eq!(world.sim.ledger().len(), 1, "none was created");
    })
    .expect("a runtime");
}

#[test]
fn a_start_whose_answer_is_lost_is_made_once_more_and_not_believed_failed() {
    run_fast(SPEED, async {
        let world = world().await;
        let pod = stopped_notebook(&world).await;
        world.sim.inject(Fault::new(FaultKind::DropAfterApply).on("podAction").times(1)).unwrap();
        let started = world.runpod.deploy(&starting("notebook")).await.unwrap();
        assert_eq!((&started.id, started.origin()), (&pod.id, Origin::Adopted));
        started.wait_until(Running, LONG).await.unwrap();
    })
    .expect("a runtime");
}

#[test]
fn a_pod_that_its_id_proves_gone_is_not_adopted_although_lists_show_it() {
    run_fast(SPEED, async {
        let account = Account::new(|state, sent| accept(state, sent, "mmmmmmmmmmmmmm")).await;
        account.state().pods.push(old(json!({"status": "RUNNING"})));
        account.state().unknown_by_id.insert(OLD.to_owned());
        let spec = spec().if_exists(IfExists::AdoptAndStart);
        let made = account.runpod().deploy(&spec).await.unwrap();
        assert_eq!((made.id.as_str(), made.origin()), ("mmmmmmmmmmmmmm", Origin::Created));
        assert!(!account.heard().contains("adopted"), "{}", account.heard());
        assert!(account.state().deleted.is_empty());
    })
    .expect("a runtime");
}
