//! Status of an environment.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runpod_lifecycle::{GpuLoad, Pod, PodHandle, PodState, Port, TcpEndpoint};
use serde::{Deserialize, Serialize};

use crate::{
    DeploymentState,
    client::NAME,
    environment::{connection::ways, present::Present},
};

/// Bytes of what RunPod calls a GB.
const GB: f64 = 1_073_741_824.0;

/// Status of an environment, by one poll.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeploymentStatus {
    /// The environment's name.
    pub name: String,
    /// `runpod`.
    pub provider: String,
    /// Its state.
    pub state: DeploymentState,
    /// The pod's id; `None` if there is none.
    pub instance_id: Option<String>,
    /// The container image.
    pub image: Option<String>,
    /// Its addresses.
    pub addresses: Vec<Address>,
    /// Its use; `None` unless it runs and RunPod says something of it.
    pub resources: Option<ResourceUsage>,
    /// When what happened.
    pub timestamps: DeploymentTimestamps,
    /// Facts that only RunPod knows: `gpu_type`, `gpu_count`, `cpu_flavor`, `vcpu_count`, `cost_per_hr` in the state it is in,
    /// container disk and pod volume included, `storage_cost_per_hr` of that, `runpod_status`, `data_center`, `cloud_type`,
    /// `container_disk_gb`, `volume_gb`, `network_volume_id`, and `gpu_percent` and `gpu_memory_percent` in use, a number for each GPU,
    /// each where there is one; and `doubt` where RunPod's answers do not agree, or
    /// it was started just now, so that state and addresses may be those of before. No addresses are given then.
    pub details: BTreeMap<String, String>,
}

/// An address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Its purpose.
    #[serde(rename = "type")]
    pub r#type: AddressType,
    /// Host, `user@host` or URL.
    pub value: String,
    /// The port on that host; `None` for a URL, which has its own.
    pub port: Option<u16>,
}

/// Purpose of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressType {
    /// Reached from inside only.
    Internal,
    /// Reached from anywhere, over TCP.
    External,
    /// SSH.
    Ssh,
    /// HTTP.
    Http,
    /// HTTPS.
    Https,
}

/// Resources that a pod uses, as RunPod measured them some seconds ago.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceUsage {
    /// CPU use in percent.
    pub cpu_percent: Option<f64>,
    /// Memory in use, by RunPod's percentage of `memory_limit`; `None` without one of the two.
    pub memory_bytes: Option<u64>,
    /// Memory there is, with 1024 MB to RunPod's GB.
    pub memory_limit: Option<u64>,
    /// Always `None`: RunPod does not say.
    pub disk_bytes: Option<u64>,
    /// Container disk there is, with 1024 MB to RunPod's GB.
    pub disk_limit: Option<u64>,
}

/// When what happened, RFC 3339 in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentTimestamps {
    /// Created.
    pub created_at: Option<Timestamp>,
    /// Last started.
    pub started_at: Option<Timestamp>,
    /// Always `None`: RunPod does not say when a pod was stopped.
    pub stopped_at: Option<Timestamp>,
    /// Always `None`: RunPod does not say when a pod was changed.
    pub updated_at: Option<Timestamp>,
}

impl DeploymentStatus {
    pub(crate) fn of(name: &str, present: Option<&Present>) -> Self {
        let pod = present.map(|present| &present.pod);
        let doubt = present.and_then(|present| present.doubt.clone());
        let time = |text: Option<&String>| text.and_then(|text| text.parse().ok());
        Self {
            name: name.to_owned(),
            provider: NAME.to_owned(),
            state: pod.map_or(DeploymentState::NotDeployed, |pod| DeploymentState::of(pod)),
            instance_id: pod.map(|pod| pod.id.clone()),
            image: pod.and_then(|pod| pod.image.clone()),
            addresses: pod.filter(|_| doubt.is_none()).map(addresses).unwrap_or_default(),
            resources: pod.filter(|_| doubt.is_none()).and_then(|pod| usage(pod)),
            timestamps: DeploymentTimestamps {
                created_at: time(pod.and_then(|pod| pod.created_at.as_ref())),
                started_at: time(pod.and_then(|pod| pod.started_at.as_ref())),
                ..Default::default()
            },
            details: pod.map(|pod| details(pod, doubt)).unwrap_or_default(),
        }
    }
}

fn addresses(pod: &PodHandle) -> Vec<Address> {
    let Some(connection) = ways(pod, None) else { return Vec::new() };
    let mut addresses = Vec::new();
    if let Some(ssh) = connection.direct_ssh() {
        addresses.push(Address { r#type: AddressType::Ssh, value: ssh.host, port: Some(ssh.port) });
    }
    if let Some(ssh) = connection.proxy_ssh() {
        let value = format!("{}@{}", ssh.username, ssh.host);
        addresses.push(Address { r#type: AddressType::Ssh, value, port: Some(ssh.port) });
    }
    let is_ssh = |end: &&TcpEndpoint| u32::from(end.private_port) == Port::SSH.number();
    for endpoint in connection.tcp_endpoints().iter().filter(|end| !is_ssh(end)) {
        let (value, port) = (endpoint.ip.to_string(), Some(endpoint.public_port));
        addresses.push(Address { r#type: AddressType::External, value, port });
    }
    for port in pod.ports.iter().filter_map(|port| u16::try_from(port.number()).ok()) {
        if let Some(value) = connection.http_url(port) {
            let r#type = if value.starts_with("http://") { AddressType::Http } else { AddressType::Https };
            addresses.push(Address { r#type, value, port: None });
        }
    }
    addresses
}

/// The use of a running pod; `None` if RunPod says nothing of its CPU and memory.
fn usage(pod: &Pod) -> Option<ResourceUsage> {
    let load = pod.load.as_ref().filter(|_| DeploymentState::of(pod) == DeploymentState::Running)?;
    let limit = pod.memory_gb.filter(|size| *size > 0.0).map(|size| size * GB);
    let cpu_percent = load.cpu_percent.and_then(percent);
    let used = limit.zip(load.memory_percent.and_then(percent)).map(|(limit, share)| limit * share / 100.0);
    (cpu_percent.is_some() || used.is_some()).then(|| ResourceUsage {
        cpu_percent,
        memory_bytes: used.map(bytes),
        memory_limit: limit.map(bytes),
        disk_bytes: None,
        disk_limit: pod.container_disk_gb.and_then(|size| u64::try_from(size).ok()?.checked_mul(bytes(GB))),
    })
}

/// A number of 0 to 100; `None` for any other, which is no percentage.
fn percent(number: i64) -> Option<f64> {
    u8::try_from(number).ok().filter(|percent| *percent <= 100).map(f64::from)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
fn bytes(size: f64) -> u64 {
    size as u64
}

/// The numbers of each GPU, such as `97, 95`; `None` if RunPod gives none.
fn of_gpus(pod: &Pod, number: impl Fn(&GpuLoad) -> Option<i64>) -> Option<String> {
    let gpus = &pod.load.as_ref()?.gpus;
    let numbers: Vec<String> = gpus.iter().filter_map(number).map(|number| number.to_string()).collect();
    (!numbers.is_empty()).then(|| numbers.join(", "))
}

fn details(pod: &Pod, doubt: Option<String>) -> BTreeMap<String, String> {
    let cost = pod.hourly_cost();
    let dollars = |usd: f64| format!("${usd:.3}");
    let details = [
        ("gpu_type", pod.gpu.as_ref().map(|gpu| gpu.id.clone())),
        ("gpu_count", pod.gpu.as_ref().map(|gpu| gpu.count.to_string())),
        ("cpu_flavor", pod.cpu.as_ref().map(|cpu| cpu.flavor.clone())),
        ("vcpu_count", pod.cpu.as_ref().map(|cpu| cpu.vcpus.to_string())),
        ("cost_per_hr", cost.total_usd().map(dollars)),
        ("storage_cost_per_hr", cost.storage_usd.map(dollars)),
        ("runpod_status", pod.state.as_ref().map(|state| PodState::as_str(state).to_owned())),
        ("data_center", pod.data_center.clone()),
        ("cloud_type", pod.cloud.map(|cloud| format!("{cloud:?}").to_uppercase())),
        ("container_disk_gb", pod.container_disk_gb.map(|size| size.to_string())),
        ("volume_gb", pod.volume_gb.map(|size| size.to_string())),
        ("network_volume_id", pod.network_volume.clone()),
        ("gpu_percent", of_gpus(pod, |gpu| gpu.percent)),
        ("gpu_memory_percent", of_gpus(pod, |gpu| gpu.memory_percent)),
        ("doubt", doubt),
    ];
    details.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
