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
    /// For each entry that could not be read at all, what was wrong.
    pub(crate) unreadable: Vec<String>,
    /// Where the next page begins; `None` on the last.
    pub(crate) next: Option<String>,
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
