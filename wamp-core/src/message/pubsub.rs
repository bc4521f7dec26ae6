//! Publish and subscribe.

use alloc::borrow::Cow;

use super::options::{self, options};
use super::wire::{Elements, Fields, setters, wire};
use crate::error::{DecodeError, EncodeError};
use crate::serializer::{Cursor, Sink};
use crate::uri::MatchPolicy;
use crate::{Dict, Id, Payload};

/// `[PUBLISH, Request|id, Options|dict, Topic|uri, Arguments|list, ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Publish<'a> {
    /// The ID of this request.
    pub request: Id,
    /// How to publish.
    pub options: Dict<'a>,
    /// The topic.
    pub topic: Cow<'a, str>,
    /// The arguments of the event.
    pub payload: Payload<'a>,
}

wire!(Publish<'a> {
    request: id,
    options: dict(options::PUBLISH),
    topic: string,
    payload: payload(options),
});

impl<'a> Publish<'a> {
    /// A PUBLISH without options and arguments.
    pub fn new(request: Id, topic: impl Into<Cow<'a, str>>) -> Self {
        Self {
            request,
            options: Dict::new(),
            topic: topic.into(),
            payload: Payload::none(),
        }
    }
}

setters!(Publish { options, payload });

options!(Publish<'_>.options {
    acknowledge: flag, "Whether the broker is to answer with PUBLISHED.";
    exclude_me: bool, "Whether the publisher itself is left out; it is if this is absent.";
    exclude: ids, "Sessions that are left out.";
    exclude_authid: strs, "Identities that are left out.";
    exclude_authrole: strs, "Roles that are left out.";
    eligible: ids, "The only sessions to receive the event.";
    eligible_authid: strs, "The only identities to receive the event.";
    eligible_authrole: strs, "The only roles to receive the event.";
    disclose_me: flag, "Whether subscribers are to learn who publishes.";
    retain: flag, "Whether the broker is to keep the event for later subscribers.";
    rkey: str, "The routing key of a sharded subscription.";
    ppt_scheme: str, "The scheme of a payload that is passed through.";
});

/// `[PUBLISHED, PUBLISH.Request|id, Publication|id]`
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The request that is acknowledged.
    pub request: Id,
    /// The publication.
    pub publication: Id,
}

wire!(Published {
    request: id,
    publication: id
});

impl Published {
    /// The acknowledgement of a PUBLISH.
    pub const fn new(request: Id, publication: Id) -> Self {
        Self {
            request,
            publication,
        }
    }
}

/// `[SUBSCRIBE, Request|id, Options|dict, Topic|uri]`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Subscribe<'a> {
    /// The ID of this request.
    pub request: Id,
    /// How to match.
    pub options: Dict<'a>,
    /// The topic, or a pattern of topics.
    pub topic: Cow<'a, str>,
}

wire!(Subscribe<'a> { request: id, options: dict(options::SUBSCRIBE), topic: string });

impl<'a> Subscribe<'a> {
    /// A SUBSCRIBE without options.
    pub fn new(request: Id, topic: impl Into<Cow<'a, str>>) -> Self {
        Self {
            request,
            options: Dict::new(),
            topic: topic.into(),
        }
    }

    /// How the topic matches: the `match` option.
    pub fn match_policy(&self) -> MatchPolicy {
        match_policy(&self.options)
    }
}

setters!(Subscribe { options });

/// The `match` option of SUBSCRIBE and REGISTER.
pub(super) fn match_policy(options: &Dict<'_>) -> MatchPolicy {
    options
        .get_str("match")
        .and_then(|name| MatchPolicy::from_name(&name))
        .unwrap_or_default()
}

options!(Subscribe<'_>.options {
    get_retained: flag, "Whether the subscriber wants the retained event at once.";
    nkey: str, "The key of a sharded subscription.";
});

/// `[SUBSCRIBED, SUBSCRIBE.Request|id, Subscription|id]`
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscribed {
    /// The request that is acknowledged.
    pub request: Id,
    /// The subscription.
    pub subscription: Id,
}

wire!(Subscribed {
    request: id,
    subscription: id
});

impl Subscribed {
    /// The acknowledgement of a SUBSCRIBE.
    pub const fn new(request: Id, subscription: Id) -> Self {
        Self {
            request,
            subscription,
        }
    }
}

/// `[UNSUBSCRIBE, Request|id, SUBSCRIBED.Subscription|id]`
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsubscribe {
    /// The ID of this request.
    pub request: Id,
    /// The subscription to end.
    pub subscription: Id,
}

wire!(Unsubscribe {
    request: id,
    subscription: id
});

impl Unsubscribe {
    /// An UNSUBSCRIBE.
    pub const fn new(request: Id, subscription: Id) -> Self {
        Self {
            request,
            subscription,
        }
    }
}

/// `[UNSUBSCRIBED, UNSUBSCRIBE.Request|id]`, or `[UNSUBSCRIBED, 0, Details|dict]` to revoke a
/// subscription.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Unsubscribed<'a> {
    /// The request that is acknowledged; `None` if the router revokes the subscription.
    pub request: Option<Id>,
    /// Which subscription is revoked, and why.
    pub details: Dict<'a>,
}

impl<'a> Unsubscribed<'a> {
    /// The acknowledgement of an UNSUBSCRIBE.
    pub const fn new(request: Id) -> Self {
        Self {
            request: Some(request),
            details: Dict::new(),
        }
    }

    /// The revocation of a subscription.
    pub fn revoke(subscription: Id) -> Self {
        Self {
            request: None,
            details: Dict::new().with("subscription", subscription),
        }
    }

    pub(super) fn read<C: Cursor<'a>>(fields: &mut Fields<'a, C>) -> Result<Self, DecodeError> {
        let (request, details) = fields.acknowledgement(options::UNSUBSCRIBED, "subscription")?;
        Ok(Self { request, details })
    }

    pub(super) fn write<S: Sink>(&self, elements: &mut Elements<S>) -> Result<(), EncodeError> {
        elements.acknowledgement(self.request, &self.details)
    }
}

setters!(Unsubscribed { details });

options!(Unsubscribed<'_>.details {
    subscription: id, "The subscription that is revoked.";
    reason: str, "Why it is revoked.";
});

/// `[EVENT, SUBSCRIBED.Subscription|id, PUBLISHED.Publication|id, Details|dict,
/// PUBLISH.Arguments|list, PUBLISH.ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The subscription that matched.
    pub subscription: Id,
    /// The publication.
    pub publication: Id,
    /// Details of the event.
    pub details: Dict<'a>,
    /// The arguments of the event.
    pub payload: Payload<'a>,
}

wire!(Event<'a> {
    subscription: id,
    publication: id,
    details: dict(options::EVENT),
    payload: payload(details),
});

impl Event<'_> {
    /// An EVENT without details and arguments.
    pub const fn new(subscription: Id, publication: Id) -> Self {
        Self {
            subscription,
            publication,
            details: Dict::new(),
            payload: Payload::none(),
        }
    }
}

setters!(Event { details, payload });

options!(Event<'_>.details {
    publisher: id, "The session that published.";
    publisher_authid: str, "Who published.";
    publisher_authrole: str, "The role of who published.";
    trustlevel: uint, "How far the router trusts the publisher.";
    topic: str, "The topic, if the subscription is a pattern.";
    retained: flag, "Whether the event was kept from before the subscription.";
    ppt_scheme: str, "The scheme of a payload that is passed through.";
});

/// `[EVENT_RECEIVED, EVENT.Publication|id]`, provisional in the spec.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventReceived {
    /// The publication that is acknowledged.
    pub publication: Id,
}

wire!(EventReceived { publication: id });

impl EventReceived {
    /// The acknowledgement of an EVENT.
    pub const fn new(publication: Id) -> Self {
        Self { publication }
    }
}
