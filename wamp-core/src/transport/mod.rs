//! WAMP over RawSocket, without a socket: a connection of
//! [`rawsocket_proto`](rawsocket_proto::connection) and what speaks WAMP on it, as one state
//! machine.
//!
//! [`ClientPeer`] is a client's end, with its session. [`RouterPeer`] is a router's end, and hands
//! what arrives to a [`SharedRouter`] that any number of them serve. Both are
//! [`Machine`](rawsocket_proto::driver::Machine)s: an adapter drives them with a
//! [`Pump`](rawsocket_proto::driver::Pump), an event loop of one's own by the same methods:
//! `examples/event_loop` is one.
//!
//! # A turn
//!
//! A loop gives a connection a turn when its socket is ready, when the time of `poll_timeout` has
//! come (after `handle_timeout`), when it was given commands, and when its waker was woken:
//!
//! 1. For a [`RouterPeer`], [`register`](RouterPeer::register) the waker.
//! 2. Act: take a [`ClientPeer`]'s events from [`poll_event`](ClientPeer::poll_event) until there
//!    is none, and command its session; have a [`RouterPeer`] go on with
//!    [`advance`](RouterPeer::advance).
//! 3. Write what `poll_transmit` gives and tell `handle_transmitted`; then, if `wants_shutdown`,
//!    close the sending side and tell `handle_shutdown`.
//! 4. If `wants_read`, read in `handle_read`; at the end of the stream, `handle_eof`.
//! 5. If 3 or 4 moved anything, begin again at 2.
//! 6. If `is_closed`, drop the socket and the peer. Else note `poll_timeout`, and after a
//!    [`RouterPeer`]'s turn also [`SharedRouter::poll_timeout`].
//!
//! If the socket fails, tell a [`ClientPeer`] with [`handle_lost`](ClientPeer::handle_lost) and take
//! its last events; drop a [`RouterPeer`]. After a failed write read first: the peer may have said
//! why.

mod client;
mod router;
mod shared;

pub use client::{ClientPeer, PeerError};
pub use router::RouterPeer;
#[cfg(feature = "runtime")]
pub(crate) use shared::Link;
pub use shared::SharedRouter;
