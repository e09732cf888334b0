//! A pod as v1 shows it.

use std::{borrow::Cow, time::Duration};

use serde_json::{Map, Value, json};

use crate::world::{
    catalog::Cloud,
    clock::Clock,
    observation::Observation,
    order::Env,
    pod::{Pod, PodStatus},
    port::PortKind,
    rules::Compute,
};

/// A pod as v1 shows it: its desired state, not its actual one.
pub(super) fn pod(pod: &Pod, observation: &Observation<'_>, clock: &Clock) -> Value {
    let desired = match pod.status(observation.status) {
        PodStatus::Exited => "EXITED",
        PodStatus::Terminated => "TERMINATED",
        _ => "RUNNING",
    };
    let facts = pod.facts_at(observation.facts);
    let cost = pod.cost(pod.status(observation.status), observation);
    let mut view = json!({
        "id": pod.id,
        "name": facts.name,
        "desiredStatus": desired,
        "consumerUserId": "user_simulator",
        "imageName": facts.image,
        "costPerHr": cost,
        "adjustedCostPerHr": cost,
        "containerDiskInGb": facts.disk,
        "createdAt": time(clock, pod.created),
        "env": pod.environment(observation).unwrap_or(Cow::Owned(Env::default())),
        "interruptible": pod.interruptible,
        "locked": facts.locked,
        "machine": machine(pod),
        "machineId": format!("m{:08x}", pod.host.ssh_token),
        "ports": facts.ports.iter().map(|port| format!("{}/{}", port.number, port.kind.name())).collect::<Vec<_>>(),
        "portMappings": null,
        "publicIp": "",
        "templateId": pod.template.as_deref().unwrap_or_default(),
        "volumeEncrypted": false,
        "dockerEntrypoint": facts.entrypoint.clone().unwrap_or_default(),
        "dockerStartCmd": facts.cmd.clone().unwrap_or_default(),
    });
    if let Some(mount) = &facts.mounts.persistent {
        view["volumeInGb"] = json!(mount.size);
        view["volumeMountPath"] = json!(mount.path);
    }
    if let Some(index) = pod.run_at(observation.status) {
        view["lastStartedAt"] = json!(time(clock, pod.runs[index].boot.asked));
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
    reachable(pod, observation, &mut view);
    view
}

/// The machine it is on.
fn machine(pod: &Pod) -> Value {
    json!({
        "dataCenterId": pod.place.data_center,
        "gpuTypeId": pod.compute.type_id(),
        "secureCloud": pod.place.cloud == Cloud::Secure,
    })
}

/// Public address and ports, once there are any.
fn reachable(pod: &Pod, observation: &Observation<'_>, view: &mut Value) {
    let Some(run) = observation.run_with_ports(pod) else { return };
    let tcp: Vec<_> = run.endpoints.iter().filter(|end| end.port.kind == PortKind::Tcp).collect();
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
