//! From any serializer into serde.

use alloc::borrow::Cow;

use serde::de::value::Error;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::source::{Scope, Source, Token};

/// Reads typed values from a source.
#[derive(Debug)]
pub(crate) struct De<S> {
    source: S,
}

impl<S> De<S> {
    pub(crate) fn new(source: S) -> Self {
        Self { source }
    }
}

#[cold]
fn foreign() -> Error {
    Error::custom("a value that has no equivalent in WAMP")
}

impl<'de, S: Source<'de>> De<S> {
    fn visit<V: Visitor<'de>>(&mut self, token: Token<'de>, visitor: V) -> Result<V::Value, Error> {
        match token {
            Token::Null => visitor.visit_unit(),
            Token::Bool(bool) => visitor.visit_bool(bool),
            Token::Int(int) => visitor.visit_i64(int),
            Token::UInt(int) => visitor.visit_u64(int),
            Token::Float(float) => visitor.visit_f64(float),
            Token::Str(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Token::Str(Cow::Owned(text)) => visitor.visit_string(text),
            Token::Bytes(Cow::Borrowed(bytes)) => visitor.visit_borrowed_bytes(bytes),
            Token::Bytes(Cow::Owned(bytes)) => visitor.visit_byte_buf(bytes),
            Token::List(scope) => {
                let mut members = Members { de: self, scope };
                let value = visitor.visit_seq(&mut members)?;
                members.end("list")?;
                Ok(value)
            }
            Token::Map(scope) => {
                let mut members = Members { de: self, scope };
                let value = visitor.visit_map(&mut members)?;
                members.end("map")?;
                Ok(value)
            }
            Token::Foreign => Err(foreign()),
        }
    }
}

impl<'de, S: Source<'de>> Deserializer<'de> for &mut De<S> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let token = self.source.token();
        self.visit(token, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.source.null() {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.source.token() {
            Token::Str(variant) => visitor.visit_enum(variant.as_ref().into_deserializer()),
            Token::Map(scope) => {
                let mut members = Members { de: self, scope };
                let value = visitor.visit_enum(&mut members)?;
                members.end("variant")?;
                Ok(value)
            }
            _ => Err(Error::custom("a variant must be a string or a map")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.source.skip();
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

/// The members of a list or map that is being read.
struct Members<'d, S> {
    de: &'d mut De<S>,
    scope: Scope,
}

/// Stands for a list or map whose end was seen.
const CLOSED: Scope = Scope::EMPTY;

impl<'de, S: Source<'de>> Members<'_, S> {
    fn more(&mut self) -> bool {
        let more = self.scope.left != CLOSED.left && self.de.source.more(&mut self.scope);
        if !more {
            self.scope = CLOSED;
        }
        more
    }

    /// The list or map must have been read to its end.
    fn end(mut self, what: &str) -> Result<(), Error> {
        if self.more() {
            return Err(Error::custom(format_args!("the {what} is too long")));
        }
        Ok(())
    }
}

impl<'de, S: Source<'de>> SeqAccess<'de> for &mut Members<'_, S> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        if !self.more() {
            return Ok(None);
        }
        seed.deserialize(&mut *self.de).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        self.scope.len()
    }
}

impl<'de, S: Source<'de>> MapAccess<'de> for &mut Members<'_, S> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        if !self.more() {
            return Ok(None);
        }
        let key = self.de.source.key().ok_or_else(foreign)?;
        seed.deserialize(Key(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(&mut *self.de)
    }

    fn size_hint(&self) -> Option<usize> {
        self.scope.len()
    }
}

impl<'de, S: Source<'de>> EnumAccess<'de> for &mut Members<'_, S> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        if !self.more() {
            return Err(Error::custom("a variant must have one name"));
        }
        let key = self.de.source.key().ok_or_else(foreign)?;
        Ok((seed.deserialize(Key(key))?, self))
    }
}

impl<'de, S: Source<'de>> VariantAccess<'de> for &mut Members<'_, S> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        serde::Deserialize::deserialize(&mut *self.de)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(&mut *self.de)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.de.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.de.deserialize_any(visitor)
    }
}

/// The key of a map: a string, or what was made one because keys must be strings.
struct Key<'de>(Cow<'de, str>);

macro_rules! parsed_keys {
    ($($method:ident => $visit:ident),+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => self.deserialize_any(visitor),
            }
        })+
    };
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Cow::Borrowed(key) => visitor.visit_borrowed_str(key),
            Cow::Owned(key) => visitor.visit_string(key),
        }
    }

    parsed_keys!(
        deserialize_bool => visit_bool,
        deserialize_i8 => visit_i8,
        deserialize_i16 => visit_i16,
        deserialize_i32 => visit_i32,
        deserialize_i64 => visit_i64,
        deserialize_u8 => visit_u8,
        deserialize_u16 => visit_u16,
        deserialize_u32 => visit_u32,
        deserialize_u64 => visit_u64
    );

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self.0.as_ref().into_deserializer())
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct
        map struct identifier ignored_any
    }
}
