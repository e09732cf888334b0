//! Container disks: the default, and what RunPod allows a CPU pod.

use crate::{Hardware, PodSpec};

/// Container disk when the spec names none and no smaller one is needed, in GB.
const DEFAULT_GB: u32 = 50;
/// GB per vCPU that every known family of CPU flavors allows.
const LEAST_PER_VCPU_GB: u32 = 10;

/// The largest container disk of a CPU pod in GB: so much per vCPU, by the flavor's family (documented and
/// observed). `None` for a family nobody has seen yet.
pub(crate) fn cap_gb(flavor: &str, vcpus: u32) -> Option<u32> {
    per_vcpu_gb(flavor).map(|size| size.saturating_mul(vcpus))
}

/// A refusal that names the cap; `None` if a disk of this size is allowed.
pub(crate) fn over_cap(size: u32, flavor: &str, vcpus: u32) -> Option<String> {
    let cap = cap_gb(flavor, vcpus).filter(|cap| size > *cap)?;
    let per_vcpu = per_vcpu_gb(flavor)?;
    Some(format!("{flavor} allows {per_vcpu} GB per vCPU, so at most {cap} GB with {vcpus} vCPUs"))
}

fn per_vcpu_gb(flavor: &str) -> Option<u32> {
    match flavor.get(..4)? {
        "cpu3" => Some(10),
        "cpu5" => Some(15),
        _ => None,
    }
}

impl PodSpec {
    /// The container disk sent for a candidate: RunPod refuses a create without one unless a template has it
    /// (observed), and one that is sent replaces the template's.
    pub(crate) fn disk_gb(&self, hardware: &Hardware) -> Option<u32> {
        if self.container_disk_gb.is_some() || self.has_template() {
            return self.container_disk_gb;
        }
        Some(match hardware {
            Hardware::Cpu { flavor, vcpus } => {
                let cap = cap_gb(flavor, *vcpus).unwrap_or(vcpus.saturating_mul(LEAST_PER_VCPU_GB));
                DEFAULT_GB.min(cap)
            }
            _ => DEFAULT_GB,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_fits_every_flavor_and_only_a_known_cap_refuses() {
        for (flavor, vcpus, default, cap) in [
            ("cpu3c", 2, 20, Some(20)),
            ("cpu3g", 4, 40, Some(40)),
            ("cpu3m", 8, 50, Some(80)),
            ("cpu5c", 2, 30, Some(30)),
            ("cpu5c", 4, 50, Some(60)),
            ("cpu9x", 2, 20, None),
            ("c\u{e9}", 2, 20, None),
        ] {
            let spec = PodSpec::cpu("name", "image", vcpus);
            let hardware = Hardware::Cpu { flavor: flavor.to_owned(), vcpus };
            assert_eq!((spec.disk_gb(&hardware), cap_gb(flavor, vcpus)), (Some(default), cap), "{flavor}");
            let Some(cap) = cap else { continue };
            assert_eq!(over_cap(cap, flavor, vcpus), None);
            let refusal = over_cap(cap + 1, flavor, vcpus).unwrap();
            assert!(refusal.contains(&format!("at most {cap} GB")), "{refusal}");
        }
    }

    #[test]
    fn a_template_keeps_its_disk_unless_the_spec_names_one() {
        let hardware = Hardware::Gpu { id: "NVIDIA L4".to_owned(), count: 1 };
        let spec = PodSpec::gpu("name", "image", ["NVIDIA L4"]);
        assert_eq!(spec.disk_gb(&hardware), Some(50));
        assert_eq!(spec.clone().template("tpl").disk_gb(&hardware), None);
        assert_eq!(spec.template("tpl").container_disk_gb(7).disk_gb(&hardware), Some(7));
    }
}
