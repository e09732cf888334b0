//! The key `providers.runpod.job`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `providers.runpod.job`: the job of the command `run`, which has a pod of its own and ends it. Nothing else reads it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobConfig {
    /// A list of words, a program and its arguments, which no shell sees; or a text, which is a line for `sh`.
    pub command: JobCommand,
    /// Files and folders to bring before the job: path here to path on the pod. A relative path begins beside the config, or in the home
    /// folder there. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub upload: BTreeMap<String, String>,
    /// Files and folders to fetch after the job, whatever came of it: path on the pod to path here. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub download: BTreeMap<String, String>,
    /// Working folder on the pod. Default: the home folder of who is logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Minutes after which the job is ended. Default: no limit.
    #[serde(default, alias = "timeout_minutes", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub timeout_minutes: Option<u32>,
    /// The pods that are kept, and bill, once the job is over. Default: `NEVER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "NEVER"))]
    pub keep: Option<KeepPod>,
}

/// The command of a job.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "expected a list of words, or a line for sh")]
pub enum JobCommand {
    /// A line for `sh`.
    Line(#[schemars(length(min = 1))] String),
    /// A program and its arguments.
    Words(#[schemars(length(min = 1))] Vec<String>),
}

impl JobCommand {
    /// Returns true if there is nothing to run.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Line(line) => line.trim().is_empty(),
            Self::Words(words) => words.is_empty(),
        }
    }
}

/// The pods of jobs that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum KeepPod {
    /// None: the pod is deleted, whatever came of the job.
    Never,
    /// That of a job that failed or was interrupted, for a look at it.
    OnFailure,
    /// Every one.
    Always,
}
