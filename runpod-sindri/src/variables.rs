//! The variables a provider reads.

use std::collections::BTreeMap;

use runpod_lifecycle::{ConfigError, Secret};

/// Source of variables: the process, unless others were given.
#[derive(Clone, Debug, Default)]
pub(crate) enum Variables {
    #[default]
    Process,
    Given(BTreeMap<String, Secret>),
}

impl Variables {
    /// A variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<Secret> {
        let value = match self {
            Self::Process => std::env::var(name).ok().map(Secret::from),
            Self::Given(variables) => variables.get(name).cloned(),
        };
        value.filter(|value| !value.expose().is_empty())
    }

    /// A variable that the provider itself goes by, where one that is not text must not be overlooked.
    pub(crate) fn own(&self, name: &'static str) -> Result<Option<Secret>, ConfigError> {
        match self {
            Self::Process if std::env::var_os(name).is_some_and(|value| value.to_str().is_none()) => {
                Err(ConfigError::NotUnicode { variable: name })
            }
            _ => Ok(self.get(name)),
        }
    }
}
