//! What can go wrong in a client session, by whose fault it is.

use core::error::Error;
use core::fmt;

use crate::{DecodeError, EncodeError, Id, MessageType};

/// How a session ended without a GOODBYE of both sides. It is final: every later
/// [`poll_event`](super::ClientSession::poll_event) returns it again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// The router refused to let the session join, or ended it: it sent ABORT.
    Aborted {
        /// The URI that it gave, such as `wamp.error.no_such_realm`.
        reason: String,
        /// Its words for humans, `Details.message`.
        message: Option<String>,
        /// Whether the session had joined before.
        joined: bool,
    },
    /// The router broke the protocol. It was told so with ABORT.
    Protocol(ProtocolViolation),
    /// The router demands authentication, and this session has none to offer. It was told so
    /// with ABORT.
    ChallengeUnanswerable {
        /// The method that it asked for.
        method: String,
    },
    /// The router did not answer HELLO in time.
    JoinTimeout,
    /// The router did not answer GOODBYE in time. The session is over all the same.
    LeaveTimeout,
    /// The transport was lost.
    TransportClosed {
        /// Why, in the words of the transport.
        reason: String,
    },
}

/// What the router did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolViolation {
    /// A message that cannot be decoded.
    Decode(DecodeError),
    /// A message that has no place in this phase of the session, or that routers never send.
    Unexpected {
        /// The message.
        message: MessageType,
        /// Whether the session had joined.
        joined: bool,
    },
    /// An answer to a request that was never made, or is of another kind.
    UnknownRequest {
        /// The message.
        message: MessageType,
        /// The id that it carries.
        request: Id,
    },
    /// An EVENT for a subscription that the session never held.
    UnknownSubscription {
        /// The subscription's id.
        subscription: Id,
    },
    /// An INVOCATION for a registration that the session never held.
    UnknownRegistration {
        /// The registration's id.
        registration: Id,
    },
    /// An INVOCATION with the id of one that is unanswered.
    DuplicateInvocation {
        /// The invocation's id.
        request: Id,
    },
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aborted {
                reason,
                message,
                joined,
            } => {
                let what = if *joined {
                    "ended the session"
                } else {
                    "refused to join"
                };
                write!(f, "the router {what}: {reason}")?;
                message
                    .as_ref()
                    .map_or(Ok(()), |text| write!(f, " ({text})"))
            }
            Self::Protocol(violation) => write!(f, "the router broke the protocol: {violation}"),
            Self::ChallengeUnanswerable { method } => {
                write!(f, "the router demands authentication with {method:?}")
            }
            Self::JoinTimeout => f.write_str("the router did not answer HELLO in time"),
            Self::LeaveTimeout => f.write_str("the router did not answer GOODBYE in time"),
            Self::TransportClosed { reason } => write!(f, "the transport was lost: {reason}"),
        }
    }
}

impl Error for SessionError {}

impl fmt::Display for ProtocolViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(error) => error.fmt(f),
            Self::Unexpected {
                message,
                joined: true,
            } => write!(f, "received {message} after the session was established"),
            Self::Unexpected { message, .. } => {
                write!(f, "received {message} before the session was established")
            }
            Self::UnknownRequest { message, request } => {
                write!(f, "received {message} for the unknown request {request}")
            }
            Self::UnknownSubscription { subscription } => {
                write!(
                    f,
                    "received EVENT for the unknown subscription {subscription}"
                )
            }
            Self::UnknownRegistration { registration } => {
                write!(
                    f,
                    "received INVOCATION for the unknown registration {registration}"
                )
            }
            Self::DuplicateInvocation { request } => {
                write!(f, "received INVOCATION {request} while it was unanswered")
            }
        }
    }
}

impl Error for ProtocolViolation {}

/// Why a command was not carried out. Nothing was sent, no request id was used up, and what was to
/// be sent is still the caller's: commands only borrow it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandError {
    /// The session has not joined yet.
    NotJoined,
    /// The session is leaving, or has ended.
    Ended,
    /// The URI breaks WAMP's rules.
    InvalidUri,
    /// The message is longer than the peer takes.
    TooLong {
        /// Its length in octets.
        len: usize,
        /// The peer's limit in octets.
        max: usize,
    },
    /// Too many octets wait for the transport. Try again when some were taken.
    Full,
    /// Too many requests await their answer.
    TooManyPending,
    /// There is no such subscription, registration, call or invocation, or no longer.
    Unknown,
    /// The caller did not ask for progressive results.
    ProgressUnwanted,
    /// The value does not fit the serializer.
    Encode(EncodeError),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJoined => f.write_str("the session has not joined yet"),
            Self::Ended => f.write_str("the session has ended"),
            Self::InvalidUri => f.write_str("the URI breaks WAMP's rules"),
            Self::TooLong { len, max } => {
                write!(
                    f,
                    "a message of {len} octets is too long for the peer, which takes {max}"
                )
            }
            Self::Full => f.write_str("too much waits for the transport"),
            Self::TooManyPending => f.write_str("too many requests await their answer"),
            Self::Unknown => f.write_str("no such request, subscription or registration"),
            Self::ProgressUnwanted => f.write_str("the caller wants no progressive results"),
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl Error for CommandError {}
