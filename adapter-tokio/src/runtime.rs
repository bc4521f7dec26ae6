//! tokio as the runtime of sessions and routers.

use core::future::Future;
use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use wamp_core::endpoint::Endpoint;
use wamp_core::runtime::{Adopt, Runtime};

use crate::clock::TokioClock;
use crate::io::TokioIo;
use crate::net::{Listener, Socket};

/// tokio as a [`Runtime`]: the one that is entered where a method is awaited.
#[derive(Clone, Debug)]
pub struct Tokio {
    epoch: Instant,
}

impl Tokio {
    /// tokio, with clocks that start now.
    pub fn new() -> Self {
        Self {
            epoch: Instant::now(),
        }
    }
}

impl Default for Tokio {
    fn default() -> Self {
        Self::new()
    }
}

impl Runtime for Tokio {
    type Io = TokioIo<Socket>;
    type Listener = Listener;
    type Timer = TokioClock;

    fn timer(&self) -> TokioClock {
        TokioClock::since(self.epoch)
    }

    async fn connect(&self, endpoint: &Endpoint) -> io::Result<Self::Io> {
        Socket::connect(endpoint).await.map(TokioIo::new)
    }

    async fn accept(&self, listener: &Listener) -> io::Result<Self::Io> {
        listener.accept().await.map(TokioIo::new)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }

    fn random(&self, octets: &mut [u8]) -> io::Result<()> {
        getrandom::fill(octets).map_err(io::Error::other)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Adopt<S> for Tokio {
    type Adopted = TokioIo<S>;

    fn adopt(&self, stream: S) -> TokioIo<S> {
        TokioIo::new(stream)
    }
}

/// How to join a realm on tokio: settings, then `connect`, or `on` a stream that is connected already.
/// All are methods of [`client::Join`](wamp_core::client::Join), on this runtime.
///
/// ```
/// # use wamp_rawsocket_tokio::wamp_core::router::RouterConfig;
/// # use wamp_rawsocket_tokio::{Listener, Router};
/// use wamp_rawsocket_tokio::{Invocation, Join};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = Listener::bind(&"rs://127.0.0.1:0".parse()?).await?;
/// # let url = listener.to_string();
/// # tokio::spawn(Router::new(RouterConfig::new(["realm1"]))?.serve(listener));
/// let session = Join::new("realm1").connect(&url.parse()?).await?;
///
/// session
///     .register("com.myapp.add", |invocation: Invocation| async move {
///         let (a, b): (i64, i64) = invocation.args()?;
///         Ok((a + b,))
///     })
///     .await?;
/// let (sum,): (i64,) = session.call("com.myapp.add", &(2, 3)).await?.args()?;
/// assert_eq!(sum, 5);
/// session.leave().await?;
/// # Ok(())
/// # }
/// ```
pub type Join = wamp_core::client::Join<Tokio>;

/// A WAMP router on tokio: `new`, `serve` a listener, `serve_connection`, `shut_down`, `stats`. All are
/// methods of [`server::Router`](wamp_core::server::Router), on this runtime.
///
/// ```
/// use wamp_rawsocket_tokio::wamp_core::router::RouterConfig;
/// use wamp_rawsocket_tokio::{Join, Listener, Router};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = Listener::bind(&"rs://127.0.0.1:0".parse()?).await?;
/// let endpoint = listener.endpoint().clone();
/// let router = Router::new(RouterConfig::new(["realm1"]))?;
/// tokio::spawn(router.serve(listener));
///
/// let session = Join::new("realm1").connect(&endpoint).await?;
/// session.leave().await?;
/// # Ok(())
/// # }
/// ```
pub type Router = wamp_core::server::Router<Tokio>;
