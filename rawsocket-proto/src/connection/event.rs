//! What a connection tells, and how it ends.

use core::error::Error;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;

use super::inbox::Inbox;
use crate::error::{FrameError, HandshakeError};
use crate::handshake::Negotiated;
use crate::time::TimerKind;
use crate::wire::Request;

/// What happened on a connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'c> {
    /// Router only: a client asks to be let in. Answer with
    /// [`accept`](super::Connection::accept) or [`refuse`](super::Connection::refuse); nothing is
    /// read until then.
    Requested(Request),
    /// The handshake is over, messages may be sent.
    Established(Negotiated),
    /// A message, borrowed from the receive buffer.
    Message(Payload<'c>),
    /// The answer to this end's latest PING.
    Pong {
        /// From the PING's being queued to the PONG's being read.
        rtt: Duration,
    },
    /// There is room again, after [`SendErrorReason::Full`].
    Writable,
    /// The peer sent its last octet, at a frame boundary. What is sent still reaches it; call
    /// [`close`](super::Connection::close) when there is no more.
    PeerFinished,
    /// The orderly close is over. The last event.
    Closed(CloseReason),
}

/// A message in the receive buffer. Use it in place, or take it.
pub struct Payload<'c> {
    pub(super) inbox: &'c mut Inbox,
}

impl Payload<'_> {
    /// Below this a copy costs less than a shared buffer that stays in memory for its sake.
    const COPY: usize = 1024;

    /// Takes the message: without a copy if it is large, else as a copy of its own size.
    pub fn into_bytes(self) -> Bytes {
        if self.len() < Self::COPY {
            return Bytes::copy_from_slice(&self);
        }
        self.inbox.give()
    }
}

impl core::ops::Deref for Payload<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.inbox.lent()
    }
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} octets)", self.len())
    }
}

/// Who ended an orderly closed connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// This end closed first, or refused the client.
    Local,
    /// The peer closed first.
    Peer,
}

/// Why a connection failed. Final: it is reported from then on, and nothing more is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The peer broke the handshake, or a router refused it.
    Handshake(HandshakeError),
    /// The peer closed the connection before the handshake was over. For many routers this is how
    /// they refuse.
    ClosedInHandshake,
    /// The peer broke the framing.
    Frame(FrameError),
    /// The peer closed the connection in the middle of a frame.
    Truncated {
        /// Octets that were missing: to the end of the header, else to the end of the frame.
        missing: u32,
    },
    /// A deadline passed: [`Handshake`](TimerKind::Handshake) or [`Close`](TimerKind::Close).
    Timeout(TimerKind),
    /// The peer was silent and answered no PING.
    Unresponsive {
        /// PINGs that stayed unanswered.
        pings: u8,
    },
}

impl ConnectionError {
    /// Whether time ran out.
    pub const fn is_timeout(self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Unresponsive { .. })
    }

    /// Whether the peer turned the connection down during the handshake, in words or by closing.
    pub const fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::Handshake(HandshakeError::Refused(_)) | Self::ClosedInHandshake
        )
    }

    /// Whether the peer broke the protocol.
    pub const fn is_violation(self) -> bool {
        match self {
            Self::Handshake(error) => !matches!(error, HandshakeError::Refused(_)),
            Self::Frame(_) | Self::Truncated { .. } => true,
            Self::ClosedInHandshake | Self::Timeout(_) | Self::Unresponsive { .. } => false,
        }
    }
}

impl From<HandshakeError> for ConnectionError {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

impl From<FrameError> for ConnectionError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake(error) => error.fmt(f),
            Self::ClosedInHandshake => {
                f.write_str("the peer closed the connection during the handshake")
            }
            Self::Frame(error) => error.fmt(f),
            Self::Truncated { missing } => {
                write!(
                    f,
                    "the peer closed the connection {missing} octets before a frame's end"
                )
            }
            Self::Timeout(TimerKind::Handshake) => f.write_str("the handshake took too long"),
            Self::Timeout(TimerKind::Close) => f.write_str("the orderly close took too long"),
            Self::Timeout(_) => f.write_str("a deadline passed"),
            Self::Unresponsive { pings } => {
                write!(f, "the peer is silent and left {pings} PINGs unanswered")
            }
        }
    }
}

impl Error for ConnectionError {}

/// A message that was not queued, and comes back. The connection is as it was.
#[derive(Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the message and the reason")]
pub struct SendError<T> {
    /// The message.
    pub message: T,
    /// Why it was not queued.
    pub reason: SendErrorReason,
}

/// Why a message was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendErrorReason {
    /// The queue is at its high-water mark; [`Event::Writable`] tells when to try again.
    Full,
    /// The message is longer than the peer receives, or than a frame carries.
    TooLong {
        /// Its length in octets.
        len: usize,
        /// The most that can be sent, in octets.
        max: u32,
    },
    /// The handshake is not over.
    NotEstablished,
    /// The connection is closing, closed or failed.
    Closed,
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendError").field(&self.reason).finish()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl fmt::Display for SendErrorReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the send queue is full"),
            Self::TooLong { len, max } => {
                write!(
                    f,
                    "a message of {len} octets is longer than the {max} that can be sent"
                )
            }
            Self::NotEstablished => f.write_str("the handshake is not over"),
            Self::Closed => f.write_str("the connection is closed"),
        }
    }
}

impl<T> Error for SendError<T> {}
