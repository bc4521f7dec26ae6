//! Frames that wait for a transport.

use alloc::collections::VecDeque;

use rawsocket_proto::connection::Frame;

/// What a waiting frame counts beyond its length: about what it costs in memory.
pub(crate) const FRAME_OVERHEAD: usize = 64;

/// The queue that is kept while nothing waits, in frames.
const IDLE_CAPACITY: usize = 16;

/// A queue of frames that knows its weight in octets.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    frames: VecDeque<Frame>,
    octets: usize,
}

impl Outbox {
    pub(crate) fn push(&mut self, frame: Frame) {
        self.octets = self.octets.saturating_add(weight(&frame));
        self.frames.push_back(frame);
    }

    pub(crate) fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.octets = self.octets.saturating_sub(weight(&frame));
        if self.frames.is_empty() && self.frames.capacity() > IDLE_CAPACITY {
            // A burst that is over holds no memory.
            self.frames = VecDeque::new();
        }
        Some(frame)
    }

    /// What the waiting frames weigh: their lengths, and [`FRAME_OVERHEAD`] each.
    pub(crate) const fn octets(&self) -> usize {
        self.octets
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Drops all that waits, and says how many frames that were.
    pub(crate) fn clear(&mut self) -> usize {
        let dropped = self.frames.len();
        *self = Self::default();
        dropped
    }
}

fn weight(frame: &Frame) -> usize {
    frame.payload_len().saturating_add(FRAME_OVERHEAD)
}
