//! The wire layers of `wamp-rawsocket-proto` behind a C interface, as firmware would have them.
//!
//! There is no std, no allocator and a panic handler of its own, so that this does not build once
//! one of them gets in: std brings a second panic handler, `alloc` asks for an allocator.
#![no_std]
#![expect(
    unsafe_code,
    reason = "`no_mangle` is an unsafe attribute; there is no unsafe block"
)]

#[cfg(feature = "must-fail-std")]
extern crate std;

pub mod interface;
