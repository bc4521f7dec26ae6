//! The framing once more, in the simplest way: whole octets in one buffer, and no hurry.

use rawsocket_proto::error::FrameError;
use rawsocket_proto::wire::{FrameKind, MAX_PAYLOAD};

/// A frame in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'b> {
    pub(crate) kind: FrameKind,
    pub(crate) payload: &'b [u8],
}

/// What a receiver takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) message: u32,
    pub(crate) control: u32,
    pub(crate) ignore_reserved_bits: bool,
}

impl Limits {
    /// Whatever a frame can carry.
    pub(crate) const NONE: Self = Self {
        message: MAX_PAYLOAD,
        control: MAX_PAYLOAD,
        ignore_reserved_bits: true,
    };
}

/// The first frame of `octets` and what is behind it; `None` if it is not whole.
pub(crate) fn next<'b>(
    octets: &'b [u8],
    limits: &Limits,
) -> Result<Option<(Frame<'b>, &'b [u8])>, FrameError> {
    let [first, a, b, c, behind @ ..] = octets else {
        return Ok(None);
    };
    let reserved = first >> 4;
    if reserved != 0 && !limits.ignore_reserved_bits {
        return Err(FrameError::ReservedBits(reserved));
    }
    let (kind, max) = match first & 7 {
        0 => (FrameKind::Message, limits.message),
        1 => (FrameKind::Ping, limits.control),
        2 => (FrameKind::Pong, limits.control),
        other => return Err(FrameError::ReservedKind(other)),
    };
    let low = u32::from(*a) * 65_536 + u32::from(*b) * 256 + u32::from(*c);
    let len = match (first & 8 != 0, low) {
        (false, low) => low,
        (true, 0) => 16_777_216,
        (true, low) => return Err(FrameError::NonCanonicalLength(low)),
    };
    if len > max {
        return Err(FrameError::TooLong { kind, len, max });
    }
    let len = len as usize;
    Ok((behind.len() >= len).then(|| {
        let (payload, rest) = behind.split_at(len);
        (Frame { kind, payload }, rest)
    }))
}

/// All frames of `octets`, and where they end.
pub(crate) fn all<'b>(
    mut octets: &'b [u8],
    limits: &Limits,
) -> (Vec<Frame<'b>>, &'b [u8], Option<FrameError>) {
    let mut frames = Vec::new();
    loop {
        match next(octets, limits) {
            Ok(Some((frame, rest))) => {
                frames.push(frame);
                octets = rest;
            }
            Ok(None) => return (frames, octets, None),
            Err(error) => return (frames, octets, Some(error)),
        }
    }
}

/// A frame's octets.
pub(crate) fn encode(kind: FrameKind, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("no test makes such a frame");
    let first = kind as u8 | if len == MAX_PAYLOAD { 8 } else { 0 };
    let [_, a, b, c] = len.to_be_bytes();
    [&[first, a, b, c], payload].concat()
}
