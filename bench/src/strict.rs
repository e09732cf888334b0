//! The contract's pod as somebody would write it by hand: every field, and no leniency.

#![allow(missing_docs, reason = "the fields are the contract's")]

use std::{collections::BTreeMap, net::IpAddr};

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub struct Page {
    pub pods: Vec<Pod>,
    pub pagination: Pagination,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    pub next_cursor: Option<String>,
    pub has_next_page: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    pub id: String,
    pub name: String,
    pub status: Status,
    pub actions: Vec<Action>,
    pub image: String,
    pub args: String,
    pub entrypoint: Option<Vec<String>>,
    pub cmd: Option<Vec<String>>,
    pub disk: u64,
    pub mounts: Mounts,
    pub ports: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub registry: Option<String>,
    pub cloud: Cloud,
    pub data_center_id: Option<String>,
    pub cuda_version: Option<String>,
    pub ssh: Ssh,
    pub template: Option<String>,
    pub cost: f64,
    pub locked: bool,
    pub global_networking: Networking,
    pub runtime: Option<Runtime>,
    pub created_at: String,
    pub started_at: Option<String>,
    pub gpu: Option<Gpu>,
    pub cpu: Option<Cpu>,
    pub cluster: Option<Cluster>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    Provisioning,
    Starting,
    Running,
    Exited,
    Error,
    Terminated,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Start,
    Stop,
    Restart,
    Terminate,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Cloud {
    Secure,
    Community,
}

#[derive(Debug, Deserialize)]
pub struct Mounts {
    pub persistent: Option<Persistent>,
    pub network: Option<Vec<Network>>,
}

#[derive(Debug, Deserialize)]
pub struct Persistent {
    pub size: u64,
    pub path: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    pub volume_id: String,
    pub path: String,
}

#[derive(Debug, Deserialize)]
pub struct Ssh {
    pub proxy: Option<SshEnd>,
    pub direct: Option<SshEnd>,
}

#[derive(Debug, Deserialize)]
pub struct SshEnd {
    pub host: String,
    pub port: u16,
    pub username: String,
    pub command: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Networking {
    pub enabled: bool,
    pub ip: Option<String>,
    pub internal_dns: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Runtime {
    pub uptime: u64,
    pub gpus: Vec<GpuLoad>,
    pub cpu: Load,
    pub memory: Load,
    pub ports: Vec<RuntimePort>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GpuLoad {
    pub util: f64,
    pub memory_util: f64,
}

#[derive(Debug, Deserialize)]
pub struct Load {
    pub util: f64,
}

#[derive(Debug, Deserialize)]
pub struct RuntimePort {
    pub private: u16,
    pub public: Option<u16>,
    #[serde(rename = "type")]
    pub kind: String,
    pub ip: Option<IpAddr>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gpu {
    pub id: String,
    pub count: u32,
    pub vcpu_count: f64,
    pub memory: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cpu {
    pub id: String,
    pub vcpu_count: u32,
    pub memory: u32,
}

#[derive(Debug, Deserialize)]
pub struct Cluster {
    pub id: String,
    pub rank: u32,
}
