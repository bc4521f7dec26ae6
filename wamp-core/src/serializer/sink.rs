//! What writing values needs from a serializer.

use super::SerializerKind;
use crate::error::EncodeError;
use crate::{Value, ValueRef};

/// Appends values to a frame.
pub(crate) trait Sink {
    const SERIALIZER: SerializerKind;

    /// Where a list or map started that is still open.
    type Mark;

    fn out(&mut self) -> &mut Vec<u8>;
    fn null(&mut self);
    fn bool(&mut self, value: bool);
    fn int(&mut self, value: i64);
    fn uint(&mut self, value: u64);
    fn float(&mut self, value: f64) -> Result<(), EncodeError>;
    fn float32(&mut self, value: f32) -> Result<(), EncodeError>;
    fn string(&mut self, value: &str) -> Result<(), EncodeError>;
    fn bytes(&mut self, value: &[u8]) -> Result<(), EncodeError>;
    fn empty_map(&mut self);

    /// Opens a list; without a length it is counted when it is closed.
    fn open_list(&mut self, len: Option<usize>) -> Result<Self::Mark, EncodeError>;
    /// Comes before each item of a list.
    fn item(&mut self, index: usize);
    fn close_list(&mut self, mark: Self::Mark, len: usize) -> Result<(), EncodeError>;

    /// Opens a map; without a length it is counted when it is closed.
    fn open_map(&mut self, len: Option<usize>) -> Result<Self::Mark, EncodeError>;
    /// Comes before each value of a map.
    fn key(&mut self, index: usize, key: &str) -> Result<(), EncodeError>;
    fn close_map(&mut self, mark: Self::Mark, len: usize) -> Result<(), EncodeError>;
}

/// Writes a value.
pub(crate) fn write_value<S: Sink>(value: &Value, sink: &mut S) -> Result<(), EncodeError> {
    match value {
        Value::Null => sink.null(),
        Value::Bool(bool) => sink.bool(*bool),
        Value::Int(int) => sink.int(*int),
        Value::UInt(int) => sink.uint(*int),
        Value::Float(float) => sink.float(*float)?,
        Value::Str(text) => sink.string(text)?,
        Value::Bytes(bytes) => sink.bytes(bytes)?,
        Value::List(items) => {
            let mark = sink.open_list(Some(items.len()))?;
            for (index, item) in items.iter().enumerate() {
                sink.item(index);
                write_value(item, sink)?;
            }
            sink.close_list(mark, items.len())?;
        }
        Value::Map(entries) => {
            let mark = sink.open_map(Some(entries.len()))?;
            for (index, (key, value)) in entries.iter().enumerate() {
                sink.key(index, key)?;
                write_value(value, sink)?;
            }
            sink.close_map(mark, entries.len())?;
        }
    }
    Ok(())
}

/// Writes a borrowed value.
pub(crate) fn write_value_ref<S: Sink>(
    value: &ValueRef<'_>,
    sink: &mut S,
) -> Result<(), EncodeError> {
    match value {
        ValueRef::Null => sink.null(),
        ValueRef::Bool(bool) => sink.bool(*bool),
        ValueRef::Int(int) => sink.int(*int),
        ValueRef::UInt(int) => sink.uint(*int),
        ValueRef::Float(float) => sink.float(*float)?,
        ValueRef::Str(text) => sink.string(text)?,
        ValueRef::Bytes(bytes) => sink.bytes(bytes)?,
        ValueRef::Raw(raw) => raw.write(S::SERIALIZER, sink.out())?,
        ValueRef::Value(value) => write_value(value, sink)?,
    }
    Ok(())
}
