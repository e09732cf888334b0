//! Values of the secrets that a config names.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::Path,
};

use runpod_lifecycle::Secret;

use crate::{ProviderError, SecretConfig, SecretSource, config::placed, variables::Variables};

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
        if let Some(value) = self.variable(&secret.name)? {
            return Ok(Value::Found(value));
        }
        Ok(match (&secret.source, &secret.from_file) {
            (SecretSource::Other(source), _) => Value::Missing(format!(
                "this program cannot read the source {source:?}; set the environment variable {}",
                secret.name
            )),
            (_, Some(path)) => read(&secret.name, &placed(path, self.folder))?,
            (_, None) => Value::Missing(format!(
                "the environment variable {} is set neither here nor in .env.local or .env beside the config",
                secret.name
            )),
        })
    }

    /// The variable of a name: the environment's, else that of `.env.local`, else that of `.env` beside the config.
    fn variable(&self, name: &str) -> Result<Option<Secret>, ProviderError> {
        if let Some(value) = self.variables.get(name) {
            return Ok(Some(value));
        }
        let Some(folder) = self.folder else { return Ok(None) };
        for file in [".env.local", ".env"] {
            let path = folder.join(file);
            let text = match read_bounded(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                read => read.map_err(|source| unread(name, &path, source))?,
            };
            if let Some(value) = assigned(&text, name) {
                return Ok(Some(value.into()));
            }
        }
        Ok(None)
    }
}

fn read(name: &str, path: &Path) -> Result<Value, ProviderError> {
    match read_bounded(path) {
        Ok(text) => Ok(Value::Found(text.trim_end_matches(['\r', '\n']).into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Value::Missing(format!(
            "the environment variable {name} is not set (nor in .env.local or .env beside the config), and there is no file {}",
            path.display()
        ))),
        Err(source) => Err(unread(name, path, source)),
    }
}

fn unread(name: &str, path: &Path, source: io::Error) -> ProviderError {
    ProviderError::SecretUnread { name: name.to_owned(), path: path.to_owned(), source }
}

/// The last value that a text of lines `NAME=VALUE` gives a name, without the quotes around it; `None` if there is none that is
/// not empty. Nothing in it is expanded, as Sindri does not either: a `$` in a secret is a `$`.
fn assigned(text: &str, name: &str) -> Option<String> {
    let value = |line: &str| {
        let (key, value) = line.split_once('=')?;
        let value = value.trim();
        let quoted = |quote| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
        (key.trim() == name).then(|| quoted('"').or_else(|| quoted('\'')).unwrap_or(value).to_owned())
    };
    text.lines().filter_map(value).next_back().filter(|value| !value.is_empty())
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
