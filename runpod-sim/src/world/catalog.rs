//! The catalog: GPU types, CPU flavors and data centers.

use serde::{Deserialize, Serialize};

/// One of RunPod's two clouds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Cloud {
    /// RunPod's own data centers.
    #[default]
    Secure,
    /// Machines of third parties.
    Community,
}

/// A GPU type the simulated RunPod offers. Prices are USD per hour for one GPU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GpuType {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) pool: Option<&'static str>,
    pub(crate) manufacturer: &'static str,
    pub(crate) memory_gb: u32,
    pub(crate) secure: Offer,
    pub(crate) community: Offer,
    pub(crate) serverless: Option<f64>,
    /// vCPUs a pod gets for each GPU.
    pub(crate) vcpus: u32,
    /// GB of memory a pod gets for each GPU.
    pub(crate) ram_gb: u32,
    pub(crate) data_centers: &'static [&'static str],
    pub(crate) cuda: &'static [&'static str],
}

/// A type's terms in one cloud; a placeholder price stands even where nothing is offered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer {
    pub(crate) price: f64,
    pub(crate) max_count: u32,
}

impl Offer {
    pub(crate) fn is_offered(&self) -> bool {
        self.max_count > 0
    }
}

impl GpuType {
    pub(crate) fn offer(&self, cloud: Cloud) -> Offer {
        match cloud {
            Cloud::Secure => self.secure,
            Cloud::Community => self.community,
        }
    }
}

/// A CPU flavor. The price is USD per hour for one vCPU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuFlavor {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) group: &'static str,
    pub(crate) min_vcpus: u32,
    pub(crate) max_vcpus: u32,
    pub(crate) ram_gb_per_vcpu: u32,
    pub(crate) price_per_vcpu: f64,
    pub(crate) data_centers: &'static [&'static str],
}

impl CpuFlavor {
    /// The most GB of container disk a pod may have for each of its vCPUs.
    pub(crate) fn disk_gb_per_vcpu(&self) -> u64 {
        if self.id.starts_with("cpu5") { 15 } else { 10 }
    }
}

/// A data center, which goes by its id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DataCenter {
    pub(crate) id: &'static str,
    pub(crate) country: &'static str,
    pub(crate) region: &'static str,
    pub(crate) global_network: bool,
}

pub(crate) fn gpu(id: &str) -> Option<&'static GpuType> {
    GPUS.iter().find(|gpu| gpu.id == id)
}

pub(crate) fn cpu(id: &str) -> Option<&'static CpuFlavor> {
    CPUS.iter().find(|flavor| flavor.id == id)
}

pub(crate) fn data_center(id: &str) -> Option<&'static DataCenter> {
    DATA_CENTERS.iter().find(|center| center.id == id)
}

/// Refuses an id that is neither a GPU type nor a CPU flavor, and names those that are; `None` when it is one.
pub(crate) fn unknown_type(id: &str) -> Option<String> {
    let known = GPUS.iter().map(|gpu| gpu.id).chain(CPUS.iter().map(|flavor| flavor.id));
    unknown("a GPU type or CPU flavor", id, known)
}

/// Refuses an id that is no data center, and names those that are; `None` when it is one.
pub(crate) fn unknown_data_center(id: &str) -> Option<String> {
    unknown("a data center", id, DATA_CENTERS.iter().map(|center| center.id))
}

fn unknown(what: &str, id: &str, known: impl Iterator<Item = &'static str> + Clone) -> Option<String> {
    let list = || known.clone().collect::<Vec<_>>().join(", ");
    (!known.clone().any(|known| known == id)).then(|| format!("`{id}` is not {what}; known are {}", list()))
}

const fn center(
    id: &'static str,
    country: &'static str,
    region: &'static str,
    global_network: bool,
) -> DataCenter {
    DataCenter { id, country, region, global_network }
}

pub(crate) const DATA_CENTERS: &[DataCenter] = &[
    center("AP-JP-1", "JP", "ASIA", true),
    center("CA-MTL-1", "CA", "NORTH_AMERICA", true),
    center("CA-MTL-3", "CA", "NORTH_AMERICA", true),
    center("EU-CZ-1", "CZ", "EUROPE", true),
    center("EU-NL-1", "NL", "EUROPE", true),
    center("EU-RO-1", "RO", "EUROPE", true),
    center("EU-SE-1", "SE", "EUROPE", true),
    center("EUR-IS-1", "IS", "EUROPE", true),
    center("OC-AU-1", "AU", "OCEANIA", false),
    center("US-CA-2", "US", "NORTH_AMERICA", true),
    center("US-GA-1", "US", "NORTH_AMERICA", false),
    center("US-IL-1", "US", "NORTH_AMERICA", true),
    center("US-KS-2", "US", "NORTH_AMERICA", true),
    center("US-NC-1", "US", "NORTH_AMERICA", true),
    center("US-TX-3", "US", "NORTH_AMERICA", true),
];

const EVERYWHERE: &[&str] = &["US-TX-3", "EU-RO-1", "CA-MTL-1", "US-KS-2", "EU-SE-1", "EUR-IS-1"];
const CONSUMER: &[&str] = &["EU-RO-1", "EU-CZ-1", "US-IL-1", "US-TX-3", "EUR-IS-1"];
const WORKSTATION: &[&str] = &["EU-SE-1", "EU-RO-1", "CA-MTL-1", "US-KS-2"];
const LARGE: &[&str] = &["US-KS-2", "CA-MTL-3", "EU-NL-1", "AP-JP-1", "US-CA-2", "US-GA-1"];
const NEWEST: &[&str] = &["US-CA-2", "EU-RO-1", "US-NC-1", "AP-JP-1"];

const CUDA: &[&str] = &["12.4", "12.6", "12.8", "12.9"];
const CUDA_BLACKWELL: &[&str] = &["12.8", "12.9", "13.0"];

/// A table row: id, name, pool, memory GB, then price and largest count per cloud, the serverless price, vCPUs and
/// RAM GB per GPU, and where it stands.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    u32,
    (f64, u32),
    (f64, u32),
    f64,
    (u32, u32),
    &'static [&'static str],
);

const fn nvidia(row: Row, cuda: &'static [&'static str]) -> GpuType {
    let (id, name, pool, memory_gb, secure, community, serverless, (vcpus, ram_gb), data_centers) = row;
    GpuType {
        id,
        name,
        pool: Some(pool),
        manufacturer: "NVIDIA",
        memory_gb,
        secure: Offer { price: secure.0, max_count: secure.1 },
        community: Offer { price: community.0, max_count: community.1 },
        serverless: Some(serverless),
        vcpus,
        ram_gb,
        data_centers,
        cuda,
    }
}

/// Every GPU type, in the order the catalog lists them.
#[rustfmt::skip]
pub(crate) const GPUS: &[GpuType] = &[
    nvidia(("NVIDIA RTX A4000", "RTX A4000", "AMPERE_16", 16, (0.25, 8), (0.17, 4), 0.58, (5, 23), WORKSTATION), CUDA),
    nvidia(("NVIDIA  RTX A4500", "RTX A4500", "AMPERE_16", 20, (0.25, 8), (0.19, 4), 0.58, (7, 31), WORKSTATION), CUDA),
    nvidia(("NVIDIA RTX 4000 Ada Generation", "RTX 4000 Ada", "AMPERE_16", 20, (0.26, 8), (0.20, 4), 0.58, (9, 50), WORKSTATION), CUDA),
    nvidia(("NVIDIA RTX 2000 Ada Generation", "RTX 2000 Ada", "AMPERE_16", 16, (0.24, 8), (0.24, 0), 0.58, (6, 31), WORKSTATION), CUDA),
    nvidia(("NVIDIA L4", "L4", "AMPERE_24", 24, (0.39, 8), (0.32, 0), 0.69, (12, 50), EVERYWHERE), CUDA),
    nvidia(("NVIDIA RTX A5000", "RTX A5000", "AMPERE_24", 24, (0.27, 10), (0.16, 8), 0.69, (9, 25), WORKSTATION), CUDA),
    nvidia(("NVIDIA GeForce RTX 3090", "RTX 3090", "AMPERE_24", 24, (0.46, 8), (0.22, 8), 0.69, (8, 30), CONSUMER), CUDA),
    nvidia(("NVIDIA GeForce RTX 4090", "RTX 4090", "ADA_24", 24, (0.69, 8), (0.34, 6), 1.10, (6, 41), CONSUMER), CUDA),
    nvidia(("NVIDIA GeForce RTX 5090", "RTX 5090", "ADA_32_PRO", 32, (0.94, 8), (0.69, 6), 1.58, (9, 46), CONSUMER), CUDA_BLACKWELL),
    nvidia(("NVIDIA RTX A6000", "RTX A6000", "AMPERE_48", 48, (0.49, 10), (0.33, 8), 1.22, (9, 50), WORKSTATION), CUDA),
    nvidia(("NVIDIA A40", "A40", "AMPERE_48", 48, (0.40, 10), (0.35, 0), 1.22, (9, 50), EVERYWHERE), CUDA),
    nvidia(("NVIDIA L40", "L40", "ADA_48_PRO", 48, (0.99, 8), (0.69, 4), 1.90, (8, 94), EVERYWHERE), CUDA),
    nvidia(("NVIDIA L40S", "L40S", "ADA_48_PRO", 48, (0.86, 8), (0.79, 4), 1.90, (16, 94), EVERYWHERE), CUDA),
    nvidia(("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada", "ADA_48_PRO", 48, (0.77, 8), (0.74, 4), 1.90, (10, 62), WORKSTATION), CUDA),
    nvidia(("NVIDIA A100 80GB PCIe", "A100 PCIe", "AMPERE_80", 80, (1.39, 8), (1.19, 8), 2.72, (8, 117), LARGE), CUDA),
    nvidia(("NVIDIA A100-SXM4-80GB", "A100 SXM", "AMPERE_80", 80, (1.49, 8), (1.39, 8), 2.72, (16, 125), LARGE), CUDA),
    nvidia(("NVIDIA H100 PCIe", "H100 PCIe", "ADA_80_PRO", 80, (2.39, 8), (1.99, 4), 4.18, (16, 188), LARGE), CUDA),
    nvidia(("NVIDIA H100 80GB HBM3", "H100 SXM", "ADA_80_PRO", 80, (2.99, 8), (2.69, 8), 4.18, (20, 125), LARGE), CUDA),
    nvidia(("NVIDIA H100 NVL", "H100 NVL", "ADA_80_PRO", 94, (3.07, 8), (2.59, 2), 4.18, (16, 94), LARGE), CUDA),
    nvidia(("NVIDIA H200", "H200 SXM", "HOPPER_141", 141, (3.99, 8), (3.59, 0), 5.58, (24, 251), LARGE), CUDA),
    nvidia(("NVIDIA RTX PRO 4500 Blackwell", "RTX PRO 4500", "BLACKWELL_32", 32, (0.64, 8), (0.54, 0), 1.40, (12, 62), NEWEST), CUDA_BLACKWELL),
    nvidia(("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000", "BLACKWELL_96", 96, (1.84, 8), (1.69, 0), 3.99, (16, 188), NEWEST), CUDA_BLACKWELL),
    nvidia(("NVIDIA B200", "B200", "BLACKWELL_180", 180, (5.98, 8), (5.19, 0), 8.64, (28, 283), NEWEST), CUDA_BLACKWELL),
    GpuType {
        id: "AMD Instinct MI300X OAM",
        name: "MI300X",
        pool: None,
        manufacturer: "AMD",
        memory_gb: 192,
        secure: Offer { price: 2.49, max_count: 8 },
        community: Offer { price: 2.49, max_count: 0 },
        serverless: None,
        vcpus: 24,
        ram_gb: 283,
        data_centers: &["EU-RO-1"],
        cuda: &[],
    },
    GpuType {
        id: "NVIDIA GeForce RTX 3080",
        name: "RTX 3080",
        pool: None,
        manufacturer: "NVIDIA",
        memory_gb: 10,
        secure: Offer { price: 0.27, max_count: 0 },
        community: Offer { price: 0.17, max_count: 4 },
        serverless: None,
        vcpus: 8,
        ram_gb: 28,
        data_centers: CONSUMER,
        cuda: CUDA,
    },
    GpuType {
        id: "unknown",
        name: "unknown",
        pool: None,
        manufacturer: "UNKNOWN",
        memory_gb: 0,
        secure: Offer { price: 0.0, max_count: 0 },
        community: Offer { price: 0.0, max_count: 0 },
        serverless: None,
        vcpus: 0,
        ram_gb: 0,
        data_centers: &[],
        cuda: &[],
    },
];

/// Every CPU flavor, in the order the catalog lists them.
#[rustfmt::skip]
pub(crate) const CPUS: &[CpuFlavor] = &[
    CpuFlavor { id: "cpu3g", name: "CPU3 General Purpose", group: "General Purpose", min_vcpus: 2, max_vcpus: 32, ram_gb_per_vcpu: 4, price_per_vcpu: 0.04, data_centers: EVERYWHERE },
    CpuFlavor { id: "cpu3c", name: "CPU3 Compute-Optimized", group: "Compute-Optimized", min_vcpus: 2, max_vcpus: 32, ram_gb_per_vcpu: 2, price_per_vcpu: 0.03, data_centers: EVERYWHERE },
    CpuFlavor { id: "cpu3m", name: "CPU3 Memory-Optimized", group: "Memory-Optimized", min_vcpus: 2, max_vcpus: 16, ram_gb_per_vcpu: 8, price_per_vcpu: 0.055, data_centers: EVERYWHERE },
    CpuFlavor { id: "cpu5g", name: "CPU5 General Purpose", group: "General Purpose", min_vcpus: 2, max_vcpus: 16, ram_gb_per_vcpu: 4, price_per_vcpu: 0.045, data_centers: WORKSTATION },
    CpuFlavor { id: "cpu5c", name: "CPU5 Compute-Optimized", group: "Compute-Optimized", min_vcpus: 2, max_vcpus: 32, ram_gb_per_vcpu: 2, price_per_vcpu: 0.035, data_centers: WORKSTATION },
    CpuFlavor { id: "cpu5m", name: "CPU5 Memory-Optimized", group: "Memory-Optimized", min_vcpus: 2, max_vcpus: 16, ram_gb_per_vcpu: 8, price_per_vcpu: 0.06, data_centers: WORKSTATION },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_places_exist() {
        let ids: HashSet<_> = GPUS.iter().map(|gpu| gpu.id).collect();
        assert_eq!(ids.len(), GPUS.len());
        let placed = GPUS.iter().map(|gpu| gpu.data_centers).chain(CPUS.iter().map(|cpu| cpu.data_centers));
        for id in placed.flatten() {
            assert!(data_center(id).is_some(), "{id} is not a data center");
        }
    }

    #[test]
    fn every_pool_has_its_members() {
        let members = |pool| GPUS.iter().filter(|gpu| gpu.pool == Some(pool)).count();
        let pools = [
            "AMPERE_16",
            "AMPERE_24",
            "ADA_24",
            "AMPERE_48",
            "ADA_48_PRO",
            "AMPERE_80",
            "ADA_80_PRO",
            "HOPPER_141",
        ];
        assert_eq!(pools.map(members), [4, 3, 1, 2, 3, 2, 3, 1]);
    }
}
