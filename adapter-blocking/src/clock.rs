//! The system's clock as the pump's timer.

use core::task::{Context, Poll};
use std::sync::Arc;

use rawsocket_proto::driver::Timer;
use rawsocket_proto::time::Instant;

use crate::parker::Parker;

/// Tells the parker until when to sleep.
#[derive(Debug)]
pub(crate) struct Clock(pub(crate) Arc<Parker>);

impl Timer for Clock {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn poll_until(&mut self, _: &mut Context<'_>, at: Instant) -> Poll<()> {
        if self.now() >= at {
            return Poll::Ready(());
        }
        self.0.wants_time(at);
        Poll::Pending
    }
}
