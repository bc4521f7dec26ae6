//! Sessions and routers on a runtime in memory, with a clock of its own and tasks in any order.
#![expect(
    clippy::similar_names,
    reason = "caller and callee are the words of the trade"
)]

mod ends;
mod handlers;
mod sim;
mod world;
