//! Reads values that are well-formed.

use alloc::borrow::Cow;

use super::{Head, content, head};
use crate::serializer::SerializerKind;
use crate::serializer::source::{Scope, Source, Token};

/// Reads MessagePack that is well-formed.
#[derive(Debug, Clone)]
pub(crate) struct MessagePackSource<'a> {
    octets: &'a [u8],
    rest: &'a [u8],
}

impl<'a> MessagePackSource<'a> {
    #[inline]
    fn text(&mut self, len: u32) -> Option<&'a str> {
        core::str::from_utf8(content(&mut self.rest, len.into())?).ok()
    }
}

impl<'a> Source<'a> for MessagePackSource<'a> {
    const SERIALIZER: SerializerKind = SerializerKind::MessagePack;

    fn new(octets: &'a [u8]) -> Self {
        Self {
            octets,
            rest: octets,
        }
    }

    fn octets(&self) -> &'a [u8] {
        self.octets
    }

    fn position(&mut self) -> usize {
        self.end()
    }

    fn end(&self) -> usize {
        self.octets.len() - self.rest.len()
    }

    #[inline]
    fn token(&mut self) -> Token<'a> {
        let Ok(head) = head(&mut self.rest) else {
            return Token::Foreign;
        };
        let scope = |len| Scope {
            left: Some(len),
            first: true,
        };
        match head {
            Head::Nil => Token::Null,
            Head::Bool(bool) => Token::Bool(bool),
            Head::Int(int) => Token::Int(int),
            Head::UInt(int) => Token::UInt(int),
            Head::Float(float) => Token::Float(float),
            Head::Str(len) => self
                .text(len)
                .map_or(Token::Foreign, |text| Token::Str(Cow::Borrowed(text))),
            Head::Bin(len) => content(&mut self.rest, len.into())
                .map_or(Token::Foreign, |bytes| Token::Bytes(Cow::Borrowed(bytes))),
            Head::List(len) => Token::List(scope(len)),
            Head::Map(len) => Token::Map(scope(len)),
            Head::Ext(len) => {
                content(&mut self.rest, len);
                Token::Foreign
            }
        }
    }

    fn null(&mut self) -> bool {
        match self.rest.split_first() {
            Some((0xC0, left)) => {
                self.rest = left;
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn more(&mut self, scope: &mut Scope) -> bool {
        match &mut scope.left {
            Some(left @ 1..) if !self.rest.is_empty() => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn key(&mut self) -> Option<Cow<'a, str>> {
        match head(&mut self.rest) {
            Ok(Head::Str(len)) => self.text(len).map(Cow::Borrowed),
            _ => None,
        }
    }
}
