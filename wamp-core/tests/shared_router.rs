//! The deadlines of a router that connections share, kept by an event loop or by a task; and whom
//! it wakes.
#![cfg(feature = "json")]

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::BufMut as _;
use rawsocket_proto::connection::Config;
use rawsocket_proto::driver::{Machine as _, Timer};
use rawsocket_proto::time::{Deadline, Instant};
use wamp_rawsocket_core::SerializerKind;
use wamp_rawsocket_core::router::{RouterConfig, RouterTimer};
use wamp_rawsocket_core::transport::{RouterPeer, SharedRouter};

const START: Instant = Instant::from_millis(1_000);
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
const HELLO: &str = r#"[1,"realm1",{"roles":{"caller":{},"callee":{}}}]"#;
/// A call to a callee that does not answer.
const CALL: &str = r#"[48,1,{"timeout":1000},"com.never"]"#;

fn at(millis: u64) -> Instant {
    START.saturating_add(Duration::from_millis(millis))
}

/// A peer that has shaken hands at [`START`].
fn greeted(router: &SharedRouter) -> RouterPeer {
    let serializers = &[SerializerKind::Json];
    let config = Arc::new(Config::new());
    let mut peer = RouterPeer::new(config, serializers, router.clone(), START);
    feed(&mut peer, &[0x7F, 0xF1, 0, 0], START);
    peer
}

fn joined(router: &SharedRouter) -> RouterPeer {
    let mut peer = greeted(router);
    say(&mut peer, HELLO, START);
    said(&mut peer);
    peer
}

fn feed(peer: &mut RouterPeer, octets: &[u8], now: Instant) {
    assert!(peer.wants_read());
    peer.handle_read(now, |buf| buf.put_slice(octets));
    peer.advance();
}

fn say(peer: &mut RouterPeer, message: &str, now: Instant) {
    let len = u32::try_from(message.len()).unwrap();
    let frame = [&len.to_be_bytes()[..], message.as_bytes()].concat();
    feed(peer, &frame, now);
}

/// Takes all that the peer has to send.
fn said(peer: &mut RouterPeer) -> String {
    let mut all = Vec::new();
    while let Some(octets) = peer.poll_transmit() {
        let count = octets.len();
        all.extend_from_slice(octets);
        peer.handle_transmitted(count);
    }
    String::from_utf8_lossy(&all).into_owned()
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn counting() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (count.clone(), count.into())
}

#[test]
fn a_client_that_says_no_hello_is_due_and_then_ended() {
    let router = SharedRouter::new(RouterConfig::new(["realm1"]), [0; 32]);
    assert_eq!(router.poll_timeout(), None);
    let (woken, waker) = counting();
    let mut peer = greeted(&router);
    let due = START.saturating_add(HELLO_TIMEOUT);
    let deadline = Deadline {
        at: due,
        reason: RouterTimer::Hello,
    };
    assert_eq!(router.poll_timeout(), Some(deadline));

    peer.register(&waker);
    router.handle_timeout(at(9_999));
    assert_eq!((woken.take(), router.poll_timeout()), (0, Some(deadline)));
    router.handle_timeout(due);
    assert!(woken.take() > 0, "nobody told the connection");
    assert_eq!(router.poll_timeout(), None);
    // The peer asks for the time, and closes.
    assert!(!peer.advance());
    assert!(peer.poll_timeout().unwrap() <= due);
    peer.handle_timeout(due);
    said(&mut peer);
    assert!(peer.wants_shutdown());
}

#[test]
fn a_calls_deadline_wakes_the_caller() {
    let router = SharedRouter::new(RouterConfig::new(["realm1"]), [0; 32]);
    let (mut caller, mut mute) = (joined(&router), joined(&router));
    assert_eq!(router.poll_timeout(), None);
    say(&mut mute, r#"[64,1,{},"com.never"]"#, START);
    say(&mut caller, CALL, at(500));
    let deadline = router.poll_timeout().unwrap();
    assert_eq!(
        (deadline.at, deadline.reason),
        (at(1_500), RouterTimer::Call)
    );

    let (woken, waker) = counting();
    said(&mut caller);
    caller.register(&waker);
    router.handle_timeout(at(1_499));
    assert_eq!(woken.take(), 0);
    router.handle_timeout(at(1_500));
    assert_eq!(woken.take(), 1);
    assert!(said(&mut caller).contains("wamp.error.timeout"));
}

/// A clock that a test sets, and that remembers what was waited for.
#[derive(Default)]
struct Clock {
    now: Cell<Instant>,
    until: Option<Instant>,
}

impl Timer for Clock {
    fn now(&self) -> Instant {
        self.now.get()
    }

    fn poll_until(&mut self, _: &mut Context<'_>, at: Instant) -> Poll<()> {
        self.until = Some(at);
        Poll::Pending
    }
}

#[test]
fn a_task_is_woken_for_a_sooner_deadline_only() {
    let router = SharedRouter::new(RouterConfig::new(["realm1"]), [0; 32]);
    let (woken, waker) = counting();
    let mut cx = Context::from_waker(&waker);
    let mut clock = Clock::default();
    clock.now.set(START);
    assert!(router.poll_timer(&mut cx, &mut clock).is_pending());
    assert_eq!(clock.until, None);

    let (mut caller, mut mute) = (joined(&router), joined(&router));
    assert!(woken.take() > 0);
    let _stranger = greeted(&router);
    assert!(router.poll_timer(&mut cx, &mut clock).is_pending());
    assert_eq!(clock.until, Some(START.saturating_add(HELLO_TIMEOUT)));

    // Another stranger's deadline is no sooner; the call's is.
    let _another = greeted(&router);
    assert_eq!(woken.take(), 0);
    say(&mut mute, r#"[64,1,{},"com.never"]"#, START);
    say(&mut caller, CALL, START);
    assert_eq!(woken.take(), 1);
    assert!(router.poll_timer(&mut cx, &mut clock).is_pending());
    assert_eq!(clock.until, Some(at(1_000)));

    // What is due is done, without waiting for it; then the next is waited for.
    said(&mut caller);
    clock.now.set(at(1_000));
    assert!(router.poll_timer(&mut cx, &mut clock).is_pending());
    assert!(said(&mut caller).contains("wamp.error.timeout"));
    assert_eq!(clock.until, Some(START.saturating_add(HELLO_TIMEOUT)));
}
