//! The configuration file, applied over a builder.

use std::time::SystemTime;

use jiff::Timestamp;
use serde::Deserialize;

use super::table::{AnswerTable, BehaviorTable, DelayTable, replace, seconds, span};
use crate::{
    contract::Area,
    error::SimError,
    faults::FaultScript,
    world::{
        behavior::Behavior, boot::BootProfile, capacity::Scope, catalog::Cloud, delay::Delay,
        limits::RateWindow, settings::SimBuilder,
    },
};

/// A configuration file. What it leaves out keeps its default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    profile: Option<Profile>,
    api_key: Option<String>,
    epoch: Option<String>,
    seed: Option<u64>,
    time_scale: Option<f64>,
    list_lag_seconds: Option<f64>,
    terminated_linger_seconds: Option<f64>,
    page_size: Option<usize>,
    real_endpoints: Option<bool>,
    marker_env: Option<String>,
    ssh_keys: Option<Vec<String>>,
    balance_usd: Option<f64>,
    forbidden: Option<Vec<String>>,
    retire_v1: Option<bool>,
    denied: Option<Vec<Area>>,
    capacity_drift_seconds: Option<f64>,
    request_log: Option<usize>,
    verify: Option<bool>,
    #[serde(default)]
    behavior: BehaviorTable,
    #[serde(default)]
    http_answer: Vec<AnswerTable>,
    #[serde(default)]
    boot: BootTable,
    #[serde(default)]
    capacity: Vec<CapacityTable>,
    rate_window: Option<Vec<WindowTable>>,
    #[serde(default)]
    network_volume: Vec<VolumeTable>,
    #[serde(default)]
    registry: Vec<RegistryTable>,
    #[serde(default)]
    fault: Vec<FaultScript>,
    #[cfg(feature = "ssh")]
    #[serde(default)]
    ssh: SshTable,
}

#[cfg(feature = "ssh")]
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SshTable {
    exec: Option<bool>,
    sessions: Option<u32>,
    output_bytes: Option<u64>,
    seconds: Option<f64>,
}

/// Settings that belong together.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profile {
    Gentle,
    Observed,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BootTable {
    provisioning: Option<DelayTable>,
    image_pull: Option<DelayTable>,
    runtime: Option<DelayTable>,
    ports: Option<DelayTable>,
    listening: Option<DelayTable>,
    ssh_banner: Option<DelayTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CapacityTable {
    #[serde(rename = "type")]
    type_id: Option<String>,
    data_center: Option<String>,
    cloud: Option<Cloud>,
    units: u32,
    after_seconds: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowTable {
    name: String,
    quota: u32,
    seconds: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VolumeTable {
    id: String,
    name: String,
    size_gb: u32,
    data_center: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegistryTable {
    id: String,
    name: String,
}

impl SimBuilder {
    /// Applies a configuration in TOML over what is set already.
    ///
    /// # Errors
    /// When it is not TOML, or has a key, a fault or a value that means nothing; the error says which and where.
    pub fn config(self, text: &str) -> Result<Self, SimError> {
        let config: Config = toml::from_str(text).map_err(|error| SimError::Config(words(text, &error)))?;
        config.apply(self).map_err(SimError::Config)
    }
}

/// Says which line is wrong and why, without the excerpt, which could show a key.
fn words(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}

impl Config {
    fn apply(self, mut builder: SimBuilder) -> Result<SimBuilder, String> {
        builder = match self.profile {
            None => builder,
            Some(Profile::Gentle) => builder.behavior(Behavior::default()).boot(BootProfile::default()),
            Some(Profile::Observed) => builder.observed(),
        };
        let settings = &mut builder.settings;
        settings.epoch = self.epoch.as_deref().map(epoch).transpose()?.or(settings.epoch);
        replace(&mut settings.denied, self.denied);
        replace(&mut settings.request_log, self.request_log);
        replace(&mut settings.verify, self.verify);
        replace(&mut settings.seed, self.seed);
        replace(&mut settings.time_scale, self.time_scale);
        replace(&mut settings.page_size, self.page_size);
        replace(&mut settings.real_endpoints, self.real_endpoints);
        replace(&mut settings.marker_env, self.marker_env);
        replace(&mut settings.ssh_keys, self.ssh_keys);
        replace(&mut settings.forbidden, self.forbidden);
        replace(&mut settings.v1_retired, self.retire_v1);
        if let Some(lag) = span("list_lag_seconds", self.list_lag_seconds)? {
            settings.behavior.list_lag = Delay::fixed(lag);
        }
        settings.behavior = self.behavior.over(settings.behavior.clone())?;
        for answer in self.http_answer {
            settings.answers.push(answer.read()?);
        }
        let linger = span("terminated_linger_seconds", self.terminated_linger_seconds)?;
        replace(&mut settings.terminated_linger, linger);
        let drift = span("capacity_drift_seconds", self.capacity_drift_seconds)?;
        settings.capacity_drift = drift.or(settings.capacity_drift);
        settings.balance_usd = self.balance_usd.or(settings.balance_usd);
        settings.boot = self.boot.over(settings.boot)?;
        if let Some(windows) = self.rate_window {
            settings.rate_windows = windows.into_iter().map(WindowTable::read).collect::<Result<_, _>>()?;
        }
        #[cfg(feature = "ssh")]
        {
            builder = self.ssh.over(builder)?;
        }
        for script in self.fault {
            builder = builder.fault(script.read()?);
        }
        for CapacityTable { type_id, data_center, cloud, units, after_seconds } in self.capacity {
            let scope = Scope { type_id, data_center, cloud };
            builder = match span("after_seconds", after_seconds)? {
                Some(after) => builder.capacity_at(after, scope, units),
                None => builder.capacity_in(scope, units),
            };
        }
        for VolumeTable { id, name, size_gb, data_center } in self.network_volume {
            builder = builder.network_volume(id, name, size_gb, data_center);
        }
        for RegistryTable { id, name } in self.registry {
            builder = builder.registry(id, name);
        }
        Ok(match self.api_key {
            Some(key) => builder.api_key(key),
            None => builder,
        })
    }
}

impl BootTable {
    fn over(self, profile: BootProfile) -> Result<BootProfile, String> {
        let delay = |name, table: Option<DelayTable>, default| match table {
            None => Ok::<_, String>(default),
            Some(table) => table.read(name),
        };
        Ok(BootProfile {
            provisioning: delay("boot.provisioning", self.provisioning, profile.provisioning)?,
            image_pull: delay("boot.image_pull", self.image_pull, profile.image_pull)?,
            runtime: delay("boot.runtime", self.runtime, profile.runtime)?,
            ports: delay("boot.ports", self.ports, profile.ports)?,
            listening: delay("boot.listening", self.listening, profile.listening)?,
            ssh_banner: delay("boot.ssh_banner", self.ssh_banner, profile.ssh_banner)?,
        })
    }
}

#[cfg(feature = "ssh")]
impl SshTable {
    fn over(self, builder: SimBuilder) -> Result<SimBuilder, String> {
        let mut limits = builder.settings.shell.limits;
        replace(&mut limits.sessions, self.sessions);
        replace(&mut limits.output_bytes, self.output_bytes);
        replace(&mut limits.lasting, span("ssh.seconds", self.seconds)?);
        let builder = builder.exec_limits(limits);
        Ok(self.exec.into_iter().fold(builder, SimBuilder::exec))
    }
}

impl WindowTable {
    fn read(self) -> Result<RateWindow, String> {
        Ok(RateWindow::new(self.name, self.quota, seconds("rate_window.seconds", self.seconds)?))
    }
}

fn epoch(text: &str) -> Result<SystemTime, String> {
    let epoch = text.parse::<Timestamp>().ok().and_then(|epoch| SystemTime::try_from(epoch).ok());
    epoch.ok_or_else(|| "`epoch` must be an RFC 3339 time such as 2026-08-20T06:16:19Z".to_owned())
}
