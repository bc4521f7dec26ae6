//! WAMP over RawSocket on tokio.
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
mod router;
mod session;

pub use clock::TokioClock;
pub use connection::Connection;
pub use io::TokioIo;
pub use net::{Listener, Socket};
pub use rawsocket_proto::driver::Error;
pub use router::Router;
pub use session::{
    Arguments, Call, End, Event, Invocation, Join, Registration, Session, SessionError,
    Subscription, WampError,
};
pub use {rawsocket_proto, wamp_core};
