//! Sindri's resolver of secrets, for the sources that a test can have: a variable, `.env.local` and `.env` beside the
//! config, a file, and a vault that is a file beside the config.

use std::{collections::HashMap, fs, path::PathBuf};

use anyhow::{Context, anyhow};

use super::config::{SecretConfig, SecretSource};

pub(crate) struct ResolutionContext {
    folder: PathBuf,
}

impl ResolutionContext {
    pub(crate) fn new(config_dir: PathBuf) -> Self {
        Self { folder: config_dir }
    }
}

pub(crate) struct SecretResolver {
    context: ResolutionContext,
}

pub(crate) struct ResolvedSecret {
    pub(crate) value: SecretValue,
}

pub(crate) enum SecretValue {
    Env(String),
    File,
}

impl SecretValue {
    pub(crate) fn as_string(&self) -> Option<&str> {
        match self {
            Self::Env(value) => Some(value),
            Self::File => None,
        }
    }
}

impl SecretResolver {
    pub(crate) fn new(context: ResolutionContext) -> Self {
        Self { context }
    }

    /// Every secret that has a value. One that is required and has none is an error, one that is optional is left out.
    pub(crate) async fn resolve_all(
        &self,
        definitions: &[SecretConfig],
    ) -> anyhow::Result<HashMap<String, ResolvedSecret>> {
        let (mut resolved, mut errors) = (HashMap::new(), Vec::new());
        for secret in definitions {
            match self.resolve(secret) {
                Ok(Some(value)) => {
                    resolved.insert(secret.name.clone(), ResolvedSecret { value });
                }
                Ok(None) if secret.required => {
                    errors.push(format!("Required secret '{}' not found", secret.name))
                }
                Err(error) if secret.required => errors.push(format!("'{}': {error}", secret.name)),
                _ => {}
            }
        }
        if errors.is_empty() {
            Ok(resolved)
        } else {
            Err(anyhow!("Secret resolution failed: {}", errors.join(", ")))
        }
    }

    fn resolve(&self, secret: &SecretConfig) -> anyhow::Result<Option<SecretValue>> {
        match secret.source {
            SecretSource::Env => Ok(self.variable(secret)?.map(SecretValue::Env)),
            SecretSource::File => {
                let path = secret.path.as_deref().context("a file secret names its path")?;
                self.read(path).map(|_| Some(SecretValue::File))
            }
            SecretSource::Vault => {
                let path = secret.vault_path.as_deref().context("a vault secret names its path")?;
                let key = secret.vault_key.as_deref().unwrap_or("value");
                let vault = self.assignments("vault");
                Ok(vault.get(&format!("{path}/{key}")).cloned().map(SecretValue::Env))
            }
            SecretSource::S3 => Err(anyhow!("S3 source not yet implemented")),
        }
    }

    fn variable(&self, secret: &SecretConfig) -> anyhow::Result<Option<String>> {
        let name = &secret.name;
        let value = std::env::var(name).ok();
        let value = value.or_else(|| self.assignments(".env.local").remove(name));
        let value = value.or_else(|| self.assignments(".env").remove(name));
        match (value, &secret.from_file) {
            (Some(value), _) => Ok(Some(value)),
            (None, Some(path)) => self.read(path).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn read(&self, path: &str) -> anyhow::Result<String> {
        let path = match (path.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.context.folder.join(path),
        };
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(text.trim().to_owned())
    }

    /// The lines `NAME=VALUE` of a file beside the config, if there is one.
    fn assignments(&self, file: &str) -> HashMap<String, String> {
        let text = fs::read_to_string(self.context.folder.join(file)).unwrap_or_default();
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs
            .map(|(name, value)| (name.trim().to_owned(), value.trim().trim_matches(['"', '\'']).to_owned()))
            .collect()
    }
}
