//! What every adapter does, here under async-std's executor.
#![cfg(feature = "async-std")]

#[path = "../../behaviour/mod.rs"]
mod behaviour;
mod support;

use behaviour_macros::{case_with_async as case, with_async as either};
use std::future::Future;
use std::time::Instant;
use support::{Pipe, TICK, TIME_IS_EXACT, both, bounded, nodelay, pipe};
use wamp_rawsocket_async_std as adapter;

fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    async_std::task::block_on(bounded(test()));
}

/// There is no clock that could be paused.
fn run_on_clock<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    run(test);
}
