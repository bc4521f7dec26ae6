//! A client's end: connection and session.

use alloc::sync::Arc;
use core::fmt;
use std::io;

use rawsocket_proto::connection::{
    Config, Connection, ConnectionError, Event as ConnectionEvent, Frame, RecvBuf, SendErrorReason,
};
use rawsocket_proto::driver::{Machine, is_hangup};
use rawsocket_proto::time::Instant;

use crate::SerializerKind;
use crate::session::{ClientSession, CommandError, Event, SessionConfig, SessionError};

/// A client's end of a RawSocket connection and the session on it.
///
/// It does the handshake with the serializer of the [`SessionConfig`], joins the realm, and closes
/// the connection when the session is over. Use it as a [`Machine`], with
/// [`session_mut`](Self::session_mut) for commands and [`poll_event`](Self::poll_event) for what
/// comes of them.
#[derive(Debug)]
pub struct ClientPeer {
    connection: Connection,
    config: SessionConfig,
    session: Option<ClientSession>,
    /// A frame of the session's that the connection had no room for.
    held: Option<Frame>,
    event: Option<Event>,
    error: Option<PeerError>,
    /// What ended the connection, while the session still has events to give.
    cause: Option<PeerError>,
    now: Instant,
}

/// How a client's session ended, or why it never began.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerError {
    /// The connection failed: it was refused, broken or lost.
    Connection(ConnectionError),
    /// The transport failed, in its own words.
    Transport(String),
    /// The router closed the connection without a GOODBYE.
    Closed,
    /// The session failed.
    Session(SessionError),
    /// HELLO could not be made.
    Hello(CommandError),
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::Transport(text) => f.write_str(text),
            Self::Closed => f.write_str("the router closed the connection"),
            Self::Session(error) => error.fmt(f),
            Self::Hello(error) => write!(f, "cannot join: {error}"),
        }
    }
}

impl core::error::Error for PeerError {}

impl ClientPeer {
    /// A client that joins as `session` says, once connected.
    /// [`SessionConfig::max_message_len`] is lowered to what the router takes.
    pub fn new(connection: Arc<Config>, session: SessionConfig, now: Instant) -> Self {
        let serializer = session.serializer.id();
        Self {
            connection: Connection::client(connection, serializer, now),
            config: session,
            session: None,
            held: None,
            event: None,
            error: None,
            cause: None,
            now,
        }
    }

    /// The session, for commands; `None` before the handshake is over. Poll afterwards.
    pub fn session_mut(&mut self) -> Option<&mut ClientSession> {
        self.session.as_mut()
    }

    /// The session; `None` before the handshake is over.
    pub fn session(&self) -> Option<&ClientSession> {
        self.session.as_ref()
    }

    /// The serializer that was asked for.
    pub const fn serializer(&self) -> SerializerKind {
        self.config.serializer
    }

    /// The connection underneath.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The time of the latest input.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The next event of the session; `None` if there is none now, or ever again after
    /// [`Event::Left`].
    ///
    /// # Errors
    ///
    /// How it ended otherwise, after all events, and from then on always.
    pub fn poll_event(&mut self) -> Result<Option<Event>, PeerError> {
        self.advance();
        match (self.event.take(), &self.error) {
            (Some(event), _) => Ok(Some(event)),
            (None, Some(error)) => Err(error.clone()),
            (None, None) => Ok(None),
        }
    }

    /// The transport failed: the session ends, and each pending request with it.
    pub fn handle_lost(&mut self, error: &io::Error) {
        let refused = self.connection.negotiated().is_none() && is_hangup(error);
        self.fail(if refused {
            PeerError::Connection(ConnectionError::ClosedInHandshake)
        } else {
            PeerError::Transport(error.to_string())
        });
    }

    fn fail(&mut self, cause: PeerError) {
        let text = cause.to_string();
        self.cause.get_or_insert(cause);
        if let Some(session) = &mut self.session {
            session.handle_closed(text, self.now);
        }
        self.held = None;
    }

    fn takes_messages(&self) -> bool {
        let session = self.session.as_ref();
        session.is_none_or(ClientSession::takes_messages)
    }

    fn end(&mut self, error: PeerError) {
        self.error.get_or_insert(error);
    }

    /// Goes on until there is an event to give, or nothing more to do.
    fn advance(&mut self) {
        while self.event.is_none() && self.error.is_none() {
            if let Some(session) = &mut self.session {
                match session.poll_event() {
                    Ok(Some(event)) => {
                        self.event = Some(event);
                        return;
                    }
                    // A lost connection is what ended the session, and tells more.
                    Err(error) => match self.cause.take() {
                        Some(cause) => self.end(cause),
                        None => self.end(PeerError::Session(error)),
                    },
                    Ok(None) if !session.takes_messages() => return,
                    Ok(None) => {}
                }
            } else if let Some(cause) = self.cause.take() {
                self.end(cause);
            }
            if !self.step() {
                return;
            }
        }
    }

    /// Takes one event of the connection's. Returns whether there was one.
    fn step(&mut self) -> bool {
        match self.connection.poll_event() {
            Ok(Some(ConnectionEvent::Message(message))) => {
                let message = message.into_bytes();
                if let Some(session) = &mut self.session {
                    session.handle_message(&message, self.now);
                }
            }
            Ok(Some(ConnectionEvent::Established(_))) => self.join(),
            Ok(Some(ConnectionEvent::PeerFinished)) => {
                self.fail(PeerError::Closed);
                self.connection.close(self.now);
            }
            Ok(Some(ConnectionEvent::Closed(_))) => self.fail(PeerError::Closed),
            Ok(Some(_)) => {}
            Ok(None) => return false,
            Err(error) => {
                if self.cause.is_some() || self.error.is_some() {
                    return false;
                }
                self.fail(PeerError::Connection(error));
            }
        }
        true
    }

    fn join(&mut self) {
        let mut config = self.config.clone();
        let limit = self.connection.send_limit() as usize;
        config.max_message_len = config.max_message_len.min(limit);
        match ClientSession::new(config, self.now) {
            Ok(session) => self.session = Some(session),
            Err(error) => {
                self.end(PeerError::Hello(error));
                self.connection.close(self.now);
            }
        }
    }

    /// Moves what the session wants to send into the connection, as far as that has room, and
    /// closes the connection behind the last of it.
    fn drain(&mut self) {
        let Some(session) = &mut self.session else {
            return;
        };
        while let Some(frame) = self.held.take().or_else(|| session.poll_transmit()) {
            // On a closed connection it is dropped: the error of that tells why.
            if let Err(refused) = self.connection.send_frame(frame)
                && refused.reason == SendErrorReason::Full
            {
                self.held = Some(refused.message);
                return;
            }
        }
        if session.is_ended() {
            self.connection.close(self.now);
        }
    }
}

impl Machine for ClientPeer {
    fn handle_read<R>(&mut self, now: Instant, read: impl FnOnce(&mut RecvBuf<'_>) -> R) -> R {
        self.now = self.now.max(now);
        self.connection.handle_read(now, read)
    }

    fn handle_eof(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.connection.handle_eof(now);
    }

    fn handle_transmitted(&mut self, count: usize) {
        self.connection.handle_transmitted(count);
    }

    fn handle_shutdown(&mut self, now: Instant) {
        self.connection.handle_shutdown(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if !self.takes_messages() {
            self.connection.defer(now);
        }
        self.connection.handle_timeout(now);
        if let Some(session) = &mut self.session {
            session.handle_timeout(now);
        }
    }

    /// Closes the connection at once. To leave in order, use [`ClientSession::leave`].
    fn close(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.drain();
        self.connection.close(now);
    }

    fn poll_transmit(&mut self) -> Option<&[u8]> {
        self.drain();
        self.connection.poll_transmit()
    }

    fn poll_transmit_vectored<'m>(&'m mut self, slices: &mut [io::IoSlice<'m>]) -> usize {
        self.drain();
        self.connection.poll_transmit_vectored(slices)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let connection = self.connection.poll_timeout().map(|deadline| deadline.at);
        let session = self.session.as_ref().and_then(ClientSession::poll_timeout);
        let session = session.map(|deadline| deadline.at);
        match (connection, session) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn has_event(&mut self) -> bool {
        self.advance();
        self.event.is_some() || self.error.is_some()
    }

    fn wants_read(&self) -> bool {
        self.connection.wants_read() && self.takes_messages()
    }

    fn wants_shutdown(&self) -> bool {
        self.connection.wants_shutdown()
    }

    fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }
}
