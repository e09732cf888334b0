//! A request, as errors and the rate limit see it.

use crate::{Error, ErrorKind, client::quota::Priority, error::operation::Operation};

/// The number of times that a request may be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attempts {
    One,
    Several,
    /// Several, and no limit holds it back: a pod that bills is ended by what it brings.
    Urgent,
}

/// The purpose of a request: named in errors, weighed against the rate limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(super) operation: Operation,
    pub(super) target: Option<&'a str>,
    pub(super) priority: Priority,
    /// It changes something, so that an answer from before says little after it.
    pub(super) is_change: bool,
    /// Its number among the attempts at one thing, from 1 on.
    pub(super) attempt: u32,
}

impl<'a> Call<'a> {
    /// A request that changes something.
    pub(crate) fn mutation(operation: Operation, target: impl Into<Option<&'a str>>) -> Self {
        Self { operation, target: target.into(), priority: Priority::Mutation, is_change: true, attempt: 1 }
    }

    /// A request that ends or shortens what is billed: no limit holds it back.
    pub(crate) fn ending(operation: Operation, target: impl Into<Option<&'a str>>) -> Self {
        Self { operation, target: target.into(), priority: Priority::Ending, is_change: true, attempt: 1 }
    }

    /// A request that only reads.
    pub(crate) fn read(operation: Operation, target: Option<&'a str>) -> Self {
        Self { operation, target, priority: Priority::Poll, is_change: false, attempt: 1 }
    }

    /// The same request, sent for the so manieth time.
    pub(crate) fn attempt(self, attempt: u32) -> Self {
        Self { attempt, ..self }
    }

    /// The same request, sent once more.
    pub(crate) fn again(self) -> Self {
        self.attempt(self.attempt + 1)
    }

    /// A request of the program's own, which may change something. It leaves to deploys what polls leave to them.
    pub(crate) fn raw(operation: &'static str) -> Self {
        let operation = Operation::Named(operation);
        Self { is_change: true, ..Self::read(operation, None) }
    }

    /// The failure of this call that this crate found itself.
    pub(crate) fn refused(self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::of_answer(kind, self.operation, self.target, message)
    }
}
