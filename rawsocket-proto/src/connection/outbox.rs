//! What waits to be sent.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::wire::{FrameHeader, HANDSHAKE_LEN};

/// The send queue: whole frames in order, control frames before messages but never inside one.
///
/// Small frames are copied behind each other into one buffer, so that many leave in one write;
/// large ones are kept as they are and leave in a vectored one.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    chunks: VecDeque<Chunk>,
    /// Octets of the first chunk that are sent.
    sent: usize,
    /// Chunks at the front that no control frame may overtake: those that were started, those
    /// that end a started frame, and control frames themselves.
    fixed: usize,
    messages: usize,
    control: usize,
}

#[derive(Debug)]
struct Chunk {
    body: Body,
    control: bool,
}

#[derive(Debug)]
enum Body {
    /// Whole small frames.
    Flat(Vec<u8>),
    /// One large frame, or the rest of one.
    Shared(Bytes),
    /// One large frame whose header is apart.
    Headed([u8; FrameHeader::LEN], Bytes),
}

impl Chunk {
    fn len(&self) -> usize {
        match &self.body {
            Body::Flat(octets) => octets.len(),
            Body::Shared(octets) => octets.len(),
            Body::Headed(header, octets) => header.len() + octets.len(),
        }
    }

    /// The octets from `at` on, in two pieces of which either may be empty.
    fn pieces(&self, at: usize) -> [&[u8]; 2] {
        let (header, octets): (&[u8], &[u8]) = match &self.body {
            Body::Flat(octets) => (&[], octets),
            Body::Shared(octets) => (&[], octets),
            Body::Headed(header, octets) => (header, octets),
        };
        match header.get(at..) {
            Some(header) => [header, octets],
            None => [&[], octets.get(at - header.len()..).unwrap_or_default()],
        }
    }
}

impl Outbox {
    /// Up to here a copy costs less than a piece of a vectored write.
    const COPY: usize = 4 << 10;
    /// The most that one buffer of small frames holds.
    pub(super) const FLAT: usize = 64 << 10;
    /// The most that is copied behind a header for a transport without vectored writes.
    const FLATTEN: usize = 16 << 10;

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Octets of messages that wait, headers included.
    pub(super) fn pending_messages(&self) -> usize {
        self.messages
    }

    /// Octets of PINGs, PONGs and the handshake that wait, headers included.
    pub(super) fn pending_control(&self) -> usize {
        self.control
    }

    /// Queues a handshake. It counts as control, so that no PONG overtakes it.
    pub(super) fn push_handshake(&mut self, octets: [u8; HANDSHAKE_LEN]) {
        self.insert_flat(&octets, &[], true);
    }

    /// Queues a message.
    pub(super) fn push(&mut self, header: [u8; FrameHeader::LEN], payload: Bytes) {
        self.insert(header, payload, false);
    }

    /// Queues a copy of a message.
    pub(super) fn push_copy(&mut self, header: [u8; FrameHeader::LEN], payload: &[u8]) {
        self.insert_flat(&header, payload, false);
    }

    /// Queues a message whose octets start with its header.
    pub(super) fn push_frame(&mut self, frame: Bytes) {
        if frame.len() <= Self::COPY {
            return self.insert_flat(&frame, &[], false);
        }
        self.messages += frame.len();
        self.chunks.push_back(Chunk {
            body: Body::Shared(frame),
            control: false,
        });
    }

    /// Queues a PING or a PONG.
    pub(super) fn push_control(&mut self, header: [u8; FrameHeader::LEN], payload: Bytes) {
        self.insert(header, payload, true);
    }

    fn insert(&mut self, header: [u8; FrameHeader::LEN], payload: Bytes, control: bool) {
        if payload.len() <= Self::COPY {
            return self.insert_flat(&header, &payload, control);
        }
        *self.pending(control) += header.len() + payload.len();
        let at = self.end(control);
        self.chunks.insert(
            at,
            Chunk {
                body: Body::Headed(header, payload),
                control,
            },
        );
        self.fixed += usize::from(control);
    }

    fn insert_flat(&mut self, header: &[u8], payload: &[u8], control: bool) {
        let len = header.len() + payload.len();
        *self.pending(control) += len;
        let at = self.end(control);
        if let Some(before) = at
            .checked_sub(1)
            .and_then(|before| self.chunks.get_mut(before))
            && before.control == control
            && let Body::Flat(octets) = &mut before.body
            && octets.len() + len <= Self::FLAT
        {
            octets.extend_from_slice(header);
            octets.extend_from_slice(payload);
            return;
        }
        let mut octets = Vec::with_capacity(len.max(512));
        octets.extend_from_slice(header);
        octets.extend_from_slice(payload);
        self.chunks.insert(
            at,
            Chunk {
                body: Body::Flat(octets),
                control,
            },
        );
        self.fixed += usize::from(control);
    }

    /// Where the next frame of this sort is inserted.
    fn end(&self, control: bool) -> usize {
        if control {
            self.fixed.min(self.chunks.len())
        } else {
            self.chunks.len()
        }
    }

    fn pending(&mut self, control: bool) -> &mut usize {
        if control {
            &mut self.control
        } else {
            &mut self.messages
        }
    }

    /// The next octets to send, empty if there are none. A header never comes alone.
    pub(super) fn first(&mut self) -> &[u8] {
        self.flatten();
        let pieces = self.chunks.front().map(|chunk| chunk.pieces(self.sent));
        let [head, tail] = pieces.unwrap_or_default();
        if head.is_empty() { tail } else { head }
    }

    /// Joins the header of the first chunk with what is behind it.
    fn flatten(&mut self) {
        let Some(Chunk { body, control }) = self.chunks.front_mut() else {
            return;
        };
        let Body::Headed(header, payload) = body else {
            return;
        };
        let (header, mut payload, control) = (*header, core::mem::take(payload), *control);
        if let Some(sent) = self.sent.checked_sub(header.len()) {
            // The header is gone already: there is nothing to join.
            *body = Body::Shared(payload.split_off(sent.min(payload.len())));
            self.sent = 0;
            return;
        }
        let joined = payload.split_to(payload.len().min(Self::FLATTEN));
        let mut octets = Vec::with_capacity(header.len() + joined.len());
        octets.extend_from_slice(&header);
        octets.extend_from_slice(&joined);
        *body = Body::Flat(octets);
        if !payload.is_empty() {
            // The rest of the frame follows at once, whatever else is queued.
            self.chunks.insert(
                1,
                Chunk {
                    body: Body::Shared(payload),
                    control,
                },
            );
            self.fixed = self.fixed.max(1) + 1;
        }
    }

    /// Fills `slices` with the next octets to send. Returns how many it filled.
    #[cfg(feature = "driver")]
    pub(super) fn slices<'o>(&'o self, slices: &mut [std::io::IoSlice<'o>]) -> usize {
        let mut filled = 0;
        let mut at = self.sent;
        for chunk in &self.chunks {
            let pieces = chunk.pieces(at);
            let wanted = pieces.iter().filter(|piece| !piece.is_empty()).count();
            // A header without room for its payload waits for it, unless it is the only piece.
            if filled > 0 && filled + wanted > slices.len() {
                break;
            }
            for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
                let Some(slot) = slices.get_mut(filled) else {
                    return filled;
                };
                *slot = std::io::IoSlice::new(piece);
                filled += 1;
            }
            at = 0;
        }
        filled
    }

    /// `count` octets were sent.
    pub(super) fn advance(&mut self, mut count: usize) {
        while let Some(chunk) = self.chunks.front() {
            let left = chunk.len() - self.sent;
            let step = left.min(count);
            if chunk.control {
                self.control -= step;
            } else {
                self.messages -= step;
            }
            count -= step;
            if step == left {
                self.chunks.pop_front();
                self.sent = 0;
                self.fixed = self.fixed.saturating_sub(1);
            } else {
                self.sent += step;
                if self.sent > 0 {
                    self.fixed = self.fixed.max(1);
                }
                return;
            }
        }
        // Nothing waits, so nothing is held.
        *self = Self::default();
    }

    /// Drops what waits.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
