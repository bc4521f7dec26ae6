//! WAMP over RawSocket on `futures-io` streams: for smol, async-std, and whatever executor polls
//! futures.
//!
//! There are two levels.
//!
//! * The session level, for applications: [`Join`] a realm, and the [`Session`] calls,
//!   registers, publishes and subscribes. A [`Router`] serves realms on [`Listener`]s.
//! * The transport level: a [`Connection`] carries whole messages, whatever is in them, over any
//!   `futures-io` stream.
//!
//! Sockets and timers are `async-io`'s, which has a thread of its own and serves any executor. The
//! tasks of sessions and routers run on an executor, of which two are built in by features, along
//! with conversions from their sockets; [`AsyncIo::on`] takes any other:
//!
//! * `smol` (default): smol's global executor.
//! * `async-std`: async-std's. Upstream has discontinued async-std
//!   ([RUSTSEC-2025-0052](https://rustsec.org/advisories/RUSTSEC-2025-0052.html)) and names smol as
//!   the alternative, so this is for programs that are not there yet.
//!
//! The state machines underneath are those of [`wamp_core`] and [`rawsocket_proto`], which are
//! re-exported: an application depends on this crate alone.
//!
//! # A router, and two sessions on it
//!
//! ```
//! use wamp_rawsocket_async_std::wamp_core::router::RouterConfig;
//! use wamp_rawsocket_async_std::{Invocation, Join, Listener, Router};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! smol::block_on(async {
//!     let listener = Listener::bind(&"rs://127.0.0.1:0".parse()?).await?;
//!     let endpoint = listener.endpoint().clone();
//!     let router = Router::new(RouterConfig::new(["realm1"]))?;
//!     smol::spawn(router.serve(listener)).detach();
//!
//!     let callee = Join::new("realm1").connect(&endpoint).await?;
//!     callee
//!         .register("com.example.add", |invocation: Invocation| async move {
//!             let (a, b): (i64, i64) = invocation.args()?;
//!             Ok((a + b,))
//!         })
//!         .await?;
//!
//!     let caller = Join::new("realm1").connect(&endpoint).await?;
//!     let (sum,): (i64,) = caller.call("com.example.add", &(2, 3)).await?.args()?;
//!     assert_eq!(sum, 5);
//!     Ok(())
//! })
//! # }
//! ```
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
mod halves;
mod io;
mod net;
mod runtime;

pub use clock::AsyncIoClock;
pub use connection::Connection;
pub use halves::{Receiver, ReuniteError, Sender};
pub use io::FuturesIo;
pub use net::{Listener, Socket};
pub use rawsocket_proto::driver::Error;
pub use runtime::{AsyncIo, Join, Router, Task};
pub use wamp_core::client::{
    Arguments, Call, End, Event, Handled, Invocation, Reconnect, Registration, Session,
    SessionError, SessionState, States, Subscription, Unrestored, WampError,
};
pub use {rawsocket_proto, wamp_core};
