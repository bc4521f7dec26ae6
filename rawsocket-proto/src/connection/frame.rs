//! A message frame that is ready to be sent.

use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use bytes::Bytes;

use crate::wire::{FrameHeader, FrameKind, MAX_PAYLOAD};

/// A message frame with its header, ready to be sent: encoded once, cheap to clone, shared by
/// reference count among as many connections as it is sent to.
///
/// ```
/// use wamp_rawsocket_proto::connection::Frame;
///
/// let frame = Frame::encode(|out| {
///     out.extend_from_slice(b"[5]");
///     Ok::<_, core::convert::Infallible>(())
/// })?;
/// assert_eq!(frame.as_bytes()[..], *b"\0\0\0\x03[5]");
/// assert_eq!(frame.payload(), b"[5]");
/// # Ok::<_, wamp_rawsocket_proto::connection::FrameEncodeError<core::convert::Infallible>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Frame(Bytes);

impl Frame {
    /// Encodes a message straight behind the frame's header.
    ///
    /// `encode` appends the payload to the vector that it is given; it must leave alone what is
    /// already there.
    ///
    /// # Errors
    ///
    /// [`FrameEncodeError::Encode`] with the error of `encode`; [`FrameEncodeError::TooLong`] for
    /// a payload above 2^24 octets, which no frame can carry.
    pub fn encode<E>(
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<Self, FrameEncodeError<E>> {
        let mut octets = Vec::with_capacity(256);
        octets.extend_from_slice(&[0; FrameHeader::LEN]);
        encode(&mut octets).map_err(FrameEncodeError::Encode)?;
        let len = octets.len().saturating_sub(FrameHeader::LEN);
        let header =
            frame_header(FrameKind::Message, len).ok_or(FrameEncodeError::TooLong { len })?;
        if let Some(head) = octets.first_chunk_mut() {
            *head = header;
        }
        Ok(Self(octets.into()))
    }

    /// The message inside, serialized.
    pub fn payload(&self) -> &[u8] {
        self.0.get(FrameHeader::LEN..).unwrap_or_default()
    }

    /// The message's length in octets, the header not counted.
    pub fn payload_len(&self) -> usize {
        self.0.len().saturating_sub(FrameHeader::LEN)
    }

    /// The octets on the wire, header and payload.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The octets on the wire, header and payload.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} octets)", self.payload_len())
    }
}

/// The header of a payload of `len` octets, if a frame can carry it.
pub(super) fn frame_header(kind: FrameKind, len: usize) -> Option<[u8; FrameHeader::LEN]> {
    let len = u32::try_from(len).ok()?;
    Some(FrameHeader::new(kind, len)?.encode())
}

/// A message that did not become a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameEncodeError<E> {
    /// The encoder failed.
    Encode(E),
    /// The message is longer than a frame can carry.
    TooLong {
        /// Its length in octets.
        len: usize,
    },
}

impl<E: fmt::Display> fmt::Display for FrameEncodeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(error) => error.fmt(f),
            Self::TooLong { len } => {
                write!(
                    f,
                    "a message of {len} octets does not fit a frame, which carries {MAX_PAYLOAD}"
                )
            }
        }
    }
}

impl<E: Error> Error for FrameEncodeError<E> {}
