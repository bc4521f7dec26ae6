//! One pass over a frame: reads the elements of a message and proves its values well-formed.

use alloc::borrow::Cow;

use super::{BadHead, Head, content, head};
use crate::error::{Budget, DecodeError, Malformed};
use crate::serializer::{Cursor, DecodeLimits, RawValue, SerializerKind, Shape};

/// Reads a frame of MessagePack.
#[derive(Debug)]
pub(crate) struct MessagePackCursor<'a> {
    scan: Scan<'a>,
    /// Elements of the message to come.
    left: u32,
}

/// Proves values well-formed.
#[derive(Debug)]
struct Scan<'a> {
    frame: &'a [u8],
    rest: &'a [u8],
    /// Values that may still come.
    elements: u32,
    /// How much deeper lists and maps may go.
    depth: u16,
}

impl<'a> Scan<'a> {
    fn new(frame: &'a [u8], limits: &DecodeLimits) -> Self {
        Self {
            frame,
            rest: frame,
            elements: limits.max_elements,
            depth: limits.max_depth.min(DecodeLimits::MAX_DEPTH),
        }
    }

    fn offset(&self) -> usize {
        self.frame.len() - self.rest.len()
    }

    #[cold]
    fn malformed(&self, reason: Malformed) -> DecodeError {
        DecodeError::Malformed {
            offset: self.offset(),
            reason,
        }
    }

    #[cold]
    fn exceeded(&self, limit: Budget) -> DecodeError {
        DecodeError::Budget {
            offset: self.offset(),
            limit,
        }
    }

    #[cold]
    fn bad_head(&self, error: BadHead) -> DecodeError {
        match error {
            BadHead::Truncated => DecodeError::Malformed {
                offset: self.frame.len(),
                reason: Malformed::UnexpectedEnd,
            },
            BadHead::Reserved => self.malformed(Malformed::UnexpectedOctet(0xC1)),
        }
    }

    #[inline]
    fn head(&mut self) -> Result<Head, DecodeError> {
        let mut rest = self.rest;
        let head = head(&mut rest).map_err(|error| self.bad_head(error))?;
        self.rest = rest;
        Ok(head)
    }

    #[inline]
    fn content(&mut self, len: u64) -> Result<&'a [u8], DecodeError> {
        content(&mut self.rest, len).ok_or_else(|| self.bad_head(BadHead::Truncated))
    }

    #[inline]
    fn text(&mut self, len: u32) -> Result<&'a str, DecodeError> {
        let octets = self.content(len.into())?;
        core::str::from_utf8(octets).map_err(|error| {
            let end = self.offset() - octets.len() + error.valid_up_to();
            DecodeError::Malformed {
                offset: end,
                reason: Malformed::Utf8,
            }
        })
    }

    /// Proves a string to be UTF-8; most are ASCII, which is told faster.
    #[inline]
    fn skip_text(&mut self, len: u32) -> Result<(), DecodeError> {
        if let Some((octets, left)) = self.rest.split_at_checked(len as usize)
            && octets.is_ascii()
        {
            self.rest = left;
            return Ok(());
        }
        self.text(len).map(drop)
    }

    /// Books the members of a list or map, before any of them is looked at.
    #[inline]
    fn open(&mut self, members: u64) -> Result<(), DecodeError> {
        // Each takes at least one octet.
        if members > self.rest.len() as u64 {
            return Err(self.bad_head(BadHead::Truncated));
        }
        self.elements = u32::try_from(members)
            .ok()
            .and_then(|members| self.elements.checked_sub(members))
            .ok_or_else(|| self.exceeded(Budget::Elements))?;
        self.depth = self
            .depth
            .checked_sub(1)
            .ok_or_else(|| self.exceeded(Budget::Depth))?;
        Ok(())
    }

    /// Proves the next value well-formed and skips it.
    fn value(&mut self) -> Result<(), DecodeError> {
        match self.rest {
            // Most values are short, or all in their first octet.
            [0..0x80 | 0xC0 | 0xC2 | 0xC3 | 0xE0.., left @ ..] => {
                self.rest = left;
                return Ok(());
            }
            [first @ 0xA0..=0xBF, left @ ..] => {
                self.rest = left;
                return self.skip_text(u32::from(first & 0x1F));
            }
            _ => {}
        }
        match self.head()? {
            Head::Str(len) => self.skip_text(len),
            Head::Bin(len) => self.content(len.into()).map(drop),
            Head::Ext(len) => self.content(len).map(drop),
            Head::List(len) => {
                self.open(len.into())?;
                for _ in 0..len {
                    self.value()?;
                }
                self.depth += 1;
                Ok(())
            }
            Head::Map(len) => {
                self.open(u64::from(len) * 2)?;
                for _ in 0..len {
                    self.key()?;
                    self.value()?;
                }
                self.depth += 1;
                Ok(())
            }
            Head::Nil | Head::Bool(_) | Head::Int(_) | Head::UInt(_) | Head::Float(_) => Ok(()),
        }
    }

    #[inline]
    fn key(&mut self) -> Result<(), DecodeError> {
        let before = self.rest;
        if let [first @ 0xA0..=0xBF, left @ ..] = before {
            self.rest = left;
            return self.skip_text(u32::from(first & 0x1F));
        }
        let Head::Str(len) = self.head()? else {
            self.rest = before;
            return Err(self.malformed(Malformed::Key));
        };
        self.skip_text(len)
    }
}

/// Proves octets to be one well-formed value.
pub(crate) fn check(octets: &[u8], limits: &DecodeLimits) -> Result<(), DecodeError> {
    let mut scan = Scan::new(octets, limits);
    scan.value()?;
    if !scan.rest.is_empty() {
        return Err(scan.malformed(Malformed::TrailingOctets));
    }
    Ok(())
}

/// The rough type of a well-formed value.
pub(crate) fn shape(octets: &[u8]) -> Shape {
    match octets.first() {
        Some(0x80) => Shape::EmptyMap,
        Some(0x90..=0x9F | 0xDC | 0xDD) => Shape::List,
        Some(0xC0) => Shape::Null,
        Some(0xC4..=0xC6) => Shape::Bytes,
        // A map is seldom announced longer than it needs to be.
        Some(0xDE | 0xDF) if octets[1..].iter().all(|octet| *octet == 0) => Shape::EmptyMap,
        Some(0x81..=0x8F | 0xDE | 0xDF) => Shape::Map,
        _ => Shape::Other,
    }
}

impl<'a> MessagePackCursor<'a> {
    #[inline]
    pub(crate) fn new(frame: &'a [u8], limits: &DecodeLimits) -> Result<Self, DecodeError> {
        let mut scan = Scan::new(frame, limits);
        let Head::List(left) = scan.head()? else {
            return Err(DecodeError::NotAMessage);
        };
        scan.open(left.into())?;
        Ok(Self { scan, left })
    }

    #[cold]
    fn long_uint(&mut self) -> Result<Option<u64>, DecodeError> {
        Ok(match self.scan.head()? {
            Head::Int(int) => u64::try_from(int).ok(),
            Head::UInt(int) => Some(int),
            _ => None,
        })
    }
}

impl<'a> Cursor<'a> for MessagePackCursor<'a> {
    const SERIALIZER: SerializerKind = SerializerKind::MessagePack;

    #[inline]
    fn more(&mut self) -> Result<bool, DecodeError> {
        Ok(self.left > 0)
    }

    #[inline]
    fn uint(&mut self) -> Result<Option<u64>, DecodeError> {
        self.left = self.left.saturating_sub(1);
        // What IDs and message types are; all other integers take the long way.
        let rest = self.scan.rest;
        let (value, left) = match rest {
            [value @ 0..0x80, left @ ..] => (u64::from(*value), left),
            [0xCD, a, b, left @ ..] => (u16::from_be_bytes([*a, *b]).into(), left),
            [0xCE, a, b, c, d, left @ ..] => (u32::from_be_bytes([*a, *b, *c, *d]).into(), left),
            [0xCF, left @ ..] => match left.split_first_chunk() {
                Some((octets, left)) => (u64::from_be_bytes(*octets), left),
                None => return self.long_uint(),
            },
            _ => return self.long_uint(),
        };
        self.scan.rest = left;
        Ok(Some(value))
    }

    #[inline]
    fn string(&mut self) -> Result<Option<Cow<'a, str>>, DecodeError> {
        self.left = self.left.saturating_sub(1);
        match self.scan.head()? {
            Head::Str(len) => self.scan.text(len).map(|text| Some(Cow::Borrowed(text))),
            _ => Ok(None),
        }
    }

    #[inline]
    fn value(&mut self) -> Result<(Shape, RawValue<'a>), DecodeError> {
        self.left = self.left.saturating_sub(1);
        let before = self.scan.rest;
        if let Some((0x80, left)) = before.split_first() {
            self.scan.rest = left;
            let raw = RawValue::trusted(Self::SERIALIZER, &before[..1]);
            return Ok((Shape::EmptyMap, raw));
        }
        self.scan.value()?;
        let octets = &before[..before.len() - self.scan.rest.len()];
        Ok((shape(octets), RawValue::trusted(Self::SERIALIZER, octets)))
    }

    fn finish(self) -> Result<(), DecodeError> {
        if self.scan.rest.is_empty() {
            Ok(())
        } else {
            Err(self.scan.malformed(Malformed::TrailingOctets))
        }
    }
}
