//! The pump between a state machine and a socket, on `core::task` alone: no runtime.
//!
//! An async adapter implements [`Transport`] for its sockets and [`Timer`] for its clock, a few
//! lines each. With them, [`Connection`] sends and receives whole messages; for any other state
//! machine, wrap the methods of [`Pump`] with `std::future::poll_fn`. All protocol progress is
//! kept in the state machine and the pump, never in a future, so that any future can be dropped at
//! any point: no octet is lost and no frame is torn.
//!
//! An event loop that is not async needs none of these: it calls the methods of [`Machine`], with
//! [`read_from`] where octets come from a [`std::io::Read`].

mod connection;
mod error;
mod machine;
mod pump;
mod read;
mod split;
mod transport;

pub use connection::Connection;
pub use error::Error;
pub use machine::Machine;
pub use pump::Pump;
pub use read::{poll_read_slice, read_from};
pub use split::{Receiver, ReuniteError, Sender};
pub use transport::{Timer, Transport, is_hangup};
