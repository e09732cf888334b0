//! Secrets as a config names them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A secret: where its value comes from. The value itself is never in a config.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretConfig {
    /// The environment variable it becomes.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Source of its value.
    pub source: SecretSource,
    /// True if a deployment without it makes no sense. Default: false.
    #[serde(default)]
    pub required: bool,
    /// For `env`: the file that holds the value if the variable is set nowhere, its last line break cut off. `~/` is the home
    /// directory, and a relative path begins beside the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_file: Option<String>,
}

/// Source of a secret's value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// The environment variable of the secret's name, or the line `NAME=VALUE` of `.env.local` or `.env` beside the config.
    Env,
    /// A file to be put into the container, which RunPod cannot do: skipped with a warning.
    File,
    /// A source of Sindri's, for example `vault`: the program that embeds the provider resolves it.
    #[serde(untagged)]
    Other(String),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Env => "env",
            Self::File => "file",
            Self::Other(source) => source,
        })
    }
}
