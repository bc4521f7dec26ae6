//! What every adapter does, here on threads.

#[path = "../../behaviour/mod.rs"]
mod behaviour;
#[path = "../../behaviour/halves.rs"]
mod halves;
#[path = "../../behaviour/session/mod.rs"]
#[expect(
    clippy::semicolon_if_nothing_returned,
    reason = "elsewhere it is a future that is returned"
)]
mod session;

use std::os::unix::net::UnixStream;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use behaviour_macros::{case_without_async as case, without_async as either};
use wamp_rawsocket_blocking as adapter;
use wamp_rawsocket_blocking::wamp_core::router::RouterConfig;

/// Runs a test, bounded in time.
fn run(test: impl FnOnce() + Send + 'static) {
    let (done, is_done) = channel();
    let test = thread::spawn(move || {
        test();
        // Nobody listens any more if it is too late.
        done.send(()).ok();
    });
    match is_done.recv_timeout(Duration::from_secs(120)) {
        Err(RecvTimeoutError::Timeout) => panic!("the test takes too long"),
        _ => test.join().unwrap(),
    }
}

/// There is no clock that could be paused.
fn run_on_clock(test: impl FnOnce() + Send + 'static) {
    run(test);
}

/// The unit of time of tests on the clock.
const TICK: Duration = Duration::from_millis(20);
const TIME_IS_EXACT: bool = false;

type Pipe = UnixStream;

fn pipe() -> (Pipe, Pipe) {
    UnixStream::pair().unwrap()
}

/// Both at once, one of them on a thread of its own.
fn both<A: Send, B>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        (one.join().unwrap(), other)
    })
}

fn nodelay(socket: &adapter::Socket) -> bool {
    matches!(socket, adapter::Socket::Tcp(stream) if stream.nodelay().unwrap())
}

type Task<T> = JoinHandle<T>;

fn spawn<T: Send + 'static>(task: impl FnOnce() -> T + Send + 'static) -> Task<T> {
    thread::spawn(task)
}

fn join<T>(task: Task<T>) -> T {
    task.join().unwrap()
}

/// Runs a piece of work where a handler's result is wanted.
fn later<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Lets others go on, between two looks at something.
fn pause() {
    thread::sleep(Duration::from_millis(1));
}

fn joining(realm: &str) -> adapter::Join {
    adapter::Join::new(realm)
}

fn routing(config: RouterConfig) -> adapter::Router {
    adapter::Router::new(config).unwrap()
}
