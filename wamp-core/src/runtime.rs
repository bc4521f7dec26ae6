//! What an adapter provides: sockets, a clock, tasks and randomness.
//!
//! The session level ([`client`](crate::client)) and the router that serves listeners
//! (`server`) are written once, against [`Runtime`]. An adapter implements it for
//! its sockets and its clock, a few lines each, and gives the results their short names.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::io;

use rawsocket_proto::driver::{Timer, Transport};

use crate::endpoint::Endpoint;

/// Sockets, a clock, tasks and randomness. Cheap to clone; a clone stands for the same runtime.
pub trait Runtime: Clone + Send + Sync + 'static {
    /// Handlers of calls that may run at the same time, unless
    /// [`Join::max_handlers`](crate::client::Join::max_handlers) says otherwise. Fewer than 1024
    /// where each needs a thread.
    const MAX_HANDLERS: usize = 1024;

    /// A connected socket.
    type Io: Transport + Send + 'static;
    /// A listening socket.
    type Listener: Send + Sync + 'static;
    /// A clock. All clocks of one value and of its clones agree.
    type Timer: Timer + Send + 'static;

    /// A clock.
    fn timer(&self) -> Self::Timer;

    /// Connects to an endpoint. Dropped, it closes what it opened.
    fn connect(&self, endpoint: &Endpoint) -> impl Future<Output = io::Result<Self::Io>> + Send;

    /// The next connection of a listener. Dropped, it loses none.
    fn accept(
        &self,
        listener: &Self::Listener,
    ) -> impl Future<Output = io::Result<Self::Io>> + Send;

    /// Runs a task to its end, or drops it with the runtime. It is called from within the
    /// runtime's own tasks, or from a method that its caller awaits.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);

    /// Fills `octets` with randomness that nobody can foretell.
    ///
    /// # Errors
    ///
    /// The operating system has none to give.
    fn random(&self, octets: &mut [u8]) -> io::Result<()>;
}

/// A runtime that takes over streams that are connected already: those of its own sockets, or
/// whatever else it reads and writes.
pub trait Adopt<S>: Runtime {
    /// The stream as a transport.
    type Adopted: Transport + Send + 'static;

    /// Takes a stream over. Where it has to be prepared and that fails, its first use tells.
    fn adopt(&self, stream: S) -> Self::Adopted;
}

/// Waits for `work`, at most for so long; `None` if that was too short.
pub(crate) async fn timeout<F: Future>(
    timer: &mut impl Timer,
    within: Duration,
    work: F,
) -> Option<F::Output> {
    let until = timer.now().saturating_add(within);
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(output) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        timer.poll_until(cx, until).map(|()| None)
    })
    .await
}

/// Waits for so long.
pub(crate) async fn sleep(timer: &mut impl Timer, time: Duration) {
    let until = timer.now().saturating_add(time);
    poll_fn(|cx| timer.poll_until(cx, until)).await;
}
