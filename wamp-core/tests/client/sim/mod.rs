//! A runtime in memory: one thread, a clock that only moves when nothing else can, sockets that
//! dawdle and fail as they are told, and an order of tasks drawn from a seed.

mod executor;
mod net;
mod pipe;
mod router;

pub(crate) use executor::{Sim, few_polls, yield_now};
pub(crate) use net::{Listener, Plan};
pub(crate) use pipe::{Fault, Side};
pub(crate) use router::{Script, frames};
