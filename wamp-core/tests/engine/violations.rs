//! Messages that have no place: each side ends the session with ABORT, as the spec says.

use bytes::Bytes;
use rawsocket_proto::time::Instant;
use wamp_rawsocket_core::router::{CloseReason, Router, RouterConfig, TransportInfo};
use wamp_rawsocket_core::session::{
    ClientSession, Event, Failure, Outcome, ProtocolViolation, SessionConfig, SessionError,
};
use wamp_rawsocket_core::{Dict, MessageType, Payload, SerializerKind, uris};

use crate::world::{LONG, REALM, Raw, assert_empty};

const HELLO: &str = r#"[1,"realm1",{"roles":{"caller":{},"callee":{}}}]"#;

#[test]
fn the_router_aborts_whoever_breaks_the_protocol() {
    let before_hello = [
        r#"[16,1,{},"com.topic"]"#,
        r#"[32,1,{},"com.topic"]"#,
        r#"[48,1,{},"com.proc"]"#,
        r#"[64,1,{},"com.proc"]"#,
        r#"[6,{},"wamp.close.close_realm"]"#,
        r#"[5,"signature",{}]"#,
        r#"[8,68,1,{},"com.error"]"#,
        "[2,1,{}]",
        r#"[1,"realm1",{}]"#,
        r#"[1,"realm1",{"roles":{}}]"#,
        r#"[1,"realm1"]"#,
        "",
        "not json",
        "[]",
        "[1]",
        "[99,1]",
        "{}",
        r#"[1,"realm1",{"roles":{"caller":{}}}] [2]"#,
    ];
    let after = [
        HELLO,
        // Routers send these.
        "[2,1,{}]",
        r#"[4,"ticket",{}]"#,
        "[17,1,1]",
        "[33,1,1]",
        "[35,1]",
        "[36,1,1,{}]",
        "[50,1,{}]",
        "[65,1,1]",
        "[67,1]",
        "[68,1,1,{}]",
        "[69,1,{}]",
        r#"[5,"signature",{}]"#,
        // ERROR for what is no invocation, or none that was made.
        r#"[8,48,1,{},"com.error"]"#,
        r#"[8,68,1,{},"com.error"]"#,
        r#"[8,1,1,{},"com.error"]"#,
        "[70,1,{}]",
        // Request ids that are not next.
        r#"[32,2,{},"com.topic"]"#,
        "[34,7,1]",
        r#"[16,3,{},"com.topic"]"#,
        r#"[64,4,{},"com.proc"]"#,
        "[66,5,1]",
        r#"[48,6,{},"com.proc"]"#,
        r#"[48,0,{},"com.proc"]"#,
        r#"[48,9007199254740993,{},"com.proc"]"#,
        // Progressive calls were not announced.
        r#"[48,1,{"progress":true},"com.proc"]"#,
        // Wrong types.
        r#"[16,1,{"acknowledge":1},"com.topic"]"#,
        r#"[16,1,{"exclude":[0]},"com.topic"]"#,
        r#"[32,1,{"match":"glob"},"com.topic"]"#,
        r#"[32,1,[],"com.topic"]"#,
        r#"[48,1,{},"com.proc",{}]"#,
        r#"[48,1,{},"com.proc",[],[]]"#,
        "[48",
    ];
    for (messages, joined) in [(&before_hello[..], false), (&after[..], true)] {
        for message in messages {
            let mut raw = if joined { Raw::joined() } else { Raw::new() };
            let answers = raw.send(message);
            assert_eq!(answers.len(), 1, "{message}: {answers:?}");
            assert!(
                answers[0].starts_with(r#"[3,{"message":"#)
                    && answers[0].contains(uris::PROTOCOL_VIOLATION),
                "{message}: {answers:?}"
            );
            assert!(answers[0].len() <= 512, "{message}");
            let reason = raw.closed();
            assert!(
                matches!(reason, Some(CloseReason::ProtocolViolation { .. })),
                "{message}: {reason:?}"
            );
            // Nothing of what follows is read.
            assert_eq!(raw.send(HELLO), [""; 0]);
            assert_eq!(raw.send(r#"[48,1,{},"com.proc"]"#), [""; 0]);
            assert_eq!(raw.closed(), None);
            let stats = raw.router.stats();
            assert_eq!((stats.sessions, stats.protocol_violations), (0, 1));
            raw.router.handle_closed(raw.key, raw.now);
            assert_empty(&raw.router.stats());
        }
    }
}

#[test]
fn a_long_offence_gets_a_short_answer() {
    let quotes = "\\\"".repeat(5_000);
    let mut raw = Raw::new();
    let answers = raw.send(&format!(r#"[1,"realm1",{{"roles":{{}},"x":"{quotes}"}}]"#));
    assert!(answers[0].len() <= 512, "{}", answers[0].len());
    let mut raw = Raw::joined();
    let answers = raw.send(&format!(r#"[32,1,{{"match":"{quotes}"}},"com.topic"]"#));
    assert!(answers[0].len() <= 512, "{}", answers[0].len());
}

#[test]
fn abort_is_never_answered() {
    for mut raw in [Raw::new(), Raw::joined()] {
        assert_eq!(raw.send(r#"[3,{},"com.reason"]"#), [""; 0]);
        let reason = "com.reason".to_owned();
        assert_eq!(raw.closed(), Some(CloseReason::ClientAborted { reason }));
        assert_eq!(raw.router.stats().sessions, 0);
    }
}

#[test]
fn requests_of_any_number_can_be_let_in() {
    let mut config = RouterConfig::new([REALM]);
    config.sequential_requests = false;
    let now = Instant::ZERO;
    let mut raw = Raw::new();
    raw.router = Router::new(config, [0; 32]);
    let info = TransportInfo::new(SerializerKind::Json, LONG);
    raw.key = raw.router.open_session(info, now).unwrap();
    raw.send(HELLO);
    assert_eq!(
        raw.send(r#"[32,713845233,{},"com.topic"]"#),
        ["[33,713845233,1]"]
    );
    assert_eq!(raw.send(r#"[64,5,{},"com.proc"]"#), ["[65,5,1]"]);
    assert_eq!(raw.send(r#"[48,5,{},"com.proc"]"#), ["[68,1,1,{}]"]);
    // But not twice at the same time.
    assert!(raw.send(r#"[48,5,{},"com.proc"]"#)[0].contains(uris::PROTOCOL_VIOLATION));
}

#[test]
fn features_that_a_callee_has_not_announced_are_not_used() {
    let mut raw = Raw::joined();
    assert_eq!(
        raw.send(r#"[64,1,{"forward_timeout":true},"com.proc"]"#),
        ["[65,1,1]"]
    );
    let call = r#"[48,2,{"receive_progress":true,"timeout":100,"disclose_me":true},"com.proc",[1],{"k":2}]"#;
    assert_eq!(raw.send(call), [r#"[68,1,1,{},[1],{"k":2}]"#]);
    // No INTERRUPT: `kill` becomes `skip`.
    let canceled = r#"[8,48,2,{},"wamp.error.canceled"]"#;
    assert_eq!(raw.send(r#"[49,2,{"mode":"kill"}]"#), [canceled]);
    assert_eq!(raw.send("[49,2,{}]"), [""; 0], "it has ended");
    assert_eq!(raw.send("[70,1,{}]"), [""; 0], "too late");
    assert_eq!(raw.router.stats().pending_calls, 0);
    assert_eq!(
        raw.send(r#"[48,3,{"timeout":100},"com.proc"]"#),
        ["[68,2,1,{}]"]
    );
    let at = raw.router.poll_timeout().unwrap().at;
    assert_eq!(at, Instant::from_millis(100));
    raw.router.handle_timeout(at);
    assert_eq!(raw.received(), [r#"[8,48,3,{},"wamp.error.timeout"]"#]);
    assert_eq!(raw.closed(), None);
}

#[test]
fn a_callee_that_keeps_time_itself_is_given_the_timeout() {
    let mut raw = Raw::new();
    raw.send(r#"[1,"realm1",{"roles":{"callee":{"features":{"call_timeout":true}}}}]"#);
    raw.send(r#"[64,1,{"forward_timeout":true},"com.proc"]"#);
    raw.send(r#"[64,2,{},"com.proc2"]"#);
    assert_eq!(
        raw.send(r#"[48,3,{"timeout":100},"com.proc"]"#),
        [r#"[68,1,1,{"timeout":100}]"#]
    );
    assert_eq!(raw.router.stats().timers, 0);
    assert_eq!(
        raw.send(r#"[48,4,{"timeout":100},"com.proc2"]"#),
        ["[68,2,2,{}]"]
    );
    assert_eq!(raw.router.stats().timers, 1);
}

#[test]
fn an_error_that_is_no_uri_is_not_handed_on() {
    let mut raw = Raw::joined();
    raw.send(r#"[64,1,{},"com.proc"]"#);
    raw.send(r#"[48,2,{},"com.proc"]"#);
    let answer = raw.send(r#"[8,68,1,{"secret":1},"not a uri",["why"]]"#);
    assert_eq!(answer, [r#"[8,48,2,{},"wamp.error.invalid_uri",["why"]]"#]);
}

/// A client session in JSON, with a router that says what it likes.
struct Client {
    session: ClientSession,
    sent: Vec<String>,
}

impl Client {
    fn new() -> Self {
        let config = SessionConfig::new(REALM, SerializerKind::Json);
        let session = ClientSession::new(config, Instant::ZERO).unwrap();
        let mut client = Self {
            session,
            sent: vec![],
        };
        client.drain();
        client
    }

    /// Has joined; subscription 10 and registration 20 are granted; call 3 is pending.
    fn joined() -> Self {
        let mut client = Self::new();
        client.take(r#"[2,1,{"roles":{"broker":{},"dealer":{}}}]"#);
        client.session.subscribe("com.topic", &Dict::new()).unwrap();
        client.session.register("com.proc", &Dict::new()).unwrap();
        client
            .session
            .call("com.other", &Dict::new(), &Payload::none())
            .unwrap();
        client.take("[33,1,10]");
        client.take("[65,2,20]");
        while client.event().is_some() {}
        client
    }

    fn take(&mut self, message: &str) {
        let message = Bytes::copy_from_slice(message.as_bytes());
        self.session.handle_message(&message, Instant::ZERO);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(frame) = self.session.poll_transmit() {
            self.sent
                .push(String::from_utf8(frame.payload().to_vec()).unwrap());
        }
    }

    fn event(&mut self) -> Option<Event> {
        self.session.poll_event().unwrap()
    }

    /// The violation; every event that comes before is the failure of a request.
    fn violation(&mut self) -> ProtocolViolation {
        loop {
            match self.session.poll_event() {
                Ok(Some(Event::Failed(failed))) => {
                    assert_eq!(failed.reason, Failure::SessionEnded);
                }
                Err(SessionError::Protocol(violation)) => return violation,
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn the_session_aborts_a_router_that_breaks_the_protocol() {
    let before = [
        r#"[6,{},"wamp.close.normal"]"#,
        "[33,1,1]",
        "[50,1,{}]",
        "[68,1,1,{}]",
        r#"[8,48,1,{},"com.error"]"#,
        r#"[1,"realm1",{}]"#,
        "[2,0,{}]",
        "",
        "[]",
        "x",
    ];
    let after = [
        "[2,1,{}]",
        r#"[4,"ticket",{}]"#,
        HELLO,
        r#"[32,1,{},"com.topic"]"#,
        r#"[48,1,{},"com.proc"]"#,
        "[70,1,{}]",
        // Never asked, or asked for something else.
        "[33,4,1]",
        "[33,3,1]",
        "[33,1,10]",
        "[35,3]",
        "[17,3,1]",
        "[65,3,1]",
        "[67,3]",
        "[50,4,{}]",
        r#"[8,48,4,{},"com.error"]"#,
        r#"[8,32,3,{},"com.error"]"#,
        r#"[8,16,4,{},"com.error"]"#,
        r#"[8,68,1,{},"com.error"]"#,
        // Never granted.
        "[36,11,1,{}]",
        "[68,1,21,{}]",
        "[50,3,[]]",
        "[36",
    ];
    for (messages, joined) in [(&before[..], false), (&after[..], true)] {
        for message in messages {
            let mut client = if joined {
                Client::joined()
            } else {
                Client::new()
            };
            client.sent.clear();
            client.take(message);
            let violation = client.violation();
            let [abort] = &client.sent[..] else {
                panic!("{message}: {:?}", client.sent)
            };
            assert!(
                abort.starts_with(r#"[3,{"message":"#) && abort.contains(uris::PROTOCOL_VIOLATION),
                "{message}: {abort}"
            );
            assert!(client.session.is_ended());
            // Nothing more is read or sent, and the first error stays.
            client.take("[2,1,{}]");
            client.session.handle_closed("closed", Instant::ZERO);
            assert_eq!(client.sent.len(), 1);
            assert_eq!(client.violation(), violation);
        }
    }
}

#[test]
fn an_invocation_cannot_be_made_twice() {
    let mut client = Client::joined();
    client.take("[68,1,20,{}]");
    assert!(matches!(client.event(), Some(Event::Invoked(_))));
    client.take("[68,1,20,{}]");
    assert!(matches!(
        client.violation(),
        ProtocolViolation::DuplicateInvocation { .. }
    ));
}

#[test]
fn violations_name_what_was_wrong() {
    let mut client = Client::joined();
    client.take("[50,77,{}]");
    let ProtocolViolation::UnknownRequest { message, request } = client.violation() else {
        panic!("another violation")
    };
    assert_eq!((message, request.get()), (MessageType::Result, 77));
}

#[test]
fn a_challenge_that_cannot_be_met_ends_the_session() {
    let mut client = Client::new();
    client.take(r#"[4,"ticket",{}]"#);
    assert_eq!(
        client.session.poll_event(),
        Err(SessionError::ChallengeUnanswerable {
            method: "ticket".to_owned()
        })
    );
    assert!(
        client.sent[1].contains(uris::NO_MATCHING_AUTH_METHOD),
        "{:?}",
        client.sent
    );
}

#[test]
fn an_abort_of_the_router_fails_what_is_pending() {
    let mut client = Client::joined();
    client.take(r#"[3,{"message":"enough"},"wamp.close.killed"]"#);
    assert!(matches!(
        client.event(),
        Some(Event::Failed(failed)) if failed.reason == Failure::SessionEnded
    ));
    let aborted = SessionError::Aborted {
        reason: uris::KILLED.to_owned(),
        message: Some("enough".to_owned()),
        joined: true,
    };
    assert_eq!(client.session.error(), Some(&aborted));
    assert_eq!(client.session.poll_event(), Err(aborted));
    assert_eq!(
        client.sent.len(),
        4,
        "HELLO and three requests: no answer to ABORT"
    );
}

#[test]
fn late_and_odd_messages_that_real_routers_send_are_borne() {
    let mut client = Client::joined();
    // ERROR for a PUBLISH that asked for no acknowledgement.
    client
        .session
        .publish("com.topic", &Dict::new(), &Payload::none())
        .unwrap();
    client.take(r#"[8,16,4,{},"wamp.error.not_authorized"]"#);
    // INTERRUPT for what was answered already.
    client.take("[69,99,{}]");
    // Progress that nobody asked for.
    client.take(r#"[50,3,{"progress":true},[1]]"#);
    // Revocations, of what is held and of what is not.
    client.take(r#"[35,0,{"subscription":10,"reason":"com.reason"}]"#);
    client.take(r#"[67,0,{"registration":21}]"#);
    client.take(r#"[67,0,{"registration":20}]"#);
    assert!(matches!(
        client.event(),
        Some(Event::SubscriptionRevoked { reason: Some(reason), .. }) if reason == "com.reason"
    ));
    assert!(matches!(
        client.event(),
        Some(Event::RegistrationRevoked { reason: None, .. })
    ));
    // Events and invocations that crossed the revocation.
    client.sent.clear();
    client.take("[36,10,1,{}]");
    client.take("[68,1,20,{}]");
    assert_eq!(
        client.sent,
        [r#"[8,68,1,{},"wamp.error.no_such_procedure"]"#]
    );
    client.take("[50,3,{}]");
    assert!(matches!(
        client.event(),
        Some(Event::Done(Outcome::Result { .. }))
    ));
    assert_eq!(client.event(), None);
}

#[test]
fn a_refused_unsubscribe_changes_nothing() {
    let mut client = Client::joined();
    client
        .session
        .subscribe("com.topic2", &Dict::new())
        .unwrap();
    client.take("[33,4,11]");
    let Some(Event::Done(Outcome::Subscribed { subscription, .. })) = client.event() else {
        panic!("not subscribed")
    };
    client.session.unsubscribe(subscription).unwrap();
    client.take(r#"[8,34,5,{},"wamp.error.not_authorized"]"#);
    assert!(matches!(client.event(), Some(Event::Failed(_))));
    client.take("[36,11,1,{}]");
    assert!(matches!(client.event(), Some(Event::Published(_))));
    client.session.unsubscribe(subscription).unwrap();
    client.take(r#"[8,34,6,{},"wamp.error.no_such_subscription"]"#);
    assert!(matches!(client.event(), Some(Event::Failed(_))));
    assert_eq!(client.session.subscriptions(), 1);
    assert!(client.session.unsubscribe(subscription).is_err());
}
