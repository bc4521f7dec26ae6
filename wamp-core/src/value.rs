//! Values whose type is not known beforehand.

use alloc::borrow::Cow;

use core::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Id;
use crate::serializer::RawValue;

/// Any value that a WAMP payload can hold, owned. Maps keep the order of their entries.
///
/// Binary is a value of its own in every serializer, JSON included.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// An integer that fits in 64 bits with a sign.
    Int(i64),
    /// An integer above `i64::MAX`. Smaller ones are [`Value::Int`], so that equal integers are
    /// equal values: use `Value::from(u64)`.
    UInt(u64),
    /// A floating-point number.
    Float(f64),
    /// A string.
    Str(String),
    /// Binary.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Self>),
    /// A map with string keys, in order.
    Map(Vec<(String, Self)>),
}

impl Value {
    /// The entry of a map with this key; `None` also if it is not a map.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if it is one and not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::Int(int) => u64::try_from(int).ok(),
            Self::UInt(int) => Some(int),
            _ => None,
        }
    }

    /// The integer, if it is one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Int(int) => Some(int),
            _ => None,
        }
    }

    /// True or false, if it is a bool. Integers are not taken for one.
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Self::Bool(bool) => Some(bool),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, if it is a map.
    pub fn as_map(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }
}

/// A borrowed view of a value: scalars are read, lists and maps stay as they came.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer that fits in 64 bits with a sign.
    Int(i64),
    /// An integer above `i64::MAX`.
    UInt(u64),
    /// A floating-point number.
    Float(f64),
    /// A string.
    Str(Cow<'a, str>),
    /// Binary.
    Bytes(Cow<'a, [u8]>),
    /// A list or map in the octets of its serializer.
    Raw(RawValue<'a>),
    /// A list or map that was built here.
    Value(Cow<'a, Value>),
}

impl ValueRef<'_> {
    /// The value, owned and read to the last leaf.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(bool) => Value::Bool(*bool),
            Self::Int(int) => Value::Int(*int),
            Self::UInt(int) => Value::from(*int),
            Self::Float(float) => Value::Float(*float),
            Self::Str(text) => Value::Str(text.to_string()),
            Self::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
            Self::Raw(raw) => raw.to_value(),
            Self::Value(value) => Value::clone(value),
        }
    }

    /// The same view with a shorter life; strings and binary are not copied.
    pub(crate) fn reborrow(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Bool(bool) => ValueRef::Bool(*bool),
            Self::Int(int) => ValueRef::Int(*int),
            Self::UInt(int) => ValueRef::UInt(*int),
            Self::Float(float) => ValueRef::Float(*float),
            Self::Str(text) => ValueRef::Str(Cow::Borrowed(text)),
            Self::Bytes(bytes) => ValueRef::Bytes(Cow::Borrowed(bytes)),
            Self::Raw(raw) => ValueRef::Raw(*raw),
            Self::Value(value) => ValueRef::Value(Cow::Borrowed(value)),
        }
    }

    /// The same value without borrowing from the frame.
    pub fn into_owned(self) -> ValueRef<'static> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Bool(bool) => ValueRef::Bool(bool),
            Self::Int(int) => ValueRef::Int(int),
            Self::UInt(int) => ValueRef::UInt(int),
            Self::Float(float) => ValueRef::Float(float),
            Self::Str(text) => ValueRef::Str(Cow::Owned(text.into_owned())),
            Self::Bytes(bytes) => ValueRef::Bytes(Cow::Owned(bytes.into_owned())),
            Self::Raw(raw) => ValueRef::Value(Cow::Owned(raw.to_value())),
            Self::Value(value) => ValueRef::Value(Cow::Owned(value.into_owned())),
        }
    }
}

macro_rules! from {
    ($($from:ty => |$value:ident| $to:expr;)+) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $to
            }
        })+
    };
}

from! {
    bool => |value| Self::Bool(value);
    i8 => |value| Self::Int(value.into());
    i16 => |value| Self::Int(value.into());
    i32 => |value| Self::Int(value.into());
    i64 => |value| Self::Int(value);
    u8 => |value| Self::Int(value.into());
    u16 => |value| Self::Int(value.into());
    u32 => |value| Self::Int(value.into());
    u64 => |value| i64::try_from(value).map_or(Self::UInt(value), Self::Int);
    Id => |value| Self::from(value.get());
    f32 => |value| Self::Float(value.into());
    f64 => |value| Self::Float(value);
    &str => |value| Self::Str(value.to_owned());
    String => |value| Self::Str(value);
    Vec<Self> => |value| Self::List(value);
    Vec<(String, Self)> => |value| Self::Map(value);
}

macro_rules! from_ref {
    ($($from:ty => |$value:ident| $to:expr;)+) => {
        $(impl<'a> From<$from> for ValueRef<'a> {
            fn from($value: $from) -> Self {
                $to
            }
        })+
    };
}

from_ref! {
    bool => |value| Self::Bool(value);
    i64 => |value| Self::Int(value);
    i32 => |value| Self::Int(value.into());
    u32 => |value| Self::Int(value.into());
    u64 => |value| i64::try_from(value).map_or(Self::UInt(value), Self::Int);
    Id => |value| Self::from(value.get());
    f64 => |value| Self::Float(value);
    &'a str => |value| Self::Str(Cow::Borrowed(value));
    String => |value| Self::Str(Cow::Owned(value));
    Cow<'a, str> => |value| Self::Str(value);
    &'a [u8] => |value| Self::Bytes(Cow::Borrowed(value));
    RawValue<'a> => |value| Self::Raw(value);
    &'a Value => |value| Self::Value(Cow::Borrowed(value));
    Value => |value| Self::Value(Cow::Owned(value));
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(bool) => serializer.serialize_bool(*bool),
            Self::Int(int) => serializer.serialize_i64(*int),
            Self::UInt(int) => serializer.serialize_u64(*int),
            Self::Float(float) => serializer.serialize_f64(*float),
            Self::Str(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

/// What a list or map may reserve before its items are seen: lengths are announced by the peer.
const MAX_RESERVED: usize = 64;

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any WAMP value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Str(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Str(value))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(value.to_vec()))
    }

    fn visit_byte_buf<E>(self, value: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(MAX_RESERVED));
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::with_capacity(map.size_hint().unwrap_or(0).min(MAX_RESERVED));
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(entries))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, _: D) -> Result<Value, D::Error> {
        Err(de::Error::custom(
            "an extension type has no equivalent in WAMP",
        ))
    }
}
