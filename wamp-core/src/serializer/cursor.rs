//! What reading the elements of a message needs from a serializer.

use alloc::borrow::Cow;

use super::{RawValue, SerializerKind};
use crate::error::DecodeError;

/// The rough type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Null,
    Bytes,
    List,
    EmptyMap,
    Map,
    Other,
}

/// Reads the elements of a message. Each is checked in full before it is handed out.
pub(crate) trait Cursor<'a>: Sized {
    const SERIALIZER: SerializerKind;

    /// Whether another element follows. Must be asked once before each element.
    fn more(&mut self) -> Result<bool, DecodeError>;

    /// The next element, if it is a non-negative integer. If not, the cursor is of no more use.
    fn uint(&mut self) -> Result<Option<u64>, DecodeError>;

    /// The next element, if it is a string. If not, the cursor is of no more use.
    fn string(&mut self) -> Result<Option<Cow<'a, str>>, DecodeError>;

    /// The next element, whatever it is.
    fn value(&mut self) -> Result<(Shape, RawValue<'a>), DecodeError>;

    /// Nothing may follow the message.
    fn finish(self) -> Result<(), DecodeError>;
}
