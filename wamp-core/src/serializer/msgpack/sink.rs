//! Writes values, as short as they go.

use crate::error::EncodeError;
use crate::serializer::{SerializerKind, Sink};

/// Appends MessagePack.
#[derive(Debug)]
pub(crate) struct MessagePackSink<'o> {
    out: &'o mut Vec<u8>,
}

/// The heads of a type of value, from the shortest length to the longest.
struct Heads {
    /// The first octet for lengths below `fix_end`, or-ed with the length.
    fix: u8,
    fix_end: usize,
    /// The first octet before a length of 1, 2 and 4 octets.
    long: [Option<u8>; 3],
}

const STR: Heads = Heads {
    fix: 0xA0,
    fix_end: 32,
    long: [Some(0xD9), Some(0xDA), Some(0xDB)],
};
const BIN: Heads = Heads {
    fix: 0,
    fix_end: 0,
    long: [Some(0xC4), Some(0xC5), Some(0xC6)],
};
const LIST: Heads = Heads {
    fix: 0x90,
    fix_end: 16,
    long: [None, Some(0xDC), Some(0xDD)],
};
const MAP: Heads = Heads {
    fix: 0x80,
    fix_end: 16,
    long: [None, Some(0xDE), Some(0xDF)],
};

impl Heads {
    /// The head for a length: up to five octets, and how many.
    #[inline]
    fn head(&self, len: usize) -> Result<([u8; 5], usize), EncodeError> {
        let [short, middle, long] = self.long;
        if len < self.fix_end {
            // Fits: `fix_end` is at most 32.
            let [low, ..] = len.to_le_bytes();
            return Ok(([self.fix | low, 0, 0, 0, 0], 1));
        }
        if let (Some(first), Ok(len)) = (short, u8::try_from(len)) {
            return Ok(([first, len, 0, 0, 0], 2));
        }
        if let (Some(first), Ok(len)) = (middle, u16::try_from(len)) {
            let [a, b] = len.to_be_bytes();
            return Ok(([first, a, b, 0, 0], 3));
        }
        match (long, u32::try_from(len)) {
            (Some(first), Ok(len)) => {
                let [a, b, c, d] = len.to_be_bytes();
                Ok(([first, a, b, c, d], 5))
            }
            _ => Err(EncodeError::TooLong),
        }
    }
}

impl<'o> MessagePackSink<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out }
    }

    #[inline]
    fn head(&mut self, heads: &Heads, len: usize) -> Result<(), EncodeError> {
        let (head, octets) = heads.head(len)?;
        self.out.extend_from_slice(&head[..octets]);
        Ok(())
    }

    #[inline]
    fn open(&mut self, heads: &Heads, len: Option<usize>) -> Result<Mark, EncodeError> {
        let at = self.out.len();
        // Most are short: one octet is kept free, and more are made room for if need be.
        self.head(heads, len.unwrap_or(0))?;
        Ok(Mark {
            at,
            written: len.unwrap_or(0),
        })
    }

    #[inline]
    fn close(&mut self, heads: &Heads, mark: Mark, len: usize) -> Result<(), EncodeError> {
        if mark.written == len {
            return Ok(());
        }
        let ((_, old), (head, new)) = (heads.head(mark.written)?, heads.head(len)?);
        self.out
            .splice(mark.at..mark.at + old, head[..new].iter().copied());
        Ok(())
    }

    fn prefixed<const N: usize>(&mut self, first: u8, octets: [u8; N]) {
        self.out.push(first);
        self.out.extend_from_slice(&octets);
    }
}

/// Where the head of a list or map is, and the length in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    at: usize,
    written: usize,
}

impl Sink for MessagePackSink<'_> {
    const SERIALIZER: SerializerKind = SerializerKind::MessagePack;

    type Mark = Mark;

    fn out(&mut self) -> &mut Vec<u8> {
        self.out
    }

    fn null(&mut self) {
        self.out.push(0xC0);
    }

    fn bool(&mut self, value: bool) {
        self.out.push(if value { 0xC3 } else { 0xC2 });
    }

    fn int(&mut self, value: i64) {
        if let Ok(value) = u64::try_from(value) {
            return self.uint(value);
        }
        if let Ok(value) = i8::try_from(value) {
            let [octet] = value.to_be_bytes();
            if value >= -32 {
                self.out.push(octet);
            } else {
                self.prefixed(0xD0, [octet]);
            }
        } else if let Ok(value) = i16::try_from(value) {
            self.prefixed(0xD1, value.to_be_bytes());
        } else if let Ok(value) = i32::try_from(value) {
            self.prefixed(0xD2, value.to_be_bytes());
        } else {
            self.prefixed(0xD3, value.to_be_bytes());
        }
    }

    #[inline]
    fn uint(&mut self, value: u64) {
        if let Ok(value) = u8::try_from(value) {
            if value < 0x80 {
                self.out.push(value);
            } else {
                self.prefixed(0xCC, [value]);
            }
        } else if let Ok(value) = u16::try_from(value) {
            self.prefixed(0xCD, value.to_be_bytes());
        } else if let Ok(value) = u32::try_from(value) {
            self.prefixed(0xCE, value.to_be_bytes());
        } else {
            self.prefixed(0xCF, value.to_be_bytes());
        }
    }

    fn float(&mut self, value: f64) -> Result<(), EncodeError> {
        self.prefixed(0xCB, value.to_be_bytes());
        Ok(())
    }

    fn float32(&mut self, value: f32) -> Result<(), EncodeError> {
        self.prefixed(0xCA, value.to_be_bytes());
        Ok(())
    }

    #[inline]
    fn string(&mut self, value: &str) -> Result<(), EncodeError> {
        self.head(&STR, value.len())?;
        self.out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn bytes(&mut self, value: &[u8]) -> Result<(), EncodeError> {
        self.head(&BIN, value.len())?;
        self.out.extend_from_slice(value);
        Ok(())
    }

    fn empty_map(&mut self) {
        self.out.push(MAP.fix);
    }

    fn open_list(&mut self, len: Option<usize>) -> Result<Mark, EncodeError> {
        self.open(&LIST, len)
    }

    #[inline]
    fn item(&mut self, _: usize) {}

    fn close_list(&mut self, mark: Mark, len: usize) -> Result<(), EncodeError> {
        self.close(&LIST, mark, len)
    }

    fn open_map(&mut self, len: Option<usize>) -> Result<Mark, EncodeError> {
        self.open(&MAP, len)
    }

    #[inline]
    fn key(&mut self, _: usize, key: &str) -> Result<(), EncodeError> {
        self.string(key)
    }

    fn close_map(&mut self, mark: Mark, len: usize) -> Result<(), EncodeError> {
        self.close(&MAP, mark, len)
    }
}
