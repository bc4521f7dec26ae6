//! The WAMP RawSocket transport as sans-IO state machines.
#![no_std]
