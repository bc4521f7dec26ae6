//! The pump between a state machine and a socket, on `core::task` alone: no runtime.
//!
//! An async adapter implements [`Transport`] for its sockets and [`Timer`] for its clock, a few
//! lines each, and wraps the methods of [`Pump`] with `std::future::poll_fn`. All protocol
//! progress is kept in the state machine and the pump, never in a future, so that any future can
//! be dropped at any point: no octet is lost and no frame is torn.

mod machine;
mod pump;
mod transport;

pub use machine::Machine;
pub use pump::Pump;
pub use transport::{Timer, Transport, is_hangup};
