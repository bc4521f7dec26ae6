//! WAMP as sans-IO state machines.
//!
//! The vocabulary comes first: [`Id`], [`uri`], [`Value`], [`Dict`] and [`Payload`]. On it stand
//! the [`message`]s, one struct each, and the [`serializer`]s that turn them into octets and back.
//!
//! ```
//! # #[cfg(feature = "json")] {
//! use wamp_rawsocket_core::message::{Message, Publish};
//! use wamp_rawsocket_core::{DecodeLimits, Id, Payload, SerializerKind};
//!
//! let mut frame = Vec::new();
//! let arguments = ("Hello, world!", 42);
//! let publish = Publish::new(Id::MIN, "com.myapp.topic1").with_payload(Payload::typed(&arguments));
//! Message::from(publish).encode(SerializerKind::Json, &mut frame)?;
//! assert_eq!(frame, br#"[16,1,{},"com.myapp.topic1",["Hello, world!",42]]"#);
//!
//! let message = Message::decode(SerializerKind::Json, &frame, &DecodeLimits::default())?;
//! let Message::Publish(publish) = message else { panic!("not a PUBLISH") };
//! let (text, number): (String, i64) = publish.payload.args()?;
//! assert_eq!((text.as_str(), number), ("Hello, world!", 42));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

#[cfg(not(any(feature = "json", feature = "msgpack")))]
compile_error!("WAMP needs a serializer: enable the feature `json` or `msgpack`");

extern crate alloc;

#[cfg(feature = "runtime")]
mod abort;
#[cfg(feature = "runtime")]
pub mod client;
pub mod dict;
pub mod endpoint;
pub mod error;
mod features;
pub mod id;
pub mod message;
mod outbox;
pub mod payload;
pub mod router;
#[cfg(feature = "runtime")]
pub mod runtime;
pub mod serializer;
#[cfg(feature = "runtime")]
pub mod server;
pub mod session;
mod table;
pub mod transport;
pub mod uri;
pub mod uris;
pub mod value;

pub use dict::Dict;
pub use error::{DecodeError, EncodeError, PayloadError};
pub use id::Id;
pub use message::{Message, MessageType};
pub use payload::{ArgsKwargs, Kwargs, OwnedPayload, Payload, PayloadWriter, ToPayload};
pub use serializer::{DecodeLimits, RawValue, SerializerKind};
pub use value::{Value, ValueRef};

/// What clients and routers call themselves unless told otherwise.
const AGENT: &str = concat!("wamp-rawsocket-", env!("CARGO_PKG_VERSION"));
