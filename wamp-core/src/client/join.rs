//! How to join a realm.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use rawsocket_proto::connection::Config;

use super::Session;
use super::backoff::Reconnect;
use super::state::Answer;
use super::task::{self, Comeback, Dial};
use crate::SerializerKind;
use crate::endpoint::Endpoint;
use crate::runtime::{Adopt, Runtime};
use crate::session::SessionConfig;

/// How to join a realm: settings, then [`connect`](Self::connect).
#[derive(Clone, Debug)]
#[must_use]
pub struct Join<R> {
    runtime: R,
    settings: Settings,
    reconnect: Option<Reconnect>,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) session: SessionConfig,
    pub(super) connection: Arc<Config>,
    /// In order of preference, and never empty.
    pub(super) serializers: Vec<SerializerKind>,
    pub(super) connect_timeout: Duration,
    pub(super) max_handlers: usize,
}

impl<R: Runtime> Join<R> {
    /// Joins this realm with every setting at its default: any serializer that is built in,
    /// MessagePack first, ten seconds to connect and as many to join.
    pub fn new(realm: impl Into<String>) -> Self
    where
        R: Default,
    {
        Self::with_runtime(R::default(), realm)
    }

    /// As [`new`](Self::new), on this runtime.
    pub fn with_runtime(runtime: R, realm: impl Into<String>) -> Self {
        let mut serializers = SerializerKind::ALL.to_vec();
        // The lean one first.
        serializers.sort_by_key(|kind| kind.is_text());
        let first = serializers
            .first()
            .copied()
            .unwrap_or(SerializerKind::ALL[0]);
        let mut session = SessionConfig::new(realm, first);
        session.max_invocations = 1024;
        Self {
            runtime,
            settings: Settings {
                session,
                connection: Arc::default(),
                serializers,
                connect_timeout: Duration::from_secs(10),
                max_handlers: R::MAX_HANDLERS,
            },
            reconnect: None,
        }
    }

    /// The serializers, in order of preference. A router that refuses one is asked for the next,
    /// on a connection of its own. An empty list changes nothing.
    pub fn serializers(mut self, serializers: impl IntoIterator<Item = SerializerKind>) -> Self {
        let serializers: Vec<_> = serializers.into_iter().collect();
        if !serializers.is_empty() {
            self.settings.serializers = serializers;
        }
        self
    }

    /// The settings of the connection underneath: limits, heartbeat, water marks, the time for the
    /// handshake.
    pub fn connection(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.settings.connection = config.into();
        self
    }

    /// How long connecting may take; default 10 seconds.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How long the router may take to answer HELLO; default 10 seconds.
    pub const fn join_timeout(mut self, timeout: Duration) -> Self {
        self.settings.session.join_timeout = timeout;
        self
    }

    /// How long the router may take to answer GOODBYE; default 5 seconds.
    pub const fn leave_timeout(mut self, timeout: Duration) -> Self {
        self.settings.session.leave_timeout = timeout;
        self
    }

    /// Requests that may await their answer at the same time; default 65,536. Further ones fail
    /// with [`CommandError::TooManyPending`](crate::session::CommandError::TooManyPending).
    pub const fn max_pending(mut self, count: usize) -> Self {
        self.settings.session.max_pending = count;
        self
    }

    /// Octets of own messages that may wait for the connection; default 4 MiB. Further requests
    /// wait for room, or [fail fast](Session::fail_fast).
    pub const fn max_queued(mut self, octets: usize) -> Self {
        self.settings.session.max_queued = octets;
        self
    }

    /// Handlers of calls that may run at the same time; default
    /// [`Runtime::MAX_HANDLERS`]. Further calls wait for their turn.
    pub const fn max_handlers(mut self, count: usize) -> Self {
        self.settings.max_handlers = count;
        self
    }

    /// Calls that may be unanswered at the same time, those that wait for their turn included;
    /// default 1024. Further ones are answered with `wamp.error.unavailable`.
    pub const fn max_invocations(mut self, count: usize) -> Self {
        self.settings.session.max_invocations = count;
        self
    }

    /// Has the session come back when it has lost its connection: it connects and joins again,
    /// and restores its subscriptions and registrations. Requests that were under way fail with
    /// [`SessionError::Lost`](super::SessionError::Lost): whether they were carried out is not
    /// known, and they are never repeated in silence. New ones wait for the connection, or
    /// [fail fast](Session::fail_fast). [`Session::states`] tells how it goes.
    ///
    /// A procedure that the router says is registered already is asked for again, after pauses of
    /// one second to a minute: it may be this session's own, of a connection that the router has not
    /// given up yet.
    ///
    /// A session that was ended on purpose does not come back, nor one that the router refuses:
    /// see [`End::is_transient`](super::End::is_transient).
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = Some(reconnect);
        self
    }

    /// Connects to a router and joins.
    ///
    /// # Errors
    ///
    /// [`SessionError::Io`](super::SessionError::Io) if the router cannot be reached in time;
    /// [`SessionError::Ended`](super::SessionError::Ended) if it refuses the connection or the
    /// session, or takes too long.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it closes what it opened.
    pub async fn connect(self, endpoint: &Endpoint) -> Answer<Session> {
        let max_handlers = self.settings.max_handlers;
        let mut dial = Dial::new(self.runtime.clone(), endpoint.clone(), self.settings);
        let Some(reconnect) = self.reconnect else {
            let joined = dial.join().await?;
            return Ok(task::start(&self.runtime, joined, max_handlers, None));
        };
        let mut comeback = Box::new(Comeback::new(dial, reconnect));
        let joined = comeback.begin().await?;
        let comeback = Some(comeback);
        Ok(task::start(&self.runtime, joined, max_handlers, comeback))
    }

    /// Joins over a stream that is connected already, with the first serializer of the list. There
    /// is no other stream to come back with: [`reconnect`](Self::reconnect) does not apply.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the stream.
    pub async fn on<S>(self, stream: S) -> Answer<Session>
    where
        R: Adopt<S>,
    {
        let transport = self.runtime.adopt(stream);
        let Settings {
            session,
            connection,
            serializers,
            max_handlers,
            ..
        } = self.settings;
        let mut session = session;
        session.serializer = serializers.first().copied().unwrap_or(session.serializer);
        let joined = task::greet(&self.runtime, Box::new(transport), connection, session).await?;
        Ok(task::start(&self.runtime, joined, max_handlers, None))
    }
}
