//! How to join a realm.

use core::time::Duration;
use std::sync::Arc;

use rawsocket_proto::connection::Config;
use wamp_core::SerializerKind;
use wamp_core::client::{self, Reconnect, SessionError};
use wamp_core::endpoint::Endpoint;

use super::{Session, wait};
use crate::io::Stream;
use crate::runtime::Threads;

/// How to join a realm: settings, then [`connect`](Self::connect).
///
/// ```
/// # use wamp_rawsocket_blocking::wamp_core::router::RouterConfig;
/// # use wamp_rawsocket_blocking::{Listener, Router};
/// use std::time::Duration;
/// use wamp_rawsocket_blocking::Join;
/// use wamp_rawsocket_blocking::wamp_core::SerializerKind;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = Listener::bind(&"rs://127.0.0.1:0".parse()?)?;
/// # let url = listener.to_string();
/// # let router = Router::new(RouterConfig::new(["realm1"]))?;
/// # std::thread::spawn(move || router.serve(listener));
/// let session = Join::new("realm1")
///     .serializers([SerializerKind::Json])
///     .connect_timeout(Duration::from_secs(3))
///     .connect(&url.parse()?)?;
/// assert_eq!(session.joined().realm, "realm1");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Join(client::Join<Threads>);

impl Join {
    /// Joins this realm with every setting at its default: any serializer that is built in,
    /// MessagePack first, ten seconds to connect and as many to join.
    pub fn new(realm: impl Into<String>) -> Self {
        Self(client::Join::new(realm))
    }

    /// The serializers, in order of preference. A router that refuses one is asked for the next,
    /// on a connection of its own. An empty list changes nothing.
    pub fn serializers(self, serializers: impl IntoIterator<Item = SerializerKind>) -> Self {
        Self(self.0.serializers(serializers))
    }

    /// The settings of the connection underneath: limits, heartbeat, water marks, the time for the
    /// handshake.
    pub fn connection(self, config: impl Into<Arc<Config>>) -> Self {
        Self(self.0.connection(config))
    }

    /// How long connecting may take; default 10 seconds. The time in which the system looks up a
    /// host's name is not cut short.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        Self(self.0.connect_timeout(timeout))
    }

    /// How long the router may take to answer HELLO; default 10 seconds.
    pub fn join_timeout(self, timeout: Duration) -> Self {
        Self(self.0.join_timeout(timeout))
    }

    /// How long the router may take to answer GOODBYE; default 5 seconds.
    pub fn leave_timeout(self, timeout: Duration) -> Self {
        Self(self.0.leave_timeout(timeout))
    }

    /// Requests that may await their answer at the same time; default 65,536. Further ones fail
    /// with [`CommandError::TooManyPending`](wamp_core::session::CommandError::TooManyPending).
    pub fn max_pending(self, count: usize) -> Self {
        Self(self.0.max_pending(count))
    }

    /// Octets of own messages that may wait for the connection; default 4 MiB. Further requests
    /// wait for room, or [fail fast](Session::fail_fast).
    pub fn max_queued(self, octets: usize) -> Self {
        Self(self.0.max_queued(octets))
    }

    /// Handlers of calls that may run at the same time, each on a thread; default 64. Further calls
    /// wait for their turn.
    pub fn max_handlers(self, count: usize) -> Self {
        Self(self.0.max_handlers(count))
    }

    /// Calls that may be unanswered at the same time, those that wait for their turn included;
    /// default 1024. Further ones are answered with `wamp.error.unavailable`.
    pub fn max_invocations(self, count: usize) -> Self {
        Self(self.0.max_invocations(count))
    }

    /// Has the session come back when it has lost its connection: it connects and joins again,
    /// and restores its subscriptions and registrations. Requests that were under way fail with
    /// [`SessionError::Lost`]: whether they were carried out is not known, and they are never
    /// repeated in silence. New ones wait for the connection, or
    /// [fail fast](Session::fail_fast). [`Session::states`] tells how it goes.
    ///
    /// A procedure that the router says is registered already is asked for again, after pauses of
    /// one second to a minute: it may be this session's own, of a connection that the router has not
    /// given up yet.
    ///
    /// A session that was ended on purpose does not come back, nor one that the router refuses:
    /// see [`End::is_transient`](client::End::is_transient).
    pub fn reconnect(self, reconnect: Reconnect) -> Self {
        Self(self.0.reconnect(reconnect))
    }

    /// Connects to a router and joins.
    ///
    /// # Errors
    ///
    /// [`SessionError::Io`] if the router cannot be reached in time; [`SessionError::Ended`] if it
    /// refuses the connection or the session, or takes too long.
    pub fn connect(self, endpoint: &Endpoint) -> Result<Session, SessionError> {
        wait(self.0.connect(endpoint)).map(Session)
    }

    /// Joins over a stream that is connected already, with the first serializer of the list. The
    /// stream becomes non-blocking. There is no other to come back with:
    /// [`reconnect`](Self::reconnect) does not apply.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn on<S: Stream + Send + Sync>(self, stream: S) -> Result<Session, SessionError> {
        wait(self.0.on(stream)).map(Session)
    }
}
