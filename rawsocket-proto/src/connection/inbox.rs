//! The receive buffer.

use alloc::vec::Vec;

use bytes::buf::Limit;
use bytes::{BufMut, Bytes};

use super::spare;
use crate::wire::FrameHeader;

/// Room for received octets: read into it through [`BufMut`], which appends. As many octets as
/// [`remaining_mut`](BufMut::remaining_mut) tells are taken at most. The vector's spare capacity is
/// the room itself, for readers that want it uninitialised.
pub type RecvBuf<'b> = Limit<&'b mut Vec<u8>>;

/// The receive buffer: grows with what arrived, never with what was announced. It is given back
/// when it is empty and nothing more is there to read or to be told; the start of a frame is kept
/// in a small one.
///
/// A large frame ends its read, but for the next frame's header: so nothing is moved, and the
/// message can be given away as it lies there.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    buf: Vec<u8>,
    /// Octets at the front that are done with. They go when there is a reason to touch the buffer.
    used: usize,
    /// Octets behind them that are lent out as a message.
    lent: usize,
    /// The length of the last message: the next may well be the same.
    habit: usize,
}

impl Inbox {
    /// The largest read, but for a frame that is larger.
    pub(super) const MAX_READ: usize = spare::SIZE;
    /// From here on a message is large: it is read into a buffer of its own, if the last was too.
    const LARGE: usize = spare::EXTRA;
    /// The most that is reserved out of habit.
    const MAX_HABIT: usize = 1 << 20;
    /// What is there is kept in a buffer up to so many times its size.
    const SLACK: usize = 8;

    /// Lends out the next octets as a message.
    #[inline]
    pub(super) fn lend(&mut self, len: usize) {
        self.lent = len;
        self.habit = len;
    }

    /// What is lent out.
    #[inline]
    pub(super) fn lent(&self) -> &[u8] {
        let end = self.used.saturating_add(self.lent);
        self.buf.get(self.used..end).unwrap_or_default()
    }

    /// Gives away what is lent out, without a copy if it makes up most of the buffer.
    pub(super) fn give(&mut self) -> Bytes {
        if self.lent < self.buf.capacity() / 2 {
            let copy = Bytes::copy_from_slice(self.lent());
            self.settle();
            return copy;
        }
        let rest = self.unread().to_vec();
        let buf = Bytes::from(core::mem::replace(&mut self.buf, rest));
        let start = core::mem::take(&mut self.used).min(buf.len());
        let end = start.saturating_add(core::mem::take(&mut self.lent));
        buf.slice(start..end.min(buf.len()))
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
        self.buf.into()
    }

    fn compact(&mut self) {
        let used = core::mem::take(&mut self.used).min(self.buf.len());
        if used > 0 {
            let left = self.buf.len() - used;
            self.buf.copy_within(used.., 0);
            self.buf.truncate(left);
        }
    }

    /// How many octets to read next, if `missing` complete the frame under way.
    fn room(&self, missing: usize) -> usize {
        let came = self.buf.len();
        let next = FrameHeader::LEN;
        // No more than a usual read, what was large before, or some times what has come already:
        // what was only announced reserves nothing, a large message grows in few steps.
        let habit = self.habit.min(Self::MAX_HABIT) + 2 * next;
        let most = habit.max(Self::MAX_READ).max(3 * came);
        if missing >= Self::LARGE || came >= Self::LARGE {
            // Of what follows a large frame, its header alone.
            if missing + next <= most || missing <= 5 * came {
                missing + next
            } else {
                most
            }
        } else if habit > Self::LARGE {
            habit
        } else {
            Self::MAX_READ - came
        }
    }

    /// Makes room behind what is there.
    fn grow(&mut self, room: usize) {
        let wanted = self.buf.len() + room;
        if wanted <= self.buf.capacity() {
            return;
        }
        if self.buf.len() >= Self::LARGE {
            // The allocator may grow it where it is.
            self.buf.reserve_exact(room);
            return;
        }
        let mut grown = spare::take(wanted);
        grown.extend_from_slice(&self.buf);
        self.buf = grown;
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
        if count == 0 {
            self.rest(0);
        }
        (count, result)
    }

    /// Takes octets from `input`: those that complete the frame under way, or a usual read.
    pub(super) fn take(&mut self, missing: usize, input: &mut &[u8]) -> usize {
        self.settle();
        self.compact();
        let came = self.buf.len();
        // Small pieces stay where the CPU has them at hand.
        let most = if came.max(missing) < Self::LARGE {
            Self::LARGE
        } else {
            self.room(missing).max(missing)
        };
        let (taken, rest) = input.split_at_checked(most).unwrap_or((*input, &[]));
        // More comes in pieces if some came before; else these may well be all.
        let more = if came < Self::LARGE {
            0
        } else {
            most.min(3 * came)
        };
        self.grow(more.max(taken.len()));
        self.buf.extend_from_slice(taken);
        *input = rest;
        taken.len()
    }

    /// Gives the buffer back if it is too large for what is in it, and for the `missing` octets
    /// that complete the frame under way. They count if the last message was as large.
    #[inline]
    pub(super) fn rest(&mut self, missing: usize) {
        if self.buf.capacity() > 0 {
            self.shrink(missing);
        }
    }

    fn shrink(&mut self, missing: usize) {
        let left = self.unread();
        let needed = left.len() + missing.min(self.habit);
        let fits = !left.is_empty() && needed * Self::SLACK >= self.buf.capacity();
        if self.is_lent() || fits {
            return;
        }
        let left = left.to_vec();
        spare::put(core::mem::replace(&mut self.buf, left));
        self.used = 0;
    }

    /// Whether no buffer is held, and so nothing in it.
    #[inline]
    pub(super) const fn is_at_rest(&self) -> bool {
        self.buf.capacity() == 0
    }

    /// Frees the buffer and what is in it.
    pub(super) fn release(&mut self) {
        self.buf = Vec::new();
        (self.used, self.lent) = (0, 0);
    }
}
