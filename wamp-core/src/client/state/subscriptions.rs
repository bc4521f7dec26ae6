//! The subscriptions of a session, over all its connections.

use alloc::string::String;
use std::collections::{HashMap, HashSet};

use super::procedures::answer;
use super::{Key, Refusal, Reply, State, Waiting};
use crate::Dict;
use crate::client::error::SessionError;
use crate::client::queue::{self, Pusher, Refused};
use crate::session::{ClientSession, Publication, Request, Subscription};

/// What the application listens to.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    listening: HashMap<Key, Listening>,
    /// Who listens to what the router has granted.
    granted: HashMap<Subscription, Vec<Key>>,
    /// Subscriptions that nobody listens to, to be given up as soon as may be.
    idle: Vec<Idle>,
    latest: Key,
}

/// Somebody who listens to a topic.
#[derive(Debug)]
pub(in crate::client) struct Listening {
    pub(in crate::client) topic: String,
    pub(in crate::client) options: Dict<'static>,
    pub(in crate::client) events: Pusher<Publication>,
    pub(in crate::client) granted: Option<Subscription>,
}

#[derive(Debug)]
struct Idle {
    granted: Subscription,
    topic: String,
    /// Who waits for it to be gone.
    reply: Option<Reply<()>>,
}

impl Subscriptions {
    /// There is no connection any more: the router's ids mean nothing.
    pub(super) fn disconnect(&mut self, why: impl Fn() -> SessionError) {
        self.granted.clear();
        for idle in self.idle.drain(..) {
            answer(idle.reply, Err(why()));
        }
        for listening in self.listening.values_mut() {
            listening.granted = None;
        }
    }

    pub(super) fn clear(&mut self) {
        self.listening.clear();
        self.granted.clear();
        self.idle.clear();
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.listening.keys().copied()
    }

    pub(super) fn get(&self, key: Key) -> Option<&Listening> {
        self.listening.get(&key)
    }

    /// The router has granted a new subscription.
    pub(super) fn add(&mut self, key: Key, mut listening: Listening, granted: Subscription) {
        listening.granted = Some(granted);
        self.listening.insert(key, listening);
        self.granted.entry(granted).or_default().push(key);
    }

    /// The router has granted again what was there before.
    pub(super) fn renew(&mut self, key: Key, granted: Subscription, topic: &str) {
        if let Some(listening) = self.listening.get_mut(&key) {
            listening.granted = Some(granted);
            self.granted.entry(granted).or_default().push(key);
        } else if self.granted.entry(granted).or_default().is_empty() {
            // Nobody listens any more.
            self.idle(granted, topic, None);
        }
    }

    /// The router has ended a subscription, or never granted it again.
    pub(super) fn revoke(&mut self, granted: Subscription) {
        for key in self.granted.remove(&granted).unwrap_or_default() {
            self.listening.remove(&key);
        }
    }

    /// Somebody does not listen any more. Returns whether the subscription is to be given up.
    pub(super) fn remove(&mut self, key: Key, reply: Option<Reply<()>>) -> bool {
        let listening = self.listening.remove(&key);
        let granted = listening.as_ref().and_then(|listening| listening.granted);
        let (Some(listening), Some(granted)) = (listening, granted) else {
            return done(reply);
        };
        let keys = self.granted.entry(granted).or_default();
        keys.retain(|other| *other != key);
        if keys.is_empty() {
            self.idle(granted, &listening.topic, reply);
            true
        } else {
            done(reply)
        }
    }

    fn idle(&mut self, granted: Subscription, topic: &str, reply: Option<Reply<()>>) {
        self.idle.push(Idle {
            granted,
            topic: topic.into(),
            reply,
        });
    }

    /// Hands an event to all who listen. Those who have gone are forgotten. Returns whether the
    /// subscription is to be given up.
    pub(super) fn publish(&mut self, publication: &Publication) -> bool {
        let octets = queue::octets(&publication.payload);
        let mut gone = Vec::new();
        for key in self
            .granted
            .get(&publication.subscription)
            .into_iter()
            .flatten()
        {
            let pushed = self
                .listening
                .get(key)
                .map(|listening| listening.events.push(publication.clone(), octets));
            if pushed == Some(Err(Refused::Closed)) {
                gone.push(*key);
            }
        }
        let mut idle = false;
        for key in gone {
            idle |= self.remove(key, None);
        }
        idle
    }
}

/// There is nothing left to be asked for.
fn done(reply: Option<Reply<()>>) -> bool {
    answer(reply, Ok(()));
    false
}

impl State {
    /// The name of a subscription to come.
    pub(in crate::client) fn new_subscription(&mut self) -> Key {
        self.subscriptions.latest += 1;
        self.subscriptions.latest
    }

    /// Somebody does not listen any more. `reply` is told when that is so for the router, too.
    pub(in crate::client) fn unsubscribe(&mut self, key: Key, reply: Option<Reply<()>>) {
        if self.subscriptions.remove(key, reply) {
            self.wake();
        }
    }

    /// The id of a subscription on the present connection.
    pub(in crate::client) fn subscription(&self, key: Key) -> Option<Subscription> {
        self.subscriptions.get(key)?.granted
    }

    /// Gives up the subscriptions that nobody listens to.
    pub(super) fn unsubscribe_idle(&mut self) {
        if self.subscriptions.idle.is_empty() {
            return;
        }
        let being_made = self.waiting.values().filter_map(|waiting| match waiting {
            Waiting::Subscribe(_, listening, _) => Some(listening.topic.clone()),
            Waiting::Resubscribe(_, topic) => Some(topic.clone()),
            _ => None,
        });
        let being_made: HashSet<String> = being_made.collect();
        for idle in core::mem::take(&mut self.subscriptions.idle) {
            // A subscription that is being made may turn out to be this one.
            if being_made.contains(&idle.topic) {
                self.subscriptions.idle.push(idle);
                continue;
            }
            let wanted = self
                .subscriptions
                .granted
                .get(&idle.granted)
                .is_none_or(|keys| !keys.is_empty());
            if wanted {
                done(idle.reply);
                continue;
            }
            let unsubscribe = |session: &mut ClientSession| session.unsubscribe(idle.granted);
            match self.own_request(unsubscribe) {
                Err(Refusal::Later(_)) => self.subscriptions.idle.push(idle),
                Ok(request) => {
                    self.subscriptions.granted.remove(&idle.granted);
                    let waiting = Waiting::Unsubscribe(idle.reply);
                    self.waiting.insert(Request::Unsubscribe(request), waiting);
                }
                Err(Refusal::Never(error)) => {
                    self.subscriptions.granted.remove(&idle.granted);
                    answer(idle.reply, Err(error));
                }
            }
        }
    }
}
