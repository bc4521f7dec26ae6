//! The frame header: one octet of kind, three of length.

use super::MAX_PAYLOAD;
use crate::error::FrameError;

/// What a frame carries: the three bits `TTT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "3 to 7 are reserved; a new kind would be a new protocol"
)]
#[repr(u8)]
pub enum FrameKind {
    /// 0: a serialized WAMP message.
    Message = 0,
    /// 1: to be answered by exactly one PONG with the same payload.
    Ping = 1,
    /// 2: the answer to a PING.
    Pong = 2,
}

/// A legal frame header: a kind and a payload length of 0 to 2^24 octets.
///
/// Over all 2^32 words, [`decode`](Self::decode) accepts exactly the 3 · (2^24 + 1) that
/// [`encode`](Self::encode) can produce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameHeader {
    kind: FrameKind,
    len: u32,
}

impl FrameHeader {
    /// Octets in a frame header.
    pub const LEN: usize = 4;

    /// A header for a payload of `len` octets; `None` above 2^24.
    pub const fn new(kind: FrameKind, len: u32) -> Option<Self> {
        if len <= MAX_PAYLOAD {
            Some(Self { kind, len })
        } else {
            None
        }
    }

    /// The same length with another kind, as a PONG answers a PING.
    #[must_use]
    pub const fn with_kind(self, kind: FrameKind) -> Self {
        Self {
            kind,
            len: self.len,
        }
    }

    /// The frame's kind.
    pub const fn kind(self) -> FrameKind {
        self.kind
    }

    /// The payload's length in octets, 0 to 2^24, the header not counted.
    pub const fn payload_len(self) -> u32 {
        self.len
    }

    /// The four octets on the wire. A length of exactly 2^24 sets the 25th length bit.
    ///
    /// ```
    /// use wamp_rawsocket_proto::wire::{FrameHeader, FrameKind};
    ///
    /// let header = FrameHeader::new(FrameKind::Message, 0x0A_0B0C).unwrap();
    /// assert_eq!(header.encode(), [0x00, 0x0A, 0x0B, 0x0C]);
    /// let largest = FrameHeader::new(FrameKind::Ping, 1 << 24).unwrap();
    /// assert_eq!(largest.encode(), [0x09, 0x00, 0x00, 0x00]);
    /// ```
    pub const fn encode(self) -> [u8; Self::LEN] {
        // Bit 24 of the length is the kind's 0x01; the 25th length bit is 0x08.
        let extra = (self.len >> 24) << 27;
        ((self.kind as u32) << 24 | self.len & 0x00FF_FFFF | extra).to_be_bytes()
    }

    /// Reads the four octets of a header.
    ///
    /// # Errors
    ///
    /// In this order: [`ReservedBits`](FrameError::ReservedBits),
    /// [`ReservedKind`](FrameError::ReservedKind),
    /// [`NonCanonicalLength`](FrameError::NonCanonicalLength).
    #[inline]
    pub const fn decode(octets: [u8; Self::LEN]) -> Result<Self, FrameError> {
        let word = u32::from_be_bytes(octets);
        let low = word & 0x00FF_FFFF;
        // The common case, a kind of 0 to 2 and nothing else in the first octet, is one branch.
        let kind = match word >> 24 {
            0 => FrameKind::Message,
            1 => FrameKind::Ping,
            2 => FrameKind::Pong,
            _ => return Self::decode_rare(octets[0], low),
        };
        Ok(Self { kind, len: low })
    }

    #[cold]
    const fn decode_rare(first: u8, low: u32) -> Result<Self, FrameError> {
        if first & 0xF0 != 0 {
            return Err(FrameError::ReservedBits(first >> 4));
        }
        let kind = match first & 0x07 {
            0 => FrameKind::Message,
            1 => FrameKind::Ping,
            2 => FrameKind::Pong,
            reserved => return Err(FrameError::ReservedKind(reserved)),
        };
        // Only the 25th length bit is left, and it stands alone.
        if low == 0 {
            Ok(Self {
                kind,
                len: MAX_PAYLOAD,
            })
        } else {
            Err(FrameError::NonCanonicalLength(low))
        }
    }
}
