//! What the router tells its adapter.

use core::fmt;

use crate::Id;

use super::arena::Key;

/// Names one transport of a [`Router`](super::Router), and the session that lives on it.
///
/// A key is never given out twice, and finds nothing once its transport was reported closed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub(super) Key);

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({:#x})", self.0.to_bits())
    }
}

/// Something that the adapter or its application may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouterEvent {
    /// A client has joined a realm; its WELCOME is in the outbox.
    Joined {
        /// The transport.
        key: SessionKey,
        /// The id of the session, as in WELCOME.
        session: Id,
        /// The realm.
        realm: String,
    },
    /// A session has ended; all that it held is released.
    Left {
        /// The transport.
        key: SessionKey,
        /// The id of the session.
        session: Id,
        /// Why.
        reason: CloseReason,
    },
    /// Send what still waits in the outbox, then close the transport and report that with
    /// [`handle_closed`](super::Router::handle_closed).
    Close {
        /// The transport.
        key: SessionKey,
        /// Why.
        reason: CloseReason,
    },
}

/// Why a session ended, or a transport is to be closed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client said GOODBYE.
    ClientLeft {
        /// The reason that it gave.
        reason: String,
    },
    /// The client sent ABORT.
    ClientAborted {
        /// The reason that it gave.
        reason: String,
    },
    /// The transport was lost.
    TransportClosed,
    /// The router ended the session:
    /// [`close_session`](super::Router::close_session) or
    /// [`shut_down`](super::Router::shut_down).
    RouterClosed,
    /// The router ended the session with GOODBYE, and the client did not answer in time.
    GoodbyeTimeout,
    /// No HELLO came in time.
    HelloTimeout,
    /// HELLO was refused with ABORT.
    Refused {
        /// The reason that the router gave, such as `wamp.error.no_such_realm`.
        reason: &'static str,
    },
    /// The client broke the protocol and got an ABORT.
    ProtocolViolation {
        /// What it did.
        message: String,
    },
    /// The client did not read what it was owed, and its outbox is full. What waited is dropped.
    OutboxFull,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientLeft { reason } => write!(f, "the client left: {reason}"),
            Self::ClientAborted { reason } => write!(f, "the client aborted: {reason}"),
            Self::TransportClosed => f.write_str("the transport was lost"),
            Self::RouterClosed => f.write_str("ended by the router"),
            Self::GoodbyeTimeout => f.write_str("the client did not answer GOODBYE in time"),
            Self::HelloTimeout => f.write_str("no HELLO came in time"),
            Self::Refused { reason } => write!(f, "refused: {reason}"),
            Self::ProtocolViolation { message } => write!(f, "protocol violation: {message}"),
            Self::OutboxFull => f.write_str("the client does not read: its outbox is full"),
        }
    }
}

/// What a deadline of the router is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RouterTimer {
    /// A client must have sent HELLO.
    Hello,
    /// A client must have answered GOODBYE.
    Goodbye,
    /// A call ends unanswered, or its callee must have answered INTERRUPT.
    Call,
}
