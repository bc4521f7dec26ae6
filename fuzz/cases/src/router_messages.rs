//! A router and clients that send anything.

use std::collections::HashSet;
use std::time::Duration;

use rawsocket_proto::time::Instant;
use wamp_core::router::{Router, RouterConfig, RouterEvent, SessionKey, TransportInfo};
use wamp_core::{DecodeLimits, Id, Message, MessageType, SerializerKind};

use crate::choices::Choices;

const SUBSCRIPTIONS: usize = 3;
const REGISTRATIONS: usize = 2;
const PENDING_CALLS: usize = 3;
const TRANSPORTS: usize = 4;
const OUTBOX: usize = 4_000;

const URIS: [&str; 7] = ["a", "b.c", "", "not a uri", "wamp.x", "a..b", "ä"];
const OPTIONS: [&str; 16] = [
    "{}",
    r#"{"acknowledge":true,"exclude_me":false}"#,
    r#"{"receive_progress":true}"#,
    r#"{"receive_progress":true,"timeout":5}"#,
    r#"{"timeout":18446744073709551615}"#,
    r#"{"progress":true}"#,
    r#"{"mode":"kill"}"#,
    r#"{"mode":"skip"}"#,
    r#"{"mode":"killnowait"}"#,
    r#"{"eligible":[1,2,3],"exclude_authrole":["x"]}"#,
    r#"{"exclude_me":false,"exclude":[9007199254740992],"eligible_authrole":["anonymous"]}"#,
    r#"{"match":"prefix"}"#,
    r#"{"invoke":"roundrobin"}"#,
    r#"{"forward_timeout":true}"#,
    r#"{"ppt_scheme":"x_own","ppt_keyid":"k"}"#,
    r#"{"_x":{"y":[null,1.5,"\u0000AQID"]}}"#,
];
const PAYLOADS: [&str; 6] = [
    "",
    ",[1]",
    r#",["\u0000AQID",[[[[]]]],-1,18446744073709551615]"#,
    r#",[],{"k":{"l":null}}"#,
    r#",["\u0001\u0001\u0001\u0001\u0001\u0001\u0001\u0001\u0001\u0001\u0001\u0001\u0001\u0001\u0001"]"#,
    ",[1e999]",
];
const ROLES: [&str; 3] = [
    r#"{"roles":{"caller":{}}}"#,
    r#"{"roles":{"callee":{"features":{"call_canceling":true,"progressive_call_results":true}}}}"#,
    r#"{"roles":{"callee":{"features":{"call_canceling":true,"call_timeout":true}}}}"#,
];

/// What a client knows: what it was told, and what it asked for.
struct Client {
    key: SessionKey,
    serializer: SerializerKind,
    max: usize,
    /// The requests that it made so far.
    requests: u64,
    /// Calls that were not answered for good; numbers may come twice.
    calls: Vec<Id>,
    invocations: u64,
    subscriptions: HashSet<Id>,
    registrations: HashSet<Id>,
    heard: Heard,
    /// The router wants the transport closed.
    closing: bool,
    joined: bool,
}

/// How much of a session's life a client has heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Nothing,
    Welcome,
    /// ABORT or GOODBYE: nothing may follow.
    Farewell,
}

struct World {
    router: Router,
    clients: Vec<Client>,
    now: Instant,
}

/// Any messages of any clients in any order: nothing panics, no limit is exceeded, nobody is told
/// what it did not ask for, nothing is sent behind a farewell, and once all transports are closed
/// nothing is left.
pub fn router_messages(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut config = RouterConfig::new(["r"]);
    config.sequential_requests = choices.flag();
    config.max_transports = TRANSPORTS;
    config.limits.subscriptions = SUBSCRIPTIONS;
    config.limits.registrations = REGISTRATIONS;
    config.limits.pending_calls = PENDING_CALLS;
    config.limits.outbox_events = OUTBOX / 4;
    config.limits.outbox_calls = OUTBOX / 2;
    config.limits.outbox = OUTBOX;
    let mut world = World {
        router: Router::new(config, [1; 32]),
        clients: Vec::new(),
        now: Instant::ZERO,
    };
    while !choices.is_empty() {
        world.step(&mut choices);
        world.listen();
        world.check();
    }
    world.end();
}

impl World {
    fn step(&mut self, choices: &mut Choices<'_>) {
        match choices.below(16) {
            0 | 1 => self.open(choices),
            2 => {
                if let Some(client) = self.pick(choices) {
                    let (key, now) = (self.clients[client].key, self.now);
                    let len = usize::from(choices.below(64));
                    self.router.handle_message(key, choices.octets(len), now);
                }
            }
            3 => {
                let wait = choices.one_of([0, 1, 5, 4_999, 30_000, u64::MAX]);
                self.now = self.now.saturating_add(Duration::from_millis(wait));
                self.router.handle_timeout(self.now);
                if let Some(deadline) = self.router.poll_timeout() {
                    assert!(deadline.at > self.now, "what is due has happened");
                }
            }
            4 => {
                if let Some(client) = self.pick(choices) {
                    let client = self.clients.swap_remove(client);
                    self.router.handle_closed(client.key, self.now);
                    self.router.handle_message(client.key, b"[]", self.now);
                    assert!(self.router.poll_transmit_to(client.key).is_none());
                }
            }
            5 => {
                if let Some(client) = self.pick(choices) {
                    let key = self.clients[client].key;
                    self.router
                        .close_session(key, "wamp.close.killed", self.now);
                }
            }
            6 => {
                if let Some(client) = self.pick(choices) {
                    self.receive(client);
                }
            }
            7 => {
                while let Some((key, frame)) = self.router.poll_transmit() {
                    let client = self.clients.iter_mut().find(|client| client.key == key);
                    client
                        .expect("frames are for who is there")
                        .take(frame.payload());
                }
            }
            _ => {
                if let Some(client) = self.pick(choices) {
                    self.send(client, choices);
                }
            }
        }
    }

    fn pick(&self, choices: &mut Choices<'_>) -> Option<usize> {
        let client = usize::from(choices.octet());
        client.checked_rem(self.clients.len())
    }

    fn open(&mut self, choices: &mut Choices<'_>) {
        let serializer = choices.one_of([SerializerKind::Json, SerializerKind::MessagePack]);
        let max = choices.one_of([1 << 24, 512]);
        let info = TransportInfo::new(serializer, max);
        let opened = self.router.open_session(info, self.now);
        assert_eq!(opened.is_ok(), self.clients.len() < TRANSPORTS);
        let Ok(key) = opened else {
            return;
        };
        self.clients.push(Client {
            key,
            serializer,
            max,
            requests: 0,
            calls: Vec::new(),
            invocations: 0,
            subscriptions: HashSet::new(),
            registrations: HashSet::new(),
            heard: Heard::Nothing,
            closing: false,
            joined: false,
        });
        if choices.below(8) > 0 {
            let roles = choices.one_of(ROLES);
            self.deliver(self.clients.len() - 1, &format!(r#"[1,"r",{roles}]"#));
        }
    }

    /// Sends a message that is one; with ids that often name something.
    fn send(&mut self, client: usize, choices: &mut Choices<'_>) {
        let template = choices.below(16);
        let id = u64::from(choices.below(6));
        let next = self.clients[client].requests + 1;
        let request = if choices.below(32) == 0 { id } else { next };
        let uri = choices.one_of(URIS);
        let options = choices.one_of(OPTIONS);
        let payload = choices.one_of(PAYLOADS);
        let text = match template {
            0 => format!(r#"[32,{request},{options},"{uri}"]"#),
            1 => format!("[34,{request},{id}]"),
            2 | 3 => format!(r#"[16,{request},{options},"{uri}"{payload}]"#),
            4 => format!(r#"[64,{request},{options},"{uri}"]"#),
            5 => format!("[66,{request},{id}]"),
            6 | 7 => format!(r#"[48,{request},{options},"{uri}"{payload}]"#),
            8 | 9 => format!("[49,{id},{options}]"),
            10 | 11 => format!("[70,{id},{options}{payload}]"),
            12 => format!(r#"[8,68,{id},{options},"{uri}"{payload}]"#),
            13 => format!(r#"[6,{{}},"{uri}"]"#),
            14 => format!(r#"[3,{{}},"{uri}"]"#),
            _ => format!("[{},{id},{options}{payload}]", choices.octet()),
        };
        if template < 8 {
            self.clients[client].requests = request;
        }
        if matches!(template, 6 | 7)
            && let Some(id) = Id::new(request)
        {
            self.clients[client].calls.push(id);
        }
        self.deliver(client, &text);
    }

    fn deliver(&mut self, client: usize, text: &str) {
        let client = &self.clients[client];
        let mut octets = text.as_bytes().to_vec();
        if client.serializer != SerializerKind::Json {
            let limits = DecodeLimits::default();
            let mut translated = Vec::new();
            let message = Message::decode(SerializerKind::Json, &octets, &limits);
            if message.is_ok_and(|m| m.encode(client.serializer, &mut translated).is_ok()) {
                octets = translated;
            }
        }
        self.router.handle_message(client.key, &octets, self.now);
    }

    fn receive(&mut self, client: usize) {
        let client = &mut self.clients[client];
        while let Some(frame) = self.router.poll_transmit_to(client.key) {
            client.take(frame.payload());
        }
    }

    /// Takes what the router tells its adapter.
    fn listen(&mut self) {
        while let Some(event) = self.router.poll_event() {
            let (RouterEvent::Joined { key, .. }
            | RouterEvent::Left { key, .. }
            | RouterEvent::Close { key, .. }) = &event
            else {
                continue;
            };
            let client = self.clients.iter_mut().find(|client| client.key == *key);
            let Some(client) = client else {
                assert!(matches!(event, RouterEvent::Left { .. }), "{event:?}");
                continue;
            };
            let before = match event {
                RouterEvent::Joined { .. } => core::mem::replace(&mut client.joined, true),
                RouterEvent::Left { .. } => !core::mem::replace(&mut client.joined, false),
                _ => core::mem::replace(&mut client.closing, true),
            };
            assert!(!before, "once each");
        }
    }

    fn check(&self) {
        let stats = self.router.stats();
        let joined = self.clients.iter().filter(|client| client.joined).count();
        assert_eq!(stats.transports, self.clients.len());
        assert_eq!(stats.sessions, joined);
        assert!(stats.subscriptions <= stats.subscribers);
        assert!(stats.subscribers <= SUBSCRIPTIONS * joined);
        assert!(stats.registrations <= REGISTRATIONS * joined);
        assert!(stats.pending_calls <= PENDING_CALLS * joined);
        assert!(stats.timers <= self.clients.len() - joined + stats.pending_calls);
        assert_eq!(self.router.poll_timeout().is_some(), stats.timers > 0);
        for client in &self.clients {
            // One frame more is taken while the outbox is not above its limit.
            assert!(self.router.queued_octets(client.key) <= OUTBOX + 1_000);
        }
    }

    fn end(mut self) {
        for client in 0..self.clients.len() {
            self.receive(client);
        }
        self.router.shut_down(self.now);
        for client in 0..self.clients.len() {
            self.receive(client);
            self.router
                .handle_closed(self.clients[client].key, self.now);
        }
        self.clients.clear();
        self.check();
        let stats = self.router.stats();
        let left = stats.subscribers + stats.registrations + stats.pending_calls;
        assert_eq!((left, stats.timers, stats.queued_frames), (0, 0, 0));
        assert_eq!(self.router.poll_ready(), None);
    }
}

impl Client {
    /// Takes what the router sends, which must be what a router may send now.
    fn take(&mut self, frame: &[u8]) {
        assert!(frame.len() <= self.max);
        let message = Message::decode(self.serializer, frame, &DecodeLimits::default());
        let message = message.expect("the router speaks WAMP");
        let first = self.heard == Heard::Nothing;
        let greeting = matches!(message, Message::Welcome(_) | Message::Abort(_));
        assert!(greeting || !first, "{message:?}");
        assert!(
            self.heard != Heard::Farewell,
            "nothing follows: {message:?}"
        );
        match message {
            Message::Welcome(_) => {
                assert!(first);
                self.heard = Heard::Welcome;
            }
            Message::Abort(_) | Message::Goodbye(_) => self.heard = Heard::Farewell,
            Message::Subscribed(granted) => {
                self.subscriptions.insert(granted.subscription);
            }
            Message::Registered(granted) => {
                self.registrations.insert(granted.registration);
            }
            Message::Event(event) => assert!(self.subscriptions.contains(&event.subscription)),
            Message::Invocation(invocation) => {
                self.invocations += 1;
                assert_eq!(invocation.request.get(), self.invocations);
                assert!(self.registrations.contains(&invocation.registration));
            }
            Message::Interrupt(interrupt) => {
                assert!(interrupt.request.get() <= self.invocations);
            }
            Message::Result(result) if result.progress() => {
                assert!(self.calls.contains(&result.request));
            }
            Message::Result(result) => self.answered(result.request),
            Message::Error(error) if error.request_type == MessageType::Call => {
                self.answered(error.request);
            }
            Message::Error(_)
            | Message::Published(_)
            | Message::Unsubscribed(_)
            | Message::Unregistered(_) => {}
            other => panic!("not for clients: {other:?}"),
        }
    }

    fn answered(&mut self, call: Id) {
        let at = self.calls.iter().position(|id| *id == call);
        self.calls.swap_remove(at.expect("a call is answered once"));
    }
}
