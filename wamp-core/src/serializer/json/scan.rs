//! One pass over a frame: reads the elements of a message and proves its values well-formed.

use alloc::borrow::Cow;

use super::text::{self, BINARY, escape, find_special};
use crate::error::{Budget, DecodeError, Malformed};
use crate::serializer::{Cursor, DecodeLimits, RawValue, SerializerKind, Shape};

/// Reads a frame of JSON.
#[derive(Debug)]
pub(crate) struct JsonCursor<'a> {
    scan: Scan<'a>,
    /// Whether an element was announced and not read yet.
    ready: bool,
    first: bool,
}

/// Proves values well-formed.
#[derive(Debug)]
struct Scan<'a> {
    frame: &'a str,
    at: usize,
    /// Values that may still come.
    elements: u32,
    /// How much deeper lists and maps may go.
    depth: u16,
}

impl<'a> Scan<'a> {
    fn new(frame: &'a [u8], limits: &DecodeLimits) -> Result<Self, DecodeError> {
        let frame = core::str::from_utf8(frame).map_err(|error| DecodeError::Malformed {
            offset: error.valid_up_to(),
            reason: Malformed::Utf8,
        })?;
        Ok(Self {
            frame,
            at: 0,
            elements: limits.max_elements,
            depth: limits.max_depth.min(DecodeLimits::MAX_DEPTH),
        })
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.frame.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.frame.as_bytes().get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.frame.get(start..end).unwrap_or_default()
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    #[cold]
    fn malformed(&self, reason: Malformed) -> DecodeError {
        DecodeError::Malformed {
            offset: self.at,
            reason,
        }
    }

    #[cold]
    fn exceeded(&self, limit: Budget) -> DecodeError {
        DecodeError::Budget {
            offset: self.at,
            limit,
        }
    }

    #[cold]
    fn unexpected(&self) -> DecodeError {
        self.malformed(match self.peek() {
            Some(octet) => Malformed::UnexpectedOctet(octet),
            None => Malformed::UnexpectedEnd,
        })
    }

    #[inline]
    fn expect(&mut self, octet: u8) -> Result<(), DecodeError> {
        if self.peek() != Some(octet) {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn count(&mut self) -> Result<(), DecodeError> {
        self.elements = self
            .elements
            .checked_sub(1)
            .ok_or_else(|| self.exceeded(Budget::Elements))?;
        Ok(())
    }

    #[inline]
    fn open(&mut self) -> Result<(), DecodeError> {
        self.depth = self
            .depth
            .checked_sub(1)
            .ok_or_else(|| self.exceeded(Budget::Depth))?;
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    #[inline]
    fn close(&mut self) {
        self.at += 1;
        self.depth += 1;
    }

    /// After a member: true if another one follows, false if the list or map was closed.
    #[inline]
    fn another(&mut self, end: u8) -> Result<bool, DecodeError> {
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.skip_space();
                Ok(true)
            }
            Some(octet) if octet == end => {
                self.close();
                Ok(false)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Proves the next value well-formed and skips it. It starts here.
    fn value(&mut self) -> Result<(), DecodeError> {
        self.count()?;
        match self.peek() {
            Some(b'"') => {
                let start = self.at + 1;
                if self.string()? {
                    self.binary(start)?;
                }
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'[') => {
                self.open()?;
                if self.peek() == Some(b']') {
                    self.close();
                    return Ok(());
                }
                loop {
                    self.value()?;
                    if !self.another(b']')? {
                        return Ok(());
                    }
                }
            }
            Some(b'{') => {
                self.open()?;
                if self.peek() == Some(b'}') {
                    self.close();
                    return Ok(());
                }
                loop {
                    self.count()?;
                    match self.peek() {
                        Some(b'"') => self.string()?,
                        Some(b'-' | b'0'..=b'9' | b'[' | b'{' | b't' | b'f' | b'n') => {
                            return Err(self.malformed(Malformed::Key));
                        }
                        _ => return Err(self.unexpected()),
                    };
                    self.skip_space();
                    self.expect(b':')?;
                    self.skip_space();
                    self.value()?;
                    if !self.another(b'}')? {
                        return Ok(());
                    }
                }
            }
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => Err(self.unexpected()),
        }
    }

    #[cold]
    fn wrong_literal(&mut self, literal: &[u8]) -> DecodeError {
        for octet in literal {
            if let Err(error) = self.expect(*octet) {
                return error;
            }
        }
        self.unexpected()
    }

    #[inline]
    fn literal(&mut self, literal: &[u8]) -> Result<(), DecodeError> {
        if !self.rest().starts_with(literal) {
            return Err(self.wrong_literal(literal));
        }
        self.at += literal.len();
        Ok(())
    }

    /// Skips a string, quotes included; whether it has escapes.
    #[inline]
    fn string(&mut self) -> Result<bool, DecodeError> {
        self.at += 1;
        let mut escaped = false;
        loop {
            let Some(special) = find_special(self.rest()) else {
                self.at = self.frame.len();
                return Err(self.unexpected());
            };
            self.at += special;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    let Some((_, len)) = escape(self.rest()) else {
                        return Err(self.malformed(Malformed::Escape));
                    };
                    self.at += len;
                    escaped = true;
                }
                _ => return Err(self.malformed(Malformed::ControlCharacter)),
            }
        }
    }

    /// Proves the string from `start` to here to be Base64, if it stands for binary.
    fn binary(&self, start: usize) -> Result<(), DecodeError> {
        let content = self.slice(start, self.at - 1);
        match content.as_bytes().strip_prefix(BINARY) {
            Some(_) if !text::is_base64(content.get(BINARY.len()..).unwrap_or_default()) => {
                Err(DecodeError::Malformed {
                    offset: start,
                    reason: Malformed::Base64,
                })
            }
            _ => Ok(()),
        }
    }

    /// Skips digits; whether there was one.
    #[inline]
    fn digits(&mut self) -> bool {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at > start
    }

    fn number(&mut self) -> Result<(), DecodeError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => {
                self.digits();
            }
            _ => return Err(self.bad_number()),
        }
        if let Some(b'0'..=b'9') = self.peek() {
            return Err(self.bad_number());
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !self.digits() {
                return Err(self.bad_number());
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            if !self.digits() {
                return Err(self.bad_number());
            }
        }
        Ok(())
    }

    #[cold]
    fn bad_number(&self) -> DecodeError {
        self.malformed(match self.peek() {
            Some(_) => Malformed::Number,
            None => Malformed::UnexpectedEnd,
        })
    }

    /// Nothing but white space may follow.
    fn finish(mut self) -> Result<(), DecodeError> {
        self.skip_space();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.malformed(Malformed::TrailingOctets)),
        }
    }
}

/// Proves octets to be one well-formed value, without white space before it.
pub(crate) fn check(octets: &[u8], limits: &DecodeLimits) -> Result<(), DecodeError> {
    let mut scan = Scan::new(octets, limits)?;
    scan.value()?;
    scan.finish()
}

/// The rough type of a well-formed value.
pub(crate) fn shape(octets: &[u8]) -> Shape {
    match octets {
        [b'{', b'}', ..] => Shape::EmptyMap,
        [b'{', rest @ ..] if rest.trim_ascii_start().starts_with(b"}") => Shape::EmptyMap,
        [b'{', ..] => Shape::Map,
        [b'[', ..] => Shape::List,
        [b'n', ..] => Shape::Null,
        [b'"', rest @ ..] if rest.starts_with(BINARY) => Shape::Bytes,
        _ => Shape::Other,
    }
}

impl<'a> JsonCursor<'a> {
    pub(crate) fn new(frame: &'a [u8], limits: &DecodeLimits) -> Result<Self, DecodeError> {
        let mut scan = Scan::new(frame, limits)?;
        scan.skip_space();
        match scan.peek() {
            Some(b'[') => scan.open()?,
            // Another value, but is it one?
            Some(_) => {
                scan.value()?;
                return Err(DecodeError::NotAMessage);
            }
            None => return Err(scan.unexpected()),
        }
        Ok(Self {
            scan,
            ready: false,
            first: true,
        })
    }
}

impl<'a> Cursor<'a> for JsonCursor<'a> {
    const SERIALIZER: SerializerKind = SerializerKind::Json;

    #[inline]
    fn more(&mut self) -> Result<bool, DecodeError> {
        if self.ready {
            return Ok(true);
        }
        if self.first {
            self.first = false;
            self.ready = self.scan.peek() != Some(b']');
            return Ok(self.ready);
        }
        self.scan.skip_space();
        match self.scan.peek() {
            Some(b',') => {
                self.scan.at += 1;
                self.scan.skip_space();
                self.ready = true;
                Ok(true)
            }
            Some(b']') => Ok(false),
            _ => Err(self.scan.unexpected()),
        }
    }

    #[inline]
    fn uint(&mut self) -> Result<Option<u64>, DecodeError> {
        self.ready = false;
        let start = self.scan.at;
        let rest = self.scan.rest();
        let mut value = 0_u64;
        let mut digits = 0_usize;
        // Nineteen digits cannot overflow; IDs have no more than sixteen.
        for octet in rest.iter().take(19) {
            let digit = octet.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value * 10 + u64::from(digit);
            digits += 1;
        }
        self.scan.at += digits;
        match rest.get(digits) {
            Some(b',' | b']' | b' ' | b'\n' | b'\r' | b'\t')
                if digits == 1 || (digits > 1 && rest.first() != Some(&b'0')) =>
            {
                self.scan.count()?;
                Ok(Some(value))
            }
            _ => {
                // Something else, or longer; it must be well-formed to have the wrong type.
                self.scan.at = start;
                self.scan.value()?;
                Ok(self.scan.slice(start, self.scan.at).parse().ok())
            }
        }
    }

    #[inline]
    fn string(&mut self) -> Result<Option<Cow<'a, str>>, DecodeError> {
        self.ready = false;
        if self.scan.peek() != Some(b'"') {
            self.scan.value()?;
            return Ok(None);
        }
        self.scan.count()?;
        let start = self.scan.at + 1;
        let escaped = self.scan.string()?;
        let content = self.scan.slice(start, self.scan.at - 1);
        if escaped && content.as_bytes().starts_with(BINARY) {
            self.scan.binary(start)?;
            return Ok(None);
        }
        Ok(Some(if escaped {
            text::unescape(content)
        } else {
            Cow::Borrowed(content)
        }))
    }

    #[inline]
    fn value(&mut self) -> Result<(Shape, RawValue<'a>), DecodeError> {
        self.ready = false;
        let start = self.scan.at;
        self.scan.value()?;
        let octets = self.scan.slice(start, self.scan.at).as_bytes();
        Ok((shape(octets), RawValue::trusted(Self::SERIALIZER, octets)))
    }

    fn finish(mut self) -> Result<(), DecodeError> {
        self.scan.expect(b']')?;
        self.scan.finish()
    }
}
