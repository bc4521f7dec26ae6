//! What reading values needs from a serializer, once they are proven well-formed.

use alloc::borrow::Cow;

use super::{RawValue, SerializerKind, Sink};
use crate::error::EncodeError;
use crate::{Value, ValueRef};

/// The next value, or the start of a list or map.
#[derive(Debug)]
pub(crate) enum Token<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// Above `i64::MAX`.
    UInt(u64),
    Float(f64),
    Str(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    List(Scope),
    Map(Scope),
    /// A value that WAMP does not have, or no value at all.
    Foreign,
}

/// A list or map that is being read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope {
    /// Members to come, if the serializer tells.
    pub(crate) left: Option<u32>,
    /// Whether no member was read.
    #[cfg_attr(
        not(feature = "json"),
        expect(dead_code, reason = "only text has something between members")
    )]
    pub(crate) first: bool,
}

impl Scope {
    /// Nothing to read.
    pub(crate) const EMPTY: Self = Self {
        left: Some(0),
        first: true,
    };
}

/// Reads values that are well-formed. It never fails: were they not, it would end early.
pub(crate) trait Source<'a>: Sized {
    const SERIALIZER: SerializerKind;

    fn new(octets: &'a [u8]) -> Self;

    /// The octets that it reads.
    fn octets(&self) -> &'a [u8];

    /// Where the next value starts.
    fn position(&mut self) -> usize;

    fn token(&mut self) -> Token<'a>;

    /// Whether the list or map has another member; if not, it is left.
    fn more(&mut self, scope: &mut Scope) -> bool;

    /// The key of the next member of a map.
    fn key(&mut self) -> Option<Cow<'a, str>>;

    /// Takes the next value if it is null.
    fn null(&mut self) -> bool;

    /// Skips a value.
    fn skip(&mut self) {
        match self.token() {
            Token::List(mut scope) => {
                while self.more(&mut scope) {
                    self.skip();
                }
            }
            Token::Map(mut scope) => {
                while self.more(&mut scope) && self.key().is_some() {
                    self.skip();
                }
            }
            _ => {}
        }
    }

    /// The next value: scalars are read, lists and maps stay raw.
    fn view(&mut self) -> ValueRef<'a> {
        let start = self.position();
        match self.token() {
            Token::Null | Token::Foreign => ValueRef::Null,
            Token::Bool(bool) => ValueRef::Bool(bool),
            Token::Int(int) => ValueRef::Int(int),
            Token::UInt(int) => ValueRef::UInt(int),
            Token::Float(float) => ValueRef::Float(float),
            Token::Str(text) => ValueRef::Str(text),
            Token::Bytes(bytes) => ValueRef::Bytes(bytes),
            Token::List(mut scope) => {
                while self.more(&mut scope) {
                    self.skip();
                }
                self.raw(start)
            }
            Token::Map(mut scope) => {
                while self.more(&mut scope) && self.key().is_some() {
                    self.skip();
                }
                self.raw(start)
            }
        }
    }

    /// The next value, read to the last leaf; what is foreign to WAMP becomes null.
    fn value(&mut self) -> Value {
        match self.token() {
            Token::Null | Token::Foreign => Value::Null,
            Token::Bool(bool) => Value::Bool(bool),
            Token::Int(int) => Value::Int(int),
            Token::UInt(int) => Value::UInt(int),
            Token::Float(float) => Value::Float(float),
            Token::Str(text) => Value::Str(text.into_owned()),
            Token::Bytes(bytes) => Value::Bytes(bytes.into_owned()),
            Token::List(mut scope) => {
                let mut items = Vec::new();
                while self.more(&mut scope) {
                    items.push(self.value());
                }
                Value::List(items)
            }
            Token::Map(mut scope) => {
                let mut entries = Vec::new();
                while self.more(&mut scope) {
                    let Some(key) = self.key() else { break };
                    entries.push((key.into_owned(), self.value()));
                }
                Value::Map(entries)
            }
        }
    }

    /// The value from `start` to here.
    fn raw(&mut self, start: usize) -> ValueRef<'a> {
        let end = self.end();
        ValueRef::Raw(RawValue::trusted(
            Self::SERIALIZER,
            self.octets().get(start..end).unwrap_or_default(),
        ))
    }

    /// Where the last value ended.
    fn end(&self) -> usize;

    /// Writes the next value in another serializer.
    fn transcode<S: Sink>(&mut self, sink: &mut S) -> Result<(), EncodeError> {
        match self.token() {
            Token::Null => sink.null(),
            Token::Bool(bool) => sink.bool(bool),
            Token::Int(int) => sink.int(int),
            Token::UInt(int) => sink.uint(int),
            Token::Float(float) => sink.float(float)?,
            Token::Str(text) => sink.string(&text)?,
            Token::Bytes(bytes) => sink.bytes(&bytes)?,
            Token::List(mut scope) => {
                let mark = sink.open_list(scope.len())?;
                let mut count = 0;
                while self.more(&mut scope) {
                    sink.item(count);
                    self.transcode(sink)?;
                    count += 1;
                }
                sink.close_list(mark, count)?;
            }
            Token::Map(mut scope) => {
                let mark = sink.open_map(scope.len())?;
                let mut count = 0;
                while self.more(&mut scope) {
                    let Some(key) = self.key() else { break };
                    sink.key(count, &key)?;
                    self.transcode(sink)?;
                    count += 1;
                }
                sink.close_map(mark, count)?;
            }
            Token::Foreign => {
                return Err(EncodeError::NoEquivalent {
                    serializer: S::SERIALIZER,
                });
            }
        }
        Ok(())
    }
}

impl Scope {
    /// How many members it has, if the serializer tells.
    pub(crate) fn len(self) -> Option<usize> {
        self.left.and_then(|left| usize::try_from(left).ok())
    }
}

/// The members of a list or map.
#[derive(Debug, Clone)]
pub(crate) struct Members<S> {
    source: S,
    scope: Scope,
}

impl<'a, S: Source<'a>> Members<S> {
    /// Those of a list; none if it is something else.
    pub(crate) fn items(octets: &'a [u8]) -> Self {
        let mut source = S::new(octets);
        let scope = match source.token() {
            Token::List(scope) => scope,
            _ => Scope::EMPTY,
        };
        Self { source, scope }
    }

    /// Those of a map; none if it is something else.
    pub(crate) fn entries(octets: &'a [u8]) -> Self {
        let mut source = S::new(octets);
        let scope = match source.token() {
            Token::Map(scope) => scope,
            _ => Scope::EMPTY,
        };
        Self { source, scope }
    }

    pub(crate) fn next_item(&mut self) -> Option<ValueRef<'a>> {
        self.more().then(|| self.source.view())
    }

    pub(crate) fn next_entry(&mut self) -> Option<(Cow<'a, str>, ValueRef<'a>)> {
        if !self.more() {
            return None;
        }
        let key = self.source.key()?;
        Some((key, self.source.view()))
    }

    /// The next entry whose key is wanted, with what it is wanted as. The values of the others are
    /// skipped unread.
    pub(crate) fn next_wanted<T>(
        &mut self,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> Option<(T, ValueRef<'a>)> {
        while self.more() {
            let key = self.source.key()?;
            if let Some(wanted) = wanted(&key) {
                return Some((wanted, self.source.view()));
            }
            self.source.skip();
        }
        None
    }

    fn more(&mut self) -> bool {
        let more = self.scope.left != Some(0) && self.source.more(&mut self.scope);
        if !more {
            self.scope = Scope::EMPTY;
        }
        more
    }
}
