//! Peers that do not keep up: what is dropped, refused or ended, and that it is said.

use rawsocket_proto::time::Instant;
use wamp_rawsocket_core::router::{CloseReason, Router, RouterConfig, TransportInfo};
use wamp_rawsocket_core::session::{
    CommandError, Event, Outcome, Request, SessionConfig, SessionError,
};
use wamp_rawsocket_core::{Dict, Payload, uris};

use crate::world::{KINDS, LONG, REALM, World, assert_empty};

fn none() -> Dict<'static> {
    Dict::new()
}

#[test]
fn events_for_whoever_does_not_read_are_dropped_and_counted() {
    let mut config = RouterConfig::new([REALM]);
    config.limits.outbox_events = 10_000;
    let mut world = World::with(config);
    let (publisher, slow) = (world.join(KINDS[0]), world.join(KINDS[1]));
    world.subscribe(slow, "com.topic");
    world.clients[slow].stalled = true;
    for _ in 0..100 {
        world.publish(publisher, "com.topic", &("x".repeat(900),));
    }
    let queued = world.router.queued_octets(world.key(slow));
    assert!((10_000..12_000).contains(&queued), "{queued}");
    let stats = world.router.stats();
    assert_eq!(stats.events + stats.events_dropped, 100);
    assert!(
        stats.events >= 10 && stats.events_dropped >= 80,
        "{stats:?}"
    );
    // It reads again, and gets what was kept; the session lives.
    world.clients[slow].stalled = false;
    world.publish(publisher, "com.other", &("x",));
    let key = world.key(slow);
    let now = world.now;
    while let Some(frame) = world.router.poll_transmit_to(key) {
        let frame = crate::world::message(frame);
        world.clients[slow].session.handle_message(&frame, now);
    }
    world.pump();
    let received = u64::try_from(world.clients[slow].events.len()).unwrap();
    assert_eq!(received, stats.events);
    world.assert_leaves_nothing();
}

#[test]
fn whoever_does_not_read_its_answers_is_ended() {
    let mut config = RouterConfig::new([REALM]);
    config.limits.outbox = 20_000;
    let mut world = World::with(config);
    let (callee, slow) = (world.join(KINDS[0]), world.join(KINDS[1]));
    world.register(callee, "com.proc");
    world.register(slow, "com.slow");
    // The other has a call with the slow one, which must not hang.
    world.call(callee, "com.slow", &none(), &("x",));
    world.next_invoked(slow);
    world.clients[slow].stalled = true;
    let mut answered = 0;
    while world.clients[slow].error.is_none() {
        let long = ("x".repeat(900),);
        let payload = Payload::typed(&long);
        world
            .session(slow)
            .call("com.proc", &none(), &payload)
            .unwrap();
        world.pump();
        let Some(Event::Invoked(invoked)) = world.clients[callee].events.pop_front() else {
            break;
        };
        let session = world.session(callee);
        session
            .yield_result(invoked.invocation, &none(), &payload)
            .unwrap();
        world.pump();
        answered += 1;
        assert!(answered < 100, "the outbox is not bounded");
    }
    assert!(answered >= 20, "{answered}");
    assert!(world.closed_because(|reason| *reason == CloseReason::OutboxFull));
    assert!(matches!(
        world.clients[slow].error,
        Some(SessionError::TransportClosed { .. })
    ));
    assert_eq!(world.next_error(callee).1, uris::CANCELED);
    let stats = world.router.stats();
    assert_eq!(
        (
            stats.sessions,
            stats.pending_calls,
            stats.outboxes_overflowed
        ),
        (1, 0, 1)
    );
    world.clients[slow].stalled = false;
    world.assert_leaves_nothing();
}

#[test]
fn a_callee_that_does_not_keep_up_is_spared_further_calls() {
    let mut config = RouterConfig::new([REALM]);
    config.limits.outbox_calls = 10_000;
    config.limits.outbox = 15_000;
    let mut world = World::with(config);
    let (caller, slow) = (world.join(KINDS[0]), world.join(KINDS[1]));
    world.register(slow, "com.proc");
    world.clients[slow].stalled = true;
    for _ in 0..100 {
        world.call(caller, "com.proc", &none(), &("x".repeat(900),));
    }
    let queued = world.router.queued_octets(world.key(slow));
    assert!((10_000..12_000).contains(&queued), "{queued}");
    let taken = world.router.stats().pending_calls;
    assert!((10..12).contains(&taken), "{taken}");
    for _ in taken..100 {
        assert_eq!(world.next_error(caller).1, uris::UNAVAILABLE);
    }
    assert_eq!(world.router.stats().sessions, 2, "nobody is ended");
    world.clients[slow].stalled = false;
    world.assert_leaves_nothing();
}

#[test]
fn a_caller_that_does_not_keep_up_with_progress_loses_the_call_and_not_its_session() {
    let mut config = RouterConfig::new([REALM]);
    config.limits.outbox_calls = 10_000;
    config.limits.outbox = 15_000;
    let mut world = World::with(config);
    let (callee, slow) = (world.join(KINDS[0]), world.join(KINDS[1]));
    world.register(callee, "com.proc");
    let wanted = Dict::new().with("receive_progress", true);
    let progress = Dict::new().with("progress", true);
    let call = world.call(slow, "com.proc", &wanted, &("x",));
    let invoked = world.next_invoked(callee);
    world.clients[slow].stalled = true;
    let long = ("x".repeat(900),);
    let payload = Payload::typed(&long);
    let mut sent = 0;
    while world.clients[callee].events.is_empty() {
        let session = world.session(callee);
        let yielded = session.yield_result(invoked.invocation, &progress, &payload);
        yielded.unwrap();
        world.pump();
        sent += 1;
        assert!(sent < 100, "the outbox is not bounded");
    }
    assert!((10..14).contains(&sent), "{sent}");
    let interrupted = world.next(callee);
    assert!(
        matches!(
            interrupted,
            Event::Interrupted {
                answer_expected: false,
                ..
            }
        ),
        "{interrupted:?}"
    );
    let stats = world.router.stats();
    assert_eq!((stats.sessions, stats.pending_calls), (2, 0));
    // What it has to read ends with the reason.
    let (key, now) = (world.key(slow), world.now);
    while let Some(frame) = world.router.poll_transmit_to(key) {
        let frame = crate::world::message(frame);
        world.clients[slow].session.handle_message(&frame, now);
    }
    world.clients[slow].stalled = false;
    world.pump();
    for _ in 1..sent {
        assert!(matches!(world.next(slow), Event::Progress { .. }));
    }
    let failed = (Request::Call(call), uris::UNAVAILABLE.to_owned());
    assert_eq!(world.next_error(slow), failed);
    world.assert_leaves_nothing();
}

#[test]
fn an_outbox_that_overflows_is_freed_at_once() {
    let mut config = RouterConfig::new([REALM]);
    config.limits.outbox = 2_000;
    let mut router = Router::new(config, [0; 32]);
    let now = Instant::ZERO;
    let info = TransportInfo::new(KINDS[0], LONG);
    let key = router.open_session(info, now).unwrap();
    router.handle_message(key, br#"[1,"realm1",{"roles":{"caller":{}}}]"#, now);
    for request in 1..1_000 {
        let call = format!(r#"[48,{request},{{}},"com.nothing"]"#);
        router.handle_message(key, call.as_bytes(), now);
        assert!(router.queued_octets(key) < 2_200);
    }
    let stats = router.stats();
    assert_eq!(
        (stats.sessions, stats.transports, stats.queued_frames),
        (0, 1, 0)
    );
    assert_eq!(router.poll_transmit(), None);
    router.handle_closed(key, now);
    assert_empty(&router.stats());
}

#[test]
fn a_session_pushes_back_when_its_transport_is_full() {
    let mut world = World::new();
    let mut config = SessionConfig::new(REALM, KINDS[0]);
    config.max_queued = 10_000;
    config.max_pending = 3;
    let peer = world.connect(config, LONG);
    world.pump();
    world.next(peer);
    // One message is always taken, however long.
    let long = ("x".repeat(50_000),);
    let payload = Payload::typed(&long);
    let session = world.session(peer);
    session.publish("com.topic", &none(), &payload).unwrap();
    assert!(session.is_congested());
    let refused = session.publish("com.topic", &none(), &Payload::none());
    assert_eq!(refused, Err(CommandError::Full));
    world.pump();
    let session = world.session(peer);
    assert!(!session.is_congested());
    for index in 0..3 {
        session
            .subscribe(&format!("com.topic{index}"), &none())
            .unwrap();
    }
    let refused = session.subscribe("com.topic3", &none());
    assert_eq!(refused, Err(CommandError::TooManyPending));
    // What needs no answer is not limited by it.
    session
        .publish("com.topic", &none(), &Payload::none())
        .unwrap();
    world.pump();
    for _ in 0..3 {
        assert!(matches!(
            world.next(peer),
            Event::Done(Outcome::Subscribed { .. })
        ));
    }
    world.assert_leaves_nothing();
}
