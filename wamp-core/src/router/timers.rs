//! The router's deadlines, in order of time.

use alloc::collections::BTreeSet;

use rawsocket_proto::time::Instant;

use super::arena::Key;

/// What is due when a deadline passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A transport has sent no HELLO.
    Hello(Key),
    /// A session has not answered the router's GOODBYE.
    Goodbye(Key),
    /// A call of the realm with this index has lasted for its timeout, or its callee has not
    /// answered INTERRUPT.
    Call(usize, Key),
}

/// Armed deadlines. Each is removed exactly when it is disarmed, so that calls which end early
/// leave nothing behind.
#[derive(Debug, Default)]
pub(super) struct Timers {
    armed: BTreeSet<(Instant, Timer)>,
}

impl Timers {
    pub(super) fn arm(&mut self, at: Instant, timer: Timer) {
        self.armed.insert((at, timer));
    }

    pub(super) fn disarm(&mut self, at: Instant, timer: Timer) {
        self.armed.remove(&(at, timer));
    }

    /// The next deadline.
    pub(super) fn next(&self) -> Option<(Instant, Timer)> {
        self.armed.first().copied()
    }

    /// Takes the next timer whose deadline is not after `now`.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Timer> {
        let first = self.next().filter(|(at, _)| *at <= now)?;
        self.armed.remove(&first);
        Some(first.1)
    }

    pub(super) fn len(&self) -> usize {
        self.armed.len()
    }
}
