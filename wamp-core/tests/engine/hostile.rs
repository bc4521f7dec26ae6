//! Peers that send anything: nothing panics, nobody else is harmed, nothing is left behind.

use bytes::Bytes;
use proptest::prelude::*;
use rawsocket_proto::time::Instant;
use wamp_rawsocket_core::router::{RouterConfig, RouterEvent, TransportInfo};
use wamp_rawsocket_core::session::{ClientSession, CommandError, Event, SessionConfig};
use wamp_rawsocket_core::{DecodeLimits, Dict, Message, Payload, SerializerKind, uris};

use crate::world::{KINDS, LONG, REALM, World};

/// What a message template is filled with.
#[derive(Clone, Debug)]
struct Fill {
    template: usize,
    /// Small, so that it often names something.
    id: u64,
    other: u64,
    uri: usize,
    options: usize,
    payload: usize,
    /// The request id is the next one.
    in_sequence: bool,
}

const URIS: [&str; 7] = [
    "com.topic",
    "com.proc",
    "com.own",
    "wamp.x",
    "",
    "not a uri",
    "a..b",
];
const OPTIONS: [&str; 12] = [
    "{}",
    r#"{"acknowledge":true,"exclude_me":false}"#,
    r#"{"receive_progress":true,"timeout":5}"#,
    r#"{"progress":true}"#,
    r#"{"mode":"kill"}"#,
    r#"{"mode":"skip"}"#,
    r#"{"eligible":[1,2,3],"exclude":[]}"#,
    r#"{"match":"prefix","invoke":"random"}"#,
    r#"{"ppt_scheme":"x_own"}"#,
    r#"{"enc_algo":"cryptobox"}"#,
    r#"{"timeout":18446744073709551615,"forward_timeout":true}"#,
    r#"{"_x":{"y":[null,1.5,"\u0000AQID"]}}"#,
];
const PAYLOADS: [&str; 5] = [
    "",
    ",[1]",
    r#",["\u0000AQID",[[[[]]]],-1,18446744073709551615]"#,
    r#",[],{"k":{"l":null}}"#,
    r#",["a string that is rather longer than the others, to make a difference"]"#,
];
const ROLES: &str = r#"{"roles":{"caller":{},"callee":{"features":{"call_canceling":true,"progressive_call_results":true,"call_timeout":true}}}}"#;

/// Messages that clients send; those with a request id come first.
const FROM_CLIENT: usize = 6;
fn client_message(fill: &Fill, request: u64) -> String {
    let Fill { id, other, .. } = *fill;
    let (uri, options) = (
        URIS[fill.uri % URIS.len()],
        OPTIONS[fill.options % OPTIONS.len()],
    );
    let payload = PAYLOADS[fill.payload % PAYLOADS.len()];
    match fill.template % 14 {
        0 => format!(r#"[32,{request},{options},"{uri}"]"#),
        1 => format!("[34,{request},{id}]"),
        2 => format!(r#"[16,{request},{options},"{uri}"{payload}]"#),
        3 => format!(r#"[64,{request},{options},"{uri}"]"#),
        4 => format!("[66,{request},{id}]"),
        5 => format!(r#"[48,{request},{options},"{uri}"{payload}]"#),
        6 => format!("[49,{id},{options}]"),
        7 => format!("[70,{id},{options}{payload}]"),
        8 => format!(r#"[8,68,{id},{options},"{uri}"{payload}]"#),
        9 => format!(r#"[1,"{REALM}",{ROLES}]"#),
        10 => format!(r#"[6,{{}},"{uri}"]"#),
        11 => format!(r#"[3,{{}},"{uri}"]"#),
        12 => format!(r#"[8,{other},{id},{{}},"{uri}"]"#),
        _ => format!("[{other},{id},{options}{payload}]"),
    }
}

/// Messages that routers send.
fn router_message(fill: &Fill) -> String {
    let Fill { id, other, .. } = *fill;
    let (uri, options) = (
        URIS[fill.uri % URIS.len()],
        OPTIONS[fill.options % OPTIONS.len()],
    );
    let payload = PAYLOADS[fill.payload % PAYLOADS.len()];
    match fill.template % 16 {
        0 => format!("[2,{id},{ROLES}]"),
        1 | 2 => format!("[33,{id},{other}]"),
        3 => format!("[35,{id}]"),
        4 => format!("[17,{id},{other}]"),
        5 => format!("[36,{id},{other},{options}{payload}]"),
        6 | 7 => format!("[65,{id},{other}]"),
        8 => format!("[67,{id}]"),
        9 => format!("[68,{id},{other},{options}{payload}]"),
        10 => format!("[69,{id},{options}]"),
        11 => format!("[50,{id},{options}{payload}]"),
        12 => format!(
            r#"[8,{},{id},{options},"{uri}"{payload}]"#,
            [16, 32, 34, 48, 64, 66][fill.uri % 6]
        ),
        13 => format!(r#"[35,0,{{"subscription":{id}}}]"#),
        14 => format!(r#"[67,0,{{"registration":{id}}}]"#),
        _ => format!("[{other},{id},{options}{payload}]"),
    }
}

/// What happens to a message on its way.
#[derive(Clone, Debug)]
enum Damage {
    None,
    Flip(usize, u8),
    Cut(usize),
    Replace(Vec<u8>),
}

fn fill() -> impl Strategy<Value = Fill> {
    let small = || prop_oneof![8 => 1..8_u64, 1 => 0..80_u64, 1 => any::<u64>()];
    let index = any::<usize>;
    let in_sequence = prop::bool::weighted(0.97);
    (
        index(),
        small(),
        small(),
        index(),
        index(),
        index(),
        in_sequence,
    )
        .prop_map(
            |(template, id, other, uri, options, payload, in_sequence)| Fill {
                template,
                id,
                other,
                uri,
                options,
                payload,
                in_sequence,
            },
        )
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        40 => Just(Damage::None),
        1 => (any::<usize>(), 1..=255_u8).prop_map(|(at, with)| Damage::Flip(at, with)),
        1 => any::<usize>().prop_map(Damage::Cut),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Damage::Replace),
    ]
}

/// The message in a serializer, damaged; invalid ones stay JSON.
fn octets(text: &str, serializer: SerializerKind, damage: &Damage) -> Vec<u8> {
    let mut octets = text.as_bytes().to_vec();
    if serializer != SerializerKind::Json
        && let Ok(message) = Message::decode(
            SerializerKind::Json,
            text.as_bytes(),
            &DecodeLimits::default(),
        )
    {
        octets.clear();
        if message.encode(serializer, &mut octets).is_err() {
            octets = text.as_bytes().to_vec();
        }
    }
    match damage {
        Damage::None => {}
        Damage::Flip(at, with) => {
            let at = at % octets.len();
            octets[at] ^= with;
        }
        Damage::Cut(at) => octets.truncate(at % octets.len()),
        Damage::Replace(with) => octets.clone_from(with),
    }
    octets
}

proptest! {
    #[test]
    fn a_hostile_client_harms_nobody(
        messages in prop::collection::vec((fill(), damage()), 1..80),
        kind in 0..2_usize,
        greet in prop::bool::weighted(0.95),
        max in prop_oneof![Just(LONG), Just(512)],
    ) {
        let mut config = RouterConfig::new([REALM]);
        config.limits.subscriptions = 3;
        config.limits.registrations = 2;
        config.limits.pending_calls = 4;
        let mut world = World::with(config);
        let (a, b) = (world.join(KINDS[0]), world.join(KINDS[1]));
        world.register(a, "com.proc");
        world.subscribe(b, "com.topic");
        let before = world.router.stats();

        let serializer = KINDS[kind];
        let now = world.now;
        let info = TransportInfo::new(serializer, max);
        let hostile = world.router.open_session(info, now).unwrap();
        let mut request = 0;
        let mut ended = false;
        let hello = format!(r#"[1,"{REALM}",{ROLES}]"#);
        if greet {
            let hello = octets(&hello, serializer, &Damage::None);
            world.router.handle_message(hostile, &hello, now);
        }
        for (index, (fill, damage)) in messages.iter().enumerate() {
            let numbered = fill.template % 14 < FROM_CLIENT;
            let id = if fill.in_sequence { request + 1 } else { fill.other };
            let text = client_message(fill, id);
            if numbered && matches!(damage, Damage::None) {
                request = id;
            }
            let message = octets(&text, serializer, damage);
            world.router.handle_message(hostile, &message, now);
            // What it is sent must be WAMP, and no longer than it takes.
            while let Some((key, frame)) = world.router.poll_transmit() {
                if key == hostile {
                    prop_assert!(frame.payload_len() <= max);
                    let decoded =
                        Message::decode(serializer, frame.payload(), &DecodeLimits::default());
                    prop_assert!(decoded.is_ok(), "{decoded:?}");
                } else {
                    let client = world.clients.iter_mut().find(|c| c.key == Some(key)).unwrap();
                    client.session.handle_message(&crate::world::message(frame), now);
                }
            }
            while let Some(event) = world.router.poll_event() {
                if let RouterEvent::Close { key, .. } = event {
                    prop_assert_eq!(key, hostile, "nobody else is closed");
                    ended = true;
                }
            }
            // A callee answers now and then.
            if index % 3 == 0 {
                let session = &mut world.clients[a].session;
                if let Some(Event::Invoked(invoked)) = session.poll_event().unwrap() {
                    let payload = Payload::from(invoked.payload);
                    let sent = session.yield_result(invoked.invocation, &Dict::new(), &payload);
                    // It may have been interrupted since.
                    prop_assert!(matches!(sent, Ok(()) | Err(CommandError::Unknown)), "{sent:?}");
                }
                let key = world.key(a);
                while let Some(frame) = world.clients[a].session.poll_transmit() {
                    world.router.handle_message(key, frame.payload(), now);
                }
            }
            let stats = world.router.stats();
            prop_assert!(stats.subscribers <= before.subscribers + 3);
            prop_assert!(stats.registrations <= before.registrations + 2);
            prop_assert!(stats.pending_calls <= 4);
            prop_assert!(stats.timers <= 5);
            if ended {
                prop_assert_eq!(stats.sessions, 2);
                prop_assert_eq!(stats.registrations, before.registrations);
                prop_assert_eq!(stats.pending_calls, 0);
            }
        }
        world.router.handle_closed(hostile, now);
        world.router.handle_message(hostile, hello.as_bytes(), now);
        world.pump();
        for client in &mut world.clients {
            prop_assert_eq!(&client.error, &None);
            client.events.clear();
        }
        let after = world.router.stats();
        prop_assert_eq!(
            (after.transports, after.sessions, after.subscriptions, after.subscribers),
            (before.transports, before.sessions, before.subscriptions, before.subscribers)
        );
        prop_assert_eq!(
            (after.registrations, after.pending_calls, after.timers, after.queued_frames),
            (before.registrations, 0, 0, 0)
        );
        // The others go on as if nothing had been.
        world.publish(a, "com.topic", &("x",));
        prop_assert!(matches!(world.next(b), Event::Published(_)));
        world.call(b, "com.proc", &Dict::new(), &("x",));
        let invoked = world.next_invoked(a);
        let session = world.session(a);
        let arguments = ("y",);
        let payload = Payload::typed(&arguments);
        session.yield_result(invoked.invocation, &Dict::new(), &payload).unwrap();
        world.pump();
        prop_assert_eq!(world.next_result(b), "y");
        world.assert_leaves_nothing();
    }

    #[test]
    fn a_hostile_router_harms_nothing_but_its_own_session(
        messages in prop::collection::vec((fill(), damage()), 1..80),
        kind in 0..2_usize,
    ) {
        let serializer = KINDS[kind];
        let now = Instant::ZERO;
        let mut config = SessionConfig::new(REALM, serializer);
        config.max_invocations = 3;
        let mut session = ClientSession::new(config, now).unwrap();
        let welcome = octets(&format!("[2,1,{ROLES}]"), serializer, &Damage::None);
        session.handle_message(&Bytes::from(welcome), now);
        let mut error = None;
        let mut finals = 0;
        for (index, (fill, damage)) in messages.iter().enumerate() {
            // The application makes requests all the time; so the ids in answers often fit.
            let none = Dict::new();
            let joined = session.is_joined();
            let options = Dict::new().with("acknowledge", true);
            let sent = match index % 4 {
                0 => session.subscribe("com.topic", &none).is_ok(),
                1 => session.register("com.proc", &none).is_ok(),
                2 => session.call("com.proc", &none, &Payload::none()).is_ok(),
                _ => session.publish("com.topic", &options, &Payload::none()).is_ok(),
            };
            prop_assert_eq!(sent, joined);
            let message = octets(&router_message(fill), serializer, damage);
            session.handle_message(&Bytes::from(message), now);
            while let Some(frame) = session.poll_transmit() {
                let decoded =
                    Message::decode(serializer, frame.payload(), &DecodeLimits::default());
                prop_assert!(decoded.is_ok(), "{decoded:?}");
            }
            loop {
                match session.poll_event() {
                    Ok(None) => break,
                    Ok(Some(Event::Done(_) | Event::Failed(_))) => finals += 1,
                    Ok(Some(Event::Invoked(invoked))) if index % 2 == 0 => {
                        let payload = Payload::from(invoked.payload);
                        let _ = session.yield_result(invoked.invocation, &none, &payload);
                    }
                    Ok(Some(_)) => {}
                    Err(first) => {
                        let first_seen = error.get_or_insert_with(|| first.clone());
                        prop_assert_eq!(&*first_seen, &first, "the first error stays");
                        break;
                    }
                }
            }
            prop_assert!(session.pending_invocations() <= 3);
        }
        session.handle_closed("over", now);
        while let Ok(Some(event)) = session.poll_event() {
            if matches!(event, Event::Failed(_)) {
                finals += 1;
            }
        }
        prop_assert_eq!(session.pending_requests(), 0);
        prop_assert_eq!(session.pending_invocations(), 0);
        prop_assert_eq!(session.subscriptions() + session.registrations(), 0);
        prop_assert!(session.is_ended());
        // Every request that was made has ended exactly once.
        prop_assert!(finals <= messages.len());
        prop_assert!(session.leave(uris::CLOSE_REALM, now).is_err());
    }
}
