use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::order::PortKind;
use crate::pod::{Phase, Pod};
use crate::rules::Compute;

/// A pod as v1 showed it: what is wanted, not what is.
pub(super) fn pod(pod: &Pod, now: Duration, clock: &Clock) -> Value {
    let desired = match &pod.phase {
        Phase::Up { .. } => "RUNNING",
        Phase::Exited { .. } => "EXITED",
        Phase::Terminated { .. } => "TERMINATED",
    };
    let mut view = json!({
        "id": pod.id,
        "name": pod.name,
        "desiredStatus": desired,
        "image": pod.image,
        "imageName": pod.image,
        "costPerHr": pod.usd_per_hour(),
        "adjustedCostPerHr": pod.usd_per_hour(),
        "containerDiskInGb": pod.disk,
        "createdAt": time(clock, pod.created),
        "env": pod.env,
        "interruptible": pod.interruptible,
        "locked": pod.locked,
        "machineId": format!("m{:08x}", pod.host.ssh_token),
        "ports": pod.ports.iter().map(|port| format!("{}/{}", port.number, port.kind.name())).collect::<Vec<_>>(),
        "portMappings": null,
        "publicIp": "",
        "volumeEncrypted": false,
        "dockerEntrypoint": pod.entrypoint.clone().unwrap_or_default(),
        "dockerStartCmd": pod.cmd.clone().unwrap_or_default(),
    });
    if let Some(mount) = &pod.mounts.persistent {
        view["volumeInGb"] = json!(mount.size);
        view["volumeMountPath"] = json!(mount.path);
    }
    if let Some((boot, _)) = pod.boots.last() {
        view["lastStartedAt"] = json!(time(clock, boot.asked));
    }
    match pod.compute() {
        Compute::Gpu { kind, count } => {
            view["gpuCount"] = json!(count);
            view["gpu"] = json!({ "id": kind.id, "count": count, "displayName": kind.name });
            view["vcpuCount"] = json!(kind.vcpus * count);
            view["memoryInGb"] = json!(kind.ram_gb * count);
        }
        Compute::Cpu { flavor, vcpus } => {
            view["cpuFlavorId"] = json!(flavor.id);
            view["vcpuCount"] = json!(vcpus);
            view["memoryInGb"] = json!(vcpus * flavor.ram_gb_per_vcpu);
        }
    }
    reachable(pod, now, &mut view);
    view
}

/// Public address and ports, once there are any.
fn reachable(pod: &Pod, now: Duration, view: &mut Value) {
    let Some((_, endpoints)) = pod.reachable(now) else { return };
    let tcp: Vec<_> = endpoints.iter().filter(|end| end.port.kind == PortKind::Tcp).collect();
    let mappings: Map<String, Value> =
        tcp.iter().map(|end| (end.port.number.to_string(), json!(end.public.port()))).collect();
    if let Some(end) = tcp.first() {
        view["publicIp"] = json!(end.public.ip());
    }
    view["portMappings"] = Value::Object(mappings);
}

/// A time as v1 wrote it, such as `2026-08-20 06:16:19.43 +0000 UTC`.
fn time(clock: &Clock, at: Duration) -> String {
    clock.wall(at).strftime("%Y-%m-%d %H:%M:%S.%2f +0000 UTC").to_string()
}
