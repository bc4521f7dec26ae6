//! One frame from one contiguous buffer.

use super::{FrameHeader, FrameRules};
use crate::error::FrameError;

/// What [`peek()`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a frame is whole or it is not")]
pub enum Peek<'b> {
    /// The frame is not whole yet.
    Partial {
        /// Octets still missing: to the end of the header while that is incomplete, else to the
        /// end of the frame. Never 0.
        missing: usize,
    },
    /// The frame is whole.
    Complete {
        /// Its header.
        header: FrameHeader,
        /// Its payload.
        payload: &'b [u8],
        /// What lies behind it.
        rest: &'b [u8],
    },
}

/// Looks for a whole frame at the start of `buf`.
///
/// For a caller who keeps the octets in one contiguous buffer, such as a datagram or a ring that
/// never wraps. It keeps no state: call it again with a longer buffer until the frame is complete.
/// Where octets come in pieces, use [`FrameDecoder`](crate::decode::FrameDecoder).
///
/// ```
/// use wamp_rawsocket_proto::wire::{FrameRules, Peek, peek};
///
/// let rules = FrameRules::new(512);
/// assert_eq!(peek(&[0, 0, 0], &rules), Ok(Peek::Partial { missing: 1 }));
/// assert_eq!(peek(&[0, 0, 0, 2, b'[' ], &rules), Ok(Peek::Partial { missing: 1 }));
/// let Ok(Peek::Complete { payload, rest, .. }) = peek(&[0, 0, 0, 2, b'[', b']', 7], &rules) else {
///     unreachable!()
/// };
/// assert_eq!((payload, rest), (&b"[]"[..], &[7][..]));
/// ```
///
/// # Errors
///
/// Those of [`FrameRules::check`], as soon as the header is complete.
#[inline]
pub const fn peek<'b>(buf: &'b [u8], rules: &FrameRules) -> Result<Peek<'b>, FrameError> {
    let Some((octets, behind)) = buf.split_first_chunk::<{ FrameHeader::LEN }>() else {
        return Ok(Peek::Partial {
            missing: FrameHeader::LEN - buf.len(),
        });
    };
    let header = match rules.check(*octets) {
        Ok(header) => header,
        Err(error) => return Err(error),
    };
    let len = header.payload_len() as usize;
    match behind.split_at_checked(len) {
        Some((payload, rest)) => Ok(Peek::Complete {
            header,
            payload,
            rest,
        }),
        None => Ok(Peek::Partial {
            missing: len - behind.len(),
        }),
    }
}
