//! Secrets of the account, and the environments that refer to them.

use std::{collections::BTreeMap, time::Duration};

use crate::world::{order::Env, pod::Pod, store::Stored};

/// A secret of the account, without its value.
#[derive(Debug, Clone)]
pub(crate) struct Secret {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created: Duration,
    /// The instant its value was last replaced.
    pub(crate) replaced: Option<Duration>,
}

impl Stored for Secret {
    fn id(&self) -> &str {
        &self.id
    }
}

/// The values that secrets had, by name. Nothing gives them out but the owner's view of a container.
#[derive(Default)]
pub(crate) struct Values(Vec<(String, Duration, Option<String>)>);

impl Values {
    /// Remembers a value from an instant on; `None` for a secret that was deleted.
    pub(crate) fn set(&mut self, name: &str, at: Duration, value: Option<String>) {
        self.0.push((name.to_owned(), at, value));
    }

    /// The value at an instant.
    fn at(&self, name: &str, at: Duration) -> Option<&str> {
        let mut changes = self.0.iter().rev();
        changes.find(|(known, from, _)| known == name && *from <= at)?.2.as_deref()
    }

    /// The environment of the container that runs at an instant, with its references filled in as they were when it
    /// started; `None` while none runs. A reference to no secret stays as it is.
    pub(crate) fn environment(&self, pod: &Pod, now: Duration) -> Option<BTreeMap<String, String>> {
        let run = pod.up(now).filter(|run| run.boot.running <= now)?;
        let Env(env) = &pod.facts_at(now).env;
        let filled = |value: &String| match reference(value).and_then(|name| self.at(name, run.boot.running))
        {
            Some(secret) => secret.to_owned(),
            None => value.clone(),
        };
        Some(env.iter().map(|(name, value)| (name.clone(), filled(value))).collect())
    }
}

/// The secret that a value refers to: `{{ RUNPOD_SECRET_name }}`.
fn reference(value: &str) -> Option<&str> {
    value.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim().strip_prefix("RUNPOD_SECRET_")
}
