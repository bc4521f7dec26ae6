//! What every adapter does, written once; `README.md` tells how it is compiled.

pub(crate) mod bare;
pub(crate) mod endpoints;
mod sockets;
pub(crate) mod transport;
