//! WAMP over RawSocket on `futures-io` streams: for smol, async-std, and whatever executor polls
//! futures.
//!
//! There is the transport level: whole messages in and out, over [`Connection`]. There is no
//! session level and no router here yet; on tokio both exist.
//!
//! Sockets and timers are `async-io`'s, which has a thread of its own and serves any executor:
//! nothing here asks which one it runs on. Two features bring conversions from other crates'
//! sockets, and nothing else:
//!
//! * `smol` (default): from `smol::net`.
//! * `async-std`: from `async_std::net`. Upstream has discontinued async-std
//!   ([RUSTSEC-2025-0052](https://rustsec.org/advisories/RUSTSEC-2025-0052.html)) and names smol as
//!   the alternative, so this is for programs that are not there yet.
//!
//! # A server that echoes, and its client
//!
//! ```
//! use wamp_rawsocket_async_std::rawsocket_proto::{connection::Config, wire::SerializerId};
//! use wamp_rawsocket_async_std::{Connection, Listener};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! smol::block_on(async {
//!     let listener = Listener::bind(&"rs://127.0.0.1:0".parse()?).await?;
//!     let endpoint = listener.endpoint().clone();
//!     let server = smol::spawn(async move {
//!         let socket = listener.accept().await?;
//!         let mut client = Connection::router(socket, Config::new(), |_| Ok(())).await?;
//!         while let Some(message) = client.recv().await? {
//!             client.send(message).await?;
//!         }
//!         client.close().await
//!     });
//!
//!     let mut router = Connection::connect(&endpoint, Config::new(), SerializerId::JSON).await?;
//!     router.send(&b"[1]"[..]).await?;
//!     assert_eq!(router.recv().await?.unwrap(), "[1]");
//!     router.close().await?;
//!     server.await?;
//!     Ok(())
//! })
//! # }
//! ```
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod clock;
mod connection;
mod io;
mod net;

pub use clock::AsyncIoClock;
pub use connection::{Connection, Receiver, Sender};
pub use io::FuturesIo;
pub use net::{Listener, Socket};
pub use rawsocket_proto::driver::Error;
pub use {rawsocket_proto, wamp_core};
