//! The fault that strikes one connection.

use std::sync::{
    Mutex, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use crate::faults::FaultKind;

/// The fault of one connection, and the bytes that are left until it strikes.
#[derive(Default)]
pub(super) struct Strike {
    fault: OnceLock<FaultKind>,
    logged_in: AtomicBool,
    /// Bytes since the login that still pass, in both directions together.
    passed: Mutex<u64>,
}

impl Strike {
    /// Says which fault it is.
    pub(super) fn set(&self, fault: FaultKind) {
        // A connection draws once.
        let _ = self.fault.set(fault);
    }

    /// Returns true if no key may log in.
    pub(super) fn refuses(&self) -> bool {
        self.fault.get() == Some(&FaultKind::SshLoginRefused)
    }

    pub(super) fn begin(&self) {
        self.logged_in.store(true, Ordering::SeqCst);
    }

    /// The part of a piece that still passes.
    pub(super) fn pass(&self, piece: usize) -> usize {
        let Some(FaultKind::SshDrop { after_bytes }) = self.fault.get() else { return piece };
        if !self.logged_in.load(Ordering::SeqCst) {
            return piece;
        }
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let left = usize::try_from(after_bytes.saturating_sub(*passed)).unwrap_or(usize::MAX);
        let part = piece.min(left);
        *passed += part as u64;
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_from_the_login() {
        let strike = Strike::default();
        strike.set(FaultKind::SshDrop { after_bytes: 100 });
        assert_eq!(strike.pass(1000), 1000);
        strike.begin();
        assert_eq!([60, 60, 1].map(|piece| strike.pass(piece)), [60, 40, 0]);
        let sound = Strike::default();
        sound.begin();
        assert_eq!(sound.pass(1000), 1000);
    }
}
