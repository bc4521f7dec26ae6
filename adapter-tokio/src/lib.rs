//! WAMP over RawSocket on tokio.
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod clock;
mod connection;
mod error;
mod io;
mod net;

pub use clock::TokioClock;
pub use connection::Connection;
pub use error::Error;
pub use io::TokioIo;
pub use net::{Listener, Socket};
pub use {rawsocket_proto, wamp_core};
