//! One name for what every serializer does with typed values.

use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, forward_to_deserialize_any};

use super::de::De;
#[cfg(feature = "json")]
use super::json;
#[cfg(feature = "msgpack")]
use super::msgpack;
use super::ser::Ser;
use super::source::Source;
use super::{RawValue, SerializerKind, Shape};
use crate::ValueRef;
use crate::error::{EncodeError, PayloadError};

/// The rough type of a well-formed value.
pub(crate) fn shape(serializer: SerializerKind, octets: &[u8]) -> Shape {
    match serializer {
        #[cfg(feature = "json")]
        SerializerKind::Json => json::shape(octets),
        #[cfg(feature = "msgpack")]
        SerializerKind::MessagePack => msgpack::shape(octets),
    }
}

/// Appends a typed value.
pub(crate) fn serialize<T: Serialize + ?Sized>(
    serializer: SerializerKind,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    match serializer {
        #[cfg(feature = "json")]
        SerializerKind::Json => value.serialize(&mut Ser::new(json::JsonSink::new(out))),
        #[cfg(feature = "msgpack")]
        SerializerKind::MessagePack => {
            value.serialize(&mut Ser::new(msgpack::MessagePackSink::new(out)))
        }
    }
}

/// What stands between two elements of a message.
pub(crate) fn separator(serializer: SerializerKind) -> &'static [u8] {
    match serializer {
        #[cfg(feature = "json")]
        SerializerKind::Json => b",",
        #[cfg(feature = "msgpack")]
        SerializerKind::MessagePack => b"",
    }
}

/// Reads a typed value.
pub(crate) fn deserialize<'a, T: Deserialize<'a>>(
    raw: RawValue<'a>,
    part: &'static str,
) -> Result<T, PayloadError> {
    let error = |error: Error| PayloadError::new(part, &error);
    match raw.serializer() {
        #[cfg(feature = "json")]
        SerializerKind::Json => {
            T::deserialize(&mut De::new(json::JsonSource::new(raw.as_bytes()))).map_err(error)
        }
        #[cfg(feature = "msgpack")]
        SerializerKind::MessagePack => T::deserialize(&mut De::new(
            msgpack::MessagePackSource::new(raw.as_bytes()),
        ))
        .map_err(error),
    }
}

/// Reads positional arguments; absent ones are an empty list, and `()` takes any.
pub(crate) fn deserialize_args<'a, T: Deserialize<'a>>(
    args: Option<RawValue<'a>>,
) -> Result<T, PayloadError> {
    const PART: &str = "args";
    let error = |error: Error| PayloadError::new(PART, &error);
    let Some(raw) = args else {
        let empty = core::iter::empty::<()>();
        return T::deserialize(Args(SeqDeserializer::new(empty))).map_err(error);
    };
    match raw.serializer() {
        #[cfg(feature = "json")]
        SerializerKind::Json => {
            let mut de = De::new(json::JsonSource::new(raw.as_bytes()));
            T::deserialize(Args(&mut de)).map_err(error)
        }
        #[cfg(feature = "msgpack")]
        SerializerKind::MessagePack => {
            let mut de = De::new(msgpack::MessagePackSource::new(raw.as_bytes()));
            T::deserialize(Args(&mut de)).map_err(error)
        }
    }
}

/// Reads keyword arguments; absent ones are an empty map.
pub(crate) fn deserialize_kwargs<'a, T: Deserialize<'a>>(
    kwargs: Option<RawValue<'a>>,
) -> Result<T, PayloadError> {
    if let Some(raw) = kwargs {
        return deserialize(raw, "kwargs");
    }
    let empty = core::iter::empty::<(&str, ())>();
    T::deserialize(MapDeserializer::new(empty))
        .map_err(|error: Error| PayloadError::new("kwargs", &error))
}

/// Reads the value of an option.
pub(crate) fn value_ref_to<T: for<'de> Deserialize<'de>>(
    value: &ValueRef<'_>,
) -> Result<T, PayloadError> {
    if let ValueRef::Raw(raw) = value {
        return raw.read();
    }
    let Some(serializer) = SerializerKind::ALL.last().copied() else {
        return Err(PayloadError::new("value", &"no serializer is built in"));
    };
    let mut octets = Vec::new();
    serialize(serializer, &value.to_value(), &mut octets)
        .map_err(|error| PayloadError::new("value", &error))?;
    RawValue::trusted(serializer, &octets).read()
}

/// A list of arguments, which the unit type may ignore.
struct Args<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Args<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_seq(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        map enum identifier
    }
}
