//! Frames out of a stream of octets that comes in pieces: no alloc, a few octets of state.

use crate::error::FrameError;
use crate::wire::{FrameHeader, FrameKind, FrameRules, MAX_PAYLOAD};

/// A frame, or a part of one, as far as the input reached.
///
/// A frame that lies whole in the input is one part. A frame that was cut is several, in order and
/// without gaps; their data put together is the payload, whatever the cuts were. A frame without
/// payload is one part without data, and is reported as soon as its header is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the contract of the decoder is these fields"
)]
pub struct FramePart<'i> {
    /// The header of the frame that it belongs to.
    pub header: FrameHeader,
    /// How many octets of the payload came before.
    pub offset: u32,
    /// The next octets of the payload, borrowed from the input.
    pub data: &'i [u8],
}

impl FramePart<'_> {
    /// Whether the frame starts here.
    pub const fn is_first(&self) -> bool {
        self.offset == 0
    }

    /// Whether the frame ends here.
    pub const fn is_last(&self) -> bool {
        self.offset as usize + self.data.len() == self.header.payload_len() as usize
    }

    /// Whether this is the whole frame.
    pub const fn is_whole(&self) -> bool {
        self.is_first() && self.is_last()
    }
}

/// Cuts a stream of octets into frames.
///
/// Feed what arrived through a cursor and poll until the cursor is empty or nothing more comes.
/// Incomplete input is not an error: it yields `None`. The decoder keeps a partial header, never
/// payload, so its size does not depend on the peer.
///
/// The first error is final: every later call returns it again and consumes nothing.
///
/// ```
/// use wamp_rawsocket_proto::decode::FrameDecoder;
/// use wamp_rawsocket_proto::wire::{FrameKind, FrameRules};
///
/// let mut decoder = FrameDecoder::new(FrameRules::new(1024));
/// let mut message = [0; 1024];
/// for piece in [&b"\0\0\0"[..], b"\x05he", b"llo\x01\0\0\0"] {
///     let mut input = piece;
///     while let Some(part) = decoder.poll_part(&mut input)? {
///         match part.header.kind() {
///             FrameKind::Message => {
///                 let at = part.offset as usize;
///                 message[at..at + part.data.len()].copy_from_slice(part.data);
///                 if part.is_last() {
///                     assert_eq!(&message[..at + part.data.len()], b"hello");
///                 }
///             }
///             FrameKind::Ping => assert!(part.is_whole()), // a PONG is due
///             FrameKind::Pong => {}
///         }
///     }
/// }
/// # Ok::<_, wamp_rawsocket_proto::error::FrameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FrameDecoder {
    rules: FrameRules,
    /// The header of the frame under way, as far as it came. At a boundary, that of the frame
    /// before.
    octets: [u8; FrameHeader::LEN],
    /// Octets of it. Four: the payload is under way, or the header was refused.
    have: u8,
    /// Octets of its payload that were handed out. At a boundary, all of them.
    offset: u32,
}

impl FrameDecoder {
    /// A decoder at a frame boundary.
    pub const fn new(rules: FrameRules) -> Self {
        Self {
            rules,
            octets: [0; FrameHeader::LEN],
            have: 0,
            offset: 0,
        }
    }

    /// The rules that it judges by.
    pub const fn rules(&self) -> FrameRules {
        self.rules
    }

    /// Octets to the next boundary: the end of the header, or of the payload. Never 0, so that a
    /// caller who reads exactly so many never reads beyond a frame.
    pub fn missing(&self) -> usize {
        match self.current() {
            Some(header) => (header.payload_len() - self.offset) as usize,
            None => FrameHeader::LEN
                .saturating_sub(usize::from(self.have))
                .max(1),
        }
    }

    /// The header of the frame whose payload is under way.
    pub fn current(&self) -> Option<FrameHeader> {
        if usize::from(self.have) < FrameHeader::LEN {
            return None;
        }
        self.rules.check(self.octets).ok()
    }

    /// Whether the stream may end here: between two frames.
    pub const fn is_at_boundary(&self) -> bool {
        self.have == 0
    }

    /// The next part, and the cursor moved behind it; `None` if more input is needed.
    ///
    /// # Errors
    ///
    /// Those of [`FrameRules::check`], at the octet that completes the header.
    #[inline]
    pub fn poll_part<'i>(
        &mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<FramePart<'i>>, FrameError> {
        // The straight path: at a boundary, with a whole frame in the input.
        if self.have == 0
            && let Some((octets, behind)) = input.split_first_chunk()
            && let Some(header) = self
                .guess(*octets)
                .or_else(|| self.rules.check(*octets).ok())
            && let Some((data, rest)) = behind.split_at_checked(header.payload_len() as usize)
        {
            (self.octets, self.offset) = (*octets, header.payload_len());
            *input = rest;
            return Ok(Some(FramePart {
                header,
                offset: 0,
                data,
            }));
        }
        self.poll_piecewise(input)
    }

    /// The header, if it is a message's and like the one before.
    ///
    /// The length is not the one just read, but the one in memory. So a processor that guesses that
    /// they are alike, as most are, knows where the next header lies before this one is there.
    #[inline]
    fn guess(&self, octets: [u8; FrameHeader::LEN]) -> Option<FrameHeader> {
        if octets == self.octets && octets[0] == FrameKind::Message as u8 {
            FrameHeader::new(FrameKind::Message, self.offset)
        } else {
            None
        }
    }

    fn poll_piecewise<'i>(
        &mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<FramePart<'i>>, FrameError> {
        while let Some(slot) = self.octets.get_mut(usize::from(self.have)) {
            let Some((&octet, rest)) = input.split_first() else {
                return Ok(None);
            };
            *slot = octet;
            *input = rest;
            self.have += 1;
            self.offset = 0;
        }
        // A refused header stays where it is, and so does the error.
        let header = self.rules.check(self.octets)?;

        let missing = (header.payload_len() - self.offset) as usize;
        let (data, rest) = input.split_at_checked(missing).unwrap_or((*input, &[]));
        if data.is_empty() && missing > 0 {
            return Ok(None);
        }
        let part = FramePart {
            header,
            offset: self.offset,
            data,
        };
        *input = rest;
        if part.is_last() {
            self.have = 0;
        }
        // Never saturates: `data` was cut to what is missing.
        self.offset += u32::try_from(data.len()).unwrap_or(MAX_PAYLOAD);
        Ok(Some(part))
    }
}
