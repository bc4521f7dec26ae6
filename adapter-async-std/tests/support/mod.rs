//! What the behaviour suite needs, whatever the executor.

use std::future::Future;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use async_io::{Async, Timer};
use smol::future::{or, zip};
use wamp_rawsocket_async_std::Socket;

/// The unit of time of tests on the clock.
pub(crate) const TICK: Duration = Duration::from_millis(20);
pub(crate) const TIME_IS_EXACT: bool = false;

pub(crate) type Pipe = Async<UnixStream>;

pub(crate) fn pipe() -> (Pipe, Pipe) {
    Pipe::pair().unwrap()
}

/// No test takes longer.
pub(crate) async fn bounded(test: impl Future<Output = ()>) {
    let late = async {
        Timer::after(Duration::from_secs(120)).await;
        panic!("the test takes too long");
    };
    or(test, late).await;
}

pub(crate) async fn both<A, B>(
    one: impl Future<Output = A>,
    other: impl Future<Output = B>,
) -> (A, B) {
    zip(one, other).await
}

/// Runs a piece of work where a handler's result is wanted.
pub(crate) fn later<F: Future>(work: F) -> F {
    work
}

/// Lets others go on, between two looks at something.
pub(crate) async fn pause() {
    Timer::after(Duration::from_millis(1)).await;
}

pub(crate) fn nodelay(socket: &Socket) -> bool {
    matches!(socket, Socket::Tcp(stream) if stream.get_ref().nodelay().unwrap())
}
