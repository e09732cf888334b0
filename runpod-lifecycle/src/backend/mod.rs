//! The only place that reads generated types: one file per version of RunPod's API.

pub(crate) mod v2;

use std::collections::BTreeMap;

use runpod_api::{Secret, http::HeaderMap};

use crate::{Cloud, Hardware, Pod, PodSpec};

/// A value together with the headers it came with.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    pub(crate) value: T,
    pub(crate) headers: HeaderMap,
}

/// One page of the pod list.
#[derive(Debug)]
pub(crate) struct PodPage {
    pub(crate) pods: Vec<Pod>,
    /// The entries that could not be read.
    pub(crate) unreadable: Vec<Unreadable>,
    /// Where the next page begins; `None` on the last.
    pub(crate) next: Option<String>,
}

/// An entry of the pod list that is no pod as this crate knows them, as far as it can be told.
#[derive(Clone, Debug)]
pub(crate) struct Unreadable {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) problem: String,
}

impl Unreadable {
    /// Whether it may be a pod of this name.
    pub(crate) fn may_be(&self, name: &str) -> bool {
        self.name.as_deref().is_none_or(|own| own == name)
    }
}

/// What is sent for one candidate.
#[derive(Debug)]
pub(crate) struct Create<'a> {
    pub(crate) spec: &'a PodSpec,
    pub(crate) hardware: &'a Hardware,
    pub(crate) cloud: Cloud,
    pub(crate) data_centers: &'a [String],
    /// The spec's environment with what this crate adds.
    pub(crate) env: &'a BTreeMap<String, Secret>,
}

/// What a pod can be told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Start,
    Stop,
    Restart,
}
