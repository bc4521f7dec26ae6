//! What the tests share.
#![expect(dead_code, reason = "each test binary uses its own part of this")]

use core::future::Future;
use core::time::Duration;

use tokio::io::DuplexStream;
use wamp_rawsocket_tokio::wamp_core::endpoint::Endpoint;
use wamp_rawsocket_tokio::wamp_core::router::{RouterConfig, RouterStats};
use wamp_rawsocket_tokio::{Join, Listener, Router, Session};

pub(crate) const REALM: &str = "realm1";

/// Bounds a test that uses real sockets, and so the real clock.
pub(crate) async fn bounded<F: Future>(test: F) -> F::Output {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, test).await.expect("in time")
}

/// Bounds a test that runs on a thread of its own, because it may block for ever.
pub(crate) fn bounded_thread(test: impl FnOnce() + Send + 'static) {
    let (done, over) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        test();
        done.send(()).ok();
    });
    match over.recv_timeout(Duration::from_secs(10)) {
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("blocked"),
        _ => thread.join().unwrap(),
    }
}

/// Lets all tasks that can go on do so, without letting time pass.
pub(crate) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

pub(crate) fn config() -> RouterConfig {
    RouterConfig::new([REALM])
}

/// A router. Where time is paused, a test that waits for what never comes is ended: then there is
/// nothing to do but to let the hours pass.
pub(crate) fn router() -> Router {
    tokio::spawn(async {
        tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
        eprintln!("a test waits for what never comes");
        std::process::abort();
    });
    Router::new(config()).unwrap()
}

/// A stream to the router, served by a task.
pub(crate) fn open(router: &Router) -> DuplexStream {
    open_with(router, 64 << 10)
}

/// A stream to the router through which so many octets fit.
pub(crate) fn open_with(router: &Router, capacity: usize) -> DuplexStream {
    let (here, there) = tokio::io::duplex(capacity);
    tokio::spawn(router.serve_connection(there));
    here
}

/// A session with the router, over memory.
pub(crate) async fn join(router: &Router) -> Session {
    Join::new(REALM).on(open(router)).await.unwrap()
}

/// A router on a TCP socket of its own.
pub(crate) async fn listening(router: &Router) -> (Endpoint, tokio::task::JoinHandle<()>) {
    let listener = Listener::bind(&"rs://127.0.0.1:0".parse().unwrap()).await;
    let listener = listener.unwrap();
    let endpoint = listener.endpoint().clone();
    (endpoint, tokio::spawn(router.serve(listener)))
}

/// Waits until the router holds nothing any more. Time may pass.
pub(crate) async fn emptied(router: &Router) {
    for _ in 0..1000 {
        if holds_nothing(&router.stats()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the router still holds {:?}", router.stats());
}

pub(crate) fn holds_nothing(stats: &RouterStats) -> bool {
    stats.transports == 0
        && stats.sessions == 0
        && stats.subscriptions == 0
        && stats.subscribers == 0
        && stats.registrations == 0
        && stats.pending_calls == 0
        && stats.timers == 0
        && stats.queued_frames == 0
}
