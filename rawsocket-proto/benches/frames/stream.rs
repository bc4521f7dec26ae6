//! Streams of frames.

/// The payload sizes of a stream.
#[derive(Clone, Copy)]
pub(crate) enum Sizes {
    Each(usize),
    /// 8 to 2048 octets, each doubling as frequent as the next, in no order.
    Mixed,
}

impl Sizes {
    pub(crate) const ALL: [Self; 6] = [
        Self::Each(16),
        Self::Each(128),
        Self::Each(1 << 10),
        Self::Each(64 << 10),
        Self::Each(1 << 20),
        Self::Mixed,
    ];

    pub(crate) fn name(self) -> String {
        match self {
            Self::Each(size) => size.to_string(),
            Self::Mixed => "mixed".to_owned(),
        }
    }

    /// The lengths of one pass' frames. What they take up fits the second-level cache, but for the
    /// large ones.
    pub(crate) fn lengths(self) -> Vec<usize> {
        match self {
            Self::Each(size) => vec![size; ((256 << 10) / (size + 4)).max(4)],
            Self::Mixed => {
                let mut state = 1_u32;
                let lengths = (0..1000).map(|_| {
                    state ^= state << 13;
                    state ^= state >> 17;
                    state ^= state << 5;
                    let doublings = state >> 8 & 7;
                    let base = 8_usize << doublings;
                    base + (state >> 12) as usize % base
                });
                lengths.collect()
            }
        }
    }
}

/// Frames behind each other, and the payloads that they were made of.
pub(crate) struct Stream {
    pub(crate) octets: Vec<u8>,
    pub(crate) payloads: Vec<Vec<u8>>,
}

impl Stream {
    pub(crate) fn new(sizes: Sizes) -> Self {
        let payloads: Vec<Vec<u8>> = sizes
            .lengths()
            .into_iter()
            .map(|len| vec![b'x'; len])
            .collect();
        let mut octets = Vec::new();
        for payload in &payloads {
            let len = u32::try_from(payload.len()).expect("short");
            octets.extend_from_slice(&len.to_be_bytes());
            octets.extend_from_slice(payload);
        }
        Self { octets, payloads }
    }

    /// What each decoder and encoder must report after one pass.
    pub(crate) fn tally(&self) -> Tally {
        Tally {
            frames: self.payloads.len(),
            octets: self.payloads.iter().map(Vec::len).sum(),
        }
    }
}

/// Frames and octets of payload that went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) frames: usize,
    pub(crate) octets: usize,
}

impl Tally {
    /// A part of a frame went through, the last or another.
    #[inline]
    pub(crate) fn add(&mut self, data: &[u8], last: bool) {
        self.octets += std::hint::black_box(data).len();
        self.frames += usize::from(last);
    }
}

/// The most that one read or write moves.
pub(crate) const PIECE: usize = 64 << 10;

/// Where the octets of a read come from: each copies, as the kernel does.
pub(crate) struct Source<'s> {
    left: &'s [u8],
}

impl<'s> Source<'s> {
    pub(crate) const fn new(octets: &'s [u8]) -> Self {
        Self { left: octets }
    }

    /// The next octets, at most `room` and at most a piece; none at the end.
    #[inline]
    pub(crate) fn next(&mut self, room: usize) -> &'s [u8] {
        let (piece, rest) = self.left.split_at(room.min(PIECE).min(self.left.len()));
        self.left = rest;
        piece
    }
}

/// Where the octets of a write go to: each copies, as the kernel does.
pub(crate) struct Sink {
    ring: Box<[u8]>,
    at: usize,
}

impl Sink {
    pub(crate) fn new() -> Self {
        Self {
            ring: vec![0; PIECE].into_boxed_slice(),
            at: 0,
        }
    }

    #[inline]
    pub(crate) fn write(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            if self.at == self.ring.len() {
                self.at = 0;
                std::hint::black_box(&mut self.ring);
            }
            let room = &mut self.ring[self.at..];
            let (piece, rest) = octets.split_at(octets.len().min(room.len()));
            room[..piece.len()].copy_from_slice(piece);
            self.at += piece.len();
            octets = rest;
        }
    }
}
