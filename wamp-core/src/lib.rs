//! WAMP as sans-IO state machines.

pub mod endpoint;
