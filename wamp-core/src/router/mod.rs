//! A WAMP router as a state machine without I/O: realms, broker, dealer.
//!
//! [`Router`] speaks the grammar of all machines here. Its adapter opens a session for each
//! transport, hands in what arrives, sends what waits in the outboxes, and closes what the router
//! says is to be closed.
//!
//! Clients are anonymous, and URIs match exactly.
//!
//! A client and a router, with nothing between them:
//!
//! ```
//! # #[cfg(feature = "msgpack")] {
//! use rawsocket_proto::time::Instant;
//! use wamp_core::SerializerKind;
//! use wamp_core::router::{Router, RouterConfig, TransportInfo};
//! use wamp_core::session::{ClientSession, Event, SessionConfig};
//! # use wamp_rawsocket_core as wamp_core;
//!
//! let now = Instant::ZERO;
//! let serializer = SerializerKind::MessagePack;
//! // In earnest, the seed comes from the operating system.
//! let mut router = Router::new(RouterConfig::new(["realm1"]), [0; 32]);
//! let key = router.open_session(TransportInfo::new(serializer, 1 << 20), now)?;
//! let mut client = ClientSession::new(SessionConfig::new("realm1", serializer), now)?;
//!
//! while let Some(frame) = client.poll_transmit() {
//!     router.handle_message(key, frame.payload(), now);
//! }
//! while let Some((_key, frame)) = router.poll_transmit() {
//!     client.handle_message(&frame.into_bytes().slice(4..), now);
//! }
//! assert!(matches!(client.poll_event()?, Some(Event::Joined(_))));
//! assert_eq!(router.stats().sessions, 1);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Spec: basic profile; of the advanced profile progressive call results, call cancelling, call
//! timeouts, publisher exclusion, subscriber black- and whitelisting.

mod answer;
pub(crate) mod arena;
mod broker;
mod config;
mod core;
mod dealer;
mod event;
mod few;
mod ids;
mod lifecycle;
mod realm;
mod session;
mod stats;
mod timers;

use ::core::fmt;
use alloc::collections::VecDeque;
use std::collections::HashMap;

use rawsocket_proto::connection::Frame;
use rawsocket_proto::time::{Deadline, Instant};

use crate::error::DecodeError;
use crate::message::Message;

pub use config::{RouterConfig, SessionLimits};
pub use event::{CloseReason, RouterEvent, RouterTimer, SessionKey};
pub use session::TransportInfo;
pub use stats::RouterStats;

use self::core::Core;
use arena::Arena;
use ids::GlobalIds;
use realm::Realm;
use session::{Phase, Session};
use timers::{Timer, Timers};

/// A router for any number of realms and sessions.
///
/// After any input or command, drain the outputs in this order: [`poll_transmit`], then
/// [`poll_timeout`], then [`poll_event`].
///
/// - *Inputs*: [`open_session`], [`handle_message`], [`handle_closed`], [`handle_timeout`].
/// - *Commands*: [`close_session`], [`shut_down`].
/// - *Outputs*: frames with the session that each is for, the next deadline, events. An adapter
///   with a task for each connection uses [`poll_ready`] and [`poll_transmit_to`] in place of
///   [`poll_transmit`], and takes no more than its socket does: what waits is bounded by
///   [`SessionLimits`].
///
/// Whatever clients send, nothing here panics, and each holds no more than its limits.
///
/// Times must all be of one clock and must not go backwards.
///
/// [`poll_transmit`]: Self::poll_transmit
/// [`poll_ready`]: Self::poll_ready
/// [`poll_transmit_to`]: Self::poll_transmit_to
/// [`poll_timeout`]: Self::poll_timeout
/// [`poll_event`]: Self::poll_event
/// [`open_session`]: Self::open_session
/// [`handle_message`]: Self::handle_message
/// [`handle_closed`]: Self::handle_closed
/// [`handle_timeout`]: Self::handle_timeout
/// [`close_session`]: Self::close_session
/// [`shut_down`]: Self::shut_down
#[derive(Debug)]
pub struct Router {
    core: Core,
    realms: Vec<Realm>,
    by_name: HashMap<String, u32>,
}

/// There are as many transports as [`RouterConfig::max_transports`] allows: close this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooManyTransports;

impl fmt::Display for TooManyTransports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the router serves as many transports as it may")
    }
}

impl ::core::error::Error for TooManyTransports {}

impl Router {
    /// A router with these settings. `seed` is where the ids of sessions and publications come
    /// from: take it from the operating system's source of randomness, but in tests.
    pub fn new(config: RouterConfig, seed: [u8; 32]) -> Self {
        let mut realms = Vec::new();
        let mut by_name = HashMap::new();
        for (name, index) in config.realms.iter().zip(0_u32..) {
            // The first of those with one name is that one; the others stay empty.
            by_name.entry(name.clone()).or_insert(index);
            realms.push(Realm::new(realms.len()));
        }
        Self {
            core: Core {
                config,
                ids: GlobalIds::new(seed),
                sessions: Arena::new(),
                joined: HashMap::new(),
                timers: Timers::default(),
                events: VecDeque::new(),
                ready: VecDeque::new(),
                overflowed: Vec::new(),
                stats: RouterStats::default(),
                queued_frames: 0,
            },
            realms,
            by_name,
        }
    }

    /// A transport is open; its client must send HELLO in time.
    ///
    /// # Errors
    ///
    /// [`TooManyTransports`]: the transport is to be closed.
    pub fn open_session(
        &mut self,
        transport: TransportInfo,
        now: Instant,
    ) -> Result<SessionKey, TooManyTransports> {
        if self.core.sessions.len() >= self.core.config.max_transports {
            return Err(TooManyTransports);
        }
        let until = now.saturating_add(self.core.config.hello_timeout);
        let key = self
            .core
            .sessions
            .insert_with(|_| Session::new(transport, until))
            .ok_or(TooManyTransports)?;
        self.core.timers.arm(until, Timer::Hello(key));
        Ok(SessionKey(key))
    }

    /// Takes one message of a client's, without any header of the transport.
    pub fn handle_message(&mut self, key: SessionKey, message: &[u8], now: Instant) {
        let Some(session) = self.core.sessions.get(key.0) else {
            return;
        };
        if session.phase != Phase::Closed {
            let message = Message::decode(session.serializer, message, &self.core.config.decode);
            self.handle_decoded(key, message, now);
        }
    }

    /// [`handle_message`](Self::handle_message) for what was decoded elsewhere, with the session's
    /// serializer and the limits of [`RouterConfig::decode`].
    pub(crate) fn handle_decoded(
        &mut self,
        key: SessionKey,
        message: Result<Message<'_>, DecodeError>,
        now: Instant,
    ) {
        let SessionKey(key) = key;
        let session = self.core.sessions.get(key);
        if session.is_none_or(|session| session.phase == Phase::Closed) {
            return;
        }
        self.core.stats.messages_in += 1;
        match message {
            Ok(message) => self.take(key, &message, now),
            Err(error) => self.violation(key, &error),
        }
        self.end_overflowed();
    }

    /// The transport is gone. Its session ends, if it has not yet; what waited for it is dropped,
    /// and the key means nothing any more.
    pub fn handle_closed(&mut self, key: SessionKey, _now: Instant) {
        let SessionKey(key) = key;
        self.end_session(key, CloseReason::TransportClosed);
        if let Some(mut session) = self.core.sessions.remove(key) {
            self.core.queued_frames -= session.outbox.clear();
        }
        self.end_overflowed();
    }

    /// Takes the time: what is due happens. Calls before the deadline change nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.core.timers.expire(now) {
            match timer {
                Timer::Hello(key) => self.hello_timeout(key),
                Timer::Goodbye(key) => self.close(key, CloseReason::GoodbyeTimeout),
                Timer::Call(realm, call) => {
                    if let Some(realm) = self.realms.get_mut(realm) {
                        realm.dealer.expire(&mut self.core, call);
                    }
                }
            }
        }
        self.end_overflowed();
    }

    /// The next frame that waits, and the session that it is for. Sessions take turns; the frames
    /// of each come in order.
    pub fn poll_transmit(&mut self) -> Option<(SessionKey, Frame)> {
        loop {
            let key = self.core.ready.pop_front()?;
            let Some(session) = self.core.sessions.get_mut(key) else {
                continue;
            };
            session.listed = false;
            let Some(frame) = session.outbox.pop() else {
                continue;
            };
            self.core.queued_frames -= 1;
            if !session.outbox.is_empty() {
                session.listed = true;
                self.core.ready.push_back(key);
            }
            return Some((SessionKey(key), frame));
        }
    }

    /// The next session that has something to send: take it with
    /// [`poll_transmit_to`](Self::poll_transmit_to). It is named once for any number of frames,
    /// and again when more came since.
    pub fn poll_ready(&mut self) -> Option<SessionKey> {
        loop {
            let key = self.core.ready.pop_front()?;
            if let Some(session) = self.core.sessions.get_mut(key) {
                session.listed = false;
                if !session.outbox.is_empty() {
                    return Some(SessionKey(key));
                }
            }
        }
    }

    /// The next frame that waits for this session.
    pub fn poll_transmit_to(&mut self, key: SessionKey) -> Option<Frame> {
        let frame = self.core.sessions.get_mut(key.0)?.outbox.pop()?;
        self.core.queued_frames -= 1;
        Some(frame)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due, and what for.
    pub fn poll_timeout(&self) -> Option<Deadline<RouterTimer>> {
        let (at, timer) = self.core.timers.next()?;
        let reason = match timer {
            Timer::Hello(_) => RouterTimer::Hello,
            Timer::Goodbye(_) => RouterTimer::Goodbye,
            Timer::Call(..) => RouterTimer::Call,
        };
        Some(Deadline { at, reason })
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<RouterEvent> {
        self.core.events.pop_front()
    }

    /// What is held now, and what was done. Counting the former takes time linear in the topics.
    pub fn stats(&self) -> RouterStats {
        let realms = || self.realms.iter();
        RouterStats {
            transports: self.core.sessions.len(),
            sessions: self.core.joined.len(),
            subscriptions: realms().map(|realm| realm.broker.subscriptions()).sum(),
            subscribers: realms().map(|realm| realm.broker.subscribers()).sum(),
            registrations: realms().map(|realm| realm.dealer.registrations()).sum(),
            pending_calls: realms().map(|realm| realm.dealer.pending_calls()).sum(),
            timers: self.core.timers.len(),
            queued_frames: self.core.queued_frames,
            ..self.core.stats
        }
    }

    /// What waits in the session's outbox, in octets; zero for a session that is gone.
    pub fn queued_octets(&self, key: SessionKey) -> usize {
        self.core
            .sessions
            .get(key.0)
            .map_or(0, |session| session.outbox.octets())
    }
}
