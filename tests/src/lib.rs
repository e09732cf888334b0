//! Nothing but the project's README, whose examples are compiled here.
#![doc = include_str!("../../README.md")]

/// The guide to networks of the user's, whose example is compiled here.
#[cfg(doctest)]
#[doc = include_str!("../../docs/network.md")]
mod network {}

/// The guide to events, spans and metrics, whose example is compiled here.
#[cfg(doctest)]
#[doc = include_str!("../../docs/observing.md")]
mod observing {}
