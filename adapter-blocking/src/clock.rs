//! The system's monotonic clock as the pump's timer.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::sync::LazyLock;
use std::time::Instant as StdInstant;

use rawsocket_proto::driver::Timer;
use rawsocket_proto::time::Instant;

use crate::seat;

/// The system's monotonic clock as a [`Timer`]. All of a process agree.
///
/// Its deadlines end the sleep of this crate's methods; nothing else waits for them.
#[derive(Clone, Copy, Debug, Default)]
pub struct BlockingClock(());

impl BlockingClock {
    /// A clock.
    pub const fn new() -> Self {
        Self(())
    }
}

impl Timer for BlockingClock {
    fn now(&self) -> Instant {
        now()
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        if now() >= at {
            return Poll::Ready(());
        }
        seat::wants_time(at, cx);
        Poll::Pending
    }
}

/// The time since the process first asked.
pub(crate) fn now() -> Instant {
    static EPOCH: LazyLock<StdInstant> = LazyLock::new(StdInstant::now);

    Instant::from_epoch(EPOCH.elapsed())
}

/// Waits for so long.
pub(crate) async fn sleep(time: Duration) {
    let (mut clock, until) = (BlockingClock::new(), now().saturating_add(time));
    poll_fn(|cx| clock.poll_until(cx, until)).await;
}

/// Runs `work`, for so long at most: `Pending` if it was not done by then. With no time at all it
/// gets as far as it does.
pub(crate) async fn timeout<F: Future>(within: Duration, work: F) -> Poll<F::Output> {
    let (mut work, mut late) = (pin!(work), pin!(sleep(within)));
    poll_fn(|cx| {
        if let Poll::Ready(output) = work.as_mut().poll(cx) {
            return Poll::Ready(Poll::Ready(output));
        }
        ready!(late.as_mut().poll(cx));
        // A socket that was empty is looked at again only now.
        Poll::Ready(work.as_mut().poll(cx))
    })
    .await
}
