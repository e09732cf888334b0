//! A call of an operation, after the contract has accepted it.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{contract::Problem, faults::FaultKind};

/// A request that has reached its operation and satisfies the contract.
pub(crate) struct Call {
    pub(super) now: Duration,
    pub(super) parameters: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Option<Value>,
    pub(super) last_event_id: Option<String>,
    /// The fault that happens to it.
    pub(super) fault: Option<FaultKind>,
}

impl Call {
    pub(super) fn id(&self) -> &str {
        self.parameters.first().map_or("", String::as_str)
    }

    /// The last value given for a query parameter.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The items of a comma-joined query parameter.
    pub(super) fn query_list(&self, name: &str) -> Vec<&str> {
        self.query(name).map(|text| text.split(',').collect()).unwrap_or_default()
    }

    /// The items of a query parameter that may be repeated, comma-joined or both.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let values = self.query.iter().filter(|(known, _)| known == name);
        values.flat_map(|(_, value)| value.split(',')).collect()
    }

    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Box<Problem>> {
        let body = self.body.clone().unwrap_or_default();
        serde_json::from_value(body).map_err(|_| Problem::invalid(vec!["$: a number is out of range".into()]))
    }
}
