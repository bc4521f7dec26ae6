//! Sizes, counts and queues: what is refused, dropped or ended, and that it is said.

use rawsocket_proto::time::Instant;
use wamp_rawsocket_core::message::CancelMode;
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
fn an_oversize_event_is_dropped_for_that_subscriber_alone() {
    let mut world = World::new();
    let publisher = world.join(KINDS[0]);
    let small = world.join_with_max(KINDS[1], 1_024);
    let large = world.join(KINDS[1]);
    world.subscribe(small, "com.topic");
    world.subscribe(large, "com.topic");
    world.publish(publisher, "com.topic", &("x".repeat(2_000),));
    assert!(matches!(world.next(large), Event::Published(_)));
    world.assert_quiet();
    assert_eq!(world.router.stats().events_oversize, 1);
    world.publish(publisher, "com.topic", &("y",));
    assert!(matches!(world.next(large), Event::Published(_)));
    assert!(
        matches!(world.next(small), Event::Published(_)),
        "the next one comes"
    );
    world.assert_leaves_nothing();
}

#[test]
fn an_oversize_call_or_answer_is_an_error_for_the_caller() {
    let mut world = World::new();
    let small = world.join_with_max(KINDS[0], 1_024);
    let large = world.join(KINDS[1]);
    world.register(small, "com.small");
    world.register(large, "com.large");
    let long = ("x".repeat(2_000),);

    // The INVOCATION does not fit the callee.
    let call = world.call(large, "com.small", &none(), &long);
    let failed = (Request::Call(call), uris::PAYLOAD_SIZE_EXCEEDED.to_owned());
    assert_eq!(world.next_error(large), failed);

    // The RESULT, the ERROR, and a progressive RESULT do not fit the caller.
    let progress = Dict::new().with("progress", true);
    let wanted = Dict::new().with("receive_progress", true);
    for how in 0..3 {
        let call = world.call(small, "com.large", &wanted, &("x",));
        let invoked = world.next_invoked(large);
        let payload = Payload::typed(&long);
        let session = world.session(large);
        match how {
            0 => session.yield_result(invoked.invocation, &none(), &payload),
            1 => session.fail(invoked.invocation, "com.error.long", &none(), &payload),
            _ => session.yield_result(invoked.invocation, &progress, &payload),
        }
        .unwrap();
        world.pump();
        let failed = (Request::Call(call), uris::PAYLOAD_SIZE_EXCEEDED.to_owned());
        assert_eq!(world.next_error(small), failed);
        if how == 2 {
            assert!(matches!(world.next(large), Event::Interrupted { .. }));
        }
        assert_eq!(world.router.stats().pending_calls, 0);
    }
    world.assert_quiet();
    world.assert_leaves_nothing();
}

#[test]
fn a_session_refuses_to_send_what_the_peer_does_not_take() {
    let mut world = World::new();
    let mut config = SessionConfig::new(REALM, KINDS[0]);
    config.max_message_len = 1_024;
    let peer = world.connect(config, LONG);
    world.pump();
    world.next(peer);
    world.register(peer, "com.proc");
    let long = ("x".repeat(2_000),);
    let payload = Payload::typed(&long);
    let too_long = world.session(peer).publish("com.topic", &none(), &payload);
    assert!(matches!(too_long, Err(CommandError::TooLong { len, max: 1_024 }) if len > 2_000));
    assert!(
        world
            .session(peer)
            .call("com.proc", &none(), &payload)
            .is_err()
    );
    assert_eq!(world.session(peer).pending_requests(), 0);
    // No request id was lost: the next request is in sequence, or the router would abort.
    world.call(peer, "com.proc", &none(), &("short",));
    let invoked = world.next_invoked(peer);
    let session = world.session(peer);
    assert!(
        session
            .yield_result(invoked.invocation, &none(), &payload)
            .is_err()
    );
    session
        .fail(
            invoked.invocation,
            uris::PAYLOAD_SIZE_EXCEEDED,
            &none(),
            &Payload::none(),
        )
        .unwrap();
    world.pump();
    assert_eq!(world.next_error(peer).1, uris::PAYLOAD_SIZE_EXCEEDED);
    world.assert_leaves_nothing();
}

#[test]
fn a_value_that_cannot_be_serialized_is_refused_without_a_trace() {
    let mut world = World::new();
    let peer = world.join(KINDS[0]);
    // JSON has no infinity.
    let infinite = (f64::INFINITY,);
    let payload = Payload::typed(&infinite);
    let refused = world.session(peer).publish("com.topic", &none(), &payload);
    assert!(
        matches!(refused, Err(CommandError::Encode(_))),
        "{refused:?}"
    );
    world.subscribe(peer, "com.topic");
    assert_eq!(world.clients[peer].error, None);
}

#[test]
fn a_value_without_an_equivalent_is_an_error_for_the_caller_and_no_event() {
    let mut world = World::new();
    let (json, msgpack) = (world.join(KINDS[0]), world.join(KINDS[1]));
    world.register(json, "com.proc");
    world.register(msgpack, "com.infinite");
    world.subscribe(json, "com.topic");
    let infinite = (f64::INFINITY,);
    world.publish(msgpack, "com.topic", &infinite);
    assert_eq!(world.router.stats().events_untranslatable, 1);
    world.call(msgpack, "com.proc", &none(), &infinite);
    assert_eq!(world.next_error(msgpack).1, uris::INVALID_ARGUMENT);
    world.call(json, "com.infinite", &none(), &("x",));
    let invoked = world.next_invoked(msgpack);
    let payload = Payload::typed(&infinite);
    let session = world.session(msgpack);
    session
        .yield_result(invoked.invocation, &none(), &payload)
        .unwrap();
    world.pump();
    assert_eq!(world.next_error(json).1, uris::INVALID_ARGUMENT);
    world.assert_quiet();
    world.assert_leaves_nothing();
}

#[test]
fn counts_are_limited() {
    let mut config = RouterConfig::new([REALM]);
    config.limits.subscriptions = 2;
    config.limits.registrations = 2;
    config.limits.pending_calls = 2;
    let mut world = World::with(config);
    let (a, b) = (world.join(KINDS[0]), world.join(KINDS[1]));
    for index in 0..2 {
        world.subscribe(a, &format!("com.topic{index}"));
        world.register(a, &format!("com.proc{index}"));
        world.call(b, "com.proc0", &none(), &("x",));
        world.next_invoked(a);
    }
    world.session(a).subscribe("com.topic2", &none()).unwrap();
    world.session(a).register("com.proc2", &none()).unwrap();
    world.call(b, "com.proc0", &none(), &("x",));
    assert_eq!(world.next_error(a).1, uris::UNAVAILABLE);
    assert_eq!(world.next_error(a).1, uris::UNAVAILABLE);
    assert_eq!(world.next_error(b).1, uris::UNAVAILABLE);
    // What is held already costs nothing more, and others have limits of their own.
    world.subscribe(a, "com.topic1");
    world.subscribe(b, "com.topic2");
    let stats = world.router.stats();
    assert_eq!(
        (
            stats.subscriptions,
            stats.registrations,
            stats.pending_calls
        ),
        (3, 2, 2)
    );
    world.assert_leaves_nothing();
}

#[test]
fn what_has_ended_counts_no_more() {
    let mut config = RouterConfig::new([REALM]);
    config.limits.subscriptions = 1;
    config.limits.registrations = 1;
    config.limits.pending_calls = 1;
    let mut world = World::with(config);
    let peer = world.join(KINDS[0]);
    for round in 0..3 {
        let subscription = world.subscribe(peer, &format!("com.topic{round}"));
        let registration = world.register(peer, "com.proc");
        for answer in [true, false] {
            let call = world.call(peer, "com.proc", &none(), &("x",));
            let invoked = world.next_invoked(peer);
            let session = world.session(peer);
            if answer {
                session
                    .yield_result(invoked.invocation, &none(), &Payload::none())
                    .unwrap();
            } else {
                session.cancel(call, CancelMode::Skip).unwrap();
            }
            world.pump();
            let ended = world.next(peer);
            assert!(
                matches!(ended, Event::Done(_) | Event::Failed(_)),
                "{ended:?}"
            );
            assert_eq!(world.router.stats().pending_calls, 0);
        }
        world.session(peer).unsubscribe(subscription).unwrap();
        world.session(peer).unregister(registration).unwrap();
        world.pump();
        assert!(matches!(
            world.next(peer),
            Event::Done(Outcome::Unsubscribed { .. })
        ));
        assert!(matches!(
            world.next(peer),
            Event::Done(Outcome::Unregistered { .. })
        ));
    }
    world.assert_leaves_nothing();
}

#[test]
fn transports_are_limited() {
    let mut config = RouterConfig::new([REALM]);
    config.max_transports = 2;
    let mut router = Router::new(config, [0; 32]);
    let (info, now) = (TransportInfo::new(KINDS[0], LONG), Instant::ZERO);
    let first = router.open_session(info, now).unwrap();
    router.open_session(info, now).unwrap();
    router.open_session(info, now).unwrap_err();
    router.handle_closed(first, now);
    let next = router.open_session(info, now).unwrap();
    assert_ne!(first, next, "keys are not given out twice");
    // The old key means nothing.
    router.handle_closed(first, now);
    router.handle_message(first, b"garbage", now);
    assert_eq!(router.stats().transports, 2);
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
fn names_are_limited_in_length() {
    let mut world = World::new();
    let peer = world.join(KINDS[0]);
    let longest = "x".repeat(1_024);
    world.subscribe(peer, &longest);
    world.register(peer, &longest);
    let too_long = "x".repeat(1_025);
    world.session(peer).subscribe(&too_long, &none()).unwrap();
    world.session(peer).register(&too_long, &none()).unwrap();
    world.pump();
    assert_eq!(world.next_error(peer).1, uris::INVALID_URI);
    assert_eq!(world.next_error(peer).1, uris::INVALID_URI);
    world.assert_leaves_nothing();
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

#[test]
fn a_callee_takes_only_so_many_invocations_at_once() {
    let mut world = World::new();
    let mut config = SessionConfig::new(REALM, KINDS[1]);
    config.max_invocations = 2;
    let callee = world.connect(config, LONG);
    world.pump();
    world.next(callee);
    let caller = world.join(KINDS[0]);
    world.register(callee, "com.proc");
    for _ in 0..3 {
        world.call(caller, "com.proc", &none(), &("x",));
    }
    assert_eq!(world.next_error(caller).1, uris::UNAVAILABLE);
    assert_eq!(world.session(callee).pending_invocations(), 2);
    assert_eq!(world.router.stats().pending_calls, 2);
    world.assert_leaves_nothing();
}
