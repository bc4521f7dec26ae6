//! What every adapter does, here on tokio.

#[path = "../../behaviour/mod.rs"]
mod behaviour;
#[path = "../../behaviour/halves.rs"]
mod halves;
#[path = "../../behaviour/session/mod.rs"]
mod session;

use core::future::Future;
use core::time::Duration;

use behaviour_macros::{case_with_async as case, with_async as either};
use tokio::io::DuplexStream;
use tokio::runtime::Builder;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use wamp_rawsocket_tokio as adapter;
use wamp_rawsocket_tokio::wamp_core::router::RouterConfig;

/// Runs a test on threads, bounded in time.
fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(bounded(test));
}

/// Runs a test whose time passes only when nothing else is left to do.
fn run_on_clock<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(bounded(test));
}

async fn bounded<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let limit = Duration::from_secs(120);
    tokio::time::timeout(limit, test()).await.expect("in time");
}

/// The unit of time of tests on the clock.
const TICK: Duration = Duration::from_secs(10);
const TIME_IS_EXACT: bool = true;

/// A stream that needs nothing of the operating system.
type Pipe = DuplexStream;

fn pipe() -> (Pipe, Pipe) {
    tokio::io::duplex(64 << 10)
}

async fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    tokio::join!(one, other)
}

type Task<T> = JoinHandle<T>;

fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> Task<T> {
    tokio::spawn(task)
}

async fn join<T>(task: Task<T>) -> T {
    task.await.unwrap()
}

/// Runs a piece of work where a handler's result is wanted.
fn later<F: Future>(work: F) -> F {
    work
}

/// Lets others go on, between two looks at something.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

fn nodelay(socket: &adapter::Socket) -> bool {
    matches!(socket, adapter::Socket::Tcp(stream) if stream.nodelay().unwrap())
}

fn joining(realm: &str) -> adapter::Join {
    adapter::Join::new(realm)
}

fn routing(config: RouterConfig) -> adapter::Router {
    adapter::Router::new(config).unwrap()
}
