//! What waits to be sent.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;

use super::spare;
use crate::wire::{FrameHeader, HANDSHAKE_LEN};

/// The send queue: whole frames in order, control frames before messages but never inside one.
///
/// Small frames are copied behind each other into one buffer, so that many leave in one write;
/// large ones are kept as they are and leave in a vectored one.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// What goes first.
    chunks: VecDeque<Chunk>,
    /// Octets of the first chunk that are sent.
    sent: usize,
    /// Chunks at the front that no control frame may overtake: those that were started, those
    /// that end a started frame, and control frames themselves.
    fixed: usize,
    /// Small messages behind all chunks, none of them started.
    tail: Vec<u8>,
    /// How long the last tail was, up to a limit: the next starts so large.
    habit: usize,
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
    pub(super) const FLAT: usize = spare::SIZE;
    /// The most that is copied behind a header for a transport without vectored writes.
    const FLATTEN: usize = 16 << 10;

    /// The most that is reserved out of habit.
    const HABIT: usize = 16 << 10;

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.tail.is_empty()
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
        self.insert_flat(&octets, &[]);
    }

    /// Queues a message.
    #[inline]
    pub(super) fn push(&mut self, header: [u8; FrameHeader::LEN], payload: Bytes) {
        if payload.len() <= Self::COPY {
            self.append(&header, &payload);
        } else {
            self.push_large(Body::Headed(header, payload));
        }
    }

    /// Queues a copy of a message.
    #[inline]
    pub(super) fn push_copy(&mut self, header: [u8; FrameHeader::LEN], payload: &[u8]) {
        self.append(&header, payload);
    }

    /// Queues a message whose octets start with its header.
    pub(super) fn push_frame(&mut self, frame: Bytes) {
        if frame.len() <= Self::COPY {
            self.append(&frame, &[]);
        } else {
            self.push_large(Body::Shared(frame));
        }
    }

    #[inline]
    fn append(&mut self, header: &[u8], payload: &[u8]) {
        let len = header.len() + payload.len();
        self.messages += len;
        if len > self.tail.capacity() - self.tail.len() {
            self.make_room(len);
        }
        self.tail.extend_from_slice(header);
        self.tail.extend_from_slice(payload);
    }

    #[cold]
    fn make_room(&mut self, len: usize) {
        if self.tail.len() + len > Self::FLAT {
            self.seal();
        }
        let needed = self.tail.len() + len;
        let wanted = if self.tail.is_empty() {
            self.habit.max(512)
        } else if needed <= Self::HABIT {
            2 * self.tail.capacity()
        } else {
            Self::FLAT
        };
        let mut tail = spare::take(wanted.max(needed));
        tail.extend_from_slice(&self.tail);
        self.tail = tail;
    }

    fn push_large(&mut self, body: Body) {
        self.seal();
        let chunk = Chunk {
            body,
            control: false,
        };
        self.messages += chunk.len();
        self.chunks.push_back(chunk);
    }

    /// Makes a chunk of the tail.
    fn seal(&mut self) {
        if self.tail.is_empty() {
            return;
        }
        self.note_habit();
        self.chunks.push_back(Chunk {
            body: Body::Flat(core::mem::take(&mut self.tail)),
            control: false,
        });
    }

    fn note_habit(&mut self) {
        if !self.tail.is_empty() {
            self.habit = self.tail.len().min(Self::HABIT);
        }
    }

    /// Queues a PING or a PONG.
    pub(super) fn push_control(&mut self, header: [u8; FrameHeader::LEN], payload: Bytes) {
        if payload.len() <= Self::COPY {
            return self.insert_flat(&header, &payload);
        }
        self.insert(Body::Headed(header, payload));
    }

    /// Inserts a control frame where no message is overtaken that was started.
    fn insert(&mut self, body: Body) {
        let chunk = Chunk {
            body,
            control: true,
        };
        self.control += chunk.len();
        let at = self.fixed.min(self.chunks.len());
        self.chunks.insert(at, chunk);
        self.fixed = at + 1;
    }

    fn insert_flat(&mut self, header: &[u8], payload: &[u8]) {
        let len = header.len() + payload.len();
        let before = self.fixed.min(self.chunks.len()).checked_sub(1);
        if let Some(before) = before.and_then(|before| self.chunks.get_mut(before))
            && before.control
            && let Body::Flat(octets) = &mut before.body
            && octets.len() + len <= Self::FLAT
        {
            self.control += len;
            octets.extend_from_slice(header);
            octets.extend_from_slice(payload);
            return;
        }
        let mut octets = Vec::with_capacity(len.max(512));
        octets.extend_from_slice(header);
        octets.extend_from_slice(payload);
        self.insert(Body::Flat(octets));
    }

    /// The next octets to send, empty if there are none. A header never comes alone.
    pub(super) fn first(&mut self) -> &[u8] {
        self.flatten();
        let Some(chunk) = self.chunks.front() else {
            return &self.tail;
        };
        let [head, rest] = chunk.pieces(self.sent);
        if head.is_empty() { rest } else { head }
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
                return filled;
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
        if !self.tail.is_empty()
            && let Some(slot) = slices.get_mut(filled)
        {
            *slot = std::io::IoSlice::new(&self.tail);
            filled += 1;
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
                if let Some(Chunk {
                    body: Body::Flat(octets),
                    ..
                }) = self.chunks.pop_front()
                {
                    spare::put(octets);
                }
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
        if count < self.tail.len() {
            if count > 0 {
                self.seal();
                self.messages -= count;
                (self.sent, self.fixed) = (count, 1);
            }
            return;
        }
        // Nothing waits, so nothing is held.
        self.note_habit();
        self.clear();
    }

    /// Drops what waits.
    pub(super) fn clear(&mut self) {
        spare::put(core::mem::take(&mut self.tail));
        if self.chunks.capacity() > 0 {
            self.chunks = VecDeque::new();
        }
        (self.sent, self.fixed) = (0, 0);
        (self.messages, self.control) = (0, 0);
    }
}
