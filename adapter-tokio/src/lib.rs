//! WAMP over RawSocket on tokio: a client, a router, and the plain transport.
//!
//! There are two levels.
//!
//! * The session level, for applications: [`Join`] a realm, and the [`Session`] calls,
//!   registers, publishes and subscribes. A [`Router`] serves realms on [`Listener`]s.
//! * The transport level: a [`Connection`] carries whole messages, whatever is in them, over any
//!   stream of tokio's.
//!
//! The state machines underneath are those of [`wamp_core`] and [`rawsocket_proto`], which are
//! re-exported: an application depends on this crate alone.
//!
//! # A router, and two sessions on it
//!
//! ```
//! use wamp_rawsocket_tokio::wamp_core::router::RouterConfig;
//! use wamp_rawsocket_tokio::{Invocation, Join, Listener, Router};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = Listener::bind(&"rs://127.0.0.1:0".parse()?).await?;
//! let endpoint = listener.endpoint().clone();
//! let router = Router::new(RouterConfig::new(["realm1"]))?;
//! tokio::spawn(router.serve(listener));
//!
//! let callee = Join::new("realm1").connect(&endpoint).await?;
//! callee
//!     .register("com.example.add", |invocation: Invocation| async move {
//!         let (a, b): (i64, i64) = invocation.args()?;
//!         Ok((a + b,))
//!     })
//!     .await?;
//!
//! let caller = Join::new("realm1").connect(&endpoint).await?;
//! let (sum,): (i64,) = caller.call("com.example.add", &(2, 3)).await?.args()?;
//! assert_eq!(sum, 5);
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
mod connection;
mod halves;
mod io;
mod net;
mod runtime;

pub use clock::TokioClock;
pub use connection::Connection;
pub use halves::{Receiver, ReuniteError, Sender};
pub use io::TokioIo;
pub use net::{Listener, Socket};
pub use rawsocket_proto::driver::Error;
pub use runtime::{Join, Router, Tokio};
pub use wamp_core::client::{
    Arguments, Call, End, Event, Handled, Invocation, Reconnect, Registration, Session,
    SessionError, SessionState, States, Subscription, Unrestored, WampError,
};
pub use {rawsocket_proto, wamp_core};

/// The examples of the README are compiled too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
