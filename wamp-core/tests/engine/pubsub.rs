//! Publish and subscribe between clients that speak different serializers.

use rawsocket_proto::connection::Frame;
use rawsocket_proto::time::Instant;
use wamp_rawsocket_core::router::{Router, RouterConfig, TransportInfo};
use wamp_rawsocket_core::session::{CommandError, Event, Outcome, Publication, Subscription};
use wamp_rawsocket_core::{Dict, Id, Payload, SerializerKind, Value, uris};

use crate::world::{KINDS, LONG, Peer, REALM, World};

/// The next event, which must be a publication with one string.
fn heard(world: &mut World, peer: Peer) -> (Subscription, String) {
    let Event::Published(Publication {
        subscription,
        payload,
        ..
    }) = world.next(peer)
    else {
        panic!("no publication")
    };
    let (text,): (String,) = payload.args().unwrap();
    (subscription, text)
}

#[test]
fn an_event_reaches_all_subscribers_but_its_publisher() {
    let mut world = World::new();
    let peers: Vec<Peer> = KINDS
        .into_iter()
        .cycle()
        .take(4)
        .map(|kind| world.join(kind))
        .collect();
    let ids: Vec<_> = peers
        .iter()
        .map(|peer| world.subscribe(*peer, "com.topic"))
        .collect();
    assert!(
        ids.iter().all(|id| *id == ids[0]),
        "one subscription for one topic"
    );
    let silent = world.subscribe(peers[1], "com.other");
    world.publish(peers[0], "com.topic", &("grüße",));
    for peer in &peers[1..] {
        assert_eq!(heard(&mut world, *peer), (ids[0], "grüße".to_owned()));
    }
    world.assert_quiet();
    assert_ne!(silent, ids[0]);
    let stats = world.router.stats();
    assert_eq!(
        (stats.subscriptions, stats.subscribers, stats.events),
        (2, 5, 3)
    );
    world.assert_leaves_nothing();
}

#[test]
fn payloads_keep_their_values_between_serializers() {
    let arguments = vec![
        Value::Null,
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::from(u64::MAX),
        Value::Float(0.1),
        Value::Str("\u{1F680} \"quoted\"\n".to_owned()),
        Value::Bytes(vec![0, 1, 255]),
        Value::List(vec![Value::Map(vec![(
            "k".to_owned(),
            Value::List(vec![]),
        )])]),
    ];
    for (from, to) in [(0, 1), (1, 0), (0, 0), (1, 1)] {
        let mut world = World::new();
        let (publisher, subscriber) = (world.join(KINDS[from]), world.join(KINDS[to]));
        world.subscribe(subscriber, "com.topic");
        world.publish(publisher, "com.topic", &arguments);
        let Event::Published(publication) = world.next(subscriber) else {
            panic!("no publication")
        };
        let received: Vec<Value> = publication.payload.args().unwrap();
        assert_eq!(received, arguments, "{from} -> {to}");
    }
}

#[test]
fn acknowledgement_comes_only_if_asked_for() {
    let mut world = World::new();
    let peer = world.join(KINDS[0]);
    world.publish(peer, "com.topic", &("x",));
    world.assert_quiet();
    let options = Dict::new().with("acknowledge", true);
    let sent = world
        .session(peer)
        .publish("com.topic", &options, &Payload::none())
        .unwrap();
    assert_eq!(sent.id().get(), 2, "requests are numbered 1, 2, 3");
    world.pump();
    let event = world.next(peer);
    assert!(matches!(event, Event::Done(Outcome::Published { request, .. }) if request == sent));
    // The session's own rules are looser than the router's: `wamp.` is the router's to judge.
    world.publish(peer, "wamp.topic", &("x",));
    world.assert_quiet();
    world.publish_with(peer, "wamp.topic", &options, &("x",));
    assert_eq!(world.next_error(peer).1, uris::INVALID_URI);
    let bad = world
        .session(peer)
        .publish("not a uri", &options, &Payload::none());
    assert_eq!(bad, Err(CommandError::InvalidUri));
    world.assert_leaves_nothing();
}

#[test]
fn a_publisher_can_include_itself_and_choose_its_audience() {
    let mut world = World::new();
    let peers: Vec<Peer> = (0..3).map(|i| world.join(KINDS[i % 2])).collect();
    for peer in &peers {
        world.subscribe(*peer, "com.topic");
    }
    let id = |world: &World, peer: Peer| {
        let ids = world.events.iter().filter_map(|event| match event {
            wamp_rawsocket_core::router::RouterEvent::Joined { session, .. } => Some(*session),
            _ => None,
        });
        ids.collect::<Vec<Id>>()[peer]
    };
    let ids: Vec<Id> = peers.iter().map(|peer| id(&world, *peer)).collect();
    let list = |peers: &[Peer]| {
        Value::List(
            peers
                .iter()
                .map(|peer| Value::from(ids[*peer].get()))
                .collect(),
        )
    };
    let texts = |texts: &[&str]| {
        Value::List(
            texts
                .iter()
                .map(|text| Value::Str((*text).to_owned()))
                .collect(),
        )
    };
    let authid = ids[1].to_string();
    let cases: Vec<(Dict<'_>, Vec<Peer>)> = vec![
        (Dict::new(), vec![1, 2]),
        (Dict::new().with("exclude_me", true), vec![1, 2]),
        (Dict::new().with("exclude_me", false), vec![0, 1, 2]),
        (Dict::new().with("exclude", list(&[2])), vec![1]),
        (Dict::new().with("exclude", list(&[])), vec![1, 2]),
        (Dict::new().with("eligible", list(&[2])), vec![2]),
        (Dict::new().with("eligible", list(&[])), vec![]),
        (
            Dict::new()
                .with("eligible", list(&[1, 2]))
                .with("exclude", list(&[1])),
            vec![2],
        ),
        (
            Dict::new()
                .with("eligible", list(&[0]))
                .with("exclude_me", false),
            vec![0],
        ),
        (
            Dict::new().with("exclude_authid", texts(&[&authid])),
            vec![2],
        ),
        (
            Dict::new().with("eligible_authid", texts(&["x", &authid])),
            vec![1],
        ),
        (
            Dict::new().with("exclude_authrole", texts(&["anonymous"])),
            vec![],
        ),
        (
            Dict::new().with("eligible_authrole", texts(&["admin"])),
            vec![],
        ),
        (
            Dict::new().with("eligible_authrole", texts(&["admin", "anonymous"])),
            vec![1, 2],
        ),
    ];
    for (options, audience) in cases {
        world.publish_with(0, "com.topic", &options, &("x",));
        for peer in audience {
            heard(&mut world, peer);
        }
        for client in &world.clients {
            assert!(client.events.is_empty(), "{options:?}");
        }
    }
    world.assert_leaves_nothing();
}

#[test]
fn an_event_is_encoded_once_for_each_serializer() {
    let mut router = Router::new(RouterConfig::new([REALM]), [1; 32]);
    let now = Instant::ZERO;
    let mut keys = Vec::new();
    for _ in 0..5 {
        let key = router
            .open_session(TransportInfo::new(SerializerKind::Json, LONG), now)
            .unwrap();
        let hello = br#"[1,"realm1",{"roles":{"subscriber":{},"publisher":{}}}]"#;
        router.handle_message(key, hello, now);
        router.handle_message(key, br#"[32,1,{},"com.topic"]"#, now);
        keys.push(key);
    }
    while router.poll_transmit().is_some() {}
    router.handle_message(keys[0], br#"[16,2,{},"com.topic",[1]]"#, now);
    let mut frames: Vec<Frame> = Vec::new();
    while let Some((_, frame)) = router.poll_transmit() {
        frames.push(frame);
    }
    assert_eq!(frames.len(), 4);
    let first = frames[0].as_bytes().as_ptr();
    assert!(
        frames
            .iter()
            .all(|frame| frame.as_bytes().as_ptr() == first),
        "shared, not copied"
    );
}

#[test]
fn a_topic_is_subscribed_to_once() {
    let mut world = World::new();
    let (a, b) = (world.join(KINDS[0]), world.join(KINDS[1]));
    let first = world.subscribe(a, "com.topic");
    assert_eq!(world.subscribe(a, "com.topic"), first);
    world.publish(b, "com.topic", &("once",));
    heard(&mut world, a);
    world.assert_quiet();
    world.session(a).unsubscribe(first).unwrap();
    let again = world.session(a).unsubscribe(first);
    assert_eq!(again, Err(CommandError::Unknown), "it is about to end");
    world.pump();
    assert!(matches!(
        world.next(a),
        Event::Done(Outcome::Unsubscribed { .. })
    ));
    world.publish(b, "com.topic", &("nobody",));
    world.assert_quiet();
    assert_eq!(world.router.stats().subscriptions, 0);
    let ended = world.session(a).unsubscribe(first);
    assert_eq!(ended, Err(CommandError::Unknown));
    world.assert_leaves_nothing();
}

#[test]
fn an_event_that_crosses_unsubscribe_is_dropped_in_peace() {
    let mut world = World::new();
    let (a, b) = (world.join(KINDS[0]), world.join(KINDS[1]));
    let subscription = world.subscribe(a, "com.topic");
    // The event is on its way while the client unsubscribes.
    world.clients[a].stalled = true;
    world.publish(b, "com.topic", &("late",));
    world.session(a).unsubscribe(subscription).unwrap();
    let key = world.key(a);
    let now = world.now;
    while let Some(frame) = world.router.poll_transmit_to(key) {
        world.clients[a]
            .session
            .handle_message(&crate::world::message(frame), now);
    }
    world.clients[a].stalled = false;
    world.pump();
    assert!(matches!(
        world.next(a),
        Event::Done(Outcome::Unsubscribed { .. })
    ));
    world.assert_quiet();
    assert_eq!(world.clients[a].error, None);
    world.assert_leaves_nothing();
}

#[test]
fn an_event_right_behind_subscribed_arrives() {
    let mut world = World::new();
    let (a, b) = (world.join(KINDS[0]), world.join(KINDS[1]));
    // Both are with the router before either end hears of it.
    world
        .session(a)
        .subscribe("com.topic", &Dict::new())
        .unwrap();
    let payload = ("early",);
    let payload = Payload::typed(&payload);
    world
        .session(b)
        .publish("com.topic", &Dict::new(), &payload)
        .unwrap();
    world.pump();
    let Event::Done(Outcome::Subscribed { subscription, .. }) = world.next(a) else {
        panic!("SUBSCRIBED must come first")
    };
    assert_eq!(heard(&mut world, a), (subscription, "early".to_owned()));
}

#[test]
fn bad_subscriptions_are_refused() {
    let mut world = World::new();
    let peer = world.join(KINDS[0]);
    let bad = world.session(peer).subscribe("a..b", &Dict::new());
    assert_eq!(bad, Err(CommandError::InvalidUri));
    for policy in ["prefix", "wildcard"] {
        let options = Dict::new().with("match", policy);
        world.session(peer).subscribe("a..b", &options).unwrap();
        world.pump();
        assert_eq!(world.next_error(peer).1, uris::OPTION_NOT_ALLOWED);
    }
    let options = Dict::new().with("match", "exact");
    world.session(peer).subscribe("a.b", &options).unwrap();
    world.pump();
    assert!(matches!(
        world.next(peer),
        Event::Done(Outcome::Subscribed { .. })
    ));
    let before = world.router.stats();
    assert_eq!((before.subscriptions, before.subscribers), (1, 1));
    world.assert_leaves_nothing();
}

#[test]
fn a_payload_that_is_passed_through_keeps_what_explains_it() {
    let mut world = World::new();
    let (a, b) = (world.join(KINDS[0]), world.join(KINDS[1]));
    world.subscribe(b, "com.topic");
    let options = Dict::new()
        .with("ppt_scheme", "x_own")
        .with("_private", "kept back");
    let payload = vec![Value::Bytes(vec![1, 2, 3])];
    world.publish_with(a, "com.topic", &options, &payload);
    let Event::Published(publication) = world.next(b) else {
        panic!("no publication")
    };
    assert_eq!(
        publication.details.get_str("ppt_scheme").as_deref(),
        Some("x_own")
    );
    assert!(!publication.details.contains("_private"));
}
