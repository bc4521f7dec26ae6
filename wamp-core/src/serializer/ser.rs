//! From serde into any serializer.

use serde::ser::{
    Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::Sink;
use crate::error::EncodeError;

/// Integers of fewer bits are written as those of 64.
macro_rules! widen {
    ($($narrow:ident($type:ty) => $wide:ident;)+) => {
        $(fn $narrow(self, value: $type) -> Result<(), EncodeError> {
            self.$wide(value.into())
        })+
    };
}

/// Writes typed values into a sink. Structs are maps; variants are their name, or a map of their
/// name to their content.
#[derive(Debug)]
pub(crate) struct Ser<S> {
    sink: S,
}

impl<S: Sink> Ser<S> {
    pub(crate) fn new(sink: S) -> Self {
        Self { sink }
    }

    /// Opens the map that a variant with content is.
    fn variant(&mut self, variant: &'static str) -> Result<S::Mark, EncodeError> {
        let mark = self.sink.open_map(Some(1))?;
        self.sink.key(0, variant)?;
        Ok(mark)
    }

    fn list(
        &mut self,
        variant: Option<S::Mark>,
        len: Option<usize>,
    ) -> Result<Compound<'_, S>, EncodeError> {
        let mark = self.sink.open_list(len)?;
        Ok(Compound {
            ser: self,
            mark,
            count: 0,
            variant,
        })
    }

    fn map(
        &mut self,
        variant: Option<S::Mark>,
        len: Option<usize>,
    ) -> Result<Compound<'_, S>, EncodeError> {
        let mark = self.sink.open_map(len)?;
        Ok(Compound {
            ser: self,
            mark,
            count: 0,
            variant,
        })
    }
}

/// A list or map that is being written.
#[derive(Debug)]
pub(crate) struct Compound<'s, S: Sink> {
    ser: &'s mut Ser<S>,
    mark: S::Mark,
    count: usize,
    /// The map around it, if it is the content of a variant.
    variant: Option<S::Mark>,
}

impl<S: Sink> Compound<'_, S> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.ser.sink.item(self.count);
        self.count += 1;
        value.serialize(&mut *self.ser)
    }

    fn field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.ser.sink.key(self.count, key)?;
        self.count += 1;
        value.serialize(&mut *self.ser)
    }

    fn end_list(self) -> Result<(), EncodeError> {
        self.ser.sink.close_list(self.mark, self.count)?;
        match self.variant {
            Some(mark) => self.ser.sink.close_map(mark, 1),
            None => Ok(()),
        }
    }

    fn end_map(self) -> Result<(), EncodeError> {
        self.ser.sink.close_map(self.mark, self.count)?;
        match self.variant {
            Some(mark) => self.ser.sink.close_map(mark, 1),
            None => Ok(()),
        }
    }
}

impl<'s, S: Sink> Serializer for &'s mut Ser<S> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Compound<'s, S>;
    type SerializeTuple = Compound<'s, S>;
    type SerializeTupleStruct = Compound<'s, S>;
    type SerializeTupleVariant = Compound<'s, S>;
    type SerializeMap = Compound<'s, S>;
    type SerializeStruct = Compound<'s, S>;
    type SerializeStructVariant = Compound<'s, S>;

    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.sink.bool(value);
        Ok(())
    }

    widen! {
        serialize_i8(i8) => serialize_i64;
        serialize_i16(i16) => serialize_i64;
        serialize_i32(i32) => serialize_i64;
        serialize_u8(u8) => serialize_u64;
        serialize_u16(u16) => serialize_u64;
        serialize_u32(u32) => serialize_u64;
    }

    fn serialize_i64(self, value: i64) -> Result<(), EncodeError> {
        self.sink.int(value);
        Ok(())
    }

    fn serialize_u64(self, value: u64) -> Result<(), EncodeError> {
        self.sink.uint(value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), EncodeError> {
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => self.serialize_i64(value),
            (_, Ok(value)) => self.serialize_u64(value),
            _ => Err(too_large()),
        }
    }

    fn serialize_u128(self, value: u128) -> Result<(), EncodeError> {
        u64::try_from(value)
            .map_err(|_| too_large())
            .and_then(|value| self.serialize_u64(value))
    }

    fn serialize_f32(self, value: f32) -> Result<(), EncodeError> {
        self.sink.float32(value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), EncodeError> {
        self.sink.float(value)
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.sink.string(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        self.sink.string(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.sink.bytes(value)
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        self.sink.null();
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        self.sink.string(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        let mark = self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.sink.close_map(mark, 1)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Compound<'s, S>, EncodeError> {
        self.list(None, len)
    }

    fn serialize_tuple(self, len: usize) -> Result<Compound<'s, S>, EncodeError> {
        self.list(None, Some(len))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        len: usize,
    ) -> Result<Compound<'s, S>, EncodeError> {
        self.list(None, Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'s, S>, EncodeError> {
        let mark = self.variant(variant)?;
        self.list(Some(mark), Some(len))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'s, S>, EncodeError> {
        self.map(None, len)
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Compound<'s, S>, EncodeError> {
        self.map(None, Some(len))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'s, S>, EncodeError> {
        let mark = self.variant(variant)?;
        self.map(Some(mark), Some(len))
    }
}

#[cold]
fn too_large() -> EncodeError {
    EncodeError::Serialize("an integer of more than 64 bits".into())
}

macro_rules! lists {
    ($($trait:ident :: $method:ident),+) => {
        $(impl<S: Sink> $trait for Compound<'_, S> {
            type Ok = ();
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.item(value)
            }

            fn end(self) -> Result<(), EncodeError> {
                self.end_list()
            }
        })+
    };
}

lists!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! structs {
    ($($trait:ident),+) => {
        $(impl<S: Sink> $trait for Compound<'_, S> {
            type Ok = ();
            type Error = EncodeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), EncodeError> {
                self.field(key, value)
            }

            fn end(self) -> Result<(), EncodeError> {
                self.end_map()
            }
        })+
    };
}

structs!(SerializeStruct, SerializeStructVariant);

impl<S: Sink> SerializeMap for Compound<'_, S> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        key.serialize(Key {
            sink: &mut self.ser.sink,
            index: self.count,
        })?;
        self.count += 1;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(&mut *self.ser)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.end_map()
    }
}

/// Writes the key of a map: a string, or what has an obvious one.
struct Key<'s, S> {
    sink: &'s mut S,
    index: usize,
}

impl<S: Sink> Key<'_, S> {
    fn text(self, key: &str) -> Result<(), EncodeError> {
        self.sink.key(self.index, key)
    }
}

#[cold]
fn bad_key<T>() -> Result<T, EncodeError> {
    Err(EncodeError::Serialize("a map key that is no string".into()))
}

macro_rules! integer_keys {
    ($($method:ident: $type:ty),+) => {
        $(fn $method(self, value: $type) -> Result<(), EncodeError> {
            self.text(&value.to_string())
        })+
    };
}

impl<S: Sink> Serializer for Key<'_, S> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Impossible<(), EncodeError>;
    type SerializeTuple = Impossible<(), EncodeError>;
    type SerializeTupleStruct = Impossible<(), EncodeError>;
    type SerializeTupleVariant = Impossible<(), EncodeError>;
    type SerializeMap = Impossible<(), EncodeError>;
    type SerializeStruct = Impossible<(), EncodeError>;
    type SerializeStructVariant = Impossible<(), EncodeError>;

    integer_keys!(
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_char: char
    );

    fn serialize_str(self, key: &str) -> Result<(), EncodeError> {
        self.text(key)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        key: &T,
    ) -> Result<(), EncodeError> {
        key.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, key: &T) -> Result<(), EncodeError> {
        key.serialize(self)
    }

    fn serialize_f32(self, _: f32) -> Result<(), EncodeError> {
        bad_key()
    }

    fn serialize_f64(self, _: f64) -> Result<(), EncodeError> {
        bad_key()
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), EncodeError> {
        bad_key()
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        bad_key()
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        bad_key()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        bad_key()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), EncodeError> {
        bad_key()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, EncodeError> {
        bad_key()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, EncodeError> {
        bad_key()
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, EncodeError> {
        bad_key()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, EncodeError> {
        bad_key()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, EncodeError> {
        bad_key()
    }

    fn serialize_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStruct, EncodeError> {
        bad_key()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, EncodeError> {
        bad_key()
    }
}
