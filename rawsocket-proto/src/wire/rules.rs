//! What a receiver takes.

use super::{FrameHeader, FrameKind, MAX_PAYLOAD};
use crate::error::FrameError;

/// What a receiver takes: exact length limits and how strict it is.
///
/// One value is shared by [`peek`](super::peek()), [`FrameDecoder`](crate::decode::FrameDecoder)
/// and the connection, so that all three judge alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameRules {
    max_message: u32,
    max_control: u32,
    ignore_reserved_bits: bool,
}

impl FrameRules {
    /// Takes frames of every kind up to `max_len` octets of payload; above 2^24 means 2^24.
    pub const fn new(max_len: u32) -> Self {
        let max_len = if max_len < MAX_PAYLOAD {
            max_len
        } else {
            MAX_PAYLOAD
        };
        Self {
            max_message: max_len,
            max_control: max_len,
            ignore_reserved_bits: false,
        }
    }

    /// Takes PING and PONG only up to `max_len` octets of payload, if that is less.
    #[must_use]
    pub const fn max_control(mut self, max_len: u32) -> Self {
        if max_len < self.max_control {
            self.max_control = max_len;
        }
        self
    }

    /// Ignores the four reserved bits of a header, as some peers do. Off by default: they MUST be
    /// zero.
    #[must_use]
    pub const fn ignore_reserved_bits(mut self, ignore: bool) -> Self {
        self.ignore_reserved_bits = ignore;
        self
    }

    /// The largest payload that is taken in a frame of this kind, in octets.
    pub const fn max_len(&self, kind: FrameKind) -> u32 {
        match kind {
            FrameKind::Message => self.max_message,
            FrameKind::Ping | FrameKind::Pong => self.max_control,
        }
    }

    /// Reads a header and judges it.
    ///
    /// # Errors
    ///
    /// Those of [`FrameHeader::decode`], then [`TooLong`](FrameError::TooLong). Nothing of the
    /// payload is needed for it.
    #[inline]
    pub const fn check(&self, octets: [u8; FrameHeader::LEN]) -> Result<FrameHeader, FrameError> {
        // A message of a legal length is one comparison: its header is its length. A limit of 2^24
        // is not, because that word is the header of a PING.
        let word = u32::from_be_bytes(octets);
        if word <= self.max_message
            && word < MAX_PAYLOAD
            && let Some(header) = FrameHeader::new(FrameKind::Message, word)
        {
            return Ok(header);
        }
        self.check_other(octets)
    }

    /// Anything but a message that is taken.
    #[cold]
    const fn check_other(&self, octets: [u8; FrameHeader::LEN]) -> Result<FrameHeader, FrameError> {
        let [mut first, second, third, fourth] = octets;
        if self.ignore_reserved_bits {
            first &= 0x0F;
        }
        match FrameHeader::decode([first, second, third, fourth]) {
            Ok(header) => {
                let (kind, len) = (header.kind(), header.payload_len());
                let max = self.max_len(kind);
                if len <= max {
                    Ok(header)
                } else {
                    Err(FrameError::TooLong { kind, len, max })
                }
            }
            Err(error) => Err(error),
        }
    }
}
