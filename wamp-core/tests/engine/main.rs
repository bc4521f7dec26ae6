//! The client session and the router against each other, in memory, on a virtual clock.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod hostile;
mod lifecycle;
mod limits;
mod model;
mod pubsub;
mod rpc;
mod violations;
mod world;
