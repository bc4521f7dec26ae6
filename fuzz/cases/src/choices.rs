//! Choices out of a fuzzer's octets.

/// A fuzzer's octets, used up from the front: one octet for a choice, so that a mutation changes
/// one choice and leaves the others. The format is this module's own, so that committed corpora
/// keep their meaning.
pub(crate) struct Choices<'d>(&'d [u8]);

impl<'d> Choices<'d> {
    pub(crate) const fn new(data: &'d [u8]) -> Self {
        Self(data)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next octet; 0 once there are none.
    pub(crate) fn octet(&mut self) -> u8 {
        self.octets(1).first().copied().unwrap_or_default()
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u8) -> u8 {
        self.octet() % end.max(1)
    }

    /// Whether or not.
    pub(crate) fn flag(&mut self) -> bool {
        self.octet() & 1 == 1
    }

    /// One of these.
    pub(crate) fn one_of<T: Copy, const N: usize>(&mut self, these: [T; N]) -> T {
        these[usize::from(self.octet()) % N]
    }

    /// At most `count` octets as they are.
    pub(crate) fn octets(&mut self, count: usize) -> &'d [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// All octets that are left.
    pub(crate) const fn rest(self) -> &'d [u8] {
        self.0
    }

    /// A length: mostly small, sometimes around the sizes where the buffers change their ways.
    pub(crate) fn size(&mut self) -> usize {
        match self.octet() {
            small @ 0..=199 => usize::from(small),
            large => {
                let around = [
                    512,
                    1 << 10,
                    4 << 10,
                    16 << 10,
                    64 << 10,
                    128 << 10,
                    200_000,
                ];
                let base: usize = around[usize::from(large) % around.len()];
                (base + usize::from(self.octet())).saturating_sub(128)
            }
        }
    }
}

/// Octets that differ from place to place and from one seed to the next.
pub(crate) fn pattern(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9) | 1;
    let mut octets = Vec::with_capacity(len + 3);
    while octets.len() < len {
        state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        octets.extend_from_slice(&state.to_le_bytes());
    }
    octets.truncate(len);
    octets
}
