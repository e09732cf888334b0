//! The hardware that a spec asks for.

use crate::{PodSpec, spec::need::GpuNeed};

/// The hardware a spec asks for: GPUs, or vCPUs alone.
#[derive(Clone, Debug)]
pub(crate) enum HardwareSpec {
    Gpu(GpuSpec),
    Cpu(CpuSpec),
}

#[derive(Clone, Debug)]
pub(crate) struct GpuSpec {
    pub(crate) types: Vec<String>,
    /// After those that are named, every type that meets the need will do.
    pub(crate) takes_any: bool,
    pub(crate) need: GpuNeed,
    pub(crate) count: u32,
    pub(crate) min_ram_gb: Option<u32>,
    pub(crate) min_vcpus: Option<u32>,
    pub(crate) cuda_versions: Vec<String>,
    pub(crate) min_cuda_version: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct CpuSpec {
    pub(crate) flavors: Vec<String>,
    /// The fewest for a pod by need, else as many.
    pub(crate) vcpus: u32,
    pub(crate) is_by_need: bool,
    pub(crate) min_ram_gb: Option<u32>,
}

impl PodSpec {
    /// A pod with one GPU of the first of `gpus` that is in stock.
    ///
    /// `gpus` holds GPU type ids (`NVIDIA GeForce RTX 4090`) and pool ids (`ADA_24`, which stands for
    /// every type RunPod's catalog puts into that pool), in order of preference.
    pub fn gpu<G>(name: impl Into<String>, image: impl Into<String>, gpus: G) -> Self
    where
        G: IntoIterator,
        G::Item: Into<String>,
    {
        let gpu = GpuSpec {
            types: gpus.into_iter().map(Into::into).collect(),
            takes_any: false,
            need: GpuNeed::default(),
            count: 1,
            min_ram_gb: None,
            min_vcpus: None,
            cuda_versions: Vec::new(),
            min_cuda_version: None,
        };
        Self::new(name.into(), image.into(), HardwareSpec::Gpu(gpu))
    }

    /// A pod with one GPU of any type that meets its needs, the cheapest first.
    ///
    /// Needs are [`min_vram_gb`](Self::min_vram_gb), [`manufacturer`](Self::manufacturer) and
    /// [`exclude_gpu`](Self::exclude_gpu); without any, every type of RunPod's catalog will do. A type that the catalog shows to be
    /// out of stock is tried after all others. [`plan`](crate::RunPod::plan) says why each type is in or out.
    ///
    /// REST v1 has no catalog: there it is a problem of the spec.
    ///
    /// ```
    /// use runpod_lifecycle::{Cloud, PodSpec};
    ///
    /// let spec = PodSpec::any_gpu("trainer", "runpod/pytorch:latest")
    ///     .min_vram_gb(24)
    ///     .max_usd_per_hour(0.60)
    ///     .cloud(Cloud::Either);
    /// spec.validate()?;
    /// # Ok::<(), runpod_lifecycle::SpecError>(())
    /// ```
    pub fn any_gpu(name: impl Into<String>, image: impl Into<String>) -> Self {
        Self::gpu(name, image, [""; 0]).or_any_gpu()
    }

    /// Goes on with any type that meets the needs of [`any_gpu`](Self::any_gpu), the cheapest first, after those that are
    /// named. Default: only what is named. What is named need not meet them.
    ///
    /// ```
    /// use runpod_lifecycle::PodSpec;
    ///
    /// PodSpec::gpu("trainer", "image", ["NVIDIA L40S", "NVIDIA A40"]).or_any_gpu().min_vram_gb(48).validate()?;
    /// # Ok::<(), runpod_lifecycle::SpecError>(())
    /// ```
    pub fn or_any_gpu(self) -> Self {
        self.with_gpu("or_any_gpu", |gpu| gpu.takes_any = true)
    }

    /// The least VRAM of one GPU in GB, at least 1, of types that nobody named. Default: any.
    pub fn min_vram_gb(self, size: u32) -> Self {
        self.with_gpu("min_vram_gb", |gpu| gpu.need.min_vram_gb = Some(size))
    }

    /// Allows one more maker of types that nobody named, for example `NVIDIA`, in any case. Default: any.
    pub fn manufacturer(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.with_gpu("manufacturer", |gpu| gpu.need.manufacturers.push(name))
    }

    /// Leaves out one more GPU type or pool among those that nobody named, by its id. Default: none. One that RunPod's
    /// catalog does not know is refused before anything is created.
    pub fn exclude_gpu(self, id: impl Into<String>) -> Self {
        let id = id.into();
        self.with_gpu("exclude_gpu", |gpu| gpu.need.excluded.push(id))
    }

    /// A pod without GPU and with so many vCPUs: a power of two, at least 2.
    ///
    /// It runs on the cheapest CPU flavor of RunPod's catalog that offers as many, unless
    /// [`cpu_flavor`](Self::cpu_flavor) names some. CPU pods take no pod volume, only a network volume.
    ///
    /// ```
    /// use runpod_lifecycle::PodSpec;
    ///
    /// PodSpec::cpu("builder", "ubuntu:24.04", 8).cpu_flavor("cpu3c").validate()?;
    /// # Ok::<(), runpod_lifecycle::SpecError>(())
    /// ```
    pub fn cpu(name: impl Into<String>, image: impl Into<String>, vcpus: u32) -> Self {
        let cpu = CpuSpec { flavors: Vec::new(), vcpus, is_by_need: false, min_ram_gb: None };
        Self::new(name.into(), image.into(), HardwareSpec::Cpu(cpu))
    }

    /// A pod without GPU that meets its needs, the cheapest first: [`min_vcpus`](Self::min_vcpus) and
    /// [`min_ram_gb`](Self::min_ram_gb). RunPod sells powers of two of vCPUs, at least 2, and RAM by the vCPU.
    ///
    /// ```
    /// use runpod_lifecycle::PodSpec;
    ///
    /// PodSpec::any_cpu("builder", "ubuntu:24.04").min_vcpus(6).min_ram_gb(32).validate()?;
    /// # Ok::<(), runpod_lifecycle::SpecError>(())
    /// ```
    pub fn any_cpu(name: impl Into<String>, image: impl Into<String>) -> Self {
        let cpu = CpuSpec { flavors: Vec::new(), vcpus: 2, is_by_need: true, min_ram_gb: None };
        Self::new(name.into(), image.into(), HardwareSpec::Cpu(cpu))
    }

    /// The fewest vCPUs of a pod of [`any_cpu`](Self::any_cpu), at least 1. Default: 2.
    pub fn min_vcpus(mut self, count: u32) -> Self {
        match &mut self.hardware {
            HardwareSpec::Cpu(cpu) if cpu.is_by_need => cpu.vcpus = count,
            HardwareSpec::Cpu(_) => {
                self.misplaced.push(("min_vcpus", "this pod has as many vCPUs as it says; use any_cpu"))
            }
            HardwareSpec::Gpu(_) => self.misplaced.push(("min_vcpus", "a GPU pod has min_vcpus_per_gpu")),
        }
        self
    }

    /// The least RAM of a CPU pod in GB, at least 1. Default: any.
    pub fn min_ram_gb(mut self, size: u32) -> Self {
        match &mut self.hardware {
            HardwareSpec::Cpu(cpu) => cpu.min_ram_gb = Some(size),
            HardwareSpec::Gpu(_) => self.misplaced.push(("min_ram_gb", "a GPU pod has min_ram_gb_per_gpu")),
        }
        self
    }

    /// GPUs of the one type the pod gets. At least 1; default 1. More than RunPod's catalog allows for every
    /// type and cloud asked for is refused before anything is created.
    pub fn gpu_count(self, count: u32) -> Self {
        self.with_gpu("gpu_count", |gpu| gpu.count = count)
    }

    /// The least RAM per GPU in GB, at least 1. Default: any.
    pub fn min_ram_gb_per_gpu(self, size: u32) -> Self {
        self.with_gpu("min_ram_gb_per_gpu", |gpu| gpu.min_ram_gb = Some(size))
    }

    /// The fewest vCPUs per GPU, at least 1. Default: any.
    pub fn min_vcpus_per_gpu(self, count: u32) -> Self {
        self.with_gpu("min_vcpus_per_gpu", |gpu| gpu.min_vcpus = Some(count))
    }

    /// Allows one more CUDA version of the host's driver, written `12.8`. With none named, any will do.
    pub fn cuda_version(self, version: impl Into<String>) -> Self {
        let version = version.into();
        self.with_gpu("cuda_version", |gpu| gpu.cuda_versions.push(version))
    }

    /// The oldest CUDA version of the host's driver, written `12.8`. Default: any.
    pub fn min_cuda_version(self, version: impl Into<String>) -> Self {
        let version = version.into();
        self.with_gpu("min_cuda_version", |gpu| gpu.min_cuda_version = Some(version))
    }

    fn with_gpu(mut self, setting: &'static str, set: impl FnOnce(&mut GpuSpec)) -> Self {
        match &mut self.hardware {
            HardwareSpec::Gpu(gpu) => set(gpu),
            HardwareSpec::Cpu(_) => self.misplaced.push((setting, "this setting is for GPU pods only")),
        }
        self
    }

    /// Allows one more CPU flavor, for example `cpu3c`, in order of preference. Only for CPU pods.
    pub fn cpu_flavor(mut self, id: impl Into<String>) -> Self {
        match &mut self.hardware {
            HardwareSpec::Cpu(cpu) => cpu.flavors.push(id.into()),
            HardwareSpec::Gpu(_) => self.misplaced.push(("cpu_flavor", "this setting is for CPU pods only")),
        }
        self
    }
}
