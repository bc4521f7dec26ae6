//! WAMP over RawSocket on the standard library's sockets: threads, no executor, no async.
//!
//! There is the transport level: whole messages in and out, over [`Connection`]. There is no
//! session level and no router here yet, and a connection is used by one thread at a time; a
//! [`Closer`] reaches it from any other. On tokio, sessions and routers exist.
//!
//! # How it waits
//!
//! A method that waits does all that the connection needs meanwhile: it reads, writes, answers
//! PINGs and keeps deadlines. The socket is non-blocking, and the thread sleeps in `poll(2)` until
//! the socket is ready or a deadline comes. Sockets that block could not do that: an end that sits
//! in a write does not read, and two ends that do so wait for each other for ever.
//!
//! What runs is the state machine and the pump of the other adapters; only the sleep is this
//! crate's own.
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
mod io;
mod listener;
mod parker;
mod pool;
mod runtime;
mod seat;
mod socket;

pub use clock::BlockingClock;
pub use closer::Closer;
pub use connection::Connection;
pub use io::{BlockingIo, Stream};
pub use listener::Listener;
pub use rawsocket_proto::driver::Error;
pub use runtime::Threads;
pub use socket::Socket;
pub use {rawsocket_proto, wamp_core};
