//! The lines that Sindri and the plugin exchange.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The first line, before anything is read.
pub(crate) const HANDSHAKE: &str = r#"{"protocol":"sindri-target-plugin","version":1}"#;

/// A request of Sindri's.
#[derive(Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case")]
pub(crate) enum Request {
    Profile,
    Exec {
        cmd: String,
        #[serde(default)]
        env: Vec<(String, String)>,
    },
    Upload {
        local: PathBuf,
        remote: String,
    },
    Download {
        remote: String,
        local: PathBuf,
    },
    Create,
    Destroy,
    CheckPrerequisites,
    AuthCapabilities,
}

/// The answer to a request.
#[derive(Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub(crate) enum Answer {
    Profile { profile: Profile },
    Exec { stdout: String, stderr: String, exit_code: i32 },
    Ok,
    Error(Failure),
    PrereqList { checks: Vec<Check> },
    AuthCapabilities { capabilities: Vec<Value> },
}

/// The inside of a pod.
#[derive(Serialize)]
pub(crate) struct Profile {
    pub(crate) platform: Platform,
    pub(crate) capabilities: Capabilities,
}

#[derive(Serialize)]
pub(crate) struct Platform {
    pub(crate) os: &'static str,
    pub(crate) arch: &'static str,
}

#[derive(Serialize)]
pub(crate) struct Capabilities {
    pub(crate) system_package_manager: Option<String>,
    pub(crate) has_docker: bool,
    pub(crate) has_sudo: bool,
    pub(crate) shell: Option<String>,
}

/// A prerequisite, and how to come by it where it is missing.
#[derive(Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) passed: bool,
    pub(crate) fix: Option<String>,
}

/// A failure in Sindri's words.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    pub(crate) suggested_fix: Option<String>,
}

impl Failure {
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), suggested_fix: None }
    }

    pub(crate) fn fix(self, fix: impl Into<String>) -> Self {
        Self { suggested_fix: Some(fix.into()), ..self }
    }

    fn of_request(message: impl Into<String>) -> Self {
        Self::new("invalid-request", message)
    }
}

/// Reads a request off its line. What is wrong with it is said without an excerpt: it may hold secrets.
pub(crate) fn request(line: &[u8]) -> Result<Request, Failure> {
    if line.trim_ascii().is_empty() {
        return Err(Failure::of_request("there is no request: standard input holds none"));
    }
    let request: Value = serde_json::from_slice(line)
        .map_err(|error| Failure::of_request(format!("the request is no JSON: {error}")))?;
    let method = request.get("method").and_then(Value::as_str);
    let Some(method) = method.map(str::to_owned) else {
        return Err(Failure::of_request("the request names no method"));
    };
    serde_json::from_value(request).map_err(|error| match error.to_string() {
        said if said.starts_with("unknown variant") => {
            Failure::new("method-not-supported", format!("{method:?} is no method of this plugin"))
        }
        said if said.starts_with("missing field") => {
            Failure::of_request(format!("{method:?} cannot be understood: {said}"))
        }
        _ => Failure::of_request(format!("{method:?} cannot be understood: a field is of the wrong type")),
    })
}

/// The line of an answer.
pub(crate) fn line(answer: &Answer) -> String {
    // Texts and numbers only: there is nothing in it that JSON has no words for.
    serde_json::to_string(answer).unwrap_or_default() + "\n"
}
