//! Everything about a spec that can be checked without asking RunPod.

use std::collections::BTreeSet;

use crate::{
    ApiVersion, Cloud, PodSpec, Port, Problem, Protocol, SpecError,
    pod::RESERVED,
    spec::{CpuSpec, GpuSpec, HardwareSpec, disk, secret::name_problem},
};

/// The most characters a pod name may have.
const NAME_LIMIT: usize = 191;
/// The most ports of one protocol RunPod exposes on a pod.
const PORTS_PER_PROTOCOL: usize = 10;
/// The smallest pod volume RunPod sells, in GB.
const MIN_VOLUME_GB: u32 = 10;
/// The largest number taken for a size or count, far above anything RunPod sells.
const MAX_NUMBER: u32 = 1_000_000;
/// The most labels of a pod.
const MOST_LABELS: usize = 64;
/// The most characters of a label's key and value.
const LABEL_LIMITS: (usize, usize) = (63, 255);
/// The fewest vCPUs of a CPU pod.
const MIN_VCPUS: u32 = 2;

impl PodSpec {
    /// Checks everything that can be checked without asking RunPod.
    ///
    /// # Errors
    /// [`SpecError`] with every problem found, each with the field, the value and what is allowed.
    pub fn validate(&self) -> Result<(), SpecError> {
        let problems = self.problems();
        if problems.is_empty() { Ok(()) } else { Err(SpecError::new(&self.name, problems)) }
    }

    /// Everything wrong with it that can be told without asking RunPod.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.check_name(&mut problems);
        self.check_image(&mut problems);
        match &self.hardware {
            HardwareSpec::Gpu(gpu) => gpu.check(&mut problems),
            HardwareSpec::Cpu(cpu) => cpu.check(&mut problems),
        }
        problems.extend(self.misplaced.iter().map(|(field, allowed)| Problem::new(field, "set", *allowed)));
        check_usd("max_usd_per_hour", self.max_usd_per_hour, &mut problems);
        check_usd("max_total_usd", self.max_total_usd, &mut problems);
        check_ids("data_centers", &self.data_centers, &mut problems);
        self.check_storage(&mut problems);
        self.check_ports(&mut problems);
        self.check_env(&mut problems);
        self.check_labels(&mut problems);
        if self.lifetime.is_some_and(|lifetime| lifetime.is_zero()) {
            let allowed = "a lifetime is longer than nothing; leave it out for a pod that is to stay";
            problems.push(Problem::new("lifetime", "0 s", allowed));
        }
        problems
    }

    /// Everything the spec asks for that a version of the API does not have.
    pub(crate) fn unsupported_by(&self, version: ApiVersion) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut unsupported = |field, asked: bool, allowed: &str| {
            if asked {
                problems.push(Problem::new(field, "set", allowed));
            }
        };
        match version {
            ApiVersion::V2 => {
                let spot =
                    "REST v2 has no spot pods; leave it out, or choose the community cloud for a lower price";
                unsupported("interruptible", self.interruptible, spot);
                let public = "REST v2 has no such switch; open a tcp port and wait for Ready::Ports";
                unsupported("public_ip", self.public_ip, public);
            }
            #[cfg(feature = "v1")]
            ApiVersion::V1 => {
                unsupported("args", self.args.is_some(), "REST v1 takes entrypoint and cmd only");
                unsupported(
                    "jupyter",
                    self.jupyter,
                    "REST v1 has no such switch; use an image that starts it",
                );
                let oldest =
                    matches!(&self.hardware, HardwareSpec::Gpu(gpu) if gpu.min_cuda_version.is_some());
                unsupported("min_cuda_version", oldest, "REST v1 takes a list of CUDA versions only");
                let by_need = match &self.hardware {
                    HardwareSpec::Gpu(gpu) => gpu.takes_any,
                    HardwareSpec::Cpu(cpu) => cpu.is_by_need || cpu.min_ram_gb.is_some(),
                };
                unsupported("any_gpu or any_cpu", by_need, "REST v1 has no catalog; name the hardware");
                let named = self.template_name.is_some();
                unsupported(
                    "template_named",
                    named,
                    "REST v1 has no such search here; use template with an id",
                );
                let no_prices = "REST v1 has no catalog, so no prices";
                unsupported("max_usd_per_hour", self.max_usd_per_hour.is_some(), no_prices);
                unsupported("max_total_usd", self.max_total_usd.is_some(), no_prices);
                unsupported(
                    "patience",
                    self.patience.is_some(),
                    "REST v1 has no catalog, so no stock to wait for",
                );
            }
        }
        problems
    }

    fn check_name(&self, problems: &mut Vec<Problem>) {
        let characters = self.name.chars().count();
        if self.name.trim().is_empty() {
            problems.push(Problem::new("name", &self.name, "a pod needs a name of 1 to 191 characters"));
        } else if self.name.trim() != self.name {
            let allowed = "a pod name has no space around it, since RunPod cuts it off";
            problems.push(Problem::new("name", &self.name, allowed));
        } else if characters > NAME_LIMIT {
            let value = format!("{characters} characters");
            problems.push(Problem::new("name", value, "a pod name has at most 191 characters"));
        } else if self.name.chars().any(char::is_control) {
            let allowed = "a pod name holds no line breaks or control characters";
            problems.push(Problem::new("name", &self.name, allowed));
        }
    }

    fn check_image(&self, problems: &mut Vec<Problem>) {
        let odd =
            |text: &str| text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control());
        if let Some(image) = self.image.as_deref().filter(|image| odd(image)) {
            let allowed = "name a container image without spaces, for example runpod/pytorch:latest";
            problems.push(Problem::new("image", image, allowed));
        }
        check_ids("template", self.template.as_slice(), problems);
        check_ids("template_named", self.template_name.as_slice(), problems);
        check_ids("registry", self.registry.as_slice(), problems);
        if let Some(args) = self.args.as_ref().filter(|_| !self.cmd.is_empty() || !self.entrypoint.is_empty())
        {
            problems.push(Problem::new("args", args, "use args alone, or entrypoint and cmd"));
        }
        if self.entrypoint.first().is_some_and(|program| program.trim().is_empty()) {
            let allowed = "the first word of an entrypoint is a program";
            problems.push(Problem::new("entrypoint", self.entrypoint.join(" "), allowed));
        }
    }

    fn check_storage(&self, problems: &mut Vec<Problem>) {
        if let Some(size) = self.container_disk_gb {
            check_number("container_disk_gb", size, 1, problems);
        }
        if let Some(size) = self.volume_gb {
            check_number("volume_gb", size, MIN_VOLUME_GB, problems);
        }
        if let (Some(size), HardwareSpec::Cpu(cpu @ CpuSpec { is_by_need: false, .. })) =
            (self.container_disk_gb, &self.hardware)
        {
            for cap in cpu.flavors.iter().filter_map(|flavor| disk::over_cap(size, flavor, cpu.vcpus)) {
                problems.push(Problem::new("container_disk_gb", size.to_string(), cap));
            }
        }
        if let (Some(size), HardwareSpec::Cpu(_)) = (self.volume_gb, &self.hardware) {
            let allowed = "a CPU pod takes no pod volume; use a network volume";
            problems.push(Problem::new("volume_gb", size.to_string(), allowed));
        }
        if let (Some(_), Some(id)) = (self.volume_gb, self.get_network_volume()) {
            let allowed = "a pod has a pod volume or a network volume, not both";
            problems.push(Problem::new("network_volume", id, allowed));
        }
        let network_volume = self.get_network_volume().map(str::to_owned);
        check_ids("network_volume", network_volume.as_slice(), problems);
        self.check_mount_path(problems);
        if let (Some(id), Cloud::Community, HardwareSpec::Gpu(_)) =
            (self.get_network_volume(), self.cloud, &self.hardware)
        {
            let allowed = "network volumes exist in the secure cloud only; choose that one, or a pod volume";
            problems.push(Problem::new("network_volume", id, allowed));
        }
    }

    fn check_mount_path(&self, problems: &mut Vec<Problem>) {
        let Some(path) = &self.mount_path else { return };
        if !path.starts_with('/') || path.contains(char::is_control) {
            let allowed = "a mount path is absolute, for example /workspace";
            problems.push(Problem::new("mount_path", path, allowed));
        }
        if self.volume_gb.is_none() && self.network_volume.is_none() {
            let allowed = "nothing would be mounted there: set volume_gb or network_volume as well";
            problems.push(Problem::new("mount_path", path, allowed));
        }
    }

    fn check_ports(&self, problems: &mut Vec<Problem>) {
        for (position, text) in self.ports.iter().enumerate() {
            if let Err(invalid) = text.parse::<Port>() {
                problems.push(Problem::new("ports", text, invalid.to_string()));
            } else if self.ports[..position].contains(text) {
                problems.push(Problem::new("ports", text, "a port is listed once"));
            }
        }
        for protocol in [Protocol::Http, Protocol::Tcp] {
            let count = self.ports_of(protocol);
            if count > PORTS_PER_PROTOCOL {
                let value = format!("{count} {} ports", protocol.as_str());
                problems.push(Problem::new("ports", value, "a pod exposes at most 10 ports of one protocol"));
            }
        }
    }

    fn check_env(&self, problems: &mut Vec<Problem>) {
        let odd = |name| Some(Problem::new("account_secret", name, name_problem(name)?));
        let secrets: BTreeSet<&str> =
            self.odd_secrets.iter().map(String::as_str).chain(self.account_secrets()).collect();
        problems.extend(secrets.into_iter().filter_map(odd));
        for name in self.env.keys() {
            if name.starts_with(RESERVED) {
                let allowed = "names that begin with RUNPOD_LIFECYCLE_ are reserved: leave out what another pod's environment has of them";
                problems.push(Problem::new("env", name, allowed));
            }
            let odd = |c: char| c == '=' || c.is_whitespace() || c.is_control();
            if name.is_empty() || name.contains(odd) {
                let allowed = "a variable name is not empty and holds no =, spaces or control characters";
                // What follows a = was meant as the value.
                let name = name.split('=').next().unwrap_or_default();
                problems.push(Problem::new("env", name, allowed));
            }
        }
    }

    fn check_labels(&self, problems: &mut Vec<Problem>) {
        let (longest_key, longest_value) = LABEL_LIMITS;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        for (key, value) in &self.labels {
            if key.is_empty() || key.len() > longest_key || !key.chars().all(is_plain) {
                let allowed = "a label's key has 1 to 63 letters of ASCII, digits, _, . and -";
                problems.push(Problem::new("label", key, allowed));
            }
            if value.chars().count() > longest_value || value.contains(char::is_control) {
                let allowed = "a label's value has at most 255 characters, and no control characters";
                problems.push(Problem::new("label", format!("{key}={value}"), allowed));
            }
        }
        if self.labels.len() > MOST_LABELS {
            let value = format!("{} labels", self.labels.len());
            problems.push(Problem::new("label", value, "a pod has at most 64 labels"));
        }
    }
}

impl GpuSpec {
    fn check(&self, problems: &mut Vec<Problem>) {
        if self.types.is_empty() && !self.takes_any {
            let allowed = "name at least one GPU type or pool, for example NVIDIA GeForce RTX 4090 or ADA_24";
            problems.push(Problem::new("gpus", "none", allowed));
        }
        check_ids("gpus", &self.types, problems);
        if !self.takes_any {
            let allowed = "it says nothing about types that are named; use any_gpu, or or_any_gpu after those that are named";
            problems
                .extend(self.need.set().into_iter().map(|(field, _)| Problem::new(field, "set", allowed)));
        }
        if let Some(size) = self.need.min_vram_gb {
            check_number("min_vram_gb", size, 1, problems);
        }
        check_ids("manufacturer", &self.need.manufacturers, problems);
        check_ids("exclude_gpu", &self.need.excluded, problems);
        for id in self.types.iter().filter(|id| self.need.excluded.contains(id)) {
            problems.push(Problem::new("exclude_gpu", id, "it is named among those to use"));
        }
        check_number("gpu_count", self.count, 1, problems);
        if let Some(size) = self.min_ram_gb {
            check_number("min_ram_gb_per_gpu", size, 1, problems);
        }
        if let Some(count) = self.min_vcpus {
            check_number("min_vcpus_per_gpu", count, 1, problems);
        }
        check_cuda("cuda_version", &self.cuda_versions, problems);
        check_cuda("min_cuda_version", self.min_cuda_version.as_slice(), problems);
        if let (Some(version), false) = (&self.min_cuda_version, self.cuda_versions.is_empty()) {
            let allowed = "use a list of CUDA versions or an oldest one, not both";
            problems.push(Problem::new("min_cuda_version", version, allowed));
        }
    }
}

impl CpuSpec {
    fn check(&self, problems: &mut Vec<Problem>) {
        if self.is_by_need {
            check_number("min_vcpus", self.vcpus, 1, problems);
        } else if !self.vcpus.is_power_of_two() || !(MIN_VCPUS..=MAX_NUMBER).contains(&self.vcpus) {
            let allowed = "a CPU pod has a power of two of vCPUs, at least 2";
            problems.push(Problem::new("vcpus", self.vcpus.to_string(), allowed));
        }
        check_ids("cpu_flavors", &self.flavors, problems);
        if let Some(size) = self.min_ram_gb {
            check_number("min_ram_gb", size, 1, problems);
        }
    }
}

fn check_number(field: &'static str, number: u32, least: u32, problems: &mut Vec<Problem>) {
    if !(least..=MAX_NUMBER).contains(&number) {
        problems.push(Problem::new(
            field,
            number.to_string(),
            format!("a number from {least} to {MAX_NUMBER}"),
        ));
    }
}

fn check_usd(field: &'static str, limit: Option<f64>, problems: &mut Vec<Problem>) {
    if let Some(limit) = limit.filter(|limit| !limit.is_finite() || *limit <= 0.0) {
        problems.push(Problem::new(field, limit.to_string(), "an amount in USD is more than 0"));
    }
}

fn check_ids(field: &'static str, ids: &[String], problems: &mut Vec<Problem>) {
    for id in ids {
        if id.trim().is_empty() || id.trim() != id || id.contains(char::is_control) {
            let allowed = "an id is not empty and has no spaces around it and no control characters";
            problems.push(Problem::new(field, id, allowed));
        }
    }
}

fn check_cuda(field: &'static str, versions: &[String], problems: &mut Vec<Problem>) {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    for version in versions {
        if !version.split_once('.').is_some_and(|(major, minor)| digits(major) && digits(minor)) {
            problems.push(Problem::new(field, version, "a CUDA version is written 12.8"));
        }
    }
}
