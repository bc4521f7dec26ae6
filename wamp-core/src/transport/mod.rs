//! WAMP over RawSocket, without a socket: a connection of
//! [`rawsocket_proto`](rawsocket_proto::connection) and what speaks WAMP on it, as one state
//! machine.
//!
//! [`ClientPeer`] is a client's end, with its session. [`RouterPeer`] is a router's end, and hands
//! what arrives to a [`SharedRouter`] that any number of them serve. Both are
//! [`Machine`](rawsocket_proto::driver::Machine)s: an adapter drives them with a
//! [`Pump`](rawsocket_proto::driver::Pump), an event loop of one's own by the same methods:
//! `examples/event_loop` is one.

mod client;
mod router;
mod shared;

pub use client::{ClientPeer, PeerError};
pub use router::RouterPeer;
pub use shared::SharedRouter;
