//! Threads as a runtime.

use core::future::Future;
use core::time::Duration;
use std::io;

use wamp_core::endpoint::Endpoint;
use wamp_core::runtime::{Adopt, Runtime};

use crate::clock::BlockingClock;
use crate::connect::connect;
use crate::io::{BlockingIo, Stream};
use crate::listener::Listener;
use crate::pool::Pool;
use crate::socket::Socket;

/// The threads of this process as a [`Runtime`]: what sessions and routers run on.
///
/// A task has a thread of its own as long as it runs: a session one, a router one for each
/// connection, and a handler one for each invocation. Such a thread is named `wamp`, is made when
/// there is none without a task, and stays for [`KEEP`](Self::KEEP) to wait for the next. A task
/// that panics ends, and its thread goes on. Where the system gives no thread, the task is dropped:
/// its connection is closed, its call fails.
///
/// Sockets, listeners and clocks wait by letting their thread sleep. A future that waits for them
/// is polled by this crate; elsewhere it would be asked again and again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Threads(());

impl Threads {
    /// The stack of a task's thread, in octets. The system provides what is used of it.
    pub const STACK: usize = 1 << 20;

    /// How long a thread waits for its next task.
    pub const KEEP: Duration = Duration::from_secs(5);

    /// The runtime. All values stand for the same one.
    pub const fn new() -> Self {
        Self(())
    }
}

static POOL: Pool = Pool::new(Threads::STACK, Threads::KEEP);

impl Runtime for Threads {
    /// As many threads, then.
    const MAX_HANDLERS: usize = 64;

    type Io = BlockingIo<Socket>;
    type Listener = Listener;
    type Timer = BlockingClock;

    fn timer(&self) -> BlockingClock {
        BlockingClock::new()
    }

    async fn connect(&self, endpoint: &Endpoint) -> io::Result<BlockingIo<Socket>> {
        connect(endpoint).await.map(BlockingIo::shared)
    }

    async fn accept(&self, listener: &Listener) -> io::Result<BlockingIo<Socket>> {
        listener.next().await.map(BlockingIo::new)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        POOL.spawn(Box::pin(task));
    }

    fn random(&self, octets: &mut [u8]) -> io::Result<()> {
        getrandom::fill(octets).map_err(io::Error::other)
    }
}

impl<S: Stream + Send + Sync> Adopt<S> for Threads {
    type Adopted = BlockingIo<S>;

    fn adopt(&self, stream: S) -> BlockingIo<S> {
        BlockingIo::new(stream)
    }
}
