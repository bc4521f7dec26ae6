//! async-io's timer as the pump's.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::time::Instant as StdInstant;

use rawsocket_proto::driver::Timer;
use rawsocket_proto::time::Instant;

/// The system's monotonic clock as a [`Timer`], on any executor. It holds a timer of async-io's
/// only while one is waited for.
#[derive(Debug)]
pub struct AsyncIoClock {
    epoch: StdInstant,
    armed: Option<Box<Armed>>,
}

#[derive(Debug)]
struct Armed {
    timer: async_io::Timer,
    until: Instant,
}

impl AsyncIoClock {
    /// A clock that starts now.
    pub fn new() -> Self {
        Self::since(StdInstant::now())
    }

    /// A clock that started at `epoch`. Clocks of one epoch agree.
    pub const fn since(epoch: StdInstant) -> Self {
        Self { epoch, armed: None }
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
        let now = self.now();
        let armed = match &mut self.armed {
            Some(armed) if armed.until <= at && now < armed.until => armed,
            slot => {
                // Beyond what the system's clock can tell is never.
                let Some(deadline) = self.epoch.checked_add(at.since_epoch()) else {
                    return Poll::Pending;
                };
                let armed = slot.get_or_insert_with(|| {
                    Box::new(Armed {
                        timer: async_io::Timer::never(),
                        until: at,
                    })
                });
                armed.until = at;
                armed.timer.set_at(deadline);
                armed
            }
        };
        Pin::new(&mut armed.timer).poll(cx).map(drop)
    }

    fn cancel(&mut self) {
        self.armed = None;
    }
}
