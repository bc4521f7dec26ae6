//! The application payload of a message: positional and keyword arguments.
//!
//! A received payload stays raw, proven well-formed, until somebody asks for its arguments. To
//! send one, either forward what was received or hand over typed values, which are serialized
//! straight into the outgoing frame.

use alloc::borrow::Cow;
use core::fmt;

use bytes::Bytes;
use serde::Deserialize;

use crate::error::{EncodeError, PayloadError};
use crate::serializer::{RawValue, SerializerKind};
use crate::{Value, ValueRef};

mod typed;

#[cfg(feature = "runtime")]
pub(crate) use typed::serialize_into;
pub use typed::{ArgsKwargs, Kwargs, PayloadWriter, ToPayload};

/// The payload of a message.
///
/// Two payloads are equal if they hold equal values, whatever their serializers.
#[derive(Clone, Default)]
pub struct Payload<'a>(Repr<'a>);

#[derive(Clone, Default)]
enum Repr<'a> {
    #[default]
    None,
    Raw(RawPayload<'a>),
    /// Boxed, since messages are moved about and mostly are not this.
    Owned(Box<OwnedPayload>),
    Typed(&'a (dyn ToPayload + Sync)),
}

/// Arguments in the octets of a serializer, each proven well-formed, empty if absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawPayload<'a> {
    pub(crate) serializer: SerializerKind,
    /// A list; or a binary value, if the payload is passed through.
    pub(crate) args: &'a [u8],
    /// A map.
    pub(crate) kwargs: &'a [u8],
}

impl<'a> Payload<'a> {
    /// No arguments.
    pub const fn none() -> Self {
        Self(Repr::None)
    }

    /// Typed arguments, serialized when the message is encoded: a tuple, array, slice or `Vec`
    /// for positional arguments, [`Kwargs`] for keyword ones, [`ArgsKwargs`] for both.
    pub const fn typed(arguments: &'a (dyn ToPayload + Sync)) -> Self {
        Self(Repr::Typed(arguments))
    }

    pub(crate) const fn raw(raw: RawPayload<'a>) -> Self {
        Self(Repr::Raw(raw))
    }

    /// The raw arguments; `None` if there are none, or typed ones.
    pub(crate) fn as_raw(&self) -> Option<RawPayload<'_>> {
        match &self.0 {
            Repr::None | Repr::Typed(_) => None,
            Repr::Raw(raw) => Some(*raw),
            Repr::Owned(owned) => owned.as_raw(),
        }
    }

    pub(crate) fn as_typed(&self) -> Option<&'a (dyn ToPayload + Sync)> {
        match &self.0 {
            Repr::Typed(typed) => Some(*typed),
            _ => None,
        }
    }

    /// Whether there are neither positional nor keyword arguments. An empty list counts as
    /// arguments here, since it was sent.
    pub fn is_none(&self) -> bool {
        match &self.0 {
            Repr::None => true,
            Repr::Raw(raw) => raw.args.is_empty() && raw.kwargs.is_empty(),
            Repr::Owned(owned) => owned.is_none(),
            Repr::Typed(_) => false,
        }
    }

    /// The octets of the positional arguments, a list; `None` if absent or not raw.
    pub fn raw_args(&self) -> Option<RawValue<'_>> {
        self.as_raw().and_then(RawPayload::args)
    }

    /// The octets of the keyword arguments, a map; `None` if absent or not raw.
    pub fn raw_kwargs(&self) -> Option<RawValue<'_>> {
        self.as_raw().and_then(RawPayload::kwargs)
    }

    /// The binary that stands in place of the arguments in Autobahn's payload transparency
    /// (`enc_algo`); `None` for ordinary arguments.
    pub fn passthru(&self) -> Option<Cow<'_, [u8]>> {
        let raw = self.as_raw()?;
        match raw.args()?.view() {
            ValueRef::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The positional arguments as a tuple, `Vec`, or any type that deserializes from a list.
    /// Absent ones are an empty list. `()` takes whatever is there.
    ///
    /// # Errors
    ///
    /// The arguments do not have this type.
    pub fn args<T: for<'de> Deserialize<'de>>(&self) -> Result<T, PayloadError> {
        typed::read_args(self)
    }

    /// The keyword arguments as a struct, map, or any type that deserializes from a map. Absent
    /// ones are an empty map.
    ///
    /// # Errors
    ///
    /// The arguments do not have this type.
    pub fn kwargs<T: for<'de> Deserialize<'de>>(&self) -> Result<T, PayloadError> {
        typed::read_kwargs(self)
    }

    /// The positional arguments, and the keyword arguments as a [`Value::Map`], read to the last
    /// leaf.
    ///
    /// # Errors
    ///
    /// A typed payload cannot be serialized, or a value is not one of WAMP's.
    pub fn to_values(&self) -> Result<(Vec<Value>, Value), PayloadError> {
        let args = match self.passthru() {
            Some(bytes) => vec![Value::Bytes(bytes.into_owned())],
            None => self.args()?,
        };
        Ok((args, self.kwargs()?))
    }

    /// The payload as something that outlives the frame. It shares `frame` if it lies within,
    /// otherwise it is copied.
    ///
    /// A small payload keeps the whole of `frame` in memory.
    ///
    /// # Errors
    ///
    /// A typed payload cannot be serialized.
    pub fn detach(&self, frame: &Bytes) -> Result<OwnedPayload, EncodeError> {
        let share = |part: &[u8]| share(frame, part);
        Ok(match &self.0 {
            Repr::None => OwnedPayload::none(),
            Repr::Raw(raw) => OwnedPayload {
                serializer: Some(raw.serializer),
                args: share(raw.args),
                kwargs: share(raw.kwargs),
            },
            Repr::Owned(owned) => OwnedPayload::clone(owned),
            Repr::Typed(typed) => match SerializerKind::ALL.last() {
                Some(serializer) => typed::serialize(*serializer, *typed)?,
                None => OwnedPayload::none(),
            },
        })
    }
}

/// The part of `frame` that `part` is, by reference count where it is one.
fn share(frame: &Bytes, part: &[u8]) -> Bytes {
    let start = part.as_ptr().addr().wrapping_sub(frame.as_ptr().addr());
    match start.checked_add(part.len()) {
        _ if part.is_empty() => Bytes::new(),
        Some(end) if end <= frame.len() => frame.slice(start..end),
        _ => Bytes::copy_from_slice(part),
    }
}

impl<'a> RawPayload<'a> {
    pub(crate) fn args(self) -> Option<RawValue<'a>> {
        (!self.args.is_empty()).then(|| RawValue::trusted(self.serializer, self.args))
    }

    pub(crate) fn kwargs(self) -> Option<RawValue<'a>> {
        (!self.kwargs.is_empty()).then(|| RawValue::trusted(self.serializer, self.kwargs))
    }
}

impl PartialEq for Payload<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.as_raw(), other.as_raw()) {
            (Some(a), Some(b)) if a == b => true,
            _ => matches!((self.to_values(), other.to_values()), (Ok(a), Ok(b)) if a == b),
        }
    }
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::None => f.write_str("Payload(none)"),
            Repr::Typed(_) => f.write_str("Payload(typed)"),
            // The arguments may be secret and large: not shown.
            Repr::Raw(raw) => write!(
                f,
                "Payload({}, {} + {} octets)",
                raw.serializer,
                raw.args.len(),
                raw.kwargs.len()
            ),
            Repr::Owned(owned) => owned.fmt(f),
        }
    }
}

impl From<OwnedPayload> for Payload<'_> {
    fn from(owned: OwnedPayload) -> Self {
        Self(Repr::Owned(Box::new(owned)))
    }
}

/// A payload that shares its frame by reference count: what a session hands to the application.
#[derive(Clone, Default)]
pub struct OwnedPayload {
    serializer: Option<SerializerKind>,
    args: Bytes,
    kwargs: Bytes,
}

impl OwnedPayload {
    /// No arguments.
    pub const fn none() -> Self {
        Self {
            serializer: None,
            args: Bytes::new(),
            kwargs: Bytes::new(),
        }
    }

    /// Serializes typed arguments now, for sending them later or more than once.
    ///
    /// # Errors
    ///
    /// They cannot be serialized.
    pub fn serialize(
        serializer: SerializerKind,
        arguments: &(dyn ToPayload + Sync),
    ) -> Result<Self, EncodeError> {
        typed::serialize(serializer, arguments)
    }

    fn as_raw(&self) -> Option<RawPayload<'_>> {
        self.serializer.map(|serializer| RawPayload {
            serializer,
            args: &self.args,
            kwargs: &self.kwargs,
        })
    }

    /// The payload as a message takes it, borrowed.
    pub fn as_payload(&self) -> Payload<'_> {
        self.as_raw().map_or(Payload::none(), Payload::raw)
    }

    /// See [`Payload::is_none`].
    pub fn is_none(&self) -> bool {
        self.args.is_empty() && self.kwargs.is_empty()
    }

    /// See [`Payload::args`].
    ///
    /// # Errors
    ///
    /// The arguments do not have this type.
    pub fn args<T: for<'de> Deserialize<'de>>(&self) -> Result<T, PayloadError> {
        self.as_payload().args()
    }

    /// See [`Payload::kwargs`].
    ///
    /// # Errors
    ///
    /// The arguments do not have this type.
    pub fn kwargs<T: for<'de> Deserialize<'de>>(&self) -> Result<T, PayloadError> {
        self.as_payload().kwargs()
    }
}

impl PartialEq for OwnedPayload {
    fn eq(&self, other: &Self) -> bool {
        self.as_payload() == other.as_payload()
    }
}

impl fmt::Debug for OwnedPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_payload().fmt(f)
    }
}
