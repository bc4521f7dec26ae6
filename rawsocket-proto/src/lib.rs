//! The WAMP RawSocket transport as sans-IO state machines.
#![no_std]

#[cfg(feature = "connection")]
extern crate alloc;
#[cfg(feature = "driver")]
extern crate std;

#[cfg(feature = "connection")]
pub mod connection;
pub mod error;
pub mod time;
pub mod wire;
