//! Load of a pod.

/// Load of a pod, as RunPod measured it some seconds before the poll. Percentages are 0 to 100, as far as RunPod keeps to that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Load {
    /// CPU in use, in percent; `None` if RunPod left it out.
    pub cpu_percent: Option<i64>,
    /// RAM in use, in percent of [`Pod::memory_gb`](crate::Pod::memory_gb); `None` if RunPod left it out.
    pub memory_percent: Option<i64>,
    /// Each GPU, in RunPod's order; empty for a CPU pod, and if RunPod left them out.
    pub gpus: Vec<GpuLoad>,
}

/// Load of one GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct GpuLoad {
    /// Compute in use, in percent; `None` if RunPod left it out.
    pub percent: Option<i64>,
    /// VRAM in use, in percent; `None` if RunPod left it out.
    pub memory_percent: Option<i64>,
}
