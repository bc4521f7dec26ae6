//! What an adapter provides: sockets, a clock, tasks and randomness.
//!
//! The session level (`client`) and the router that serves listeners
//! (`server`) are written once, against [`Runtime`]. An adapter implements it for
//! its sockets and its clock, a few lines each, and gives the results their short names.

use core::future::Future;
use std::io;

use rawsocket_proto::driver::{Timer, Transport};

use crate::endpoint::Endpoint;

/// Sockets, a clock, tasks and randomness. Cheap to clone; a clone stands for the same runtime.
pub trait Runtime: Clone + Send + Sync + 'static {
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

    /// Takes a stream over.
    ///
    /// # Errors
    ///
    /// Those of the operating system, where the stream has to be prepared.
    fn adopt(&self, stream: S) -> io::Result<Self::Adopted>;
}
