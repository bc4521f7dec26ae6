//! async-io's timer as the pump's.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::time::Instant as StdInstant;

use rawsocket_proto::driver::Timer;
use rawsocket_proto::time::Instant;

/// The system's monotonic clock as a [`Timer`], on any executor. It holds a timer of async-io's
/// only once it was waited for.
#[derive(Debug)]
pub struct AsyncIoClock {
    epoch: StdInstant,
    timer: Option<async_io::Timer>,
    /// What `timer` is set to.
    until: Instant,
}

impl AsyncIoClock {
    /// A clock that starts now.
    pub fn new() -> Self {
        Self::since(StdInstant::now())
    }

    /// A clock that started at `epoch`. Clocks of one epoch agree.
    pub const fn since(epoch: StdInstant) -> Self {
        Self {
            epoch,
            timer: None,
            until: Instant::ZERO,
        }
    }
}

impl Default for AsyncIoClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for AsyncIoClock {
    fn now(&self) -> Instant {
        Instant::from_epoch(self.epoch.elapsed())
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        // A deadline that moves away does not touch the timer, which then fires early and is set
        // again: a heartbeat's moves with each message.
        let armed = self.until <= at && self.now() < self.until;
        let timer = match &mut self.timer {
            Some(timer) if armed => timer,
            slot => {
                // Beyond what the system's clock can tell is never.
                let Some(deadline) = self.epoch.checked_add(at.since_epoch()) else {
                    return Poll::Pending;
                };
                self.until = at;
                let timer = slot.get_or_insert_with(async_io::Timer::never);
                timer.set_at(deadline);
                timer
            }
        };
        Pin::new(timer).poll(cx).map(drop)
    }
}
