//! Publish and subscribe within one realm.
//!
//! Spec: basic profile, "Publish and Subscribe"; advanced profile, "Publisher Exclusion" and
//! "Subscriber Black- and Whitelisting".

use alloc::sync::Arc;
use std::collections::HashMap;

use indexmap::IndexSet;
use rawsocket_proto::connection::Frame;
use serde::de::DeserializeOwned;

use crate::message::{
    Event, MessageType, Publish, Published, Subscribe, Subscribed, Unsubscribe, Unsubscribed,
};
use crate::serializer::value_ref_to;
use crate::uri::{MatchPolicy, UriRule, is_reserved};
use crate::{Id, SerializerKind, ValueRef, uris};

use super::arena::Key;
use super::core::{Core, Unsendable, payload_details};

/// The role of everybody, until there is authentication.
pub(super) const AUTHROLE: &str = "anonymous";

/// The topics of a realm, and who is subscribed to them.
#[derive(Debug, Default)]
pub(super) struct Broker {
    subscriptions: HashMap<Id, Subscription>,
    exact: HashMap<Arc<str>, Id>,
    last_id: Option<Id>,
}

#[derive(Debug)]
struct Subscription {
    topic: Arc<str>,
    /// In no particular order once somebody has left.
    subscribers: IndexSet<Key>,
}

impl Broker {
    /// How many topics have subscribers.
    pub(super) fn subscriptions(&self) -> usize {
        self.subscriptions.len()
    }

    /// How many pairs of subscription and subscriber there are.
    pub(super) fn subscribers(&self) -> usize {
        let each = self.subscriptions.values().map(|s| s.subscribers.len());
        each.sum()
    }

    pub(super) fn subscribe(&mut self, core: &mut Core, key: Key, subscribe: &Subscribe<'_>) {
        let request = subscribe.request;
        if let Err((error, text)) = self.try_subscribe(core, key, subscribe) {
            core.refuse(key, MessageType::Subscribe, request, error, text);
        }
    }

    fn try_subscribe(
        &mut self,
        core: &mut Core,
        key: Key,
        subscribe: &Subscribe<'_>,
    ) -> Result<(), (&'static str, &'static str)> {
        if subscribe.match_policy() != MatchPolicy::Exact {
            return Err((uris::OPTION_NOT_ALLOWED, "only exact matching is offered"));
        }
        let topic = subscribe.topic.as_ref();
        if UriRule::Loose.check(topic).is_err() {
            return Err((uris::INVALID_URI, ""));
        }
        if topic.len() > core.config.limits.uri {
            return Err((uris::INVALID_URI, "the topic is too long"));
        }
        let limit = core.config.limits.subscriptions;
        let Some(session) = core.sessions.get_mut(key) else {
            return Ok(());
        };
        let existing = self.exact.get(topic).copied();
        let held = existing.is_some_and(|id| session.subscriptions.contains(id));
        if !held && session.subscriptions.len() >= limit {
            return Err((uris::UNAVAILABLE, "too many subscriptions"));
        }
        let id = existing.unwrap_or_else(|| self.new_subscription(topic));
        if let Some(subscription) = self.subscriptions.get_mut(&id) {
            subscription.subscribers.insert(key);
        }
        session.subscriptions.insert(id, ());
        core.send_own(key, &Subscribed::new(subscribe.request, id).into());
        Ok(())
    }

    fn new_subscription(&mut self, topic: &str) -> Id {
        let id = self.last_id.map_or(Id::MIN, Id::next);
        self.last_id = Some(id);
        let topic: Arc<str> = topic.into();
        self.exact.insert(Arc::clone(&topic), id);
        let subscription = Subscription {
            topic,
            subscribers: IndexSet::new(),
        };
        self.subscriptions.insert(id, subscription);
        id
    }

    pub(super) fn unsubscribe(&mut self, core: &mut Core, key: Key, unsubscribe: &Unsubscribe) {
        let id = unsubscribe.subscription;
        let held = core
            .sessions
            .get_mut(key)
            .is_some_and(|session| session.subscriptions.remove(id).is_some());
        if held {
            self.remove(key, id);
            core.send_own(key, &Unsubscribed::new(unsubscribe.request).into());
        } else {
            let error = uris::NO_SUCH_SUBSCRIPTION;
            let request = unsubscribe.request;
            core.refuse(key, MessageType::Unsubscribe, request, error, "");
        }
    }

    /// The session has ended: it held these subscriptions.
    pub(super) fn release(&mut self, key: Key, subscriptions: impl IntoIterator<Item = Id>) {
        for id in subscriptions {
            self.remove(key, id);
        }
    }

    fn remove(&mut self, key: Key, id: Id) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else {
            return;
        };
        subscription.subscribers.swap_remove(&key);
        if subscription.subscribers.is_empty() {
            let topic = &subscription.topic;
            self.exact.remove(topic);
            self.subscriptions.remove(&id);
        }
    }

    pub(super) fn publish(&self, core: &mut Core, key: Key, publish: &Publish<'_>) {
        let acknowledge = publish.acknowledge();
        let topic = publish.topic.as_ref();
        if UriRule::Loose.check(topic).is_err() || is_reserved(topic) {
            if acknowledge {
                let error = uris::INVALID_URI;
                core.refuse(key, MessageType::Publish, publish.request, error, "");
            }
            return;
        }
        let publication = core.ids.draw();
        core.stats.publications += 1;
        if let Some(id) = self.exact.get(topic)
            && let Some(subscription) = self.subscriptions.get(id)
        {
            subscription.dispatch(core, *id, publication, key, publish);
        }
        if acknowledge {
            let published = Published::new(publish.request, publication);
            core.send_own(key, &published.into());
        }
    }
}

impl Subscription {
    fn dispatch(
        &self,
        core: &mut Core,
        id: Id,
        publication: Id,
        publisher: Key,
        publish: &Publish<'_>,
    ) {
        let audience = Audience::of(publish);
        let event = Event::new(id, publication)
            .with_details(payload_details(&publish.options))
            .with_payload(publish.payload.clone());
        let event = event.into();
        // Encoded once for each serializer in use, and shared.
        let mut encoded: Vec<(SerializerKind, Result<Frame, Unsendable>)> = Vec::new();
        for &subscriber in &self.subscribers {
            if subscriber == publisher && audience.exclude_publisher {
                continue;
            }
            let Some(session) = core.sessions.get(subscriber) else {
                continue;
            };
            let Some(member) = session.member() else {
                continue;
            };
            if !audience.admits(member.id) {
                continue;
            }
            let (serializer, max_len) = (session.serializer, session.max_message_len());
            let known = encoded.iter().position(|(kind, _)| *kind == serializer);
            let index = known.unwrap_or_else(|| {
                let frame = Core::encode(serializer, usize::MAX, &event);
                encoded.push((serializer, frame));
                encoded.len() - 1
            });
            match encoded.get(index) {
                Some((_, Ok(frame))) if frame.payload_len() <= max_len => {
                    core.enqueue_event(subscriber, frame.clone());
                }
                Some((_, Err(Unsendable::Untranslatable))) => {
                    core.stats.events_untranslatable += 1;
                }
                _ => core.stats.events_oversize += 1,
            }
        }
    }
}

/// Which subscribers an event is for.
#[derive(Debug)]
struct Audience {
    exclude_publisher: bool,
    /// Sorted, as all lists here.
    exclude: Option<Vec<Id>>,
    exclude_authid: Option<Vec<String>>,
    exclude_authrole: Option<Vec<String>>,
    eligible: Option<Vec<Id>>,
    eligible_authid: Option<Vec<String>>,
    eligible_authrole: Option<Vec<String>>,
}

impl Audience {
    fn of(publish: &Publish<'_>) -> Self {
        if publish.options.is_empty() {
            return Self::everybody();
        }
        // In one pass, since it is the publisher who decides how much there is to look through.
        let [exclude_me, lists @ ..] = publish.options.get_all([
            "exclude_me",
            "exclude",
            "exclude_authid",
            "exclude_authrole",
            "eligible",
            "eligible_authid",
            "eligible_authrole",
        ]);
        let [
            exclude,
            exclude_authid,
            exclude_authrole,
            eligible,
            eligible_authid,
            eligible_authrole,
        ] = lists;
        Self {
            exclude_publisher: !matches!(exclude_me, Some(ValueRef::Bool(false))),
            exclude: sorted(exclude),
            exclude_authid: sorted(exclude_authid),
            exclude_authrole: sorted(exclude_authrole),
            eligible: sorted(eligible),
            eligible_authid: sorted(eligible_authid),
            eligible_authrole: sorted(eligible_authrole),
        }
    }

    const fn everybody() -> Self {
        Self {
            exclude_publisher: true,
            exclude: None,
            exclude_authid: None,
            exclude_authrole: None,
            eligible: None,
            eligible_authid: None,
            eligible_authrole: None,
        }
    }

    fn admits(&self, session: Id) -> bool {
        let in_ids = |list: &Vec<Id>| list.binary_search(&session).is_ok();
        let in_authids = |list: &Vec<String>| list.binary_search(&authid(session)).is_ok();
        let in_roles = |list: &Vec<String>| {
            list.binary_search_by(|role| role.as_str().cmp(AUTHROLE))
                .is_ok()
        };
        self.eligible.as_ref().is_none_or(in_ids)
            && self.eligible_authid.as_ref().is_none_or(in_authids)
            && self.eligible_authrole.as_ref().is_none_or(in_roles)
            && !self.exclude.as_ref().is_some_and(in_ids)
            && !self.exclude_authid.as_ref().is_some_and(in_authids)
            && !self.exclude_authrole.as_ref().is_some_and(in_roles)
    }
}

/// Who an anonymous session is: nobody else, and the same for its whole life.
pub(super) fn authid(session: Id) -> String {
    session.to_string()
}

/// The list of an option, in order; the decoder has checked its type.
fn sorted<T: Ord + DeserializeOwned>(list: Option<ValueRef<'_>>) -> Option<Vec<T>> {
    let mut list: Vec<T> = value_ref_to(&list?).ok()?;
    list.sort_unstable();
    Some(list)
}
