//! Sessions and routers on a runtime in memory, with a clock of its own and tasks in any order.
#![expect(
    clippy::similar_names,
    reason = "caller and callee are the words of the trade"
)]

mod calls;
mod cancel;
mod ends;
mod events;
mod handlers;
mod joining;
mod model;
mod reconnect;
mod room;
mod serving;
mod sim;
mod world;
