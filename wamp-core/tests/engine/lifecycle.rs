//! Joining, leaving, and vanishing at any time.

use std::time::Duration;

use bytes::Bytes;
use wamp_rawsocket_core::router::{
    CloseReason, Router, RouterConfig, RouterEvent, RouterTimer, TransportInfo,
};
use wamp_rawsocket_core::session::{
    CommandError, Event, SessionConfig, SessionError, SessionTimer,
};
use wamp_rawsocket_core::{Dict, Payload, SerializerKind, uris};

use crate::world::{KINDS, LONG, REALM, Raw, World, assert_empty};

#[test]
fn a_client_joins_and_leaves() {
    for kind in KINDS {
        let mut world = World::new();
        let peer = world.connect(SessionConfig::new(REALM, kind), LONG);
        let deadline = world.session(peer).poll_timeout().unwrap();
        assert_eq!(deadline.reason, SessionTimer::Join);
        assert_eq!(
            world.router.poll_timeout().unwrap().reason,
            RouterTimer::Hello
        );
        let early = world.session(peer).subscribe("com.topic", &Dict::new());
        assert_eq!(early, Err(CommandError::NotJoined));
        world.pump();
        let Event::Joined(joined) = world.next(peer) else {
            panic!("not joined")
        };
        assert_eq!(joined.realm, REALM);
        assert_eq!(
            joined.details.get_str("authrole").as_deref(),
            Some("anonymous")
        );
        let roles = joined.details.get_value("roles").unwrap();
        for (role, feature) in [
            ("broker", "publisher_exclusion"),
            ("dealer", "call_canceling"),
        ] {
            let features = roles.get(role).unwrap().get("features").unwrap();
            assert_eq!(features.get(feature).unwrap().as_bool(), Some(true));
        }
        assert_eq!(world.session(peer).poll_timeout(), None);
        assert_eq!(world.router.poll_timeout(), None);
        assert_eq!(world.router.stats().sessions, 1);

        let now = world.now;
        world.session(peer).leave(uris::CLOSE_REALM, now).unwrap();
        let late = world.session(peer).leave(uris::CLOSE_REALM, now);
        assert_eq!(late, Err(CommandError::Ended));
        world.pump();
        let left = Event::Left {
            reason: uris::GOODBYE_AND_OUT.to_owned(),
            by_router: false,
        };
        assert_eq!(world.next(peer), left);
        assert_eq!(world.clients[peer].error, None, "a clean end is no error");
        let reason = CloseReason::ClientLeft {
            reason: uris::CLOSE_REALM.to_owned(),
        };
        assert!(matches!(&world.events[..], [
            RouterEvent::Joined { session, .. },
            RouterEvent::Left { session: left, reason: why, .. },
            RouterEvent::Close { .. },
        ] if session == left && *session == joined.session && *why == reason));
        assert_empty(&world.router.stats());
    }
}

#[test]
fn the_router_ends_a_session_and_shuts_down() {
    let mut world = World::new();
    let (a, b) = (world.join(KINDS[0]), world.join(KINDS[1]));
    world.subscribe(a, "com.topic");
    let (key, now) = (world.key(a), world.now);
    assert!(world.router.close_session(key, uris::KILLED, now));
    assert!(
        !world.router.close_session(key, uris::KILLED, now),
        "only once"
    );
    assert_eq!(
        world.router.stats().subscriptions,
        0,
        "released before the answer"
    );
    world.publish(b, "com.topic", &("nobody hears it",));
    let left = |reason: &str| Event::Left {
        reason: reason.to_owned(),
        by_router: true,
    };
    assert_eq!(world.next(a), left(uris::KILLED));
    assert!(world.closed_because(|r| *r == CloseReason::RouterClosed));
    world.router.shut_down(now);
    world.pump();
    assert_eq!(world.next(b), left(uris::SYSTEM_SHUTDOWN));
    world.assert_quiet();
    world.assert_leaves_nothing();
}

#[test]
fn a_session_ends_even_if_the_reason_is_too_long_to_be_told() {
    let mut world = World::new();
    let peer = world.join_with_max(KINDS[0], 512);
    let (key, now) = (world.key(peer), world.now);
    assert!(world.router.close_session(key, &"x".repeat(600), now));
    world.pump();
    assert!(world.closed_because(|reason| *reason == CloseReason::RouterClosed));
    assert!(matches!(
        world.clients[peer].error,
        Some(SessionError::TransportClosed { .. })
    ));
    world.assert_leaves_nothing();
}

#[test]
fn goodbyes_that_cross_are_no_offence() {
    for kind in KINDS {
        let mut world = World::new();
        let peer = world.join(kind);
        let (key, now) = (world.key(peer), world.now);
        world.session(peer).leave(uris::CLOSE_REALM, now).unwrap();
        assert!(world.router.close_session(key, uris::KILLED, now));
        world.pump();
        assert!(matches!(
            world.next(peer),
            Event::Left { reason, by_router: false } if reason == uris::KILLED
        ));
        assert_eq!(world.clients[peer].error, None);
        assert_eq!(world.router.stats().protocol_violations, 0);
        world.assert_quiet();
        world.assert_leaves_nothing();
    }
}

#[test]
fn whoever_does_not_answer_goodbye_is_left_behind() {
    let mut world = World::new();
    let (a, b) = (world.join(KINDS[0]), world.join(KINDS[1]));
    // The router's GOODBYE does not reach a; b's does not reach the router.
    world.clients[a].stalled = true;
    let now = world.now;
    let key = world.key(a);
    world.router.close_session(key, uris::KILLED, now);
    assert_eq!(
        world.router.poll_timeout().unwrap().reason,
        RouterTimer::Goodbye
    );
    world.session(b).leave(uris::CLOSE_REALM, now).unwrap();
    while world.session(b).poll_transmit().is_some() {}
    let deadline = world.session(b).poll_timeout().unwrap();
    assert_eq!(deadline.reason, SessionTimer::Leave);
    world.advance(Duration::from_secs(4));
    assert_eq!(world.clients[b].error, None);
    world.advance(Duration::from_secs(2));
    assert_eq!(world.clients[b].error, Some(SessionError::LeaveTimeout));
    assert!(world.closed_because(|r| *r == CloseReason::GoodbyeTimeout));
    assert!(matches!(
        world.clients[a].error,
        Some(SessionError::TransportClosed { .. })
    ));
    world.assert_leaves_nothing();
}

#[test]
fn joining_has_a_deadline_on_both_sides() {
    let mut world = World::new();
    let peer = world.connect(SessionConfig::new(REALM, KINDS[0]), LONG);
    // HELLO is lost.
    while world.session(peer).poll_transmit().is_some() {}
    world.advance(Duration::from_millis(9_999));
    assert_eq!(world.clients[peer].error, None);
    assert!(world.events.is_empty());
    // Both deadlines are at the same instant: the router's ABORT finds the client gone.
    world.advance(Duration::from_millis(1));
    assert_eq!(
        world.clients[peer].error.take(),
        Some(SessionError::JoinTimeout)
    );
    assert_eq!(
        world.session(peer).poll_event(),
        Err(SessionError::JoinTimeout),
        "the error stays"
    );
    world.assert_leaves_nothing();

    let mut raw = Raw::new();
    let at = raw.router.poll_timeout().unwrap().at;
    raw.router.handle_timeout(at);
    let answers = raw.received();
    assert!(
        answers.len() == 1 && answers[0].starts_with("[3,") && answers[0].contains(uris::TIMEOUT),
        "{answers:?}"
    );
    assert_eq!(raw.closed(), Some(CloseReason::HelloTimeout));
    assert_eq!(
        raw.send(r#"[1,"realm1",{"roles":{"caller":{}}}]"#),
        [""; 0],
        "too late"
    );
}

#[test]
fn a_refused_hello_says_why() {
    let mut world = World::new();
    let peer = world.connect(SessionConfig::new("realm2", KINDS[1]), LONG);
    world.pump();
    assert!(matches!(
        &world.clients[peer].error,
        Some(SessionError::Aborted { reason, message: Some(_), joined: false })
            if reason == uris::NO_SUCH_REALM
    ));
    world.assert_leaves_nothing();

    for (hello, reason) in [
        (
            r#"[1,"realm2",{"roles":{"caller":{}}}]"#,
            uris::NO_SUCH_REALM,
        ),
        (
            r#"[1,"realm with space",{"roles":{"caller":{}}}]"#,
            uris::INVALID_URI,
        ),
        (r#"[1,"",{"roles":{"caller":{}}}]"#, uris::INVALID_URI),
        (
            r#"[1,"realm1",{"roles":{"caller":{}},"authmethods":["ticket"]}]"#,
            uris::NO_MATCHING_AUTH_METHOD,
        ),
    ] {
        let mut raw = Raw::new();
        let answer = raw.send(hello);
        assert!(
            answer[0].starts_with("[3,{") && answer[0].contains(reason),
            "{answer:?}"
        );
        assert_eq!(raw.closed(), Some(CloseReason::Refused { reason }));
    }
    // Unknown roles and attributes are none of the router's business.
    let hello = r#"[1,"realm1",{"roles":{"caller":{},"oracle":{}},"authmethods":["x","anonymous"],"_x":[1]}]"#;
    assert!(Raw::new().send(hello)[0].starts_with("[2,"));
}

#[test]
fn nothing_is_routed_before_welcome() {
    for message in [
        r#"[16,1,{},"com.topic",[1]]"#,
        r#"[16,1,{"acknowledge":true},"com.topic",[1]]"#,
        r#"[48,1,{},"com.proc",[1]]"#,
    ] {
        let mut raw = Raw::joined();
        assert!(raw.send(r#"[32,1,{},"com.topic"]"#)[0].starts_with("[33,1,"));
        assert!(raw.send(r#"[64,2,{},"com.proc"]"#)[0].starts_with("[65,2,"));
        let info = TransportInfo::new(SerializerKind::Json, LONG);
        let mut from_stranger = |hello: &str| {
            let stranger = raw.router.open_session(info, raw.now).unwrap();
            for message in [hello, message] {
                let message = message.as_bytes();
                raw.router.handle_message(stranger, message, raw.now);
            }
            raw.router.poll_transmit_to(raw.key)
        };
        let refused = r#"[1,"realm2",{"roles":{"caller":{},"publisher":{}}}]"#;
        let welcome = r#"[1,"realm1",{"roles":{"caller":{},"publisher":{}}}]"#;
        assert!(from_stranger("").is_none(), "{message}");
        assert!(from_stranger(message).is_none(), "{message}");
        assert!(from_stranger(refused).is_none(), "{message}");
        assert!(from_stranger(welcome).is_some(), "{message}");
    }
}

#[test]
fn a_client_can_vanish_in_any_phase() {
    for phase in 0..7 {
        let mut world = World::new();
        let other = world.join(KINDS[phase % 2]);
        world.register(other, "com.proc");
        world.subscribe(other, "com.topic");
        let peer = world.connect(SessionConfig::new(REALM, KINDS[(phase + 1) % 2]), LONG);
        let none = Dict::new();
        match phase {
            // Before HELLO, before WELCOME.
            0 => while world.session(peer).poll_transmit().is_some() {},
            1 => {
                let frame = world.session(peer).poll_transmit().unwrap();
                let (key, now) = (world.key(peer), world.now);
                world.router.handle_message(key, frame.payload(), now);
            }
            _ => {
                world.pump();
                world.next(peer);
            }
        }
        match phase {
            // As a caller.
            2 => {
                world.call(peer, "com.proc", &none, &("x",));
                world.next_invoked(other);
            }
            // As a callee.
            3 => {
                world.register(peer, "com.proc2");
                world.call(other, "com.proc2", &none, &("x",));
                world.next_invoked(peer);
            }
            // With requests on the wire.
            4 => {
                world.session(peer).subscribe("com.topic", &none).unwrap();
                world.session(peer).register("com.proc3", &none).unwrap();
                let options = Dict::new().with("acknowledge", true);
                let payload = Payload::none();
                world
                    .session(peer)
                    .publish("com.topic", &options, &payload)
                    .unwrap();
            }
            // Within GOODBYE, of either side.
            5 => {
                let now = world.now;
                world.session(peer).leave(uris::CLOSE_REALM, now).unwrap();
            }
            6 => {
                let (key, now) = (world.key(peer), world.now);
                world.router.close_session(key, uris::KILLED, now);
            }
            _ => {}
        }
        let pending = world.session(peer).pending_requests();
        world.vanish(peer);
        let failed = world.clients[peer].events.iter();
        assert_eq!(
            failed.filter(|e| matches!(e, Event::Failed(_))).count(),
            pending
        );
        assert!(matches!(
            world.clients[peer].error,
            Some(SessionError::TransportClosed { .. })
        ));
        if phase == 2 {
            assert!(matches!(
                world.next(other),
                Event::Interrupted {
                    answer_expected: false,
                    ..
                }
            ));
            assert_eq!(world.session(other).pending_invocations(), 0);
        }
        if phase == 3 {
            assert_eq!(world.next_error(other).1, uris::CANCELED);
        }
        let stats = world.router.stats();
        assert_eq!((stats.sessions, stats.transports), (1, 1), "phase {phase}");
        assert_eq!(
            (stats.registrations, stats.subscribers),
            (1, 1),
            "phase {phase}"
        );
        assert_eq!((stats.pending_calls, stats.timers), (0, 0), "phase {phase}");
        world.assert_leaves_nothing();
    }
}

#[test]
fn joining_works_over_the_smallest_transport() {
    for kind in KINDS {
        let mut world = World::new();
        let mut config = SessionConfig::new(REALM, kind);
        config.max_message_len = 512;
        let peer = world.connect(config, 512);
        world.pump();
        assert!(
            matches!(world.next(peer), Event::Joined(_)),
            "{:?}",
            world.clients[peer].error
        );
    }
    // What does not fit is not withheld in silence.
    let mut config = RouterConfig::new([REALM]);
    config.agent = Some("x".repeat(1_000));
    let mut world = World::with(config);
    let peer = world.connect(SessionConfig::new(REALM, SerializerKind::Json), 300);
    world.pump();
    assert!(matches!(
        &world.clients[peer].error,
        Some(SessionError::Aborted { reason, .. }) if reason == uris::PAYLOAD_SIZE_EXCEEDED
    ));
}

#[test]
fn the_realm_of_a_session_must_be_a_uri() {
    let config = SessionConfig::new("not a realm", KINDS[0]);
    let now = World::new().now;
    let error = wamp_rawsocket_core::session::ClientSession::new(config, now).unwrap_err();
    assert_eq!(error, CommandError::InvalidUri);
}

#[test]
fn session_ids_come_from_the_seed_alone() {
    let ids = |seed: u8| {
        let mut world = World::new();
        world.router = Router::new(RouterConfig::new([REALM]), [seed; 32]);
        for kind in KINDS.into_iter().cycle().take(20) {
            world.join(kind);
        }
        let id = |event: &RouterEvent| match event {
            RouterEvent::Joined { session, .. } => session.get(),
            other => panic!("{other:?}"),
        };
        world.events.iter().map(id).collect::<Vec<_>>()
    };
    let (a, b) = (ids(1), ids(2));
    assert_eq!(a, ids(1));
    assert_ne!(a, b);
    // Half of all ids are in the upper half of the range: 20 on one side are a chance of 2^-19.
    assert!(a.iter().any(|id| *id > 1 << 52) && a.iter().any(|id| *id <= 1 << 52));
}

#[test]
fn realms_see_nothing_of_each_other() {
    let mut world = World::with(RouterConfig::new(["realm1", "realm2"]));
    let a = world.join(KINDS[0]);
    let b = world.connect(SessionConfig::new("realm2", KINDS[1]), LONG);
    world.pump();
    world.next(b);
    world.subscribe(a, "com.topic");
    world.register(a, "com.proc");
    world.publish(b, "com.topic", &("x",));
    world.call(b, "com.proc", &Dict::new(), &("x",));
    assert_eq!(world.next_error(b).1, uris::NO_SUCH_PROCEDURE);
    world.assert_quiet();
    world.assert_leaves_nothing();
}

#[test]
fn nothing_follows_goodbye() {
    let mut raw = Raw::joined();
    let (key, now) = (raw.key, raw.now);
    raw.router.close_session(key, uris::CLOSE_REALM, now);
    assert_eq!(raw.send("garbage").len(), 1, "GOODBYE alone");
    assert!(matches!(
        raw.closed(),
        Some(CloseReason::ProtocolViolation { .. })
    ));

    let mut world = World::new();
    let peer = world.join(KINDS[0]);
    let now = world.now;
    let session = world.session(peer);
    session.leave(uris::CLOSE_REALM, now).unwrap();
    session.handle_message(&Bytes::from_static(b"garbage"), now);
    assert!(session.poll_transmit().is_some(), "GOODBYE");
    assert!(session.poll_transmit().is_none(), "and nothing more");
    assert!(matches!(session.error(), Some(SessionError::Protocol(_))));
}
