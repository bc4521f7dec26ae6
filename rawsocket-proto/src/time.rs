//! Time as a value: nothing in this crate reads a clock.

use core::time::Duration;

/// A point in time: the time since an epoch that the caller picks.
///
/// Any monotonic clock serves: `std::time::Instant` differences, a tick counter of firmware, the
/// virtual clock of a test. Values of different epochs must not be mixed within one state machine.
/// Resolution is a nanosecond, range 584 years; arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The epoch itself.
    pub const ZERO: Self = Self(0);

    /// So long after the epoch.
    pub const fn from_epoch(since: Duration) -> Self {
        Self(saturate(since))
    }

    /// So many milliseconds after the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// The time since the epoch.
    pub const fn since_epoch(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// So much later.
    #[must_use]
    pub const fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(saturate(by)))
    }

    /// The time from `earlier` to here; zero if that is not earlier.
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

const fn saturate(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 {
        u64::MAX
    } else {
        #[expect(clippy::cast_possible_truncation, reason = "compared above")]
        {
            nanos as u64
        }
    }
}

/// When a state machine wants `handle_timeout` to be called, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a deadline is a time and a reason"
)]
pub struct Deadline<R = TimerKind> {
    /// The time. It may lie in the past: then the call is due at once.
    pub at: Instant,
    /// What happens then. Each state machine has reasons of its own.
    pub reason: R,
}

/// What a deadline of a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TimerKind {
    /// The handshake must be over.
    Handshake,
    /// The peer was silent for the heartbeat's interval: a PING is due.
    Heartbeat,
    /// The peer left as many PINGs unanswered as it may: the connection is given up.
    PongOverdue,
    /// The orderly close took too long: the rest is dropped.
    Close,
}
