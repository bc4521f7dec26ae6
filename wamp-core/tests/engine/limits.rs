//! Sizes and counts: what is refused or dropped, and that it is said.

use rawsocket_proto::time::Instant;
use wamp_rawsocket_core::message::CancelMode;
use wamp_rawsocket_core::router::{Router, RouterConfig, TransportInfo};
use wamp_rawsocket_core::session::{CommandError, Event, Outcome, Request, SessionConfig};
use wamp_rawsocket_core::{Dict, Payload, uris};

use crate::world::{KINDS, LONG, REALM, World};

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
