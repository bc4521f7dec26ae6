//! A router served on listeners.

use core::future::{Future, poll_fn};
use core::task::Poll;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use rawsocket_proto::connection::Config;
use rawsocket_proto::driver::{Pump, Timer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use wamp_core::SerializerKind;
use wamp_core::router::{RouterConfig, RouterStats};
use wamp_core::transport::{RouterPeer, SharedRouter};

use crate::clock::TokioClock;
use crate::io::TokioIo;
use crate::net::Listener;

/// A WAMP router on tokio: any number of listeners, one task for each connection.
///
/// Cheap to clone; the clones are one router.
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
#[derive(Clone, Debug)]
pub struct Router {
    shared: SharedRouter,
    config: Arc<Config>,
    serializers: Arc<[SerializerKind]>,
    epoch: Instant,
    _timer: Arc<Abort>,
}

/// Ends a task with its last owner.
#[derive(Debug)]
struct Abort(JoinHandle<()>);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Router {
    /// A router with these settings, which serves all serializers that are built in. To be called
    /// within a tokio runtime: a task keeps the router's deadlines.
    ///
    /// # Errors
    ///
    /// The operating system has no randomness to give.
    pub fn new(config: RouterConfig) -> io::Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        let shared = SharedRouter::new(config, seed);
        let epoch = Instant::now();
        let deadlines = shared.clone();
        let timer = tokio::spawn(async move {
            let mut clock = TokioClock::since(epoch);
            poll_fn(|cx| deadlines.poll_timer(cx, &mut clock)).await;
        });
        Ok(Self {
            shared,
            config: Arc::default(),
            serializers: SerializerKind::ALL.into(),
            epoch,
            _timer: Arc::new(Abort(timer)),
        })
    }

    /// Uses these settings for the connections that are accepted from now on by this clone.
    #[must_use]
    pub fn with_connections(mut self, config: Config) -> Self {
        self.config = Arc::new(config);
        self
    }

    /// Serves only these serializers to connections that are accepted from now on by this clone.
    #[must_use]
    pub fn with_serializers(mut self, serializers: &[SerializerKind]) -> Self {
        self.serializers = serializers.into();
        self
    }

    /// Accepts connections and serves them until the future is dropped, which ends them all.
    ///
    /// An error of accepting, such as too many open files, does not end it: it waits a little and
    /// goes on.
    pub fn serve(&self, listener: Listener) -> impl Future<Output = ()> + Send + 'static {
        let router = self.clone();
        async move {
            let mut tasks = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => match accepted {
                        Ok(socket) => {
                            tasks.spawn(router.serve_connection(socket));
                        }
                        Err(_) => sleep(Self::ACCEPT_PAUSE).await,
                    },
                    // Ended tasks are let go as they end.
                    Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                }
            }
        }
    }

    /// The pause after an error of accepting.
    const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

    /// Serves one connection that is open already, until it is closed. Dropped, it ends the
    /// session.
    pub fn serve_connection<T>(&self, stream: T) -> impl Future<Output = ()> + Send + use<T>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let clock = TokioClock::since(self.epoch);
        let (config, serializers) = (self.config.clone(), self.serializers.clone());
        let peer = RouterPeer::new(config, serializers, self.shared.clone(), clock.now());
        let mut pump = Pump::new(peer, TokioIo(stream), clock);
        poll_fn(move |cx| {
            pump.machine().register(cx.waker());
            // How a connection ended is its client's affair: the session is over either way.
            match pump.poll_until(cx, RouterPeer::finished) {
                Poll::Ready(_) => Poll::Ready(()),
                Poll::Pending => Poll::Pending,
            }
        })
    }

    /// Says GOODBYE to every session, and waits until all connections are closed, but no longer
    /// than `within`. Those that are left then end with the future of [`serve`](Self::serve).
    ///
    /// # Cancel safety
    ///
    /// Dropped, the sessions still end, but nobody waits.
    pub async fn shut_down(&self, within: Duration) {
        self.shared.shut_down(TokioClock::since(self.epoch).now());
        let closed = async {
            while self.stats().transports > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        // Late clients are cut off.
        drop(timeout(within, closed).await);
    }

    /// What the router holds and did.
    pub fn stats(&self) -> RouterStats {
        self.shared.stats()
    }
}
