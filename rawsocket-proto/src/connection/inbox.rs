//! The receive buffer.

use bytes::buf::Limit;
use bytes::{Buf, BufMut, BytesMut};

/// Room for received octets: read into it through [`BufMut`], which appends. As many octets as
/// [`remaining_mut`](BufMut::remaining_mut) tells are taken at most.
pub type RecvBuf<'b> = Limit<&'b mut BytesMut>;

/// The receive buffer: grows with what arrived, never with what was announced, and is freed when
/// it is empty and nothing more is there to read.
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

    /// What was received and not polled.
    pub(super) fn unread(&self) -> &[u8] {
        self.buf.get(self.lent..).unwrap_or_default()
    }

    /// How many octets to read next, if `missing` complete the frame under way.
    pub(super) fn room(&self, missing: usize) -> usize {
        let usual = Self::MIN_READ << self.scale;
        // As much again as has come already: what was only announced reserves nothing.
        missing.min(self.buf.len()).max(usual)
    }

    /// Makes room, lets `read` fill it, and keeps what came. Returns how many octets that were.
    pub(super) fn fill<R>(
        &mut self,
        missing: usize,
        read: impl FnOnce(&mut RecvBuf<'_>) -> R,
    ) -> (usize, R) {
        let (before, room) = (self.buf.len(), self.room(missing));
        self.buf.reserve(room);
        let result = read(&mut (&mut self.buf).limit(room));
        let count = self.buf.len().saturating_sub(before);
        if count == room {
            self.scale = Self::MAX_SCALE.min(self.scale + 1);
        } else if count < room / 4 {
            self.scale = self.scale.saturating_sub(1);
        }
        if self.buf.is_empty() {
            self.release();
        }
        (count, result)
    }

    /// Takes octets from `input`, at most as many as [`room`](Self::room) allows.
    pub(super) fn take(&mut self, missing: usize, input: &mut &[u8]) -> usize {
        let room = self.room(missing);
        let (taken, rest) = input.split_at_checked(room).unwrap_or((*input, &[]));
        self.buf.extend_from_slice(taken);
        *input = rest;
        taken.len()
    }

    /// Frees the buffer and what is in it.
    pub(super) fn release(&mut self) {
        self.buf = BytesMut::new();
        self.lent = 0;
    }
}
