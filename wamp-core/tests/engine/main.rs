//! The client session and the router against each other, in memory, on a virtual clock.
#![cfg(all(feature = "json", feature = "msgpack"))]
#![expect(
    clippy::similar_names,
    reason = "caller and callee are the words of the trade"
)]

mod backlog;
mod hostile;
mod lifecycle;
mod limits;
mod model;
mod pubsub;
mod rpc;
mod violations;
mod world;
