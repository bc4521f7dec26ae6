//! How long to wait before the next attempt to connect.

use core::time::Duration;

/// How a session comes back after its connection was lost.
///
/// The pause before an attempt doubles each time, up to [`max_delay`](Self::max_delay), and is
/// then shortened by a random part of itself, so that the clients of a router that was restarted
/// do not all come at once. It begins anew after a session that lasted longer than the pause
/// before it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Reconnect {
    first: Duration,
    max: Duration,
    jitter: u8,
    attempts: Option<u32>,
    from_the_start: bool,
}

impl Reconnect {
    /// A pause of one second at first, of a minute at most, each shortened by up to a half; no
    /// limit to the attempts.
    pub const fn new() -> Self {
        Self {
            first: Duration::from_secs(1),
            max: Duration::from_secs(60),
            jitter: 50,
            attempts: None,
            from_the_start: false,
        }
    }

    /// The pause before the first attempt.
    pub const fn first_delay(mut self, delay: Duration) -> Self {
        self.first = delay;
        self
    }

    /// The longest pause.
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.max = delay;
        self
    }

    /// By how many percent a pause may be shortened at random; no more than 100. Default 50.
    pub const fn jitter(mut self, percent: u8) -> Self {
        self.jitter = if percent > 100 { 100 } else { percent };
        self
    }

    /// How many attempts in a row may fail before the session is over. Without it they go on.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// Whether the first connection is attempted again, too. By default its failure is an error
    /// at once, since a wrong address looks no different from a router that is not there yet.
    pub const fn from_the_start(mut self, yes: bool) -> Self {
        self.from_the_start = yes;
        self
    }

    pub(super) const fn is_from_the_start(&self) -> bool {
        self.from_the_start
    }
}

impl Default for Reconnect {
    fn default() -> Self {
        Self::new()
    }
}

/// Where in a row of attempts a session is.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    settings: Reconnect,
    failed: u32,
}

impl Backoff {
    pub(super) const fn new(settings: Reconnect) -> Self {
        Self {
            settings,
            failed: 0,
        }
    }

    /// The pause before the next attempt, and its number from one on; `None` if there is none.
    /// `random` is any number.
    pub(super) fn next(&mut self, random: u64) -> Option<(u32, Duration)> {
        let attempt = self.failed.saturating_add(1);
        if self.settings.attempts.is_some_and(|most| attempt > most) {
            return None;
        }
        let full = self.full();
        self.failed = attempt;
        // A part of 2^32, so that nothing overflows.
        let part = u128::from(random >> 32) * u128::from(self.settings.jitter) / 100;
        let less = full.as_nanos().saturating_mul(part) >> 32;
        let less = Duration::from_nanos(u64::try_from(less).unwrap_or(u64::MAX));
        Some((attempt, full.saturating_sub(less)))
    }

    /// The next pause before it is shortened.
    fn full(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.failed).unwrap_or(u32::MAX);
        let full = self.settings.first.saturating_mul(factor);
        full.min(self.settings.max)
    }

    /// A session lasted so long. The row ends if that was longer than the pause before it.
    pub(super) fn lasted(&mut self, time: Duration) {
        let before = Self {
            failed: self.failed.saturating_sub(1),
            ..self.clone()
        };
        if self.failed == 0 || time > before.full() {
            self.failed = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut backoff = Backoff::new(Reconnect::new().attempts(9));
        let pauses = core::iter::from_fn(|| backoff.next(0)).map(|(_, pause)| pause.as_secs());
        assert_eq!(pauses.collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn a_session_that_lasted_ends_the_row() {
        let mut backoff = Backoff::new(Reconnect::new().jitter(0));
        for expected in [1, 2, 4] {
            assert_eq!(
                backoff.next(7).map(|(_, pause)| pause),
                Some(secs(expected))
            );
        }
        backoff.lasted(secs(4));
        assert_eq!(backoff.next(7), Some((4, secs(8))));
        backoff.lasted(secs(9));
        assert_eq!(backoff.next(7), Some((1, secs(1))));
    }

    proptest! {
        #[test]
        fn a_pause_stays_within_its_bounds(
            first in 0_u64..=u64::MAX,
            max in 0_u64..=u64::MAX,
            jitter: u8,
            randoms in proptest::collection::vec(any::<u64>(), 1..80),
        ) {
            let (first, max) = (Duration::from_nanos(first), Duration::from_nanos(max));
            let settings = Reconnect::new().first_delay(first).max_delay(max).jitter(jitter);
            let least = |full: Duration| full.saturating_sub(full.mul_f64(f64::from(jitter.min(100)) / 100.0) + Duration::from_micros(1));
            let mut backoff = Backoff::new(settings);
            for (index, random) in randoms.into_iter().enumerate() {
                let full = backoff.full();
                prop_assert!(full <= max);
                let (attempt, pause) = backoff.next(random).unwrap();
                prop_assert_eq!(attempt as usize, index + 1);
                prop_assert!(pause <= full && pause >= least(full), "{pause:?} of {full:?}");
            }
        }
    }
}
