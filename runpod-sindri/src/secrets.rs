//! Values of the secrets that a config names.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use runpod_lifecycle::Secret;

use crate::{ProviderError, SecretConfig, SecretSource, variables::Variables};

/// The most bytes of a secret's file that are read: more than a request may have.
const LARGEST_SECRET: u64 = 102_400;

/// Secrets of a config, as far as they resolve.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) values: BTreeMap<String, Secret>,
    pub(crate) warnings: Vec<String>,
}

/// The name of RunPod's own key, which no pod needs.
const OWN_KEY: &str = "RUNPOD_API_KEY";

/// Sources of secrets' values.
pub(crate) struct Resolver<'a> {
    /// Every value there is, if they are resolved already.
    pub(crate) resolved: Option<&'a BTreeMap<String, Secret>>,
    pub(crate) variables: &'a Variables,
    /// The folder where relative paths begin.
    pub(crate) folder: Option<&'a Path>,
}

impl Resolver<'_> {
    /// Looks every secret up.
    pub(crate) fn resolve(&self, secrets: &[SecretConfig]) -> Result<Resolved, ProviderError> {
        let mut resolved = Resolved::default();
        for secret in secrets {
            match self.value(secret)? {
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
        if resolved.values.contains_key(OWN_KEY) {
            resolved.warnings.push(format!(
                "secret {OWN_KEY} goes into the pod, where a login is enough to rent and delete pods with it: leave it out of secrets, since deploys read it here"
            ));
        }
        Ok(resolved)
    }

    fn value(&self, secret: &SecretConfig) -> Result<Value, ProviderError> {
        if secret.source == SecretSource::File {
            let reason = "RunPod puts no files into a pod; give it as an environment variable (source: env)";
            return Ok(Value::Missing(reason.to_owned()));
        }
        if let Some(values) = self.resolved {
            let missing = || Value::Missing(format!("its source ({}) has no value for it", secret.source));
            return Ok(values.get(&secret.name).cloned().map_or_else(missing, Value::Found));
        }
        if let Some(value) = self.variables.get(&secret.name) {
            return Ok(Value::Found(value));
        }
        Ok(match (&secret.source, &secret.from_file) {
            (SecretSource::Other(source), _) => Value::Missing(format!(
                "this program cannot read the source {source:?}; set the environment variable {}",
                secret.name
            )),
            (_, Some(path)) => read(&secret.name, &self.path(path))?,
            (_, None) => Value::Missing(format!("the environment variable {} is not set", secret.name)),
        })
    }

    /// The file that a config means: `~` is the home directory, and what is not absolute is beside the config.
    fn path(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), std::env::home_dir(), self.folder) {
            (Some(rest), Some(home), _) => home.join(rest),
            (_, _, Some(folder)) => folder.join(path),
            _ => PathBuf::from(path),
        }
    }
}

fn read(name: &str, path: &Path) -> Result<Value, ProviderError> {
    match read_bounded(path) {
        Ok(text) => Ok(Value::Found(text.trim_end_matches(['\r', '\n']).into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Value::Missing(format!(
            "neither the environment variable {name} is set nor is there a file {}",
            path.display()
        ))),
        Err(source) => {
            Err(ProviderError::SecretUnread { name: name.to_owned(), path: path.to_owned(), source })
        }
    }
}

enum Value {
    Found(Secret),
    Missing(String),
}

fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LARGEST_SECRET + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST_SECRET {
        return Err(io::Error::other("it is larger than the 100 KiB that RunPod takes for a whole pod"));
    }
    Ok(text)
}
