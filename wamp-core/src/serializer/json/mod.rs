//! Json.
use super::{Cursor, DecodeLimits, RawValue, SerializerKind, Shape, Sink};
use crate::ValueRef;
use crate::error::{DecodeError, EncodeError};
use serde::Serialize;
use std::borrow::Cow;

pub(super) fn check(_o: &[u8], _l: &DecodeLimits) -> Result<(), DecodeError> {
    todo!()
}
pub(super) fn view(_o: &[u8]) -> ValueRef<'_> {
    todo!()
}
pub(super) fn shape(_o: &[u8]) -> Shape {
    todo!()
}
pub(super) fn compact(_o: &[u8], _out: &mut Vec<u8>) {
    todo!()
}
pub(super) fn transcode<S: Sink>(_o: &[u8], _s: &mut S) -> Result<(), EncodeError> {
    todo!()
}
pub(super) fn serialize<T: Serialize + ?Sized>(
    _v: &T,
    _o: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    todo!()
}
#[derive(Debug, Clone)]
pub(super) struct Members<'a>(&'a [u8]);
impl<'a> Members<'a> {
    pub(super) fn items(_o: &'a [u8]) -> Self {
        todo!()
    }
    pub(super) fn entries(_o: &'a [u8]) -> Self {
        todo!()
    }
    pub(super) fn next_item(&mut self) -> Option<ValueRef<'a>> {
        todo!()
    }
    pub(super) fn next_entry(&mut self) -> Option<(Cow<'a, str>, ValueRef<'a>)> {
        todo!()
    }
}
pub(super) struct JsonCursor<'a>(&'a [u8]);
impl<'a> JsonCursor<'a> {
    pub(super) fn new(_f: &'a [u8], _l: &DecodeLimits) -> Result<Self, DecodeError> {
        todo!()
    }
}
impl<'a> Cursor<'a> for JsonCursor<'a> {
    const SERIALIZER: SerializerKind = SerializerKind::Json;
    fn more(&mut self) -> Result<bool, DecodeError> {
        todo!()
    }
    fn uint(&mut self) -> Result<Option<u64>, DecodeError> {
        todo!()
    }
    fn string(&mut self) -> Result<Option<Cow<'a, str>>, DecodeError> {
        todo!()
    }
    fn value(&mut self) -> Result<(Shape, RawValue<'a>), DecodeError> {
        todo!()
    }
    fn finish(self) -> Result<(), DecodeError> {
        todo!()
    }
}
pub(super) struct JsonSink<'o>(&'o mut Vec<u8>);
impl<'o> JsonSink<'o> {
    pub(super) fn new(o: &'o mut Vec<u8>) -> Self {
        Self(o)
    }
}
impl Sink for JsonSink<'_> {
    const SERIALIZER: SerializerKind = SerializerKind::Json;
    type Mark = usize;
    fn out(&mut self) -> &mut Vec<u8> {
        self.0
    }
    fn null(&mut self) {
        todo!()
    }
    fn bool(&mut self, _: bool) {
        todo!()
    }
    fn int(&mut self, _: i64) {
        todo!()
    }
    fn uint(&mut self, _: u64) {
        todo!()
    }
    fn float(&mut self, _: f64) -> Result<(), EncodeError> {
        todo!()
    }
    fn string(&mut self, _: &str) -> Result<(), EncodeError> {
        todo!()
    }
    fn bytes(&mut self, _: &[u8]) -> Result<(), EncodeError> {
        todo!()
    }
    fn empty_map(&mut self) {
        todo!()
    }
    fn open_list(&mut self, _: Option<usize>) -> Result<usize, EncodeError> {
        todo!()
    }
    fn item(&mut self, _: usize) {
        todo!()
    }
    fn close_list(&mut self, _: usize, _: usize) -> Result<(), EncodeError> {
        todo!()
    }
    fn open_map(&mut self, _: Option<usize>) -> Result<usize, EncodeError> {
        todo!()
    }
    fn key(&mut self, _: usize, _: &str) -> Result<(), EncodeError> {
        todo!()
    }
    fn close_map(&mut self, _: usize, _: usize) -> Result<(), EncodeError> {
        todo!()
    }
}
pub(super) fn deserializer(
    _o: &[u8],
) -> serde::de::value::UnitDeserializer<serde::de::value::Error> {
    todo!()
}
