//! How to join a realm.

use core::time::Duration;
use std::io;
use std::sync::Arc;

use rawsocket_proto::connection::Config;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use wamp_core::SerializerKind;
use wamp_core::endpoint::Endpoint;
use wamp_core::session::SessionConfig;

use super::{Session, SessionError};
use crate::net::Socket;

/// How to join a realm: settings, then [`connect`](Self::connect).
#[derive(Clone, Debug)]
#[must_use]
pub struct Join {
    session: SessionConfig,
    connection: Config,
    connect_timeout: Duration,
}

impl Join {
    /// Joins this realm with every setting at its default: MessagePack, ten seconds to connect
    /// and as many to join.
    pub fn new(realm: impl Into<String>) -> Self {
        let mut session = SessionConfig::new(realm, SerializerKind::MessagePack);
        session.max_invocations = 1024;
        Self {
            session,
            connection: Config::new(),
            connect_timeout: Duration::from_secs(10),
        }
    }

    /// The serializer.
    pub fn serializer(mut self, serializer: SerializerKind) -> Self {
        self.session.serializer = serializer;
        self
    }

    /// The settings of the connection underneath: limits, heartbeat, water marks.
    pub fn connection(mut self, config: Config) -> Self {
        self.connection = config;
        self
    }

    /// How long connecting may take; default 10 seconds.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long the router may take to answer HELLO; default 10 seconds.
    pub const fn join_timeout(mut self, timeout: Duration) -> Self {
        self.session.join_timeout = timeout;
        self
    }

    /// How long the router may take to answer GOODBYE; default 5 seconds.
    pub const fn leave_timeout(mut self, timeout: Duration) -> Self {
        self.session.leave_timeout = timeout;
        self
    }

    /// Handlers that may run at the same time; default 1024. Further calls are answered with
    /// `wamp.error.unavailable`.
    pub const fn max_invocations(mut self, count: usize) -> Self {
        self.session.max_invocations = count;
        self
    }

    /// Connects to a router and joins.
    ///
    /// # Errors
    ///
    /// [`SessionError::Io`] if the router cannot be reached in time; [`SessionError::Ended`] if it
    /// refuses the connection or the session, or takes too long.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it closes what it opened.
    pub async fn connect(self, endpoint: &Endpoint) -> Result<Session, SessionError> {
        let connected = timeout(self.connect_timeout, Socket::connect(endpoint)).await;
        let late = || io::Error::new(io::ErrorKind::TimedOut, "connecting took too long");
        let socket = connected.map_err(|_| late())??;
        self.on(socket).await
    }

    /// Joins over a stream that is connected already.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the stream.
    pub async fn on<T>(self, stream: T) -> Result<Session, SessionError>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Session::join(Arc::new(self.connection), self.session, Box::new(stream)).await
    }
}
