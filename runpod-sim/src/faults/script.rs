//! Faults as a file or the control interface writes them.

use std::time::Duration;

use serde::Deserialize;

use super::{BootStage, Cause, Fault, FaultKind, NAMES};

/// A fault as it is written in a file or sent over HTTP.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultScript {
    fault: String,
    #[serde(default)]
    on: Vec<String>,
    times: Option<u64>,
    nth: Option<u64>,
    probability: Option<f64>,
    status: Option<u16>,
    detail: Option<String>,
    applied: Option<bool>,
    seconds: Option<f64>,
    retry_after_seconds: Option<u64>,
    exhausted_seconds: Option<u64>,
    field: Option<String>,
    stage: Option<BootStage>,
    cause: Option<Cause>,
    bytes: Option<u64>,
}

impl FaultScript {
    /// Reads the fault, or says what is wrong with it.
    pub(crate) fn read(mut self) -> Result<Fault, String> {
        let kind = self.kind()?;
        if let Some(stray) = self.stray() {
            return Err(format!("`{stray}` means nothing to fault `{}`", self.fault));
        }
        let mut fault = Fault::new(kind);
        fault.operations = self.on;
        fault.times = self.times;
        fault.nth = self.nth;
        fault.probability = self.probability.unwrap_or(1.0);
        Ok(fault)
    }

    fn kind(&mut self) -> Result<FaultKind, String> {
        Ok(match self.fault.as_str() {
            "drop-before-read" => FaultKind::DropBeforeRead,
            "drop-after-apply" => FaultKind::DropAfterApply,
            "drop-mid-answer" => FaultKind::DropMidAnswer,
            "status" => FaultKind::Status {
                status: self.status.take().ok_or_else(|| self.lacks("status"))?,
                detail: self.detail.take(),
                applied: self.applied.take().unwrap_or(false),
            },
            "rate-limited" => FaultKind::RateLimited {
                retry_after: self.retry_after_seconds.take().map(Duration::from_secs),
                exhausted_for: self.exhausted_seconds.take().map(Duration::from_secs),
            },
            "edge-block" => FaultKind::EdgeBlock,
            "html" => FaultKind::Html {
                status: self.status.take().unwrap_or(502),
                applied: self.applied.take().unwrap_or(false),
            },
            "truncated-json" => FaultKind::TruncatedJson,
            "wrong-content-type" => FaultKind::WrongContentType,
            "slow-body" => FaultKind::SlowBody { lasting: self.seconds()? },
            "hang" => {
                FaultKind::Hang { lasting: self.seconds()?, applied: self.applied.take().unwrap_or(false) }
            }
            "unknown-enum" => FaultKind::UnknownEnum { field: self.field()? },
            "missing-field" => FaultKind::MissingField { field: self.field()? },
            "null-field" => FaultKind::NullField { field: self.field()? },
            "odd-pod" => FaultKind::OddPod,
            "duplicate-create" => FaultKind::DuplicateCreate,
            "gone" => FaultKind::Gone,
            "exit-loop" => FaultKind::ExitLoop { every: self.seconds()? },
            "boot-failure" => FaultKind::BootFailure,
            "stuck" => FaultKind::Stuck { stage: self.stage.take().ok_or_else(|| self.lacks("stage"))? },
            "host-full" => FaultKind::HostFull,
            "zero-gpus" => FaultKind::ZeroGpus,
            "cannot-start" => FaultKind::CannotStart {
                cause: self.cause.take().ok_or_else(|| self.lacks("cause"))?,
                healing: self.seconds.map(|_| self.seconds()).transpose()?,
            },
            "ignored" => FaultKind::Ignored,
            "drop-environment" => FaultKind::DropEnvironment,
            "ssh-login-refused" => FaultKind::SshLoginRefused,
            "ssh-hang" => FaultKind::SshHang { lasting: self.seconds()? },
            "ssh-drop" => {
                FaultKind::SshDrop { after_bytes: self.bytes.take().ok_or_else(|| self.lacks("bytes"))? }
            }
            "container-exit" => FaultKind::ContainerExit {
                after: self.seconds.map(|_| self.seconds()).transpose()?.unwrap_or_default(),
            },
            "disk-full" => FaultKind::DiskFull,
            other => return Err(format!("unknown fault `{other}`; known are {}", NAMES.join(", "))),
        })
    }

    fn seconds(&mut self) -> Result<Duration, String> {
        let seconds = self.seconds.take().ok_or_else(|| self.lacks("seconds"))?;
        Duration::try_from_secs_f64(seconds).map_err(|_| "`seconds` must be a number, 0 or more".to_owned())
    }

    fn field(&mut self) -> Result<String, String> {
        self.field.take().ok_or_else(|| self.lacks("field"))
    }

    fn lacks(&self, what: &str) -> String {
        format!("fault `{}` needs `{what}`", self.fault)
    }

    /// Returns the name of a value that means nothing to the fault.
    fn stray(&self) -> Option<&'static str> {
        [
            ("status", self.status.is_some()),
            ("detail", self.detail.is_some()),
            ("applied", self.applied.is_some()),
            ("seconds", self.seconds.is_some()),
            ("retry_after_seconds", self.retry_after_seconds.is_some()),
            ("exhausted_seconds", self.exhausted_seconds.is_some()),
            ("field", self.field.is_some()),
            ("stage", self.stage.is_some()),
            ("cause", self.cause.is_some()),
            ("bytes", self.bytes.is_some()),
        ]
        .into_iter()
        .find_map(|(name, left)| left.then_some(name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(script: Value) -> Result<Fault, String> {
        serde_json::from_value::<FaultScript>(script).map_err(|error| error.to_string())?.read()
    }

    #[test]
    fn every_name_can_be_written() {
        for name in NAMES {
            let mut script = json!({ "fault": name });
            let needs = match name {
                "status" => json!({ "status": 503 }),
                "slow-body" | "hang" | "exit-loop" | "ssh-hang" => json!({ "seconds": 1.5 }),
                "unknown-enum" | "missing-field" | "null-field" => json!({ "field": "status" }),
                "stuck" => json!({ "stage": "ports" }),
                "ssh-drop" => json!({ "bytes": 1000 }),
                "cannot-start" => json!({ "cause": "pull-denied" }),
                _ => json!({}),
            };
            for (key, value) in needs.as_object().unwrap() {
                assert!(read(script.clone()).unwrap_err().contains(key), "{name} needs {key}");
                script[key] = value.clone();
            }
            let fault = read(script).unwrap();
            let whole = cfg!(feature = "ssh") || !fault.kind.needs_ssh();
            assert_eq!((fault.kind.name(), fault.flaw(|_| true).is_none()), (name, whole));
        }
    }

    #[cfg(feature = "page")]
    #[test]
    fn a_fault_takes_what_is_said_and_nothing_else() {
        let values = json!({
            "status": 503, "detail": "x", "applied": true, "seconds": 1.5, "retry_after_seconds": 1,
            "exhausted_seconds": 1, "field": "status", "stage": "ports", "cause": "pull-denied", "bytes": 1000,
        });
        for name in NAMES {
            let takes = crate::faults::takes(name);
            let mut script = json!({ "fault": name });
            takes.iter().for_each(|key| script[key] = values[key].clone());
            assert!(read(script.clone()).is_ok(), "{script}");
            for (key, value) in
                values.as_object().unwrap().iter().filter(|(key, _)| !takes.contains(&key.as_str()))
            {
                let mut script = script.clone();
                script[key] = value.clone();
                assert!(read(script).unwrap_err().contains("means nothing"), "{name} {key}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (script, words) in [
            (json!({ "fault": "explode" }), "unknown fault `explode`"),
            (json!({ "fault": "gone", "status": 3 }), "`status` means nothing"),
            (json!({ "fault": "gone", "colour": 3 }), "colour"),
            (json!({ "fault": "hang", "seconds": -1.0 }), "0 or more"),
        ] {
            let error = read(script).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
