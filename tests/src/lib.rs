//! Nothing but the project's README, whose examples are compiled here.
#![doc = include_str!("../../README.md")]

/// The guide to networks of the user's, whose example is compiled here.
#[cfg(doctest)]
#[doc = include_str!("../../docs/network.md")]
mod network {}

/// The guide for those who come from runpodctl or from REST v1, whose examples are compiled here.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guides/migrating.md")]
mod migrating {}

/// The guide for those who come from Python, whose example is compiled here.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guides/python.md")]
mod python {}

/// The guide to events, spans and metrics, whose example is compiled here.
#[cfg(doctest)]
#[doc = include_str!("../../docs/observing.md")]
mod observing {}
