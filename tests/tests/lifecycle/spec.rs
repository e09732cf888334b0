//! Specs, read back and on the wire.

use std::time::Duration;

use runpod_lifecycle::{AtEnd, Cloud, DeployError, IfExists, Order, PodSpec};
use serde_json::json;

use crate::world::{GPU, build, settings, spec, world};

#[test]
fn a_spec_can_be_read_back() {
    let spec = PodSpec::gpu("full", "ghcr.io/org/image:1", [GPU])
        .gpu_count(2)
        .order(Order::Cheapest)
        .cloud(Cloud::Community)
        .data_center("US-CA-2")
        .container_disk_gb(70)
        .volume_gb(30)
        .mount_path("/data")
        .port("22/tcp")
        .env("A", "1")
        .ssh(true)
        .if_exists(IfExists::Adopt)
        .lifetime(Duration::from_secs(60))
        .at_end(AtEnd::Stop)
        .interruptible(true);
    assert_eq!((spec.name(), spec.get_image()), ("full", Some("ghcr.io/org/image:1")));
    assert_eq!((spec.get_gpus(), spec.get_gpu_count()), (&[GPU.to_owned()][..], 2));
    assert_eq!((spec.get_vcpus(), spec.get_cpu_flavors()), (None, &[][..]));
    assert_eq!((spec.get_order(), spec.get_cloud()), (Some(Order::Cheapest), Cloud::Community));
    assert_eq!(spec.get_data_centers(), ["US-CA-2"]);
    assert_eq!((spec.get_container_disk_gb(), spec.get_volume_gb()), (Some(70), Some(30)));
    assert_eq!((spec.get_network_volume(), spec.get_mount_path()), (None, Some("/data")));
    assert_eq!((spec.get_ports(), spec.get_ssh()), (&["22/tcp".to_owned()][..], Some(true)));
    assert_eq!(spec.get_env().map(|(name, _)| name).collect::<Vec<_>>(), ["A"]);
    assert_eq!((spec.get_if_exists(), spec.get_at_end()), (IfExists::Adopt, AtEnd::Stop));
    assert_eq!((spec.get_lifetime(), spec.get_interruptible()), (Some(Duration::from_secs(60)), true));
    let spec = PodSpec::cpu("small", "ubuntu", 4).cpu_flavor("cpu3c").network_volume("v1").template("t1");
    assert_eq!((spec.get_vcpus(), spec.get_cpu_flavors()), (Some(4), &["cpu3c".to_owned()][..]));
    assert_eq!((spec.get_gpus(), spec.get_gpu_count()), (&[][..], 0));
    assert_eq!((spec.get_image(), spec.get_template()), (None, Some("t1")));
    assert_eq!(spec.get_network_volume(), Some("v1"));
}

#[tokio::test]
async fn a_gpu_pod_is_asked_for_in_full() {
    let world = world().await;
    let spec = PodSpec::gpu("full", "ghcr.io/org/image:1", [GPU])
        .gpu_count(2)
        .cloud(Cloud::Community)
        .container_disk_gb(70)
        .volume_gb(30)
        .mount_path("/data")
        .port("22/tcp")
        .port("8888/http")
        .env("A", "1")
        .entrypoint(["bash", "-lc"])
        .cmd(["sleep infinity"]);
    let pod = world.runpod.deploy(&spec).await.expect("everything in it is allowed");
    let sent = world.sim.pod_json(&pod.id).expect("the simulator has it");
    assert_eq!(sent["image"], "ghcr.io/org/image:1");
    assert_eq!((&sent["gpu"]["id"], &sent["gpu"]["count"]), (&json!(GPU), &json!(2)));
    assert_eq!((&sent["cloud"], &sent["disk"]), (&json!("COMMUNITY"), &json!(70)));
    assert_eq!(sent["mounts"], json!({"persistent": {"size": 30, "path": "/data"}}));
    assert_eq!(sent["ports"], json!(["22/tcp", "8888/http"]));
    assert_eq!(sent["env"]["A"], "1");
    assert!(pod.is_ours() && (pod.volume_gb, pod.container_disk_gb) == (Some(30), Some(70)));
}

#[tokio::test]
async fn a_cpu_pod_takes_the_cheapest_flavor_that_fits_and_no_pod_volume() {
    let world = world().await;
    let pod =
        world.runpod.deploy(&PodSpec::cpu("builder", "ubuntu:24.04", 4)).await.expect("CPUs are in stock");
    let flavors = world.runpod.cpu_flavors().await.unwrap();
    let fitting = flavors.iter().filter(|flavor| (flavor.min_vcpus..=flavor.max_vcpus).contains(&4));
    let cheapest = fitting
        .min_by(|a, b| a.price_usd_per_vcpu_hour.unwrap().total_cmp(&b.price_usd_per_vcpu_hour.unwrap()));
    assert_eq!(pod.cpu.as_ref().unwrap().flavor, cheapest.unwrap().id);
    assert_eq!((pod.cpu.as_ref().unwrap().vcpus, &pod.gpu), (4, &None));

    let error = PodSpec::cpu("builder", "ubuntu", 4).volume_gb(20).gpu_count(1).validate().unwrap_err();
    let fields: Vec<_> = error.problems().iter().map(|problem| problem.field).collect();
    assert_eq!(fields, ["gpu_count", "volume_gb"]);
    for vcpus in [0, 1, 3, 6, u32::MAX] {
        PodSpec::cpu("builder", "ubuntu", vcpus).validate().expect_err("not a power of two of at least 2");
    }
    let error =
        world.runpod.deploy(&PodSpec::cpu("huge", "ubuntu", 1024)).await.expect_err("nothing is that large");
    assert!(error.to_string().contains("the largest has"), "{error}");
    let error = world
        .runpod
        .deploy(&PodSpec::cpu("odd", "ubuntu", 4).cpu_flavor("cpu9z"))
        .await
        .expect_err("unknown");
    assert!(error.to_string().contains("cpu9z") && error.to_string().contains("cpu3c"), "{error}");
}

#[tokio::test]
async fn a_network_volume_pins_its_data_center_and_contradictions_name_both() {
    let world = build(settings().network_volume("vol1", "data", 50, "EU-RO-1")).await;
    let pod = world
        .runpod
        .deploy(&spec("pinned").network_volume("vol1"))
        .await
        .expect("the volume's home has stock");
    assert_eq!(pod.network_volume.as_deref(), Some("vol1"));
    let pod = pod.wait_until(runpod_lifecycle::Running, crate::world::LONG).await.unwrap();
    assert_eq!(pod.data_center.as_deref(), Some("EU-RO-1"));

    let elsewhere = spec("lost").network_volume("vol1").data_center("US-CA-2");
    let error = world.runpod.deploy(&elsewhere).await.expect_err("the volume is elsewhere");
    assert!(matches!(error, DeployError::Spec(_)));
    assert!(error.to_string().contains("EU-RO-1") && error.to_string().contains("US-CA-2"), "{error}");
    assert_eq!(world.sent("createPod"), 1);

    let both = spec("both").network_volume("vol1").volume_gb(20);
    assert!(both.validate().unwrap_err().to_string().contains("not both"));
    world.runpod.deploy(&spec("missing").network_volume("vol9")).await.expect_err("there is no such volume");
}

#[tokio::test]
async fn names_arrive_as_they_are() {
    let world = world().await;
    for name in [
        "with/slash",
        "with \"quotes\" & more",
        "🦀".repeat(50).as_str(),
        "n".repeat(191).as_str(),
        "../pods?x=1#y",
    ] {
        let pod = world.runpod.deploy(&spec(name)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(pod.name.as_deref(), Some(name));
    }
}

#[tokio::test]
async fn ids_stay_one_path_segment() {
    let world = world().await;
    for id in ["../account/ssh-keys", "a?b=1", "a#b", "a/b", "a%2Fb", "né🦀"] {
        let error = world.runpod.get(id).await.expect_err("there is no such pod");
        assert_eq!(error.kind(), runpod_lifecycle::ErrorKind::NotFound, "{id}: {error}");
    }
    for id in ["", ".", ".."] {
        let error = world.runpod.terminate(id).await.expect_err("no pod has such an id");
        assert_eq!(error.kind(), runpod_lifecycle::ErrorKind::Rejected, "{id}: {error}");
    }
    assert!(world.sim.requests().iter().all(|request| request.path.starts_with("/v2/pods/")));
}

#[test]
fn cuda_versions_are_checked_and_exclude_a_floor() {
    let spec = spec("cuda").cuda_version("12").min_cuda_version("12.x");
    let fields: Vec<_> =
        spec.validate().unwrap_err().problems().iter().map(|problem| problem.field).collect();
    assert_eq!(fields, ["cuda_version", "min_cuda_version", "min_cuda_version"]);
}
