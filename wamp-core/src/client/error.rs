//! What can go wrong in a session.

use core::fmt;
use std::io;

use rawsocket_proto::connection::ConnectionError;
use rawsocket_proto::error::HandshakeError;
use rawsocket_proto::wire::RefusalCode;

use crate::session::{self, CommandError, Failure};
use crate::transport::PeerError;
use crate::{Dict, OwnedPayload, PayloadError, uris};

/// Why something that was asked of a session did not come to be.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionError {
    /// The router could not be reached.
    Io(io::Error),
    /// The router, or the callee, answered with ERROR.
    Wamp(Box<WampError>),
    /// The request was not made: an invalid URI, a message too long for the router, a value that
    /// cannot be serialized.
    Command(CommandError),
    /// The session is over, or never began. Whether a request that was under way was carried out is
    /// not known.
    Ended(End),
    /// The connection is lost that the request was made on. Whether it was carried out is not known,
    /// and it is not repeated; the session comes back, as it was told to
    /// [reconnect](super::Join::reconnect).
    Lost(End),
    /// The session has lost its connection and has not come back yet: an answer for those only
    /// who asked to [fail fast](super::Session::fail_fast).
    Disconnected,
    /// Progressive results came faster than they were taken, and the call was given up.
    Overrun,
    /// The answer came, but its arguments are of another type.
    Payload(PayloadError),
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// By GOODBYE of both sides.
    Left {
        /// The reason that the router gave, a URI.
        reason: String,
        /// Whether the router said GOODBYE first.
        by_router: bool,
    },
    /// Otherwise: refused, aborted, lost.
    Failed(PeerError),
}

/// An ERROR of WAMP: what a callee or the router answers with.
///
/// A handler returns one to fail a call. Arguments can go with it:
///
/// ```
/// use wamp_rawsocket_core::client::WampError;
///
/// let error = WampError::new("com.myapp.error.invalid_argument").with_text("month is 13");
/// assert_eq!(error.to_string(), "com.myapp.error.invalid_argument: month is 13");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WampError {
    /// The error's URI.
    pub uri: String,
    /// The details of ERROR.
    pub details: Dict<'static>,
    /// Its arguments. Boxed, so that a handler's result is not large for its errors.
    pub payload: Box<OwnedPayload>,
    text: Option<String>,
}

impl WampError {
    /// An error with this URI and no arguments.
    pub fn new(uri: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            details: Dict::new(),
            payload: Box::new(OwnedPayload::none()),
            text: None,
        }
    }

    /// Adds words for humans. They are sent as the only argument, unless
    /// [`with_payload`](Self::with_payload) gives others: then they stay here.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Sets the arguments that are sent, in place of the text.
    #[must_use]
    pub fn with_payload(mut self, payload: OwnedPayload) -> Self {
        *self.payload = payload;
        self
    }

    /// The words for humans: those of [`with_text`](Self::with_text), or the first argument that
    /// came over the wire.
    pub fn text(&self) -> Option<String> {
        self.text.clone().or_else(|| {
            let args: Vec<crate::Value> = self.payload.args().ok()?;
            match args.into_iter().next() {
                Some(crate::Value::Str(text)) => Some(text),
                _ => None,
            }
        })
    }

    /// The text that is to be sent as the only argument.
    pub(super) fn text_to_send(&self) -> Option<&str> {
        self.text.as_deref().filter(|_| self.payload.is_none())
    }
}

impl fmt::Display for WampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)?;
        self.text().map_or(Ok(()), |text| write!(f, ": {text}"))
    }
}

impl core::error::Error for WampError {}

impl SessionError {
    /// A request's failure, as the session tells it.
    pub(super) fn from_failure(failure: Failure) -> Option<Self> {
        match failure {
            Failure::Error {
                uri,
                details,
                payload,
            } => Some(Self::Wamp(Box::new(WampError {
                uri,
                details,
                payload: Box::new(payload),
                text: None,
            }))),
            _ => None,
        }
    }

    /// The ERROR of WAMP that it is, if it is one.
    pub fn wamp(&self) -> Option<&WampError> {
        match self {
            Self::Wamp(error) => Some(error),
            _ => None,
        }
    }
}

impl End {
    /// Whether another connection may fare better: this one was lost, or the router goes down or
    /// is overloaded. A router that was told to end the session, refuses it or does not speak the
    /// protocol would do so again.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Left { reason, by_router } => {
                *by_router && reason.as_str() == uris::SYSTEM_SHUTDOWN
            }
            Self::Failed(error) => match error {
                PeerError::Connection(error) => match error {
                    ConnectionError::Handshake(HandshakeError::Refused(code)) => {
                        *code == RefusalCode::TOO_MANY_CONNECTIONS
                    }
                    ConnectionError::Handshake(_) | ConnectionError::Frame(_) => false,
                    _ => true,
                },
                PeerError::Session(error) => match error {
                    session::SessionError::Aborted { reason, .. } => matches!(
                        reason.as_str(),
                        uris::SYSTEM_SHUTDOWN | uris::UNAVAILABLE | uris::NETWORK_FAILURE
                    ),
                    session::SessionError::JoinTimeout
                    | session::SessionError::TransportClosed { .. } => true,
                    _ => false,
                },
                PeerError::Transport(_) | PeerError::Closed => true,
                PeerError::Hello(_) => false,
            },
        }
    }

    /// Whether the router does not speak the serializer that it was asked for.
    pub(super) fn is_serializer_refused(&self) -> bool {
        let refused = HandshakeError::Refused(RefusalCode::SERIALIZER_UNSUPPORTED);
        *self == Self::Failed(PeerError::Connection(ConnectionError::Handshake(refused)))
    }
}

impl From<io::Error> for SessionError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<PayloadError> for SessionError {
    fn from(error: PayloadError) -> Self {
        Self::Payload(error)
    }
}

impl From<CommandError> for SessionError {
    fn from(error: CommandError) -> Self {
        Self::Command(error)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left {
                reason,
                by_router: true,
            } => write!(f, "the router said {reason}"),
            Self::Left { reason, .. } => write!(f, "left: {reason}"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Wamp(error) => error.fmt(f),
            Self::Command(error) => error.fmt(f),
            Self::Ended(end) => write!(f, "the session is over: {end}"),
            Self::Lost(end) => write!(f, "the connection is lost: {end}"),
            Self::Payload(error) => error.fmt(f),
            Self::Disconnected => f.write_str("the connection is lost and not made again yet"),
            Self::Overrun => f.write_str("progressive results came faster than they were taken"),
        }
    }
}

impl core::error::Error for SessionError {
    // What is printed in full already is no source.
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            _ => None,
        }
    }
}
