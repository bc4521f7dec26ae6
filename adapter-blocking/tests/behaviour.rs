//! What every adapter does, here on threads.

#[path = "../../behaviour/mod.rs"]
mod behaviour;

use std::os::unix::net::UnixStream;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use behaviour_macros::{case_without_async as case, without_async as either};
use wamp_rawsocket_blocking as adapter;

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
