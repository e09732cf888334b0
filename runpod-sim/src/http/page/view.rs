//! A view: the parts of the account that a page shows, as its address says.

use form_urlencoded::Serializer;
use serde::Deserialize;

use crate::world::{
    journal::RequestRecord,
    pod::{Pod, PodStatus},
};

/// The parts of the account that a page shows. It is the query of the page's address.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct View {
    /// The id of the pod whose life is shown; empty for none.
    pub(super) pod: String,
    pub(super) pods: PodChoice,
    /// A part of the names or ids of the pods shown.
    pub(super) name: String,
    /// The page of pods, counted from 1.
    pub(super) page: usize,
    pub(super) requests: RequestChoice,
}

impl Default for View {
    fn default() -> Self {
        let (pods, requests) = (PodChoice::There, RequestChoice::All);
        Self { pod: String::new(), pods, name: String::new(), page: 1, requests }
    }
}

/// A choice of pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PodChoice {
    There,
    Up,
    Stopped,
    Ended,
    All,
}

impl PodChoice {
    #[expect(clippy::unused_self, reason = "a template has no other way to the type")]
    pub(super) fn choices(self) -> &'static [Self] {
        &[Self::There, Self::Up, Self::Stopped, Self::Ended, Self::All]
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::There => "there",
            Self::Up => "up",
            Self::Stopped => "stopped",
            Self::Ended => "ended",
            Self::All => "all",
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::There => "those that exist",
            Self::Up => "those that are up",
            Self::Stopped => "those that are stopped",
            Self::Ended => "those that ended",
            Self::All => "all there ever were",
        }
    }

    fn covers(self, status: PodStatus) -> bool {
        match self {
            Self::There => status != PodStatus::Terminated,
            Self::Up => !matches!(status, PodStatus::Terminated | PodStatus::Exited),
            Self::Stopped => status == PodStatus::Exited,
            Self::Ended => status == PodStatus::Terminated,
            Self::All => true,
        }
    }
}

/// A choice of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RequestChoice {
    All,
    Changes,
    Refused,
    Faults,
}

impl RequestChoice {
    #[expect(clippy::unused_self, reason = "a template has no other way to the type")]
    pub(super) fn choices(self) -> &'static [Self] {
        &[Self::All, Self::Changes, Self::Refused, Self::Faults]
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Changes => "changes",
            Self::Refused => "refused",
            Self::Faults => "faults",
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Changes => "changes only",
            Self::Refused => "refused or lost",
            Self::Faults => "struck by faults",
        }
    }

    pub(super) fn covers(self, record: &RequestRecord) -> bool {
        match self {
            Self::All => true,
            Self::Changes => record.method != "GET",
            Self::Refused => record.status == 0 || record.status >= 400,
            Self::Faults => record.fault.is_some(),
        }
    }
}

impl View {
    /// Returns true if a pod's card belongs to the view.
    pub(super) fn covers(&self, pod: &Pod, status: PodStatus) -> bool {
        let named = || pod.facts.name.contains(&self.name) || pod.id.contains(&self.name);
        self.pods.covers(status) && (self.name.is_empty() || named())
    }

    /// The address of the same view with a pod's life, or with none.
    pub(super) fn with_pod(&self, id: &str) -> String {
        Self { pod: id.to_owned(), ..self.clone() }.address()
    }

    pub(super) fn with_page(&self, page: usize) -> String {
        Self { page, ..self.clone() }.address()
    }

    pub(super) fn with_requests(&self, requests: &RequestChoice) -> String {
        Self { requests: *requests, ..self.clone() }.address()
    }

    /// The address that shows it; what is as usual is left out.
    fn address(&self) -> String {
        let usual = Self::default();
        let page = self.page.to_string();
        let parts = [
            ("pods", self.pods.name(), self.pods == usual.pods),
            ("name", self.name.as_str(), self.name.is_empty()),
            ("page", page.as_str(), self.page == usual.page),
            ("requests", self.requests.name(), self.requests == usual.requests),
            ("pod", self.pod.as_str(), self.pod.is_empty()),
        ];
        let parts = parts.into_iter().filter(|(_, _, usual)| !usual).map(|(name, value, _)| (name, value));
        let query = Serializer::new(String::new()).extend_pairs(parts).finish();
        if query.is_empty() { "/".to_owned() } else { format!("/?{query}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_unusual_and_nothing_else() {
        let view = View::default();
        assert_eq!(view.with_pod(""), "/");
        assert_eq!(view.with_pod("a&b"), "/?pod=a%26b");
        let view =
            View { name: "x y".to_owned(), pods: PodChoice::All, pod: "p".to_owned(), page: 3, ..view };
        assert_eq!(
            view.with_requests(&RequestChoice::Faults),
            "/?pods=all&name=x+y&page=3&requests=faults&pod=p"
        );
        assert_eq!(view.with_page(1), "/?pods=all&name=x+y&pod=p");
    }
}
