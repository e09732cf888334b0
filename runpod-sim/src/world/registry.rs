use serde::Serialize;

use crate::world::shelf::Kept;

/// Credentials for a container registry. The credentials themselves are not kept.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Registry {
    pub(crate) id: String,
    pub(crate) name: String,
}

impl Kept for Registry {
    fn id(&self) -> &str {
        &self.id
    }
}
