//! The variables a provider reads.

use std::collections::BTreeMap;

use runpod_lifecycle::Secret;

/// Where variables come from: the process, unless somebody gave them.
#[derive(Clone, Debug, Default)]
pub(crate) enum Environment {
    #[default]
    Process,
    Given(BTreeMap<String, Secret>),
}

impl Environment {
    /// A variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<Secret> {
        let value = match self {
            Self::Process => std::env::var(name).ok().map(Secret::from),
            Self::Given(variables) => variables.get(name).cloned(),
        };
        value.filter(|value| !value.expose().is_empty())
    }
}
