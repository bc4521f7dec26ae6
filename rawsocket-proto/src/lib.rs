//! WAMP's RawSocket transport as state machines, without a socket, a clock or a runtime.
//!
//! RawSocket puts four octets in front of each message, and opens with a handshake of four octets
//! each way. This crate does all of it, for both ends, in four layers. Take the lowest one that
//! does what you need:
//!
//! | layer | for whom | feature |
//! |---|---|---|
//! | [`wire`] | whoever has whole headers at hand: `const fn` on `[u8; 4]` | |
//! | [`handshake`], [`decode`], [`heartbeat`] | firmware, custom event loops: octets in pieces, no alloc | |
//! | `connection` | an event loop of one's own: buffers, limits, timers, backpressure, orderly close | `connection` |
//! | `driver` | authors of adapters: the poll-based pump | `driver` |
//!
//! Without features the crate is `no_std`, does not allocate, and has no dependency.
//!
//! ```
//! use wamp_rawsocket_proto::decode::FrameDecoder;
//! use wamp_rawsocket_proto::handshake::{Client, ClientStep};
//! use wamp_rawsocket_proto::wire::{FrameRules, MaxLen, Request, SerializerId};
//!
//! // A client with 512 octets to spare. These four go out first:
//! let client = Client::new(Request { max_len: MaxLen::MIN, serializer: SerializerId::MSGPACK });
//! assert_eq!(client.request(), [0x7F, 0x02, 0, 0]);
//!
//! // The router's answer, with the first frame right behind it.
//! let mut input = &[0x7F, 0xF2, 0, 0, 0, 0, 0, 2, 0x91, 0x06][..];
//! let ClientStep::Done(agreed) = client.feed(&mut input)? else { unreachable!() };
//! let mut decoder = FrameDecoder::new(FrameRules::new(agreed.recv_max.octets()));
//! let message = decoder.poll_part(&mut input)?.unwrap();
//! assert_eq!(message.data, [0x91, 0x06]);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Promises
//!
//! * Nothing that a peer sends panics. There is no `unsafe`.
//! * Incomplete input is not an error, and unread input stays the caller's.
//! * Errors are final: a length-prefixed stream cannot be picked up again.
//! * A feature adds to the API and never changes behaviour.
#![no_std]
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[cfg(feature = "connection")]
extern crate alloc;
#[cfg(feature = "driver")]
extern crate std;

#[cfg(feature = "connection")]
pub mod connection;
pub mod decode;
#[cfg(feature = "driver")]
pub mod driver;
pub mod error;
pub mod handshake;
pub mod heartbeat;
pub mod time;
pub mod wire;

/// The example of the README is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
