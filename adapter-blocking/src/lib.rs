//! WAMP over RawSocket on plain threads and the standard library's sockets: no executor, no async.
//!
//! There are two levels.
//!
//! * The session level, for applications: [`Join`] a realm, and the [`Session`] calls,
//!   registers, publishes and subscribes. A [`Router`] serves realms on [`Listener`]s.
//! * The transport level: a [`Connection`] carries whole messages, whatever is in them, over any
//!   [`Stream`]. One thread uses it at a time, and no other is needed; in
//!   [halves](Connection::split), one receives while others send.
//!
//! They have the names of the async adapters, and wait where those are awaited. Dropping a future,
//! which ends it there, is [`Closer::run`] here.
//!
//! The state machines underneath are those of [`wamp_core`] and [`rawsocket_proto`], which are
//! re-exported: an application depends on this crate alone.
//!
//! # A router, and two sessions on it
//!
//! ```
//! use std::thread;
//! use wamp_rawsocket_blocking::wamp_core::router::RouterConfig;
//! use wamp_rawsocket_blocking::{Invocation, Join, Listener, Router};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = Listener::bind(&"rs://127.0.0.1:0".parse()?)?;
//! let endpoint = listener.endpoint().clone();
//! let router = Router::new(RouterConfig::new(["realm1"]))?;
//! thread::spawn(move || router.serve(listener));
//!
//! let callee = Join::new("realm1").connect(&endpoint)?;
//! callee.register("com.example.add", |invocation: Invocation| {
//!     let (a, b): (i64, i64) = invocation.args()?;
//!     Ok((a + b,))
//! })?;
//!
//! let caller = Join::new("realm1").connect(&endpoint)?;
//! let (sum,): (i64,) = caller.call("com.example.add", &(2, 3))?.args()?;
//! assert_eq!(sum, 5);
//! # Ok(())
//! # }
//! ```
//!
//! # How it waits
//!
//! A method that waits does all that the connection needs meanwhile: it reads, writes, answers
//! PINGs and keeps deadlines. The socket is non-blocking, and the thread sleeps in `poll(2)` until
//! the socket is ready or a deadline comes. Sockets that block could not do that: an end that sits
//! in a write does not read, and two ends that do so wait for each other for ever.
//!
//! What runs is what runs on the other adapters, futures included, polled on the calling thread;
//! only the sleep is this crate's own. What is to go on while nobody waits has a thread: a session,
//! a router's connection, a handler ([`Threads`]).
//!
//! # A server that echoes, and its client
//!
//! ```
//! use wamp_rawsocket_blocking::rawsocket_proto::{connection::Config, wire::SerializerId};
//! use wamp_rawsocket_blocking::{Connection, Listener};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = Listener::bind(&"rs://127.0.0.1:0".parse()?)?;
//! let endpoint = listener.endpoint().clone();
//! let server = std::thread::spawn(move || {
//!     let socket = listener.accept()?;
//!     let mut client = Connection::router(socket, Config::new(), |_| Ok(()))?;
//!     while let Some(message) = client.recv()? {
//!         client.send(message)?;
//!     }
//!     client.close()
//! });
//!
//! let mut router = Connection::connect(&endpoint, Config::new(), SerializerId::JSON)?;
//! router.send(&b"[1]"[..])?;
//! assert_eq!(router.recv()?.unwrap(), "[1]");
//! router.close()?;
//! server.join().unwrap()?;
//! # Ok(())
//! # }
//! ```
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod clock;
mod closer;
mod connect;
mod connection;
mod halves;
mod io;
mod listener;
mod parker;
mod pool;
mod router;
mod runtime;
mod seat;
mod session;
mod socket;

pub use clock::BlockingClock;
pub use closer::Closer;
pub use connection::Connection;
pub use halves::{Receiver, ReuniteError, Sender};
pub use io::{BlockingIo, Stream};
pub use listener::Listener;
pub use rawsocket_proto::driver::Error;
pub use router::Router;
pub use runtime::Threads;
pub use session::{Call, Handled, Invocation, Join, Registration, Session, States, Subscription};
pub use socket::Socket;
pub use wamp_core::client::{
    Arguments, End, Event, Reconnect, SessionError, SessionState, Unrestored, WampError,
};
pub use {rawsocket_proto, wamp_core};
