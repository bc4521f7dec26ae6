//! Framing by hand: four octets of length, the payload.

use crate::shared::BATCH;

/// A message. Leaked, so that handing it over costs nothing in any case.
pub(crate) fn payload(size: usize) -> &'static [u8] {
    Vec::leak(vec![b'x'; size])
}

fn header(payload: &[u8]) -> [u8; 4] {
    u32::try_from(payload.len()).expect("short").to_be_bytes()
}

/// A whole frame.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    [&header(payload), payload].concat()
}

/// Frames that leave together.
pub(crate) struct Batch(Vec<u8>);

impl Batch {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(2 * BATCH))
    }

    /// Adds a frame. Returns what is to be written now, if it is enough.
    #[inline]
    pub(crate) fn add(&mut self, payload: &[u8]) -> Option<&[u8]> {
        self.0.extend_from_slice(&header(payload));
        self.0.extend_from_slice(payload);
        (self.0.len() >= BATCH).then_some(&self.0)
    }

    pub(crate) fn rest(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Counts the frames of a stream that comes in any pieces, and keeps none.
#[derive(Default)]
pub(crate) struct Walk {
    header: [u8; 4],
    have: usize,
    missing: usize,
}

impl Walk {
    /// Frames that end in `input`.
    pub(crate) fn count(&mut self, mut input: &[u8]) -> usize {
        let mut frames = 0;
        loop {
            if self.have == 0
                && let Some((head, behind)) = input.split_first_chunk::<4>()
                && let Some((payload, rest)) =
                    behind.split_at_checked(u32::from_be_bytes(*head) as usize)
            {
                std::hint::black_box(payload);
                frames += 1;
                input = rest;
                continue;
            }
            while self.have < 4
                && let Some((octet, rest)) = input.split_first()
            {
                self.header[self.have] = *octet;
                self.have += 1;
                input = rest;
                self.missing = u32::from_be_bytes(self.header) as usize;
            }
            if input.is_empty() {
                return frames;
            }
            let (payload, rest) = input.split_at(self.missing.min(input.len()));
            std::hint::black_box(payload);
            self.missing -= payload.len();
            input = rest;
            if self.missing == 0 {
                self.have = 0;
                frames += 1;
            }
        }
    }
}
