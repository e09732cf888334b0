//! Status of an environment.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runpod_lifecycle::{Pod, PodHandle, PodState, Port, TcpEndpoint};
use serde::{Deserialize, Serialize};

use crate::{
    DeploymentState,
    client::NAME,
    environment::{connection::ways, present::Present},
};

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
    /// Always `None`: what RunPod says of use is no more than percentages without what they are of.
    pub resources: Option<ResourceUsage>,
    /// When what happened.
    pub timestamps: DeploymentTimestamps,
    /// Facts that only RunPod knows: `gpu_type`, `gpu_count`, `cpu_flavor`, `vcpu_count`, `cost_per_hr` in the state it is in,
    /// container disk and pod volume included, `storage_cost_per_hr` of that, `runpod_status`, `data_center`, `cloud_type`,
    /// `container_disk_gb`, `volume_gb` and `network_volume_id`, each where there is one; and `doubt` where RunPod's answers do not agree, or
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

/// Resources that a pod uses. RunPod's lists say nothing about use, only about limits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceUsage {
    /// CPU use in percent.
    pub cpu_percent: Option<f64>,
    /// Memory in use.
    pub memory_bytes: Option<u64>,
    /// Memory there is.
    pub memory_limit: Option<u64>,
    /// Disk in use.
    pub disk_bytes: Option<u64>,
    /// Container disk there is.
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
            resources: None,
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
        ("doubt", doubt),
    ];
    details.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
