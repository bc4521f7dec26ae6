//! The WAMP RawSocket transport as sans-IO state machines.
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
