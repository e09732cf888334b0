//! The hardware of a pod to be, and the order in which it is tried.

use std::fmt;

use crate::word::words;

/// In which order a deploy tries its candidates.
///
/// The catalog's stock and prices order candidates; they never rule one out, since stock changes
/// between the read and the create.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// As the spec names them; a pool in the catalog's order. The default.
    #[default]
    AsGiven,
    /// By list price, the lowest first.
    Cheapest,
    /// By stock, the best first.
    MostAvailable,
}

words!(
    Order,
    "order",
    AsGiven => "as_given",
    Cheapest => "cheapest",
    MostAvailable => "most_available",
);

/// The hardware of one candidate: RunPod takes exactly one per create.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "type", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Hardware {
    /// So many GPUs of one type.
    Gpu {
        /// GPU type id.
        id: String,
        /// The number of GPUs.
        count: u32,
    },
    /// So many GPUs of whichever of these types RunPod has, in order of preference. Only REST v1
    /// chooses by itself.
    AnyGpu {
        /// GPU type ids.
        ids: Vec<String>,
        /// The number of GPUs.
        count: u32,
    },
    /// So many vCPUs of one flavor.
    Cpu {
        /// CPU flavor id.
        flavor: String,
        /// The number of vCPUs.
        vcpus: u32,
    },
}

impl fmt::Display for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gpu { id, count } => write!(f, "{count}x {id}"),
            Self::AnyGpu { ids, count } => write!(f, "{count}x {}", ids.join(" or ")),
            Self::Cpu { flavor, vcpus } => write!(f, "{vcpus} vCPUs of {flavor}"),
        }
    }
}
