//! The receive buffer.

use bytes::buf::Limit;
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Room for received octets: read into it through [`BufMut`], which appends. As many octets as
/// [`remaining_mut`](BufMut::remaining_mut) tells are taken at most.
pub type RecvBuf<'b> = Limit<&'b mut BytesMut>;

/// The receive buffer: grows with what arrived, never with what was announced, and is freed when
/// it is empty and nothing more is there to read or to be told.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    buf: BytesMut,
    /// Octets at the front that are done with. They go when there is a reason to touch the buffer.
    used: usize,
    /// Octets behind them that are lent out as a message.
    lent: usize,
    /// Doublings of the smallest read that proved useful.
    scale: u8,
    /// The allocation starts before what is there.
    shifted: bool,
}

impl Inbox {
    /// The smallest read.
    const MIN_READ: usize = 4 << 10;
    const MAX_SCALE: u8 = 4;
    /// The largest read, but for a frame that is larger.
    pub(super) const MAX_READ: usize = Self::MIN_READ << Self::MAX_SCALE;

    /// Lends out the next octets as a message.
    #[inline]
    pub(super) fn lend(&mut self, len: usize) {
        self.lent = len;
    }

    /// What is lent out.
    #[inline]
    pub(super) fn lent(&self) -> &[u8] {
        let end = self.used.saturating_add(self.lent);
        self.buf.get(self.used..end).unwrap_or_default()
    }

    /// Gives away what is lent out, without a copy.
    pub(super) fn give(&mut self) -> Bytes {
        self.compact();
        let len = core::mem::take(&mut self.lent).min(self.buf.len());
        self.shifted |= len > 0;
        self.buf.split_to(len).freeze()
    }

    /// Takes back what was lent out, and is done with it.
    #[inline]
    pub(super) fn settle(&mut self) {
        self.used += core::mem::take(&mut self.lent);
    }

    /// Is done with the next octets.
    #[inline]
    pub(super) fn skip(&mut self, count: usize) {
        self.used += count;
    }

    /// What was received and is not lent out.
    #[inline]
    pub(super) fn unread(&self) -> &[u8] {
        let start = self.used.saturating_add(self.lent);
        self.buf.get(start..).unwrap_or_default()
    }

    /// Whether a message is lent out.
    #[inline]
    pub(super) const fn is_lent(&self) -> bool {
        self.lent > 0
    }

    /// All that was received and is not done with.
    pub(super) fn into_unread(mut self) -> Bytes {
        self.settle();
        self.compact();
        self.buf.freeze()
    }

    fn compact(&mut self) {
        let used = core::mem::take(&mut self.used).min(self.buf.len());
        self.shifted |= used > 0;
        self.buf.advance(used);
    }

    /// How many octets to read next, if `missing` complete the frame under way.
    fn room(&self, missing: usize) -> usize {
        let usual = Self::MIN_READ << self.scale;
        // Some times what has come already: what was only announced reserves nothing, a large
        // message grows in few steps, and the last step is not a small one.
        let came = self.buf.len();
        let room = if missing > 5 * came {
            3 * came
        } else {
            missing
        };
        room.max(usual)
    }

    /// Makes room behind what is there.
    fn grow(&mut self, room: usize) {
        if self.buf.try_reclaim(room) {
            return;
        }
        let wanted = self.buf.len() + room;
        if !self.shifted && wanted >= 2 * self.buf.capacity() {
            // The allocator may grow it where it is.
            return self.buf.reserve(room);
        }
        // Not `reserve`: it doubles whatever the buffer ever held, octets that are long gone
        // included. `room` is as large as it should be.
        let mut grown = BytesMut::with_capacity(wanted);
        grown.extend_from_slice(&self.buf);
        self.buf = grown;
        self.shifted = false;
    }

    /// Makes room, lets `read` fill it, and keeps what came. Returns how many octets that were.
    pub(super) fn fill<R>(
        &mut self,
        missing: usize,
        read: impl FnOnce(&mut RecvBuf<'_>) -> R,
    ) -> (usize, R) {
        self.settle();
        self.compact();
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
        self.settle();
        self.compact();
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
        if !self.is_lent() && self.unread().is_empty() {
            self.release();
        }
    }

    /// Frees the buffer and what is in it.
    pub(super) fn release(&mut self) {
        self.buf = BytesMut::new();
        (self.used, self.lent, self.shifted) = (0, 0, false);
    }
}
