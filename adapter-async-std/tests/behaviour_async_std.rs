//! What every adapter does, here under async-std's executor.
#![cfg(feature = "async-std")]

#[path = "../../behaviour/mod.rs"]
mod behaviour;
#[path = "../../behaviour/halves.rs"]
mod halves;
#[path = "../../behaviour/session/mod.rs"]
mod session;
mod support;

use behaviour_macros::{case_with_async as case, with_async as either};
use std::future::Future;
use std::time::Instant;
use support::{Pipe, TICK, TIME_IS_EXACT, both, bounded, later, nodelay, pause, pipe};
use wamp_rawsocket_async_std as adapter;
use wamp_rawsocket_async_std::wamp_core::router::RouterConfig;

fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    async_std::task::block_on(bounded(test()));
}

/// There is no clock that could be paused.
fn run_on_clock<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    run(test);
}

type Task<T> = async_std::task::JoinHandle<T>;

fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> Task<T> {
    async_std::task::spawn(task)
}

async fn join<T>(task: Task<T>) -> T {
    task.await
}

fn joining(realm: &str) -> adapter::Join {
    adapter::Join::with_runtime(adapter::AsyncIo::async_std(), realm)
}

fn routing(config: RouterConfig) -> adapter::Router {
    adapter::Router::with_runtime(adapter::AsyncIo::async_std(), config).unwrap()
}
