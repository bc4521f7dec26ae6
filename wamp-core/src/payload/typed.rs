//! Typed arguments: from serde into a frame and back.

use core::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{OwnedPayload, Payload, RawPayload};
use crate::error::{EncodeError, PayloadError};
use crate::serializer::{self, SerializerKind};

/// Something that can be sent as the payload of a message.
///
/// It is implemented for tuples, arrays, slices and `Vec`s (positional arguments), for
/// [`Kwargs`], [`ArgsKwargs`] and `()`, and for payloads that were received.
///
/// ```
/// # #[cfg(feature = "json")] {
/// use serde::Serialize;
/// use wamp_rawsocket_core::{PayloadWriter, SerializerKind, OwnedPayload, ToPayload};
/// use wamp_rawsocket_core::EncodeError;
///
/// #[derive(Serialize)]
/// struct Reading { celsius: f64 }
///
/// impl ToPayload for Reading {
///     fn write(&self, out: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
///         out.args(&[self])
///     }
/// }
///
/// let payload = OwnedPayload::serialize(SerializerKind::Json, &Reading { celsius: 21.5 })?;
/// assert_eq!(payload.as_payload().raw_args().unwrap().as_bytes(), br#"[{"celsius":21.5}]"#);
/// # }
/// # Ok::<(), wamp_rawsocket_core::EncodeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no arguments of WAMP",
    label = "not a list of arguments",
    note = "positional arguments are a tuple, `(value,)` for a single one, or a `Vec`",
    note = "keyword arguments are `Kwargs(value)`, and `ArgsKwargs` is both"
)]
pub trait ToPayload {
    /// Writes the positional arguments, if there are any, then the keyword arguments, if there
    /// are any.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    fn write(&self, out: &mut PayloadWriter<'_>) -> Result<(), EncodeError>;
}

/// Takes the arguments of a [`ToPayload`] straight into the outgoing frame.
#[derive(Debug)]
pub struct PayloadWriter<'o> {
    serializer: SerializerKind,
    out: &'o mut Vec<u8>,
    /// Where the positional arguments start in `out`.
    start: usize,
    /// Where the keyword arguments start, once both are written.
    kwargs: Option<usize>,
    /// Elements of the message that were written: 0, 1 or 2.
    written: usize,
}

impl<'o> PayloadWriter<'o> {
    pub(crate) fn new(serializer: SerializerKind, out: &'o mut Vec<u8>) -> Self {
        Self {
            serializer,
            start: out.len(),
            out,
            kwargs: None,
            written: 0,
        }
    }

    /// How many elements were written to the message: 0, 1 or 2.
    pub(crate) fn written(&self) -> usize {
        self.written
    }

    fn separate(&mut self) {
        self.out
            .extend_from_slice(serializer::separator(self.serializer));
    }

    /// The serializer of the message.
    pub fn serializer(&self) -> SerializerKind {
        self.serializer
    }

    /// Writes the positional arguments: anything that serializes as a list.
    ///
    /// # Errors
    ///
    /// `args` does not serialize, or not as a list, or arguments were written before.
    pub fn args<T: Serialize + ?Sized>(&mut self, args: &T) -> Result<(), EncodeError> {
        if self.written > 0 {
            return Err(EncodeError::ArgsNotAList);
        }
        self.separate();
        let at = self.out.len();
        serializer::serialize(self.serializer, args, self.out)?;
        match serializer::shape(self.serializer, &self.out[at..]) {
            serializer::Shape::List => self.written = 1,
            _ => return Err(EncodeError::ArgsNotAList),
        }
        Ok(())
    }

    /// Writes the keyword arguments: anything that serializes as a map with strings as keys. An
    /// empty map is left out.
    ///
    /// # Errors
    ///
    /// `kwargs` does not serialize, or not as a map, or keyword arguments were written before.
    pub fn kwargs<T: Serialize + ?Sized>(&mut self, kwargs: &T) -> Result<(), EncodeError> {
        if self.written > 1 {
            return Err(EncodeError::KwargsNotAMap);
        }
        let before = (self.out.len(), self.written);
        if self.written == 0 {
            self.args::<[(); 0]>(&[])?;
        }
        self.separate();
        let at = self.out.len();
        serializer::serialize(self.serializer, kwargs, self.out)?;
        match serializer::shape(self.serializer, &self.out[at..]) {
            serializer::Shape::EmptyMap => {
                self.out.truncate(before.0);
                self.written = before.1;
            }
            serializer::Shape::Map => {
                self.kwargs = Some(at);
                self.written = 2;
            }
            _ => return Err(EncodeError::KwargsNotAMap),
        }
        Ok(())
    }

    /// Writes a payload that was received: its octets as they are, or transcoded.
    pub(crate) fn raw(&mut self, raw: RawPayload<'_>) -> Result<(), EncodeError> {
        if raw.args.is_empty() && raw.kwargs.is_empty() {
            return Ok(());
        }
        self.separate();
        match raw.args() {
            Some(args) => args.write(self.serializer, self.out)?,
            None => serializer::serialize::<[(); 0]>(self.serializer, &[], self.out)?,
        }
        self.written = 1;
        if let Some(kwargs) = raw.kwargs() {
            self.separate();
            self.kwargs = Some(self.out.len());
            kwargs.write(self.serializer, self.out)?;
            self.written = 2;
        }
        Ok(())
    }
}

impl Payload<'_> {
    /// Writes the elements of the message that the payload is.
    pub(crate) fn write(&self, out: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
        match (self.as_raw(), self.as_typed()) {
            (Some(raw), _) => out.raw(raw),
            (None, Some(typed)) => typed.write(out),
            (None, None) => Ok(()),
        }
    }
}

/// Serializes typed arguments into octets of their own.
pub(super) fn serialize(
    serializer: SerializerKind,
    arguments: &(dyn ToPayload + Sync),
) -> Result<OwnedPayload, EncodeError> {
    let mut octets = Vec::new();
    let (args, kwargs) = serialize_into(serializer, arguments, &mut octets)?;
    if args.is_empty() {
        return Ok(OwnedPayload::none());
    }
    let octets = Bytes::from(octets);
    Ok(OwnedPayload {
        serializer: Some(serializer),
        args: octets.slice(args),
        kwargs: octets.slice(kwargs),
    })
}

/// Serializes typed arguments behind what is in `octets`, and says where they are: positional ones
/// and keyword ones, both empty if there are none.
pub(crate) fn serialize_into(
    serializer: SerializerKind,
    arguments: &(dyn ToPayload + Sync),
    octets: &mut Vec<u8>,
) -> Result<(Range<usize>, Range<usize>), EncodeError> {
    let mut out = PayloadWriter::new(serializer, octets);
    arguments.write(&mut out)?;
    let separator = serializer::separator(serializer).len();
    let (start, kwargs, written) = (out.start + separator, out.kwargs, out.written);
    let end = octets.len();
    if written == 0 {
        return Ok((end..end, end..end));
    }
    let args = start..kwargs.map_or(end, |kwargs| kwargs - separator);
    Ok((args, kwargs.unwrap_or(end)..end))
}

pub(super) fn read_args<T: for<'de> Deserialize<'de>>(
    payload: &Payload<'_>,
) -> Result<T, PayloadError> {
    if let Some(typed) = payload.as_typed() {
        let owned = serialize_any(typed).map_err(|error| PayloadError::new("args", &error))?;
        return read_args(&owned.as_payload());
    }
    serializer::deserialize_args(payload.raw_args())
}

pub(super) fn read_kwargs<T: for<'de> Deserialize<'de>>(
    payload: &Payload<'_>,
) -> Result<T, PayloadError> {
    if let Some(typed) = payload.as_typed() {
        let owned = serialize_any(typed).map_err(|error| PayloadError::new("kwargs", &error))?;
        return read_kwargs(&owned.as_payload());
    }
    serializer::deserialize_kwargs(payload.raw_kwargs())
}

/// Serializes with whatever serializer there is.
pub(super) fn serialize_any(typed: &(dyn ToPayload + Sync)) -> Result<OwnedPayload, EncodeError> {
    match SerializerKind::ALL.last() {
        Some(any) => serialize(*any, typed),
        None => Err(EncodeError::Serialize("no serializer is built in".into())),
    }
}

/// Keyword arguments without positional ones: a struct or map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain wrapper, to be built by hand"
)]
pub struct Kwargs<K>(pub K);

/// Positional arguments (a tuple, array or `Vec`) and keyword arguments (a struct or map).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain pair, to be built by hand"
)]
pub struct ArgsKwargs<A, K>(pub A, pub K);

impl<K: Serialize> ToPayload for Kwargs<K> {
    fn write(&self, out: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
        out.kwargs(&self.0)
    }
}

impl<A: Serialize, K: Serialize> ToPayload for ArgsKwargs<A, K> {
    fn write(&self, out: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
        out.args(&self.0)?;
        out.kwargs(&self.1)
    }
}

impl ToPayload for () {
    fn write(&self, _: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl ToPayload for Payload<'_> {
    fn write(&self, out: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
        Self::write(self, out)
    }
}

impl ToPayload for OwnedPayload {
    fn write(&self, out: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
        self.as_payload().write(out)
    }
}

impl<P: ToPayload + ?Sized> ToPayload for &P {
    fn write(&self, out: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
        (**self).write(out)
    }
}

impl<P: ToPayload + ?Sized> ToPayload for Box<P> {
    fn write(&self, out: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
        (**self).write(out)
    }
}

/// Writes a list, or nothing if it is empty: empty arguments should not be sent.
fn write_items<T: Serialize>(items: &[T], out: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
    if items.is_empty() {
        return Ok(());
    }
    out.args(items)
}

impl<T: Serialize> ToPayload for [T] {
    fn write(&self, out: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
        write_items(self, out)
    }
}

impl<T: Serialize> ToPayload for Vec<T> {
    fn write(&self, out: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
        write_items(self, out)
    }
}

impl<T: Serialize, const N: usize> ToPayload for [T; N] {
    fn write(&self, out: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
        write_items(self, out)
    }
}

macro_rules! tuples {
    ($($($name:ident)+;)+) => {
        $(impl<$($name: Serialize),+> ToPayload for ($($name,)+) {
            fn write(&self, out: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
                out.args(self)
            }
        })+
    };
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
    A B C D E F G H I;
    A B C D E F G H I J;
    A B C D E F G H I J K;
    A B C D E F G H I J K L;
}
