//! The settings of a spec, to be read. Named as [`Command`](std::process::Command) names its own: the bare nouns are
//! setters.

use std::time::Duration;

use runpod_api::Secret;

use crate::{
    AtEnd, Cloud, IfExists, Order, PodSpec,
    spec::{CpuSpec, GpuSpec, HardwareSpec},
};

impl PodSpec {
    /// The name of the pod to be.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The image; `None` if a template names it.
    #[must_use]
    pub fn get_image(&self) -> Option<&str> {
        self.image.as_deref()
    }

    /// Id of the template; `None` without one, and for one by its name.
    #[must_use]
    pub fn get_template(&self) -> Option<&str> {
        self.template.as_deref()
    }

    /// Name of the template; `None` without one, and for one by its id.
    #[must_use]
    pub fn get_template_name(&self) -> Option<&str> {
        self.template_name.as_deref()
    }

    /// GPU types and pools in order of preference; empty for a CPU pod.
    #[must_use]
    pub fn get_gpus(&self) -> &[String] {
        self.gpu_spec().map_or(&[], |gpu| &gpu.types)
    }

    /// Number of GPUs; 0 for a CPU pod.
    #[must_use]
    pub fn get_gpu_count(&self) -> u32 {
        self.gpu_spec().map_or(0, |gpu| gpu.count)
    }

    /// Number of vCPUs of a CPU pod, or the fewest of one by need; `None` for a GPU pod.
    #[must_use]
    pub fn get_vcpus(&self) -> Option<u32> {
        self.cpu_spec().map(|cpu| cpu.vcpus)
    }

    /// CPU flavors allowed; empty for any, and for a GPU pod.
    #[must_use]
    pub fn get_cpu_flavors(&self) -> &[String] {
        self.cpu_spec().map_or(&[], |cpu| &cpu.flavors)
    }

    /// True if any GPU type that meets the needs will do, after those that are named; false for a CPU pod.
    #[must_use]
    pub fn takes_any_gpu(&self) -> bool {
        self.gpu_spec().is_some_and(|gpu| gpu.takes_any)
    }

    /// Least VRAM of one GPU in GB; `None` for any.
    #[must_use]
    pub fn get_min_vram_gb(&self) -> Option<u32> {
        self.gpu_spec().and_then(|gpu| gpu.need.min_vram_gb)
    }

    /// Makers allowed; empty for any.
    #[must_use]
    pub fn get_manufacturers(&self) -> &[String] {
        self.gpu_spec().map_or(&[], |gpu| &gpu.need.manufacturers)
    }

    /// GPU types and pools that are left out.
    #[must_use]
    pub fn get_excluded_gpus(&self) -> &[String] {
        self.gpu_spec().map_or(&[], |gpu| &gpu.need.excluded)
    }

    /// Least RAM of a CPU pod in GB; `None` for any.
    #[must_use]
    pub fn get_min_ram_gb(&self) -> Option<u32> {
        self.cpu_spec().and_then(|cpu| cpu.min_ram_gb)
    }

    /// Order in which candidates are tried; `None` for the default.
    #[must_use]
    pub fn get_order(&self) -> Option<Order> {
        self.order
    }

    /// Most that the pod may cost in USD per hour; `None` for any.
    #[must_use]
    pub fn get_max_usd_per_hour(&self) -> Option<f64> {
        self.max_usd_per_hour
    }

    /// Most that the pod may cost in USD in all; `None` for any.
    #[must_use]
    pub fn get_max_total_usd(&self) -> Option<f64> {
        self.max_total_usd
    }

    /// Cloud to use, as set: a CPU pod or a network volume makes it the secure one.
    #[must_use]
    pub fn get_cloud(&self) -> Cloud {
        self.cloud
    }

    /// Data centers allowed; empty for any.
    #[must_use]
    pub fn get_data_centers(&self) -> &[String] {
        &self.data_centers
    }

    /// Container disk in GB; `None` for the default.
    #[must_use]
    pub fn get_container_disk_gb(&self) -> Option<u32> {
        self.container_disk_gb
    }

    /// Pod volume in GB; `None` without one of the spec's own.
    #[must_use]
    pub fn get_volume_gb(&self) -> Option<u32> {
        self.volume_gb
    }

    /// Id of the network volume; `None` without one.
    #[must_use]
    pub fn get_network_volume(&self) -> Option<&str> {
        self.network_volume.as_ref().map(|volume| volume.id.as_str())
    }

    /// Mount path of the volume; `None` for the default.
    #[must_use]
    pub fn get_mount_path(&self) -> Option<&str> {
        self.mount_path.as_deref()
    }

    /// Ports to open, as written.
    #[must_use]
    pub fn get_ports(&self) -> &[String] {
        &self.ports
    }

    /// Environment variables, by name.
    pub fn get_env(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.env.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Labels, by key.
    pub fn get_labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// True if sshd is to be started, false if not; `None` for the default.
    #[must_use]
    pub fn get_ssh(&self) -> Option<bool> {
        self.ssh
    }

    /// Policy for a name that is already taken.
    #[must_use]
    pub fn get_if_exists(&self) -> IfExists {
        self.if_exists
    }

    /// Lifetime of the pod; `None` for ever.
    #[must_use]
    pub fn get_lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    /// Policy for the end of the lifetime.
    #[must_use]
    pub fn get_at_end(&self) -> AtEnd {
        self.at_end
    }

    /// The longest that stock is waited for; `None` if the candidates are tried once.
    #[must_use]
    pub fn get_patience(&self) -> Option<Duration> {
        self.patience
    }

    /// True if a spot pod is asked for.
    #[must_use]
    pub fn get_interruptible(&self) -> bool {
        self.interruptible
    }

    fn gpu_spec(&self) -> Option<&GpuSpec> {
        match &self.hardware {
            HardwareSpec::Gpu(gpu) => Some(gpu),
            HardwareSpec::Cpu(_) => None,
        }
    }

    fn cpu_spec(&self) -> Option<&CpuSpec> {
        match &self.hardware {
            HardwareSpec::Gpu(_) => None,
            HardwareSpec::Cpu(cpu) => Some(cpu),
        }
    }
}
