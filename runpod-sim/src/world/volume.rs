//! Network volumes.

use serde::{Deserialize, Serialize};

use crate::world::store::Stored;

/// A network volume of the simulated account.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Volume {
    pub(crate) id: String,
    pub(crate) name: String,
    /// GB, 10 to 4096.
    pub(crate) size: u32,
    #[serde(rename = "dataCenter")]
    pub(crate) data_center: String,
    #[serde(rename = "type")]
    pub(crate) kind: VolumeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum VolumeKind {
    #[default]
    Standard,
    HighPerformance,
}

impl Volume {
    pub(crate) fn is_sound(&self) -> bool {
        (10..=4096).contains(&self.size) && crate::world::catalog::data_center(&self.data_center).is_some()
    }
}

impl Stored for Volume {
    fn id(&self) -> &str {
        &self.id
    }
}
