//! Prerequisites of a deploy.

use serde::Serialize;

/// Prerequisites that are there, and those that are missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrerequisiteStatus {
    /// True if nothing is missing.
    pub satisfied: bool,
    /// Prerequisites that are missing.
    pub missing: Vec<Prerequisite>,
    /// Prerequisites that are there, or need not be.
    pub available: Vec<Prerequisite>,
}

/// Something that must be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prerequisite {
    /// A name for programs: `runpod-api-key` or `ssh`.
    pub name: String,
    /// Explains it, or what happens without it.
    pub description: String,
    /// The way to get it; `None` if it is there.
    pub install_hint: Option<String>,
    /// Its version; `None` if it has none.
    pub version: Option<String>,
}
