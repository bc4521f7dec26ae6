//! A router served on listeners.

use core::time::Duration;
use std::io;
use std::sync::Arc;

use rawsocket_proto::connection::Config;
use wamp_core::SerializerKind;
use wamp_core::router::{RouterConfig, RouterStats};
use wamp_core::server;

use crate::closer::wait;
use crate::io::Stream;
use crate::listener::Listener;
use crate::runtime::Threads;
use crate::seat::block_on;

/// A WAMP router: any number of listeners, one thread for each connection.
///
/// Cheap to clone; the clones are one router.
///
/// ```
/// use std::thread;
/// use std::time::Duration;
/// use wamp_rawsocket_blocking::wamp_core::router::RouterConfig;
/// use wamp_rawsocket_blocking::{Join, Listener, Router};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = Listener::bind(&"rs://127.0.0.1:0".parse()?)?;
/// let endpoint = listener.endpoint().clone();
/// let router = Router::new(RouterConfig::new(["realm1"]))?;
/// let serving = thread::spawn({
///     let router = router.clone();
///     move || router.serve(listener)
/// });
///
/// let session = Join::new("realm1").connect(&endpoint)?;
/// session.leave()?;
/// router.shut_down(Duration::from_secs(1));
/// serving.join().unwrap();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Router(server::Router<Threads>);

impl Router {
    /// A router with these settings, which serves all serializers that are built in.
    ///
    /// # Errors
    ///
    /// The operating system has no randomness to give, from which ids are made.
    pub fn new(config: RouterConfig) -> io::Result<Self> {
        server::Router::new(config).map(Self)
    }

    /// Uses these settings for the connections that are accepted from now on by this clone.
    #[must_use]
    pub fn with_connections(self, config: impl Into<Arc<Config>>) -> Self {
        Self(self.0.with_connections(config))
    }

    /// Serves only these serializers to connections that are accepted from now on by this clone.
    #[must_use]
    pub fn with_serializers(self, serializers: &[SerializerKind]) -> Self {
        Self(self.0.with_serializers(serializers))
    }

    /// Accepts connections and serves them until the router is [shut down](Self::shut_down), or
    /// until the listener's [`closer`](Listener::closer) or a [`Closer::run`](crate::Closer::run)
    /// ends it, and all that it accepted with it.
    ///
    /// An error of accepting, such as too many open files, does not end it: it waits a little and
    /// goes on.
    pub fn serve(&self, listener: Listener) {
        let closer = listener.closer();
        // Ended is ended.
        let _ = wait(Some(&closer), self.0.serve(listener));
    }

    /// Serves one connection that is open already, until it is closed, or until a
    /// [`Closer::run`](crate::Closer::run) ends it, and the session with it. The stream becomes
    /// non-blocking.
    pub fn serve_connection<S: Stream + Send + Sync>(&self, stream: S) {
        let _ = wait(None, self.0.serve_connection(stream));
    }

    /// Stops accepting, says GOODBYE to every session, and waits until all connections are closed,
    /// but no longer than `within`. Those that [`serve`](Self::serve) has accepted are then cut
    /// off, and it is done. No [`Closer`](crate::Closer) ends it.
    pub fn shut_down(&self, within: Duration) {
        block_on(self.0.shut_down(within));
    }

    /// What the router holds and did.
    pub fn stats(&self) -> RouterStats {
        self.0.stats()
    }
}
