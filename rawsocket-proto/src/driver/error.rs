//! What can go wrong at the transport level, whatever the runtime.

use core::fmt;
use std::io;

use crate::connection::{ConnectionError, SendErrorReason};
use crate::wire::RefusalCode;

/// Why a connection, or a message on it, failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The operating system's error, such as a reset by the peer.
    Io(io::Error),
    /// The peer broke the protocol, refused the connection, or let a deadline pass.
    Connection(ConnectionError),
    /// This end refused the client.
    Refused(RefusalCode),
    /// The message is longer than the peer receives. The connection goes on.
    TooLong {
        /// Its length in octets.
        len: usize,
        /// The most that can be sent, in octets.
        max: u32,
    },
    /// The connection is closed.
    Closed,
}

impl Error {
    /// Whether the peer turned the connection down: in words, by closing or by resetting it during
    /// the handshake.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Connection(error) if error.is_refusal())
    }

    /// Whether time ran out.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Io(error) => error.kind() == io::ErrorKind::TimedOut,
            Self::Connection(error) => error.is_timeout(),
            _ => false,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Self {
        Self::Connection(error)
    }
}

impl From<SendErrorReason> for Error {
    fn from(reason: SendErrorReason) -> Self {
        match reason {
            SendErrorReason::TooLong { len, max } => Self::TooLong { len, max },
            _ => Self::Closed,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Io(_) => None,
            Error::Connection(error) if error.is_timeout() => Some(io::ErrorKind::TimedOut),
            Error::Connection(error) if error.is_refusal() => {
                Some(io::ErrorKind::ConnectionRefused)
            }
            Error::Connection(ConnectionError::Truncated { .. }) => {
                Some(io::ErrorKind::UnexpectedEof)
            }
            Error::Connection(_) => Some(io::ErrorKind::InvalidData),
            Error::Refused(_) => Some(io::ErrorKind::ConnectionRefused),
            Error::TooLong { .. } => Some(io::ErrorKind::InvalidInput),
            Error::Closed => Some(io::ErrorKind::NotConnected),
        };
        match (error, kind) {
            (Error::Io(error), _) => error,
            (error, Some(kind)) => Self::new(kind, error),
            (error, None) => Self::other(error),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Connection(error) => error.fmt(f),
            Self::Refused(code) => write!(f, "the client was refused: {code}"),
            Self::TooLong { len, max } => {
                write!(
                    f,
                    "a message of {len} octets is longer than the {max} that can be sent"
                )
            }
            Self::Closed => f.write_str("the connection is closed"),
        }
    }
}

impl std::error::Error for Error {
    // What is printed in full already is no source.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            _ => None,
        }
    }
}
