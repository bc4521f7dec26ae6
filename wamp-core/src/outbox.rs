//! Frames that wait for a transport.

use alloc::collections::VecDeque;

use rawsocket_proto::connection::Frame;

/// What a waiting frame counts beyond its length: about what it costs in memory.
pub(crate) const FRAME_OVERHEAD: usize = 64;

/// A queue of frames that knows its weight in octets. While it holds no more than one, it has no
/// memory of its own.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    first: Option<Frame>,
    /// Those behind the first. It is there only while there are some.
    #[expect(
        clippy::box_collection,
        reason = "each session has one, and hardly any is in use"
    )]
    rest: Option<Box<VecDeque<Frame>>>,
    octets: usize,
}

impl Outbox {
    #[inline]
    pub(crate) fn push(&mut self, frame: Frame) {
        self.octets = self.octets.saturating_add(weight(&frame));
        if self.first.is_none() {
            self.first = Some(frame);
        } else {
            self.push_behind(frame);
        }
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Frame> {
        let frame = self.first.take()?;
        self.octets = self.octets.saturating_sub(weight(&frame));
        if self.rest.is_some() {
            self.advance();
        }
        Some(frame)
    }

    #[inline(never)]
    fn push_behind(&mut self, frame: Frame) {
        self.rest.get_or_insert_default().push_back(frame);
    }

    #[inline(never)]
    fn advance(&mut self) {
        if let Some(rest) = &mut self.rest {
            self.first = rest.pop_front();
            if rest.is_empty() {
                self.rest = None;
            }
        }
    }

    /// What the waiting frames weigh: their lengths, and [`FRAME_OVERHEAD`] each.
    pub(crate) const fn octets(&self) -> usize {
        self.octets
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Drops all that waits, and says how many frames that were.
    pub(crate) fn clear(&mut self) -> usize {
        let rest = self.rest.as_ref().map_or(0, |rest| rest.len());
        let dropped = usize::from(self.first.is_some()) + rest;
        *self = Self::default();
        dropped
    }
}

fn weight(frame: &Frame) -> usize {
    frame.payload_len().saturating_add(FRAME_OVERHEAD)
}
