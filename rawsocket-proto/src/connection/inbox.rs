//! The receive buffer.

use bytes::buf::Limit;
use bytes::{Buf, BufMut, BytesMut};

/// Room for received octets: read into it through [`BufMut`], which appends. As many octets as
/// [`remaining_mut`](BufMut::remaining_mut) tells are taken at most.
pub type RecvBuf<'b> = Limit<&'b mut BytesMut>;

/// The receive buffer: grows with what arrived, never with what was announced, and is freed when
/// it is empty and nothing more is there to read or to be told.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    pub(super) buf: BytesMut,
    /// Octets at the front that were lent out as a message and are to go.
    pub(super) lent: usize,
    /// Doublings of the smallest read that proved useful.
    scale: u8,
}

impl Inbox {
    /// The smallest read.
    const MIN_READ: usize = 4 << 10;
    const MAX_SCALE: u8 = 4;
    /// The largest read, but for a frame that is larger.
    pub(super) const MAX_READ: usize = Self::MIN_READ << Self::MAX_SCALE;

    /// Drops what was lent out.
    pub(super) fn settle(&mut self) {
        let lent = core::mem::take(&mut self.lent).min(self.buf.len());
        self.buf.advance(lent);
    }

    /// How many octets to read next, if `missing` complete the frame under way.
    fn room(&self, missing: usize) -> usize {
        let usual = Self::MIN_READ << self.scale;
        // As much again as has come already: what was only announced reserves nothing.
        missing.min(self.buf.len() + Self::MIN_READ).max(usual)
    }

    /// Makes room behind what is there.
    fn grow(&mut self, room: usize) {
        // Not `reserve`: it doubles whatever the buffer ever held, octets that are long gone
        // included. Doubling what is there is what `room` does.
        if !self.buf.try_reclaim(room) {
            let mut grown = BytesMut::with_capacity(self.buf.len() + room);
            grown.extend_from_slice(&self.buf);
            self.buf = grown;
        }
    }

    /// Makes room, lets `read` fill it, and keeps what came. Returns how many octets that were.
    pub(super) fn fill<R>(
        &mut self,
        missing: usize,
        read: impl FnOnce(&mut RecvBuf<'_>) -> R,
    ) -> (usize, R) {
        let (before, room) = (self.buf.len(), self.room(missing));
        self.grow(room);
        let result = read(&mut (&mut self.buf).limit(room));
        let count = self.buf.len().saturating_sub(before);
        if count == room {
            self.scale = Self::MAX_SCALE.min(self.scale + 1);
        } else if count < room / 4 {
            self.scale = self.scale.saturating_sub(1);
        }
        self.rest();
        (count, result)
    }

    /// Takes octets from `input`: those that complete the frame under way, or a usual read.
    pub(super) fn take(&mut self, missing: usize, input: &mut &[u8]) -> usize {
        let usual = self.room(missing);
        let most = usual.max(missing);
        let (taken, rest) = input.split_at_checked(most).unwrap_or((*input, &[]));
        // More comes in pieces if some came before; else these may well be all.
        let room = if self.buf.is_empty() { 0 } else { usual };
        self.grow(room.max(taken.len()));
        self.buf.extend_from_slice(taken);
        *input = rest;
        taken.len()
    }

    /// Frees the buffer if nothing is in it.
    pub(super) fn rest(&mut self) {
        if self.buf.is_empty() {
            self.release();
        }
    }

    /// Frees the buffer and what is in it.
    pub(super) fn release(&mut self) {
        self.buf = BytesMut::new();
        self.lent = 0;
    }
}
