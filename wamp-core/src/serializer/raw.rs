//! Values that stay in the octets of their serializer.

use alloc::borrow::Cow;

use core::fmt;

use serde::Deserialize;

#[cfg(feature = "json")]
use super::json;
#[cfg(feature = "msgpack")]
use super::msgpack;
use super::source::{Members, Source};
use super::{DecodeLimits, SerializerKind, Sink, any};
use crate::error::{DecodeError, EncodeError, PayloadError};
use crate::{Value, ValueRef};

/// A value in the octets of its serializer, proven well-formed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RawValue<'a> {
    serializer: SerializerKind,
    octets: &'a [u8],
}

impl<'a> RawValue<'a> {
    /// Checks octets to be one well-formed value.
    ///
    /// # Errors
    ///
    /// They are not; offsets count from the start of `octets`.
    pub fn check(
        serializer: SerializerKind,
        octets: &'a [u8],
        limits: &DecodeLimits,
    ) -> Result<Self, DecodeError> {
        match serializer {
            #[cfg(feature = "json")]
            SerializerKind::Json => json::check(octets, limits)?,
            #[cfg(feature = "msgpack")]
            SerializerKind::MessagePack => msgpack::check(octets, limits)?,
        }
        Ok(Self { serializer, octets })
    }

    /// Octets that a decoder has proven well-formed, or that an encoder wrote.
    pub(crate) const fn trusted(serializer: SerializerKind, octets: &'a [u8]) -> Self {
        Self { serializer, octets }
    }

    /// The serializer of the octets.
    pub const fn serializer(self) -> SerializerKind {
        self.serializer
    }

    /// The octets.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.octets
    }

    /// The value: scalars are read, lists and maps stay raw.
    pub fn view(self) -> ValueRef<'a> {
        match self.serializer {
            #[cfg(feature = "json")]
            SerializerKind::Json => json::JsonSource::new(self.octets).view(),
            #[cfg(feature = "msgpack")]
            SerializerKind::MessagePack => msgpack::MessagePackSource::new(self.octets).view(),
        }
    }

    /// The value, read to the last leaf. What has no [`Value`] (an extension type of
    /// MessagePack) becomes [`Value::Null`].
    pub fn to_value(self) -> Value {
        match self.serializer {
            #[cfg(feature = "json")]
            SerializerKind::Json => json::JsonSource::new(self.octets).value(),
            #[cfg(feature = "msgpack")]
            SerializerKind::MessagePack => msgpack::MessagePackSource::new(self.octets).value(),
        }
    }

    /// Whether it is a list.
    pub fn is_list(self) -> bool {
        any::shape(self.serializer, self.octets) == super::Shape::List
    }

    /// The items, if it is a list; none otherwise.
    pub fn items(self) -> RawItems<'a> {
        RawItems(match self.serializer {
            #[cfg(feature = "json")]
            SerializerKind::Json => ItemsRepr::Json(Members::items(self.octets)),
            #[cfg(feature = "msgpack")]
            SerializerKind::MessagePack => ItemsRepr::MessagePack(Members::items(self.octets)),
        })
    }

    /// The entries, if it is a map; none otherwise.
    pub fn entries(self) -> RawEntries<'a> {
        RawEntries(match self.serializer {
            #[cfg(feature = "json")]
            SerializerKind::Json => ItemsRepr::Json(Members::entries(self.octets)),
            #[cfg(feature = "msgpack")]
            SerializerKind::MessagePack => ItemsRepr::MessagePack(Members::entries(self.octets)),
        })
    }

    /// The value as a type of the caller's, which may borrow from the octets.
    ///
    /// # Errors
    ///
    /// The value is no `T`.
    pub fn read<T: Deserialize<'a>>(self) -> Result<T, PayloadError> {
        any::deserialize(self, "value")
    }

    /// Appends the value in another serializer, or as it is in the same.
    ///
    /// # Errors
    ///
    /// The value has no equivalent there.
    pub fn write(self, serializer: SerializerKind, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if serializer == self.serializer {
            out.extend_from_slice(self.octets);
            return Ok(());
        }
        match serializer {
            #[cfg(feature = "json")]
            SerializerKind::Json => self.transcode(&mut json::JsonSink::new(out)),
            #[cfg(feature = "msgpack")]
            SerializerKind::MessagePack => self.transcode(&mut msgpack::MessagePackSink::new(out)),
        }
    }

    fn transcode<S: Sink>(self, sink: &mut S) -> Result<(), EncodeError> {
        match self.serializer {
            #[cfg(feature = "json")]
            SerializerKind::Json => json::JsonSource::new(self.octets).transcode(sink),
            #[cfg(feature = "msgpack")]
            SerializerKind::MessagePack => {
                msgpack::MessagePackSource::new(self.octets).transcode(sink)
            }
        }
    }

    /// Appends a dictionary: as it is in the same serializer, but without the white space that
    /// JSON allows.
    pub(crate) fn write_dict<S: Sink>(self, sink: &mut S) -> Result<(), EncodeError> {
        match self.serializer {
            #[cfg(feature = "json")]
            SerializerKind::Json if S::SERIALIZER == SerializerKind::Json => {
                json::compact(self.octets, sink.out());
                Ok(())
            }
            _ => self.write(S::SERIALIZER, sink.out()),
        }
    }
}

impl fmt::Debug for RawValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_value().fmt(f)
    }
}

/// The items of a list that stays in the octets of its serializer.
#[derive(Debug, Clone)]
pub struct RawItems<'a>(ItemsRepr<'a>);

/// The entries of a map that stays in the octets of its serializer.
#[derive(Debug, Clone)]
pub struct RawEntries<'a>(ItemsRepr<'a>);

#[derive(Debug, Clone)]
enum ItemsRepr<'a> {
    #[cfg(feature = "json")]
    Json(Members<json::JsonSource<'a>>),
    #[cfg(feature = "msgpack")]
    MessagePack(Members<msgpack::MessagePackSource<'a>>),
    #[cfg(not(any(feature = "json", feature = "msgpack")))]
    #[expect(dead_code, reason = "without a serializer there is no raw value")]
    None(core::marker::PhantomData<&'a ()>),
}

impl<'a> RawEntries<'a> {
    /// The next entry whose key is wanted, with what it is wanted as. The values of the others are
    /// skipped unread.
    pub(crate) fn next_wanted<T>(
        &mut self,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> Option<(T, ValueRef<'a>)> {
        match &mut self.0 {
            #[cfg(feature = "json")]
            ItemsRepr::Json(members) => members.next_wanted(wanted),
            #[cfg(feature = "msgpack")]
            ItemsRepr::MessagePack(members) => members.next_wanted(wanted),
            #[cfg(not(any(feature = "json", feature = "msgpack")))]
            ItemsRepr::None(_) => None,
        }
    }
}

impl<'a> Iterator for RawItems<'a> {
    type Item = ValueRef<'a>;

    fn next(&mut self) -> Option<ValueRef<'a>> {
        match &mut self.0 {
            #[cfg(feature = "json")]
            ItemsRepr::Json(members) => members.next_item(),
            #[cfg(feature = "msgpack")]
            ItemsRepr::MessagePack(members) => members.next_item(),
            #[cfg(not(any(feature = "json", feature = "msgpack")))]
            ItemsRepr::None(_) => None,
        }
    }
}

impl<'a> Iterator for RawEntries<'a> {
    type Item = (Cow<'a, str>, ValueRef<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            #[cfg(feature = "json")]
            ItemsRepr::Json(members) => members.next_entry(),
            #[cfg(feature = "msgpack")]
            ItemsRepr::MessagePack(members) => members.next_entry(),
            #[cfg(not(any(feature = "json", feature = "msgpack")))]
            ItemsRepr::None(_) => None,
        }
    }
}
