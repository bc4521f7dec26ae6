//! Serializers: messages to octets and back.
//!
//! The elements of a message are decoded in place; its arguments and dictionaries are proven
//! well-formed and left as they are. Typed values go through serde.

use core::fmt;

use rawsocket_proto::wire::SerializerId;

use crate::error::{DecodeError, EncodeError};
use crate::message::{Elements, Fields, Message};

mod any;
mod cursor;
mod de;
mod raw;
mod ser;
mod sink;
mod source;

#[cfg(feature = "json")]
mod json;
#[cfg(feature = "msgpack")]
mod msgpack;

pub(crate) use any::{
    deserialize_args, deserialize_kwargs, separator, serialize, shape, value_ref_to,
};
pub(crate) use cursor::{Cursor, Shape};
pub use raw::{RawEntries, RawItems, RawValue};
pub(crate) use sink::{Sink, write_value_ref};

/// A serializer that is built in.
///
/// Features decide which ones there are: `json`, `msgpack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SerializerKind {
    /// JSON (RFC 8259), with binary as strings of `\0` and Base64.
    #[cfg(feature = "json")]
    Json,
    /// MessagePack, version 5: strings and binary differ.
    #[cfg(feature = "msgpack")]
    MessagePack,
}

impl SerializerKind {
    /// All that are built in, by their IDs in the RawSocket handshake.
    pub const ALL: &[Self] = &[
        #[cfg(feature = "json")]
        Self::Json,
        #[cfg(feature = "msgpack")]
        Self::MessagePack,
    ];

    /// The ID in the RawSocket handshake.
    pub const fn id(self) -> SerializerId {
        match self {
            #[cfg(feature = "json")]
            Self::Json => SerializerId::JSON,
            #[cfg(feature = "msgpack")]
            Self::MessagePack => SerializerId::MSGPACK,
        }
    }

    /// The serializer with this ID in the RawSocket handshake, if it is built in.
    pub fn from_id(id: SerializerId) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.id() == id)
    }

    /// The WebSocket subprotocol, for example `wamp.2.json`.
    pub const fn subprotocol(self) -> &'static str {
        match self {
            #[cfg(feature = "json")]
            Self::Json => "wamp.2.json",
            #[cfg(feature = "msgpack")]
            Self::MessagePack => "wamp.2.msgpack",
        }
    }

    /// The serializer of this WebSocket subprotocol, if it is built in.
    pub fn from_subprotocol(subprotocol: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.subprotocol() == subprotocol)
    }

    /// The short name, as Crossbar's configuration has it: `json`, `msgpack`.
    pub const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "json")]
            Self::Json => "json",
            #[cfg(feature = "msgpack")]
            Self::MessagePack => "msgpack",
        }
    }

    /// Whether frames are text: over WebSocket those are text messages.
    pub const fn is_text(self) -> bool {
        match self {
            #[cfg(feature = "json")]
            Self::Json => true,
            #[cfg(feature = "msgpack")]
            Self::MessagePack => false,
        }
    }
}

impl fmt::Display for SerializerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a frame may demand of whoever reads it.
///
/// Decoding itself needs no memory, whatever the frame; these protect the code that reads the
/// arguments. The size of a frame is limited by the transport.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeLimits {
    /// How deep lists and maps may be nested within the message. Default 64; never more than
    /// [`DecodeLimits::MAX_DEPTH`].
    pub max_depth: u16,
    /// How many values the message may hold, keys and nested ones included. Default 2^20.
    pub max_elements: u32,
}

impl DecodeLimits {
    /// The deepest nesting that is ever accepted: reading goes one stack frame deeper for each.
    pub const MAX_DEPTH: u16 = 128;

    /// Sets how deep lists and maps may be nested.
    #[must_use]
    pub const fn with_max_depth(mut self, max_depth: u16) -> Self {
        self.max_depth = max_depth;
        self
    }

    /// Sets how many values a message may hold.
    #[must_use]
    pub const fn with_max_elements(mut self, max_elements: u32) -> Self {
        self.max_elements = max_elements;
        self
    }
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            max_depth: 64,
            max_elements: 1 << 20,
        }
    }
}

pub(crate) fn decode<'a>(
    serializer: SerializerKind,
    frame: &'a [u8],
    limits: &DecodeLimits,
) -> Result<Message<'a>, DecodeError> {
    match serializer {
        #[cfg(feature = "json")]
        SerializerKind::Json => Fields::message(json::JsonCursor::new(frame, limits)?),
        #[cfg(feature = "msgpack")]
        SerializerKind::MessagePack => {
            Fields::message(msgpack::MessagePackCursor::new(frame, limits)?)
        }
    }
}

pub(crate) fn encode(
    serializer: SerializerKind,
    message: &Message<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let before = out.len();
    let written: Result<(), EncodeError> = match serializer {
        #[cfg(feature = "json")]
        SerializerKind::Json => Elements::message(json::JsonSink::new(out), message),
        #[cfg(feature = "msgpack")]
        SerializerKind::MessagePack => {
            Elements::message(msgpack::MessagePackSink::new(out), message)
        }
    };
    if written.is_err() {
        out.truncate(before);
    }
    written
}
