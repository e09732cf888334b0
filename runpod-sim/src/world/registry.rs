//! A container registry of the account.

use serde::Serialize;

use crate::world::store::Stored;

/// Credentials for a container registry. The credentials themselves are not kept.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Registry {
    pub(crate) id: String,
    pub(crate) name: String,
}

impl Stored for Registry {
    fn id(&self) -> &str {
        &self.id
    }
}
