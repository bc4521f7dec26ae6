//! tokio's clock as the pump's timer.

use core::pin::Pin;
use core::task::{Context, Poll};

use rawsocket_proto::driver::Timer;
use rawsocket_proto::time::Instant;
use tokio::time::{Instant as TokioInstant, Sleep, sleep_until};

/// tokio's clock as a [`Timer`]: the one that tests may pause. It holds a timer of the runtime
/// only while one is waited for.
#[derive(Debug)]
pub struct TokioClock {
    epoch: TokioInstant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl TokioClock {
    /// A clock that starts now.
    pub fn new() -> Self {
        Self::since(TokioInstant::now())
    }

    /// A clock that started at `epoch`. Clocks of one epoch agree.
    pub const fn since(epoch: TokioInstant) -> Self {
        Self { epoch, sleep: None }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for TokioClock {
    fn now(&self) -> Instant {
        Instant::from_epoch(TokioInstant::now().saturating_duration_since(self.epoch))
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        let deadline = self.epoch + at.since_epoch();
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        // A deadline that moves away does not touch the timer, which then fires early and is set
        // again: a heartbeat's moves with each message.
        let armed = sleep.deadline() <= deadline && TokioInstant::now() < sleep.deadline();
        if !armed {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(cx)
    }

    fn cancel(&mut self) {
        self.sleep = None;
    }
}
