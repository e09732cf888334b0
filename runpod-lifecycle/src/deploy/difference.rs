//! The differences between a spec and a pod that has its name.

use std::{collections::BTreeMap, time::UNIX_EPOCH};

use runpod_api::Secret;

use crate::{
    Difference, Hardware, Pod, PodSpec, Port,
    deploy::{gpus::expand_as_observed, price::PRICE_ROUNDING_USD},
    knowledge::identity::hides_environment,
    pod::lifetime::Lifetime,
    spec::{CpuSpec, GpuSpec, HardwareSpec, offer::same_data_center},
};

impl PodSpec {
    /// Compares a pod with this spec: every setting that the pod has otherwise. Empty if they agree, as far as RunPod tells.
    ///
    /// Nothing that the spec leaves to RunPod or to a template is a difference, and what RunPod does not show of a pod is none either: a
    /// command, a registry credential that it leaves out, a masked environment, whether a GPU that nobody named meets the need.
    ///
    /// ```no_run
    /// # use runpod_lifecycle::{PodHandle, PodSpec};
    /// # fn example(spec: PodSpec, pod: PodHandle) {
    /// for difference in spec.differences(&pod) {
    ///     println!("{}: {difference}", pod.id);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn differences(&self, pod: &Pod) -> Vec<Difference> {
        let mut found = Vec::new();
        self.compare_image(pod, &mut found);
        match &self.hardware {
            HardwareSpec::Gpu(gpu) => compare_gpu(gpu, pod, &mut found),
            HardwareSpec::Cpu(cpu) => compare_cpu(cpu, pod, &mut found),
        }
        self.compare_place(pod, &mut found);
        self.compare_storage(pod, &mut found);
        self.compare_ports(pod, &mut found);
        self.compare_env(pod, &mut found);
        self.compare_limits(pod, &mut found);
        found
    }

    fn compare_image(&self, pod: &Pod, found: &mut Vec<Difference>) {
        if let (Some(wanted), Some(image)) = (&self.image, &pod.image)
            && tagged(wanted) != tagged(image)
        {
            found.push(Difference::new("image", format!("{wanted:?}"), format!("{image:?}")));
        }
        if let (Some(wanted), Some(registry)) = (&self.registry, &pod.registry)
            && wanted != registry
        {
            found.push(Difference::new("registry", wanted.as_str(), registry.as_str()));
        }
    }

    fn compare_place(&self, pod: &Pod, found: &mut Vec<Difference>) {
        if let Some(cloud) = pod.cloud.filter(|cloud| !self.clouds().contains(cloud)) {
            found.push(Difference::new("cloud", format!("{:?}", self.cloud), format!("{cloud:?}")));
        }
        let is_allowed = |home: &&String| self.data_centers.iter().any(|id| same_data_center(id, home));
        if let Some(home) =
            pod.data_center.as_ref().filter(|home| !self.data_centers.is_empty() && !is_allowed(home))
        {
            found.push(Difference::new("data_center", self.data_centers.join(" or "), home.as_str()));
        }
    }

    fn compare_storage(&self, pod: &Pod, found: &mut Vec<Difference>) {
        let gb = |size: Option<i64>| size.map_or("none".to_owned(), |size| format!("{size} GB"));
        if let (Some(wanted), Some(size)) = (self.container_disk_gb, pod.container_disk_gb)
            && i64::from(wanted) != size
        {
            found.push(Difference::new("container_disk_gb", format!("{wanted} GB"), gb(Some(size))));
        }
        let wanted = self.volume_gb.map(i64::from);
        // A template may bring one that the spec does not name.
        let is_told = wanted.is_some() || !self.has_template();
        if is_told && pod.knows_volume() && wanted != pod.volume_gb {
            found.push(Difference::new("volume_gb", gb(wanted), gb(pod.volume_gb)));
        }
        let (wanted, mounted) = (self.get_network_volume(), pod.network_volume.as_deref());
        let is_shown = mounted.is_some() || pod.knows_network_volume;
        let is_told = wanted.is_some() || !self.has_template();
        if is_told && is_shown && wanted != mounted {
            let name = |id: Option<&str>| id.unwrap_or("none").to_owned();
            found.push(Difference::new("network_volume", name(wanted), name(mounted)));
        }
    }

    fn compare_ports(&self, pod: &Pod, found: &mut Vec<Difference>) {
        let is_closed = |port: &Port| pod.knows_ports() && !pod.ports.contains(port);
        for port in self.parsed_ports().filter(is_closed) {
            found.push(Difference::new("port", port.to_string(), "closed"));
        }
    }

    fn compare_env(&self, pod: &Pod, found: &mut Vec<Difference>) {
        if hides_environment(pod) || is_masked(&pod.env) {
            return;
        }
        for (name, value) in &self.env {
            let found_value = match pod.env.get(name) {
                Some(other) if other.expose() == value.expose() => continue,
                Some(_) => "another value",
                None => "missing",
            };
            found.push(Difference::new("env", format!("the value of {name}"), found_value));
        }
        self.compare_lifetime(pod, found);
        if pod.hides_labels() {
            return;
        }
        let labels = pod.labels();
        for (key, value) in self.labels.iter().filter(|(key, value)| labels.get(*key) != Some(*value)) {
            let has = labels.get(key).map_or("missing".to_owned(), |value| format!("{key}={value}"));
            found.push(Difference::new("label", format!("{key}={value}"), has));
        }
    }

    fn compare_lifetime(&self, pod: &Pod, found: &mut Vec<Difference>) {
        let wanted = self.lifetime.map(|length| Lifetime::from(UNIX_EPOCH, length, self.at_end));
        match (wanted, Lifetime::read(pod)) {
            (Some(_), None) => found.push(Difference::new("lifetime", "limited", "for ever")),
            (Some(wanted), Some(has)) if !wanted.is_like(has) && self.max_total_usd.is_none() => {
                found.push(Difference::new("lifetime", "as long, with that end", "another"));
            }
            // It was to become a lifetime.
            (None, None) if self.max_total_usd.is_some() => {
                found.push(Difference::new("max_total_usd", "a limited lifetime", "none"));
            }
            _ => {}
        }
    }

    fn compare_limits(&self, pod: &Pod, found: &mut Vec<Difference>) {
        let Some(limit) = self.max_usd_per_hour else { return };
        if let Some(usd) = pod.hourly_cost().total_usd().filter(|usd| *usd > limit + PRICE_ROUNDING_USD) {
            found.push(Difference::new(
                "max_usd_per_hour",
                format!("at most ${limit:.3}"),
                format!("${usd:.3}"),
            ));
        }
    }
}

fn compare_gpu(wanted: &GpuSpec, pod: &Pod, found: &mut Vec<Difference>) {
    if let (Some(cpu), None) = (&pod.cpu, &pod.gpu) {
        let flavor = cpu.flavor.clone();
        return found.push(Difference::new("gpus", hardware(wanted), format!("a CPU pod of {flavor}")));
    }
    // A stopped pod has given its GPUs back.
    let Some(gpu) = pod.gpu.as_ref().filter(|_| !pod.is_stopped()) else { return };
    let named = expand_as_observed(&wanted.types);
    let is_told = !wanted.takes_any && !named.iter().any(|name| is_unknown_pool(name));
    if is_told && !named.contains(&gpu.id) {
        found.push(Difference::new("gpus", hardware(wanted), gpu.id.as_str()));
    }
    if gpu.count != i64::from(wanted.count) {
        found.push(Difference::new("gpu_count", wanted.count.to_string(), gpu.count.to_string()));
    }
}

fn compare_cpu(wanted: &CpuSpec, pod: &Pod, found: &mut Vec<Difference>) {
    if let Some(gpu) = &pod.gpu {
        let has = Hardware::Gpu { id: gpu.id.clone(), count: u32::try_from(gpu.count).unwrap_or(0) };
        return found.push(Difference::new("cpu", "a CPU pod", has.to_string()));
    }
    let Some(cpu) = &pod.cpu else { return };
    if !wanted.flavors.is_empty() && !wanted.flavors.contains(&cpu.flavor) {
        found.push(Difference::new("cpu_flavor", wanted.flavors.join(" or "), cpu.flavor.as_str()));
    }
    let vcpus = i64::from(wanted.vcpus);
    if cpu.vcpus < vcpus || cpu.vcpus > vcpus && !wanted.is_by_need {
        found.push(Difference::new("vcpus", vcpus.to_string(), cpu.vcpus.to_string()));
    }
}

/// Returns true for a word that reads like a pool's id and is none that is known here: which types it holds the catalog says.
fn is_unknown_pool(name: &str) -> bool {
    name.contains('_')
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

fn hardware(wanted: &GpuSpec) -> String {
    match wanted.types.is_empty() {
        true => "any GPU".to_owned(),
        false => wanted.types.join(" or "),
    }
}

/// An image with the tag that it has when nobody names one.
fn tagged(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}

/// Returns true if every value of an environment is a mask, as of a pod that is none of ours.
fn is_masked(env: &BTreeMap<String, Secret>) -> bool {
    let is_mask = |value: &Secret| {
        let value = value.expose();
        !value.is_empty() && value.chars().all(|character| "*•.xX".contains(character))
    };
    env.values().all(is_mask)
}
