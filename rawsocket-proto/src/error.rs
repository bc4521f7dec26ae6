//! What the peer can do wrong on the wire.

use core::error::Error;
use core::fmt;

use crate::wire::{FrameKind, RefusalCode, SerializerId};

/// A handshake that did not lead to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The first octet is not 0x7F: the peer speaks another protocol. Nothing was consumed.
    NotRawSocket {
        /// That octet, unread.
        first: u8,
    },
    /// Octets three and four are not zero.
    ReservedOctets([u8; 2]),
    /// A client asked for serializer 0.
    IllegalSerializer,
    /// A router's reply neither accepts nor refuses: its second octet is zero.
    IllegalReply,
    /// A router answered with a serializer that was not asked for.
    SerializerMismatch {
        /// The one that was asked for.
        requested: SerializerId,
        /// The one in the reply.
        replied: SerializerId,
    },
    /// A router refused the connection and said why.
    Refused(RefusalCode),
}

impl HandshakeError {
    /// The refusal with which a router answers this fault of a client; `None` where it closes the
    /// connection without a word.
    ///
    /// | fault | answer |
    /// |---|---|
    /// | not RawSocket | none: the peer would not understand it |
    /// | reserved octets | code 3 |
    /// | serializer 0 | none: the specification asks to fail the connection |
    pub const fn refusal(self) -> Option<RefusalCode> {
        match self {
            Self::ReservedOctets(_) => Some(RefusalCode::RESERVED_BITS),
            _ => None,
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRawSocket { first } => {
                write!(
                    f,
                    "the peer does not speak RawSocket (first octet {first:#04x} instead of 0x7f)"
                )
            }
            Self::ReservedOctets([third, fourth]) => {
                write!(
                    f,
                    "reserved handshake octets are {third:#04x} {fourth:#04x} instead of zero"
                )
            }
            Self::IllegalSerializer => {
                f.write_str("the client asked for serializer 0, which is illegal")
            }
            Self::IllegalReply => f.write_str("the router's reply neither accepts nor refuses"),
            Self::SerializerMismatch { requested, replied } => {
                write!(
                    f,
                    "the router answered with {replied} although {requested} was asked for"
                )
            }
            Self::Refused(code) => write!(f, "the router refused the connection: {code}"),
        }
    }
}

impl Error for HandshakeError {}

/// A frame header that must not be accepted. The connection cannot go on behind it: a
/// length-prefixed stream has no mark to find the next frame by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FrameError {
    /// The four reserved bits, which MUST be zero, are these.
    ReservedBits(u8),
    /// The kind is a reserved one, 3 to 7.
    ReservedKind(u8),
    /// The 25th length bit is set beside other length bits, which are these.
    NonCanonicalLength(u32),
    /// The payload is longer than the receiver takes.
    TooLong {
        /// The frame's kind.
        kind: FrameKind,
        /// The announced length in octets.
        len: u32,
        /// The largest that is taken, in octets.
        max: u32,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedBits(bits) => {
                write!(f, "reserved frame bits are {bits:#06b} instead of zero")
            }
            Self::ReservedKind(kind) => write!(f, "frame kind {kind} is reserved"),
            Self::NonCanonicalLength(low) => {
                write!(
                    f,
                    "the 25th length bit is set together with a length of {low} octets"
                )
            }
            Self::TooLong { kind, len, max } => {
                let kind = match kind {
                    FrameKind::Message => "message",
                    FrameKind::Ping => "PING",
                    FrameKind::Pong => "PONG",
                };
                write!(
                    f,
                    "{kind} of {len} octets is longer than the {max} that are taken"
                )
            }
        }
    }
}

impl Error for FrameError {}
