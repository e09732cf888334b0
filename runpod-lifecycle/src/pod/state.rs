//! The state of a pod, as RunPod says it.

use std::{convert::Infallible, fmt, str::FromStr};

/// The state of a pod in RunPod's words.
///
/// The set is open: a state this version has no name for arrives as [`PodState::Other`] with
/// RunPod's own word, byte for byte. `Running` means the container was started, not that
/// anything in it answers; use [`Ready`](crate::Ready) for that (observed on the live API).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PodState {
    /// `CREATED`: accepted, no machine yet (older answers only).
    Created,
    /// `PROVISIONING`: a machine is being assigned.
    Provisioning,
    /// `STARTING`: the image is being pulled or the container is starting.
    Starting,
    /// `RUNNING`: the container was started. Not yet a promise that a port answers.
    Running,
    /// `STOPPED`: stopped (older answers only; the current word is `EXITED`).
    Stopped,
    /// `EXITED`: stopped. The GPU is given back; a pod volume is kept and still bills.
    Exited,
    /// `ERROR`: RunPod gave up on the pod.
    Error,
    /// `TERMINATED`: deleted. RunPod shows it for a while after a delete.
    Terminated,
    /// A word this version does not know.
    Other(String),
}

impl PodState {
    /// The state for one of RunPod's words, compared without regard to case.
    ///
    /// ```
    /// use runpod_lifecycle::PodState;
    ///
    /// assert_eq!(PodState::from_word("RUNNING"), PodState::Running);
    /// assert_eq!(PodState::from_word("Hibernating").as_str(), "Hibernating");
    /// ```
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        let known = Self::known(word).or_else(|| Self::known(&word.to_ascii_uppercase()));
        known.unwrap_or_else(|| Self::Other(word.to_owned()))
    }

    fn known(word: &str) -> Option<Self> {
        Some(match word {
            "CREATED" => Self::Created,
            "PROVISIONING" => Self::Provisioning,
            "STARTING" => Self::Starting,
            "RUNNING" => Self::Running,
            "STOPPED" => Self::Stopped,
            "EXITED" => Self::Exited,
            "ERROR" => Self::Error,
            "TERMINATED" => Self::Terminated,
            _ => return None,
        })
    }

    /// RunPod's word for the state.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Created => "CREATED",
            Self::Provisioning => "PROVISIONING",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Stopped => "STOPPED",
            Self::Exited => "EXITED",
            Self::Error => "ERROR",
            Self::Terminated => "TERMINATED",
            Self::Other(word) => word,
        }
    }

    /// Returns true if the pod is gone for good: it bills nothing and cannot be started again.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Terminated)
    }

    /// Returns true if it runs or is on its way up.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self, Self::Created | Self::Provisioning | Self::Starting | Self::Running)
    }

    /// Returns true if the pod is stopped and can be started again.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(self, Self::Exited | Self::Stopped)
    }
}

/// Any text is a state: one that this version does not know is [`PodState::Other`].
impl FromStr for PodState {
    type Err = Infallible;

    fn from_str(word: &str) -> Result<Self, Infallible> {
        Ok(Self::from_word(word))
    }
}

impl fmt::Display for PodState {
    /// RunPod's word, with anything that is no plain text escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_str().escape_debug())
    }
}

/// Says a state that RunPod may not have named.
pub(crate) fn word(state: Option<&PodState>) -> String {
    state.map_or_else(|| "nothing about its state".to_owned(), PodState::to_string)
}

/// Says the state of one poll, and why that is not enough, each once.
pub(crate) fn said(state: Option<&PodState>, pending: Option<&str>) -> String {
    match (state.map(PodState::to_string), pending) {
        (Some(state), Some(pending)) if !pending.contains(&state) => format!("{state}, {pending}"),
        (_, Some(pending)) => pending.to_owned(),
        (Some(state), None) => state,
        (None, None) => "RunPod names no state".to_owned(),
    }
}
