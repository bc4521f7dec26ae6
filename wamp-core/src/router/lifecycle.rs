//! How sessions begin and end.
//!
//! Spec: basic profile, "Sessions" and "Protocol Errors".

use core::fmt;

use rawsocket_proto::time::Instant;

use crate::message::{Abort, Goodbye, Hello, Message, Welcome};
use crate::table::shrink;
use crate::uri::UriRule;
use crate::{Dict, Id, features, uris};

use super::Router;
use super::arena::Key;
use super::broker::{AUTHROLE, authid};
use super::event::{CloseReason, RouterEvent, SessionKey};
use super::few::Few;
use super::session::{CalleeFeatures, Member, Phase};
use super::timers::Timer;

impl Router {
    /// Ends a session: it loses all that it holds, is sent GOODBYE with this reason, and has some
    /// time to answer. A transport that has not joined is closed. Says whether there was anything
    /// to end.
    ///
    /// `reason` is a URI such as `wamp.close.killed`.
    pub fn close_session(&mut self, key: SessionKey, reason: &str, now: Instant) -> bool {
        let SessionKey(key) = key;
        let Some(session) = self.core.sessions.get(key) else {
            return false;
        };
        match session.phase {
            Phase::Opened { .. } => self.close(key, CloseReason::RouterClosed),
            Phase::Joined(_) => {
                let until = now.saturating_add(self.core.config.goodbye_timeout);
                self.end_session(key, CloseReason::RouterClosed);
                if let Some(session) = self.core.sessions.get_mut(key) {
                    session.phase = Phase::Closing { until };
                }
                self.core.timers.arm(until, Timer::Goodbye(key));
                if self.core.send(key, &Goodbye::new(reason).into()).is_err() {
                    // A reason too long for the client: it learns no more than the end.
                    self.close(key, CloseReason::RouterClosed);
                }
            }
            Phase::Closing { .. } | Phase::Closed => return false,
        }
        self.end_overflowed();
        true
    }

    /// Ends every session with GOODBYE `wamp.close.system_shutdown`.
    pub fn shut_down(&mut self, now: Instant) {
        let keys: Vec<Key> = self.core.sessions.keys().collect();
        for key in keys {
            self.close_session(SessionKey(key), uris::SYSTEM_SHUTDOWN, now);
        }
    }

    /// Takes a message of a session that is not closed.
    pub(super) fn take(&mut self, key: Key, message: &Message<'_>, now: Instant) {
        let Some(phase) = self.core.sessions.get(key).map(|session| session.phase) else {
            return;
        };
        match (phase, message) {
            (_, Message::Abort(abort)) => {
                let reason = features::short(&abort.reason);
                self.close(key, CloseReason::ClientAborted { reason });
            }
            (Phase::Opened { .. }, Message::Hello(hello)) => self.hello(key, hello),
            (Phase::Opened { .. }, other) => {
                let name = other.message_type();
                self.violation(
                    key,
                    &format_args!("received {name} before the session was established"),
                );
            }
            (Phase::Joined(_), Message::Goodbye(goodbye)) => {
                let reason = features::short(&goodbye.reason);
                self.core
                    .send_own(key, &Goodbye::new(uris::GOODBYE_AND_OUT).into());
                self.close(key, CloseReason::ClientLeft { reason });
            }
            (Phase::Joined(member), message) => {
                if let Some(realm) = self.realms.get_mut(member.realm as usize)
                    && let Err(fault) = realm.take(&mut self.core, key, message, now)
                {
                    self.violation(key, &fault);
                }
            }
            (Phase::Closing { .. }, Message::Goodbye(_)) => {
                self.close(key, CloseReason::RouterClosed);
            }
            // Whatever crossed our GOODBYE is void.
            (Phase::Closing { .. } | Phase::Closed, _) => {}
        }
    }

    fn hello(&mut self, key: Key, hello: &Hello<'_>) {
        let name = hello.realm.as_ref();
        if UriRule::Loose.check(name).is_err() {
            return self.refuse(key, uris::INVALID_URI, "the realm is no valid URI");
        }
        let Some(&realm) = self.by_name.get(name) else {
            return self.refuse(key, uris::NO_SUCH_REALM, "the realm does not exist");
        };
        let roles = ["publisher", "subscriber", "caller", "callee"];
        if !roles.iter().any(|role| hello.has_role(role)) {
            return self.violation(key, &"received HELLO without a role");
        }
        // A client that says nothing about methods is taken for anonymous.
        let methods = hello.authmethods().unwrap_or_default();
        if !methods.is_empty() && !methods.iter().any(|method| method == "anonymous") {
            return self.refuse(
                key,
                uris::NO_MATCHING_AUTH_METHOD,
                "only anonymous is offered",
            );
        }

        let mut id = self.core.ids.draw();
        while self.core.joined.contains_key(&id) {
            id = self.core.ids.draw();
        }
        let mut details = Dict::new().with("roles", features::router_roles());
        if let Some(agent) = &self.core.config.agent {
            details.insert("agent", features::short(agent));
        }
        for (name, value) in [
            ("authid", authid(id)),
            ("authrole", AUTHROLE.to_owned()),
            ("authmethod", "anonymous".to_owned()),
            ("authprovider", "static".to_owned()),
        ] {
            details.insert(name, value);
        }
        let welcome = Welcome::new(id).with_details(details);
        if self.core.send(key, &welcome.into()).is_err() {
            let text = "WELCOME does not fit what the client takes";
            return self.refuse(key, uris::PAYLOAD_SIZE_EXCEEDED, text);
        }
        let Some(session) = self.core.sessions.get_mut(key) else {
            return;
        };
        if let Phase::Opened { until } = session.phase {
            self.core.timers.disarm(until, Timer::Hello(key));
        }
        session.phase = Phase::Joined(Member { id, realm });
        session.callee = CalleeFeatures::announced(hello);
        self.core.joined.insert(id, key);
        self.core.events.push_back(RouterEvent::Joined {
            key: SessionKey(key),
            session: id,
            realm: name.to_owned(),
        });
    }

    /// Refuses HELLO with ABORT.
    fn refuse(&mut self, key: Key, reason: &'static str, text: &'static str) {
        self.abort(key, reason, text);
        self.close(key, CloseReason::Refused { reason });
    }

    /// Ends a session that broke the protocol with ABORT. Nothing of what it sends after that is
    /// read.
    pub(super) fn violation<T: fmt::Display>(&mut self, key: Key, what: &T) {
        let message = what.to_string();
        self.core.stats.protocol_violations += 1;
        let session = self.core.sessions.get(key);
        // Nothing follows GOODBYE.
        if !session.is_some_and(|session| matches!(session.phase, Phase::Closing { .. })) {
            self.abort(key, uris::PROTOCOL_VIOLATION, &message);
        }
        self.close(key, CloseReason::ProtocolViolation { message });
    }

    /// No HELLO came in time.
    pub(super) fn hello_timeout(&mut self, key: Key) {
        self.abort(key, uris::TIMEOUT, "no HELLO came in time");
        self.close(key, CloseReason::HelloTimeout);
    }

    fn abort(&mut self, key: Key, reason: &'static str, text: &str) {
        let details = Dict::new().with("message", features::short(text));
        let abort = Abort::new(reason).with_details(details);
        self.core.send_own(key, &abort.into());
    }

    /// Ends those whose outbox overflowed, and those whose outbox overflows by that.
    pub(super) fn end_overflowed(&mut self) {
        while let Some(key) = self.core.overflowed.pop() {
            let Some(session) = self.core.sessions.get_mut(key) else {
                continue;
            };
            if session.phase == Phase::Closed {
                continue;
            }
            self.core.queued_frames -= session.outbox.clear();
            self.core.stats.outboxes_overflowed += 1;
            self.close(key, CloseReason::OutboxFull);
        }
    }

    /// Ends the session, if there is one, and has the transport closed once its outbox is empty.
    pub(super) fn close(&mut self, key: Key, reason: CloseReason) {
        if self.end_session(key, reason.clone()) {
            let key = SessionKey(key);
            self.core
                .events
                .push_back(RouterEvent::Close { key, reason });
        }
    }

    /// Ends what a session has: its timers; and, if it has joined, all that it holds in its realm.
    /// It is closed then. Says whether it was not before.
    pub(super) fn end_session(&mut self, key: Key, reason: CloseReason) -> bool {
        let Some(session) = self.core.sessions.get_mut(key) else {
            return false;
        };
        // Closed at once, so that nothing is sent to it on behalf of what it loses.
        let member = match core::mem::replace(&mut session.phase, Phase::Closed) {
            Phase::Opened { until } => {
                self.core.timers.disarm(until, Timer::Hello(key));
                return true;
            }
            Phase::Closing { until } => {
                self.core.timers.disarm(until, Timer::Goodbye(key));
                return true;
            }
            Phase::Closed => return false,
            Phase::Joined(member) => member,
        };
        let subscriptions = core::mem::take(&mut session.subscriptions);
        let registrations = core::mem::take(&mut session.registrations);
        let ids = |held: Few<()>| held.iter().map(|(id, ())| id).collect::<Vec<Id>>();
        let (subscriptions, registrations) = (ids(subscriptions), ids(registrations));
        let keys = |held: &Few<Key>| held.iter().map(|(_, key)| *key).collect::<Vec<Key>>();
        let (calls, invocations) = (keys(&session.calls), keys(&session.invocations));
        if let Some(realm) = self.realms.get_mut(member.realm as usize) {
            realm.broker.release(key, subscriptions);
            realm
                .dealer
                .release(&mut self.core, registrations, calls, invocations);
        }
        self.core.joined.remove(&member.id);
        shrink(&mut self.core.joined);
        self.core.events.push_back(RouterEvent::Left {
            key: SessionKey(key),
            session: member.id,
            reason,
        });
        true
    }
}
