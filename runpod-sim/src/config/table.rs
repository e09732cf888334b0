//! Tables of a configuration: spans, behaviors and answers of HTTP ports.

use std::time::Duration;

use serde::Deserialize;

use crate::world::{
    answer::HttpAnswer,
    behavior::{Behavior, EnvironmentMask, LogIds, PublicKey, RateLimitForm, SymmetricPorts},
    delay::Delay,
};

/// A span that is drawn, as it is written in a file or sent over HTTP.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DelayTable {
    median_seconds: Option<f64>,
    sigma: Option<f64>,
    from_seconds: Option<f64>,
    to_seconds: Option<f64>,
}

impl DelayTable {
    pub(crate) fn read(self, name: &str) -> Result<Delay, String> {
        match self {
            Self { median_seconds: Some(median), sigma, from_seconds: None, to_seconds: None } => {
                Ok(Delay::log_normal(seconds(name, median)?, sigma.unwrap_or(0.0)))
            }
            Self { median_seconds: None, sigma: None, from_seconds, to_seconds: Some(to) } => {
                Ok(Delay::between(seconds(name, from_seconds.unwrap_or(0.0))?, seconds(name, to)?))
            }
            _ => Err(format!(
                "`{name}` needs `median_seconds`, and `sigma` if it is spread, or `from_seconds` and `to_seconds`"
            )),
        }
    }
}

/// Parts of a [`Behavior`], as they are written in a file or sent over HTTP. What is left out stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BehaviorTable {
    list_lag: Option<DelayTable>,
    list_age_seconds: Option<f64>,
    get_lag: Option<DelayTable>,
    status_lag: Option<DelayTable>,
    endpoint_lag: Option<DelayTable>,
    environment_lag: Option<DelayTable>,
    list_environment: Option<EnvironmentMask>,
    uptime_period_seconds: Option<f64>,
    stale_endpoints_seconds: Option<f64>,
    exited_endpoints: Option<bool>,
    exited_cost: Option<bool>,
    restart_delay: Option<DelayTable>,
    twin_lag: Option<DelayTable>,
    short_pages: Option<bool>,
    created_runtime: Option<bool>,
    public_key: Option<PublicKey>,
    symmetric_ports: Option<SymmetricPorts>,
    entrypoint_and_cmd: Option<bool>,
    disk_caps: Option<bool>,
    refuse_pinned_community: Option<bool>,
    quiet_logs: Option<bool>,
    log_limit_seconds: Option<f64>,
    log_ids: Option<LogIds>,
    odd_log_frames: Option<bool>,
    log_memory_seconds: Option<f64>,
    ssh_preamble: Option<Vec<String>>,
    ssh_refusal: Option<String>,
    ssh_key_lag_seconds: Option<f64>,
    rate_limit_form: Option<RateLimitForm>,
    edge_statuses: Option<Vec<u16>>,
    date: Option<bool>,
}

impl BehaviorTable {
    /// Applies the given parts over a behavior.
    pub(crate) fn over(self, mut behavior: Behavior) -> Result<Behavior, String> {
        self.set_lags(&mut behavior)?;
        self.set_times(&mut behavior)?;
        self.set_switches(&mut behavior);
        replace(&mut behavior.list_environment, self.list_environment);
        replace(&mut behavior.public_key, self.public_key);
        replace(&mut behavior.symmetric_ports, self.symmetric_ports);
        replace(&mut behavior.log_ids, self.log_ids);
        replace(&mut behavior.ssh_preamble, self.ssh_preamble);
        behavior.ssh_refusal = self.ssh_refusal.or(behavior.ssh_refusal);
        replace(&mut behavior.rate_limit_form, self.rate_limit_form);
        replace(&mut behavior.edge_statuses, self.edge_statuses);
        behavior.flaw().map_or(Ok(behavior), Err)
    }

    fn set_lags(&self, behavior: &mut Behavior) -> Result<(), String> {
        for (name, field, table) in [
            ("list_lag", &mut behavior.list_lag, self.list_lag),
            ("get_lag", &mut behavior.get_lag, self.get_lag),
            ("status_lag", &mut behavior.status_lag, self.status_lag),
            ("endpoint_lag", &mut behavior.endpoint_lag, self.endpoint_lag),
            ("environment_lag", &mut behavior.environment_lag, self.environment_lag),
            ("restart_delay", &mut behavior.restart_delay, self.restart_delay),
        ] {
            replace(field, table.map(|table| table.read(name)).transpose()?);
        }
        if let Some(table) = self.twin_lag {
            behavior.twin_lag = Some(table.read("twin_lag")?);
        }
        Ok(())
    }

    fn set_times(&self, behavior: &mut Behavior) -> Result<(), String> {
        for (name, field, value) in [
            ("list_age_seconds", &mut behavior.list_age, self.list_age_seconds),
            ("uptime_period_seconds", &mut behavior.uptime_period, self.uptime_period_seconds),
            ("ssh_key_lag_seconds", &mut behavior.ssh_key_lag, self.ssh_key_lag_seconds),
            ("stale_endpoints_seconds", &mut behavior.stale_endpoints, self.stale_endpoints_seconds),
        ] {
            replace(field, span(name, value)?);
        }
        for (name, field, value) in [
            ("log_limit_seconds", &mut behavior.log_limit, self.log_limit_seconds),
            ("log_memory_seconds", &mut behavior.log_memory, self.log_memory_seconds),
        ] {
            *field = span(name, value)?.or(*field);
        }
        Ok(())
    }

    fn set_switches(&self, behavior: &mut Behavior) {
        for (field, value) in [
            (&mut behavior.exited_endpoints, self.exited_endpoints),
            (&mut behavior.exited_cost, self.exited_cost),
            (&mut behavior.short_pages, self.short_pages),
            (&mut behavior.created_runtime, self.created_runtime),
            (&mut behavior.entrypoint_and_cmd, self.entrypoint_and_cmd),
            (&mut behavior.disk_caps, self.disk_caps),
            (&mut behavior.refuse_pinned_community, self.refuse_pinned_community),
            (&mut behavior.quiet_logs, self.quiet_logs),
            (&mut behavior.odd_log_frames, self.odd_log_frames),
            (&mut behavior.date, self.date),
        ] {
            replace(field, value);
        }
    }
}

/// An [`HttpAnswer`], as it is written in a file or sent over HTTP.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerTable {
    pod: Option<String>,
    port: Option<u16>,
    path: Option<String>,
    until_seconds: Option<f64>,
    status: u16,
    body: Option<String>,
    content_type: Option<String>,
    delay_seconds: Option<f64>,
}

impl AnswerTable {
    pub(crate) fn read(self) -> Result<HttpAnswer, String> {
        let mut answer = HttpAnswer::new(self.status);
        answer.pod = self.pod;
        answer.port = self.port.map(u32::from);
        answer.path = self.path;
        answer.until = span("until_seconds", self.until_seconds)?;
        replace(&mut answer.body, self.body);
        replace(&mut answer.content_type, self.content_type);
        replace(&mut answer.delay, span("delay_seconds", self.delay_seconds)?);
        answer.flaw().map_or(Ok(answer), |flaw| Err(flaw.to_owned()))
    }
}

pub(crate) fn replace<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

pub(crate) fn span(name: &str, value: Option<f64>) -> Result<Option<Duration>, String> {
    value.map(|value| seconds(name, value)).transpose()
}

pub(crate) fn seconds(name: &str, value: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(value).map_err(|_| format!("`{name}` must be a number of seconds, 0 or more"))
}
