//! The target as Sindri's manifest describes it.

use std::env;

use runpod_lifecycle::Secret;
use runpod_sindri::SindriConfig;
use serde_json::{Map, Value, json};

use crate::plugin::{protocol::Failure, token};

/// The label of a target's pods, by which they are told from others of the name.
const LABEL: &str = "sindri-target";
/// The keys of a target that are Sindri's.
const SINDRIS: [&str; 4] = ["kind", "infra", "auth", "provides"];
/// The keys of `infra` that Sindri 3 has elsewhere in its file.
const MOVED: [&str; 3] = ["name", "image", "secrets"];

/// A target: `targets.<name>` of the manifest.
pub(crate) struct Manifest {
    /// The pod's name.
    name: String,
    settings: Map<String, Value>,
    token: Option<String>,
}

impl Manifest {
    /// Reads what Sindri gives every plugin in its environment.
    pub(crate) fn from_env() -> Result<Self, Failure> {
        let target = variable("SINDRI_TARGET_NAME")?;
        let text = variable("SINDRI_TARGET_CONFIG")?;
        let config: Value = serde_json::from_str(&text)
            .map_err(|error| invalid(format!("SINDRI_TARGET_CONFIG is no JSON: {error}")))?;
        let mut config = block("the target", config)?;
        let mut settings = block("infra", config.remove("infra").unwrap_or_default())?;
        let token = token_of(block("auth", config.remove("auth").unwrap_or_default())?)?;
        config.retain(|key, _| !SINDRIS.contains(&key.as_str()));
        for (key, value) in config {
            // Beside `kind`, as Sindri's own guide writes them.
            if settings.insert(key.clone(), value).is_some() {
                return Err(invalid(format!("{key:?} is there twice, in infra and beside it")));
            }
        }
        let name = settings.get("name").and_then(Value::as_str).unwrap_or(&target).to_owned();
        settings.insert("name".to_owned(), name.as_str().into());
        Ok(Self { name, settings, token })
    }

    /// The API key; `None` for the one in `RUNPOD_API_KEY`.
    pub(crate) fn key(&self) -> Result<Option<Secret>, Failure> {
        self.token.as_deref().map(token::resolve).transpose()
    }

    /// The label of its pods.
    pub(crate) fn label(&self) -> (&'static str, &str) {
        (LABEL, &self.name)
    }

    /// Everything it says, as a config of Sindri 3: one parser for both.
    pub(crate) fn config(&self) -> Result<SindriConfig, Failure> {
        let mut runpod = self.settings.clone();
        let [name, image, secrets] = MOVED.map(|key| runpod.remove(key).unwrap_or_default());
        let mut config = json!({"name": name, "providers": {"runpod": runpod}});
        if !image.is_null() {
            config["deployment"] = json!({"image": image});
        }
        if !secrets.is_null() {
            config["secrets"] = secrets;
        }
        let config = SindriConfig::from_yaml(&config.to_string())?.in_folder(".");
        let ports = config.runpod().open_ports();
        if !ports.is_empty() && !ports.iter().any(|port| port == "22/tcp") {
            return Err(invalid("infra.ports lacks 22/tcp, over which a target is worked on".to_owned()));
        }
        Ok(config)
    }

    /// As much of it as finding and ending the pod takes.
    pub(crate) fn named(&self) -> SindriConfig {
        SindriConfig::named(&self.name)
    }
}

fn token_of(mut auth: Map<String, Value>) -> Result<Option<String>, Failure> {
    let token = match auth.remove("token") {
        None => None,
        Some(Value::String(token)) => Some(token),
        Some(_) => return Err(invalid("auth.token: a text is wanted here".to_owned())),
    };
    match auth.keys().next() {
        Some(key) => Err(invalid(format!("auth: there is no key {key:?}; there is token"))),
        None => Ok(token),
    }
}

fn invalid(message: String) -> Failure {
    Failure::new("invalid-config", message)
}

fn variable(name: &str) -> Result<String, Failure> {
    env::var(name).map_err(|_| {
        invalid(format!("{name} is not set to a text"))
            .fix("this is a plugin: Sindri starts it, and sets that")
    })
}

/// A block of keys; none is an empty one.
fn block(what: &str, value: Value) -> Result<Map<String, Value>, Failure> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(keys) => Ok(keys),
        _ => Err(invalid(format!("{what}: a block of keys and values is wanted here"))),
    }
}
