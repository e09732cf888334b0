//! What must be there before anything can be deployed.

use serde::Serialize;

/// What is there and what is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrerequisiteStatus {
    /// Whether nothing is missing.
    pub satisfied: bool,
    /// What is missing.
    pub missing: Vec<Prerequisite>,
    /// What is there, or need not be.
    pub available: Vec<Prerequisite>,
}

/// Something that must be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prerequisite {
    /// A name for programs: `runpod-api-key` or `ssh`.
    pub name: String,
    /// What it is, or what happens without it.
    pub description: String,
    /// How to get it; `None` if it is there.
    pub install_hint: Option<String>,
    /// Its version; `None` if it has none.
    pub version: Option<String>,
}
