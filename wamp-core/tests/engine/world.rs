//! A router and any number of clients, joined by transports that lose nothing and take no time.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use rawsocket_proto::connection::Frame;
use rawsocket_proto::time::Instant;
use wamp_rawsocket_core::router::{
    CloseReason, Router, RouterConfig, RouterEvent, RouterStats, SessionKey, TransportInfo,
};
use wamp_rawsocket_core::session::{
    CallRequest, ClientSession, Event, Failed, Failure, Invoked, Outcome, Registration, Request,
    SessionConfig, SessionError, Subscription,
};
use wamp_rawsocket_core::{Dict, Payload, SerializerKind, ToPayload};

pub(crate) const REALM: &str = "realm1";
pub(crate) const LONG: usize = (1 << 24) - 1;
pub(crate) const KINDS: [SerializerKind; 2] = [SerializerKind::Json, SerializerKind::MessagePack];

/// A client of the world, by its place in the list.
pub(crate) type Peer = usize;

pub(crate) struct Client {
    pub(crate) session: ClientSession,
    /// `None` once the transport is closed.
    pub(crate) key: Option<SessionKey>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) error: Option<SessionError>,
    /// The transport delivers nothing to the client: it does not read.
    pub(crate) stalled: bool,
}

pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) now: Instant,
    pub(crate) clients: Vec<Client>,
    pub(crate) events: Vec<RouterEvent>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(RouterConfig::new([REALM]))
    }

    pub(crate) fn with(config: RouterConfig) -> Self {
        Self {
            router: Router::new(config, [7; 32]),
            now: Instant::from_millis(1_000),
            clients: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Opens a transport whose client takes `max` octets, and sends HELLO; nothing is delivered.
    pub(crate) fn connect(&mut self, config: SessionConfig, max: usize) -> Peer {
        let info = TransportInfo::new(config.serializer, max);
        let key = self.router.open_session(info, self.now).unwrap();
        self.clients.push(Client {
            session: ClientSession::new(config, self.now).unwrap(),
            key: Some(key),
            events: VecDeque::new(),
            error: None,
            stalled: false,
        });
        self.clients.len() - 1
    }

    /// A client that has joined.
    pub(crate) fn join(&mut self, serializer: SerializerKind) -> Peer {
        self.join_with_max(serializer, LONG)
    }

    /// A client that has joined, and takes no more than `max` octets.
    pub(crate) fn join_with_max(&mut self, serializer: SerializerKind, max: usize) -> Peer {
        let peer = self.connect(SessionConfig::new(REALM, serializer), max);
        self.pump();
        let event = self.next(peer);
        assert!(matches!(event, Event::Joined(_)), "{event:?}");
        peer
    }

    pub(crate) fn session(&mut self, peer: Peer) -> &mut ClientSession {
        &mut self.clients[peer].session
    }

    pub(crate) fn key(&self, peer: Peer) -> SessionKey {
        self.clients[peer].key.unwrap()
    }

    /// Delivers everything, until nothing moves any more.
    pub(crate) fn pump(&mut self) {
        loop {
            let mut moved = false;
            moved |= self.transmit();
            moved |= self.deliver();
            // A transport is closed after what waited for it was sent.
            moved |= self.transmit();
            moved |= self.close_ended();
            if !moved {
                break;
            }
        }
        for client in &mut self.clients {
            client.collect();
        }
    }

    fn transmit(&mut self) -> bool {
        let mut moved = false;
        for client in &mut self.clients {
            while let Some(frame) = client.session.poll_transmit() {
                moved = true;
                if let Some(key) = client.key {
                    self.router.handle_message(key, frame.payload(), self.now);
                }
            }
        }
        moved
    }

    fn deliver(&mut self) -> bool {
        let mut moved = false;
        while let Some(key) = self.router.poll_ready() {
            let client = self
                .clients
                .iter_mut()
                .find(|c| c.key == Some(key))
                .unwrap();
            if client.stalled {
                continue;
            }
            while let Some(frame) = self.router.poll_transmit_to(key) {
                moved = true;
                client.session.handle_message(&message(frame), self.now);
            }
        }
        moved
    }

    /// Closes the transports that one of their ends wants closed.
    fn close_ended(&mut self) -> bool {
        let mut moved = false;
        while let Some(event) = self.router.poll_event() {
            moved = true;
            if let RouterEvent::Close { key, .. } = event {
                self.deliver();
                let client = self
                    .clients
                    .iter_mut()
                    .find(|c| c.key == Some(key))
                    .unwrap();
                client.key = None;
                client
                    .session
                    .handle_closed("closed by the router", self.now);
                self.router.handle_closed(key, self.now);
            }
            self.events.push(event);
        }
        for client in &mut self.clients {
            if client.session.is_ended()
                && let Some(key) = client.key.take()
            {
                moved = true;
                self.router.handle_closed(key, self.now);
            }
        }
        moved
    }

    /// The transport is lost, and both ends learn of it. What was under way is lost too.
    pub(crate) fn vanish(&mut self, peer: Peer) {
        let client = &mut self.clients[peer];
        if let Some(key) = client.key.take() {
            self.router.handle_closed(key, self.now);
            client.session.handle_closed("vanished", self.now);
        }
        self.pump();
    }

    /// Lets time pass: every deadline on the way is met.
    pub(crate) fn advance(&mut self, by: Duration) {
        let end = self.now.saturating_add(by);
        loop {
            let clients = self.clients.iter().filter_map(|c| c.session.poll_timeout());
            let next = clients
                .map(|deadline| deadline.at)
                .chain(self.router.poll_timeout().map(|deadline| deadline.at))
                .min()
                .filter(|at| *at <= end);
            self.now = next.unwrap_or(end);
            self.router.handle_timeout(self.now);
            for client in &mut self.clients {
                client.session.handle_timeout(self.now);
            }
            self.pump();
            if next.is_none() {
                break;
            }
        }
    }

    /// The oldest event of a client that was not looked at.
    pub(crate) fn next(&mut self, peer: Peer) -> Event {
        let client = &mut self.clients[peer];
        let error = &client.error;
        client
            .events
            .pop_front()
            .unwrap_or_else(|| panic!("client {peer} has no event; error: {error:?}"))
    }

    /// Fails if a client has an event that was not looked at.
    pub(crate) fn assert_quiet(&self) {
        for (peer, client) in self.clients.iter().enumerate() {
            assert!(client.events.is_empty(), "{peer}: {:?}", client.events);
        }
    }

    /// Every transport goes; nothing is left behind.
    pub(crate) fn assert_leaves_nothing(mut self) {
        for peer in 0..self.clients.len() {
            self.vanish(peer);
            let session = self.session(peer);
            assert_eq!(session.pending_requests(), 0);
            assert_eq!(session.pending_invocations(), 0);
            assert_eq!(session.subscriptions() + session.registrations(), 0);
        }
        assert_empty(&self.router.stats());
        assert_eq!(self.router.poll_timeout(), None);
        assert_eq!(self.router.poll_ready(), None);
    }

    pub(crate) fn closed_because(&self, wanted: impl Fn(&CloseReason) -> bool) -> bool {
        self.events
            .iter()
            .any(|event| matches!(event, RouterEvent::Close { reason, .. } if wanted(reason)))
    }

    // What clients do, with the answer that is hoped for.

    pub(crate) fn subscribe(&mut self, peer: Peer, topic: &str) -> Subscription {
        let sent = self.session(peer).subscribe(topic, &Dict::new()).unwrap();
        self.pump();
        match self.next(peer) {
            Event::Done(Outcome::Subscribed {
                request,
                subscription,
            }) if request == sent => subscription,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn register(&mut self, peer: Peer, procedure: &str) -> Registration {
        let sent = self
            .session(peer)
            .register(procedure, &Dict::new())
            .unwrap();
        self.pump();
        match self.next(peer) {
            Event::Done(Outcome::Registered {
                request,
                registration,
            }) if request == sent => registration,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn publish<T: ToPayload + Sync>(&mut self, peer: Peer, topic: &str, arguments: &T) {
        self.publish_with(peer, topic, &Dict::new(), arguments);
    }

    pub(crate) fn publish_with<T: ToPayload + Sync>(
        &mut self,
        peer: Peer,
        topic: &str,
        options: &Dict<'_>,
        arguments: &T,
    ) {
        let payload = Payload::typed(arguments);
        self.session(peer)
            .publish(topic, options, &payload)
            .unwrap();
        self.pump();
    }

    pub(crate) fn call<T: ToPayload + Sync>(
        &mut self,
        peer: Peer,
        procedure: &str,
        options: &Dict<'_>,
        arguments: &T,
    ) -> CallRequest {
        let payload = Payload::typed(arguments);
        let call = self
            .session(peer)
            .call(procedure, options, &payload)
            .unwrap();
        self.pump();
        call
    }

    pub(crate) fn next_invoked(&mut self, peer: Peer) -> Invoked {
        match self.next(peer) {
            Event::Invoked(invoked) => invoked,
            other => panic!("{other:?}"),
        }
    }

    /// The error with which a request failed.
    pub(crate) fn next_error(&mut self, peer: Peer) -> (Request, String) {
        match self.next(peer) {
            Event::Failed(Failed {
                request,
                reason: Failure::Error { uri, .. },
                ..
            }) => (request, uri),
            other => panic!("{other:?}"),
        }
    }

    /// The final result of a call, as its only argument.
    pub(crate) fn next_result(&mut self, peer: Peer) -> String {
        match self.next(peer) {
            Event::Done(Outcome::Result { payload, .. }) => {
                let (text,): (String,) = payload.args().unwrap();
                text
            }
            other => panic!("{other:?}"),
        }
    }
}

impl Client {
    fn collect(&mut self) {
        loop {
            match self.session.poll_event() {
                Ok(Some(event)) => self.events.push_back(event),
                Ok(None) => break,
                Err(error) => {
                    self.error = Some(error);
                    break;
                }
            }
        }
    }
}

/// What a transport hands on: the message without the frame's header.
pub(crate) fn message(frame: Frame) -> Bytes {
    frame.into_bytes().slice(4..)
}

pub(crate) fn assert_empty(stats: &RouterStats) {
    let held = [
        stats.transports,
        stats.sessions,
        stats.subscriptions,
        stats.subscribers,
        stats.registrations,
        stats.pending_calls,
        stats.timers,
        stats.queued_frames,
    ];
    assert_eq!(held, [0; 8], "{stats:#?}");
}

/// A client that sends what it likes, in JSON.
pub(crate) struct Raw {
    pub(crate) router: Router,
    pub(crate) key: SessionKey,
    pub(crate) now: Instant,
}

impl Raw {
    pub(crate) fn new() -> Self {
        let mut router = Router::new(RouterConfig::new([REALM]), [9; 32]);
        let now = Instant::ZERO;
        let info = TransportInfo::new(SerializerKind::Json, LONG);
        let key = router.open_session(info, now).unwrap();
        Self { router, key, now }
    }

    pub(crate) fn joined() -> Self {
        let mut raw = Self::new();
        let answer = raw.send(r#"[1,"realm1",{"roles":{"caller":{},"callee":{},"publisher":{}}}]"#);
        assert!(answer[0].starts_with("[2,"), "{answer:?}");
        raw
    }

    /// Sends a message; gives back what the router says.
    pub(crate) fn send(&mut self, message: &str) -> Vec<String> {
        self.router
            .handle_message(self.key, message.as_bytes(), self.now);
        self.received()
    }

    pub(crate) fn received(&mut self) -> Vec<String> {
        let mut answers = Vec::new();
        while let Some((key, frame)) = self.router.poll_transmit() {
            assert_eq!(key, self.key);
            answers.push(String::from_utf8(frame.payload().to_vec()).unwrap());
        }
        answers
    }

    /// Why the router wants the transport closed.
    pub(crate) fn closed(&mut self) -> Option<CloseReason> {
        let mut found = None;
        while let Some(event) = self.router.poll_event() {
            if let RouterEvent::Close { reason, .. } = event {
                assert_eq!(found, None, "closed twice");
                found = Some(reason);
            }
        }
        found
    }
}
