//! Nothing but the project's README, whose examples are compiled here.
#![doc = include_str!("../../README.md")]
