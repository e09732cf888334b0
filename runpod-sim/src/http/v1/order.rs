//! v1's create request.

use serde::Deserialize;

use crate::{
    contract::Problem,
    world::{
        catalog::{self, Cloud},
        order::{CpuOrder, CreatePod, Env, GpuOrder, Mounts, NetworkMount, PersistentMount},
    },
};

/// A create request of v1, after the contract has accepted it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    #[serde(default = "name")]
    name: String,
    image_name: Option<String>,
    template_id: Option<String>,
    #[serde(default)]
    cloud_type: Cloud,
    compute_type: Option<String>,
    #[serde(default)]
    gpu_type_ids: Vec<String>,
    #[serde(default = "one")]
    gpu_count: u32,
    #[serde(default)]
    cpu_flavor_ids: Vec<String>,
    #[serde(default = "two")]
    vcpu_count: u32,
    container_disk_in_gb: Option<u64>,
    volume_in_gb: Option<u64>,
    volume_mount_path: Option<String>,
    network_volume_id: Option<String>,
    ports: Option<Vec<String>>,
    #[serde(default)]
    env: Env,
    #[serde(default)]
    data_center_ids: Vec<String>,
    #[serde(default)]
    country_codes: Vec<String>,
    #[serde(default)]
    allowed_cuda_versions: Vec<String>,
    #[serde(default)]
    docker_entrypoint: Vec<String>,
    #[serde(default)]
    docker_start_cmd: Vec<String>,
    container_registry_auth_id: Option<String>,
    #[serde(default)]
    global_networking: bool,
    #[serde(default)]
    interruptible: bool,
    #[serde(default, rename = "minRAMPerGPU")]
    min_ram_per_gpu: u32,
    #[serde(default, rename = "minVCPUPerGPU")]
    min_vcpu_per_gpu: u32,
    #[serde(default)]
    pub(super) locked: bool,
}

fn name() -> String {
    "my pod".to_owned()
}

fn one() -> u32 {
    1
}

fn two() -> u32 {
    2
}

impl Order {
    /// Translates the order into v2's words: one order for each acceptable type, in its order.
    pub(super) fn candidates(self) -> Result<Vec<CreatePod>, Box<Problem>> {
        let cpu = self.compute_type.as_deref() == Some("CPU");
        let types = if cpu { &self.cpu_flavor_ids } else { &self.gpu_type_ids };
        if types.is_empty() {
            let field = if cpu { "cpuFlavorIds" } else { "gpuTypeIds" };
            return Err(Problem::bad_request(format!("{field} must name at least one type")));
        }
        if self.image_name.is_none() && self.template_id.is_none() {
            return Err(Problem::bad_request("imageName or templateId is required"));
        }
        // A type the document lists but nobody offers is only out of stock.
        let offered = types
            .iter()
            .filter(|id| cpu || catalog::gpu(id).is_some())
            .map(|id| self.candidate(id, cpu))
            .collect();
        Ok(offered)
    }

    fn candidate(&self, id: &str, cpu: bool) -> CreatePod {
        let gpu = GpuOrder {
            id: id.to_owned(),
            count: Some(self.gpu_count),
            allowed_cuda_versions: self.allowed_cuda_versions.clone(),
            min_cuda_version: None,
            min_ram_per_gpu: self.min_ram_per_gpu,
            min_vcpu_count_per_gpu: self.min_vcpu_per_gpu,
        };
        let words = |words: &[String]| (!words.is_empty()).then(|| words.to_vec());
        let default_ports = || vec!["8888/http".to_owned(), "22/tcp".to_owned()];
        CreatePod {
            name: self.name.clone(),
            image: self.image_name.clone(),
            args: None,
            entrypoint: words(&self.docker_entrypoint),
            cmd: words(&self.docker_start_cmd),
            disk: Some(self.container_disk_in_gb.unwrap_or_else(|| self.default_disk(id))),
            env: self.env.clone(),
            ports: Some(self.ports.clone().unwrap_or_else(default_ports)),
            registry: self.container_registry_auth_id.clone(),
            cloud: self.cloud_type,
            cpu: cpu.then(|| CpuOrder { id: id.to_owned(), vcpu_count: self.vcpu_count }),
            gpu: (!cpu).then_some(gpu),
            data_center_ids: self.data_centers(),
            global_networking: self.global_networking,
            mounts: self.mounts(cpu),
            start_ssh: Some(true),
            start_jupyter: None,
            template_id: self.template_id.clone(),
            interruptible: self.interruptible,
        }
    }

    /// 50 GB, or as much as the CPU flavor may have.
    fn default_disk(&self, id: &str) -> u64 {
        let most = catalog::cpu(id).map(|flavor| flavor.disk_gb_per_vcpu() * u64::from(self.vcpu_count));
        most.unwrap_or(50).min(50)
    }

    /// Countries narrow the data centers down.
    fn data_centers(&self) -> Vec<String> {
        if self.country_codes.is_empty() {
            return self.data_center_ids.clone();
        }
        let there = catalog::DATA_CENTERS.iter().filter(|center| {
            self.country_codes.iter().any(|code| code == center.country)
                && (self.data_center_ids.is_empty() || self.data_center_ids.iter().any(|id| id == center.id))
        });
        let mut ids: Vec<String> = there.map(|center| center.id.to_owned()).collect();
        if ids.is_empty() {
            ids.push("nowhere".to_owned());
        }
        ids
    }

    fn mounts(&self, cpu: bool) -> Mounts {
        let path = self.volume_mount_path.clone().unwrap_or_else(|| "/workspace".to_owned());
        if let Some(volume_id) = self.network_volume_id.clone() {
            return Mounts { persistent: None, network: Some(vec![NetworkMount { volume_id, path }]) };
        }
        let size = self.volume_in_gb.unwrap_or(20);
        let persistent = (size > 0 && !cpu).then_some(PersistentMount { size, path });
        Mounts { persistent, network: None }
    }
}
