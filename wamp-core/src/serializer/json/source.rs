//! Reads values that are well-formed.

use alloc::borrow::Cow;

use super::text::{BINARY, decode_base64, find_special, unescape};
use crate::serializer::SerializerKind;
use crate::serializer::source::{Scope, Source, Token};

/// Reads JSON that is well-formed.
#[derive(Debug, Clone)]
pub(crate) struct JsonSource<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> JsonSource<'a> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// The content of the string that starts here, and whether it has escapes.
    #[inline]
    fn string(&mut self) -> (&'a str, bool) {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let special = find_special(rest).unwrap_or(rest.len());
            self.at += special;
            if rest.get(special) != Some(&b'\\') {
                let content = self.text.get(start..self.at).unwrap_or_default();
                self.at += 1;
                return (content, escaped);
            }
            // What an escape has beyond its second octet is digits.
            escaped = true;
            self.at += 2;
        }
    }

    fn number(&mut self) -> Token<'a> {
        let start = self.at;
        self.skip_number();
        let number = self.text.get(start..self.at).unwrap_or_default();
        if let Ok(int) = number.parse::<i64>() {
            // An integer has no negative zero, a float does.
            if int != 0 || !number.starts_with('-') {
                return Token::Int(int);
            }
        } else if let Ok(int) = number.parse::<u64>() {
            return Token::UInt(int);
        }
        match number.parse::<f64>() {
            Ok(float) if float.is_finite() => Token::Float(float),
            _ => Token::Foreign,
        }
    }

    fn skip_number(&mut self) {
        while let Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E') = self.peek() {
            self.at += 1;
        }
    }

    fn literal(&mut self, len: usize, token: Token<'a>) -> Token<'a> {
        self.at += len;
        token
    }
}

/// A list or map whose first member may follow.
const OPENED: Scope = Scope {
    left: None,
    first: true,
};

impl<'a> Source<'a> for JsonSource<'a> {
    const SERIALIZER: SerializerKind = SerializerKind::Json;

    fn new(octets: &'a [u8]) -> Self {
        Self {
            text: core::str::from_utf8(octets).unwrap_or_default(),
            at: 0,
        }
    }

    fn octets(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    fn position(&mut self) -> usize {
        self.skip_space();
        self.at
    }

    fn end(&self) -> usize {
        self.at
    }

    fn token(&mut self) -> Token<'a> {
        self.skip_space();
        match self.peek() {
            Some(b'"') => {
                let (content, escaped) = self.string();
                if !escaped {
                    return Token::Str(Cow::Borrowed(content));
                }
                if content.as_bytes().starts_with(BINARY) {
                    return content
                        .get(BINARY.len()..)
                        .and_then(decode_base64)
                        .map_or(Token::Foreign, |bytes| Token::Bytes(Cow::Owned(bytes)));
                }
                Token::Str(unescape(content))
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'[') => self.literal(1, Token::List(OPENED)),
            Some(b'{') => self.literal(1, Token::Map(OPENED)),
            Some(b't') => self.literal(4, Token::Bool(true)),
            Some(b'f') => self.literal(5, Token::Bool(false)),
            Some(b'n') => self.literal(4, Token::Null),
            _ => Token::Foreign,
        }
    }

    /// Strings and numbers are passed over as text: nothing is unescaped, decoded or parsed.
    fn skip(&mut self) {
        self.skip_space();
        match self.peek() {
            Some(b'"') => drop(self.string()),
            Some(b'-' | b'0'..=b'9') => self.skip_number(),
            Some(b'[') => {
                let mut scope = OPENED;
                self.at += 1;
                while self.more(&mut scope) {
                    self.skip();
                }
            }
            Some(b'{') => {
                let mut scope = OPENED;
                self.at += 1;
                while self.more(&mut scope) {
                    // The key, and the colon behind it.
                    self.skip_space();
                    let _ = self.string();
                    self.skip_space();
                    self.at += 1;
                    self.skip();
                }
            }
            _ => drop(self.token()),
        }
    }

    fn null(&mut self) -> bool {
        self.skip_space();
        let null = self.peek() == Some(b'n');
        if null {
            self.at += 4;
        }
        null
    }

    #[inline]
    fn more(&mut self, scope: &mut Scope) -> bool {
        self.skip_space();
        match self.peek() {
            None => false,
            Some(b']' | b'}') => {
                self.at += 1;
                false
            }
            Some(b',') if !scope.first => {
                self.at += 1;
                true
            }
            Some(_) => {
                // Without a comma only the first member may stand here.
                core::mem::replace(&mut scope.first, false)
            }
        }
    }

    #[inline]
    fn key(&mut self) -> Option<Cow<'a, str>> {
        self.skip_space();
        if self.peek() != Some(b'"') {
            return None;
        }
        let (content, escaped) = self.string();
        self.skip_space();
        self.at += 1;
        Some(if escaped {
            unescape(content)
        } else {
            Cow::Borrowed(content)
        })
    }
}
