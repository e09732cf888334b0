//! Secrets of a config and what becomes of them.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, Read},
    path::Path,
};

use runpod_lifecycle::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ProviderError, environment::Environment};

/// The most bytes of a secret's file that are read: more than a request may have.
const LARGEST_SECRET: u64 = 102_400;

/// A secret: where its value comes from. The value itself is never in a config.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretConfig {
    /// The environment variable it becomes.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Where its value comes from.
    pub source: SecretSource,
    /// Whether a deployment without it makes no sense. Default: false.
    #[serde(default)]
    pub required: bool,
    /// For `env`: the file that holds the value if the variable is not set, its last line break cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_file: Option<String>,
}

/// Where a secret's value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// The environment variable of the secret's name.
    Env,
    /// A file to be put into the container, which RunPod cannot do: skipped with a warning.
    File,
    /// A source of Sindri's, for example `vault`: whoever embeds the provider resolves it.
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

/// What a config's secrets came to.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) values: BTreeMap<String, Secret>,
    pub(crate) warnings: Vec<String>,
}

/// Looks every secret up.
pub(crate) fn resolve(
    secrets: &[SecretConfig],
    environment: &Environment,
) -> Result<Resolved, ProviderError> {
    let mut resolved = Resolved::default();
    for secret in secrets {
        match secret.value(environment)? {
            Value::Found(value) => {
                resolved.values.insert(secret.name.clone(), value);
            }
            Value::Missing(reason) if secret.required && secret.source != SecretSource::File => {
                return Err(ProviderError::SecretMissing { name: secret.name.clone(), reason });
            }
            Value::Missing(reason) => {
                resolved.warnings.push(format!("secret {} was skipped: {reason}", secret.name));
            }
        }
    }
    Ok(resolved)
}

enum Value {
    Found(Secret),
    Missing(String),
}

impl SecretConfig {
    fn value(&self, environment: &Environment) -> Result<Value, ProviderError> {
        if let Some(value) = environment.get(&self.name).filter(|_| self.source != SecretSource::File) {
            return Ok(Value::Found(value));
        }
        Ok(match (&self.source, &self.from_file) {
            (SecretSource::Env, Some(path)) => self.read(Path::new(path))?,
            (SecretSource::Env, None) => {
                Value::Missing(format!("the environment variable {} is not set", self.name))
            }
            (SecretSource::File, _) => Value::Missing(
                "RunPod puts no files into a pod; give it as an environment variable (source: env)"
                    .to_owned(),
            ),
            (SecretSource::Other(source), _) => Value::Missing(format!(
                "this program cannot read the source {source:?}; set the environment variable {}",
                self.name
            )),
        })
    }

    fn read(&self, path: &Path) -> Result<Value, ProviderError> {
        match read_bounded(path) {
            Ok(text) => Ok(Value::Found(text.trim_end_matches(['\r', '\n']).into())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Value::Missing(format!(
                "neither the environment variable {} is set nor is there a file {}",
                self.name,
                path.display()
            ))),
            Err(source) => {
                Err(ProviderError::SecretUnread { name: self.name.clone(), path: path.to_owned(), source })
            }
        }
    }
}

fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LARGEST_SECRET + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST_SECRET {
        return Err(io::Error::other("it is larger than the 100 KiB that RunPod takes for a whole pod"));
    }
    Ok(text)
}
