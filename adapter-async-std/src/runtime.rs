//! async-io's sockets and timers, and an executor, as the runtime of sessions and routers.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use futures_io::{AsyncRead, AsyncWrite};
use wamp_core::endpoint::Endpoint;
use wamp_core::runtime::{Adopt, Runtime};

use crate::clock::AsyncIoClock;
use crate::io::FuturesIo;
use crate::net::{Listener, Socket};

/// async-io's sockets and timers as a [`Runtime`], with an executor for the tasks.
///
/// ```
/// use std::sync::Arc;
///
/// use smol::Executor;
/// use wamp_rawsocket_async_std::{AsyncIo, Join};
///
/// // On an executor of one's own.
/// let executor = Arc::new(Executor::new());
/// let tasks = executor.clone();
/// let join = Join::with_runtime(AsyncIo::on(move |task| tasks.spawn(task).detach()), "realm1");
/// ```
#[derive(Clone, Debug)]
pub struct AsyncIo {
    epoch: Instant,
    executor: Executor,
}

/// A task, for an executor of one's own to run to its end. To drop it ends what it does: a session,
/// a connection.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Clone)]
enum Executor {
    #[cfg(feature = "smol")]
    Smol,
    #[cfg(feature = "async-std")]
    AsyncStd,
    Own(Arc<dyn Fn(Task) + Send + Sync>),
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            #[cfg(feature = "smol")]
            Self::Smol => "Smol",
            #[cfg(feature = "async-std")]
            Self::AsyncStd => "AsyncStd",
            Self::Own(_) => "Own",
        })
    }
}

impl AsyncIo {
    /// With smol's global executor.
    #[cfg(feature = "smol")]
    pub fn smol() -> Self {
        Self::with(Executor::Smol)
    }

    /// With async-std's executor.
    #[cfg(feature = "async-std")]
    pub fn async_std() -> Self {
        Self::with(Executor::AsyncStd)
    }

    /// With an executor of one's own: `spawn` has it run a task.
    pub fn on(spawn: impl Fn(Task) + Send + Sync + 'static) -> Self {
        Self::with(Executor::Own(Arc::new(spawn)))
    }

    fn with(executor: Executor) -> Self {
        Self {
            epoch: Instant::now(),
            executor,
        }
    }
}

/// With smol's global executor, or async-std's where that alone is built in.
#[cfg(any(feature = "smol", feature = "async-std"))]
impl Default for AsyncIo {
    fn default() -> Self {
        #[cfg(feature = "smol")]
        return Self::smol();
        #[cfg(not(feature = "smol"))]
        Self::async_std()
    }
}

impl Runtime for AsyncIo {
    type Io = FuturesIo<Socket>;
    type Listener = Listener;
    type Timer = AsyncIoClock;

    fn timer(&self) -> AsyncIoClock {
        AsyncIoClock::since(self.epoch)
    }

    async fn connect(&self, endpoint: &Endpoint) -> io::Result<Self::Io> {
        Socket::connect(endpoint).await.map(FuturesIo::new)
    }

    async fn accept(&self, listener: &Listener) -> io::Result<Self::Io> {
        listener.accept().await.map(FuturesIo::new)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.executor {
            #[cfg(feature = "smol")]
            Executor::Smol => smol::spawn(task).detach(),
            // Dropped, its handle detaches the task.
            #[cfg(feature = "async-std")]
            Executor::AsyncStd => drop(async_std::task::spawn(task)),
            Executor::Own(spawn) => spawn(Box::pin(task)),
        }
    }

    fn random(&self, octets: &mut [u8]) -> io::Result<()> {
        getrandom::fill(octets).map_err(io::Error::other)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Adopt<S> for AsyncIo {
    type Adopted = FuturesIo<S>;

    fn adopt(&self, stream: S) -> FuturesIo<S> {
        FuturesIo::new(stream)
    }
}

/// How to join a realm: settings, then `connect`, or `on` a stream that is connected already.
/// All are methods of [`client::Join`](wamp_core::client::Join), on this runtime.
///
/// ```
/// # use wamp_rawsocket_async_std::wamp_core::router::RouterConfig;
/// # use wamp_rawsocket_async_std::{Listener, Router};
/// use wamp_rawsocket_async_std::{Invocation, Join};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// smol::block_on(async {
/// #   let listener = Listener::bind(&"rs://127.0.0.1:0".parse()?).await?;
/// #   let url = listener.to_string();
/// #   smol::spawn(Router::new(RouterConfig::new(["realm1"]))?.serve(listener)).detach();
///     let session = Join::new("realm1").connect(&url.parse()?).await?;
///
///     session
///         .register("com.myapp.add", |invocation: Invocation| async move {
///             let (a, b): (i64, i64) = invocation.args()?;
///             Ok((a + b,))
///         })
///         .await?;
///     let (sum,): (i64,) = session.call("com.myapp.add", &(2, 3)).await?.args()?;
///     assert_eq!(sum, 5);
///     session.leave().await?;
///     Ok(())
/// })
/// # }
/// ```
pub type Join = wamp_core::client::Join<AsyncIo>;

/// A WAMP router: `new`, `serve` a listener, `serve_connection`, `shut_down`, `stats`. All are
/// methods of [`server::Router`](wamp_core::server::Router), on this runtime.
///
/// ```
/// use wamp_rawsocket_async_std::wamp_core::router::RouterConfig;
/// use wamp_rawsocket_async_std::{Join, Listener, Router};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// smol::block_on(async {
///     let listener = Listener::bind(&"rs://127.0.0.1:0".parse()?).await?;
///     let endpoint = listener.endpoint().clone();
///     let router = Router::new(RouterConfig::new(["realm1"]))?;
///     smol::spawn(router.serve(listener)).detach();
///
///     let session = Join::new("realm1").connect(&endpoint).await?;
///     session.leave().await?;
///     Ok(())
/// })
/// # }
/// ```
pub type Router = wamp_core::server::Router<AsyncIo>;
