//! The life of a session: HELLO to GOODBYE, and ERROR.

use alloc::borrow::Cow;

use super::MessageType;
use super::options::{self, options};
use super::wire::{setters, wire};
use crate::{Dict, Id, Payload, ValueRef};

/// `[HELLO, Realm|uri, Details|dict]`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Hello<'a> {
    /// The realm to join.
    pub realm: Cow<'a, str>,
    /// Roles, features, agent and authentication.
    pub details: Dict<'a>,
}

wire!(Hello<'a> { realm: string, details: dict(options::HELLO) });

impl<'a> Hello<'a> {
    /// A HELLO without details; the spec wants it to announce at least one role.
    pub fn new(realm: impl Into<Cow<'a, str>>) -> Self {
        Self {
            realm: realm.into(),
            details: Dict::new(),
        }
    }

    /// Whether the client announces the role: `publisher`, `subscriber`, `caller`, `callee`.
    pub fn has_role(&self, role: &str) -> bool {
        has_role(&self.details, role)
    }

    /// Whether the client announces the feature for the role.
    pub fn has_feature(&self, role: &str, feature: &str) -> bool {
        has_feature(&self.details, role, feature)
    }
}

setters!(Hello { details });

options!(Hello<'_>.details {
    agent: str, "The software of the client.";
    authid: str, "Who the client claims to be.";
    authmethods: strs, "The authentication methods that the client offers.";
});

/// `[WELCOME, Session|id, Details|dict]`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Welcome<'a> {
    /// The session that is open now.
    pub session: Id,
    /// Roles, features, agent and identity.
    pub details: Dict<'a>,
}

wire!(Welcome<'a> { session: id, details: dict(options::WELCOME) });

impl Welcome<'_> {
    /// A WELCOME without details; the spec wants it to announce at least one role.
    pub const fn new(session: Id) -> Self {
        Self {
            session,
            details: Dict::new(),
        }
    }

    /// Whether the router announces the role: `broker`, `dealer`.
    pub fn has_role(&self, role: &str) -> bool {
        has_role(&self.details, role)
    }

    /// Whether the router announces the feature for the role.
    pub fn has_feature(&self, role: &str, feature: &str) -> bool {
        has_feature(&self.details, role, feature)
    }
}

setters!(Welcome { details });

options!(Welcome<'_>.details {
    agent: str, "The software of the router.";
    realm: str, "The realm that was joined, if the router chose it.";
    authid: str, "Who the client is.";
    authrole: str, "The role of the client.";
    authmethod: str, "How the client was authenticated.";
    authprovider: str, "What authenticated the client.";
});

/// `[ABORT, Details|dict, Reason|uri, Arguments|list, ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Abort<'a> {
    /// Often a `message` for humans.
    pub details: Dict<'a>,
    /// Why.
    pub reason: Cow<'a, str>,
    /// More about the reason.
    pub payload: Payload<'a>,
}

wire!(Abort<'a> { details: dict(options::CLOSE), reason: string, payload: payload(details) });

impl<'a> Abort<'a> {
    /// An ABORT without details and arguments.
    pub fn new(reason: impl Into<Cow<'a, str>>) -> Self {
        Self {
            details: Dict::new(),
            reason: reason.into(),
            payload: Payload::none(),
        }
    }
}

setters!(Abort { details, payload });

options!(Abort<'_>.details {
    message: str, "The reason for humans.";
});

/// `[CHALLENGE, AuthMethod|string, Extra|dict]`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Challenge<'a> {
    /// The authentication method that the router chose.
    pub method: Cow<'a, str>,
    /// What the method needs.
    pub extra: Dict<'a>,
}

wire!(Challenge<'a> { method: string, extra: dict(options::CHALLENGE) });

impl<'a> Challenge<'a> {
    /// A CHALLENGE with nothing extra.
    pub fn new(method: impl Into<Cow<'a, str>>) -> Self {
        Self {
            method: method.into(),
            extra: Dict::new(),
        }
    }

    /// Sets what the method needs.
    #[must_use]
    pub fn with_extra(mut self, extra: Dict<'a>) -> Self {
        self.extra = extra;
        self
    }
}

/// `[AUTHENTICATE, Signature|string, Extra|dict]`
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Authenticate<'a> {
    /// The signature, password or token. Not shown by `Debug`.
    pub signature: Cow<'a, str>,
    /// What the method needs.
    pub extra: Dict<'a>,
}

wire!(Authenticate<'a> { signature: string, extra: dict(options::NONE) });

impl<'a> Authenticate<'a> {
    /// An AUTHENTICATE with nothing extra.
    pub fn new(signature: impl Into<Cow<'a, str>>) -> Self {
        Self {
            signature: signature.into(),
            extra: Dict::new(),
        }
    }

    /// Sets what the method needs.
    #[must_use]
    pub fn with_extra(mut self, extra: Dict<'a>) -> Self {
        self.extra = extra;
        self
    }
}

impl core::fmt::Debug for Authenticate<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Authenticate").finish_non_exhaustive()
    }
}

/// `[GOODBYE, Details|dict, Reason|uri]`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Goodbye<'a> {
    /// Often a `message` for humans.
    pub details: Dict<'a>,
    /// Why.
    pub reason: Cow<'a, str>,
}

wire!(Goodbye<'a> { details: dict(options::CLOSE), reason: string });

impl<'a> Goodbye<'a> {
    /// A GOODBYE without details.
    pub fn new(reason: impl Into<Cow<'a, str>>) -> Self {
        Self {
            details: Dict::new(),
            reason: reason.into(),
        }
    }
}

setters!(Goodbye { details });

options!(Goodbye<'_>.details {
    message: str, "The reason for humans.";
});

/// `[ERROR, REQUEST.Type|int, REQUEST.Request|id, Details|dict, Error|uri, Arguments|list,
/// ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Error<'a> {
    /// The type of the request that failed.
    pub request_type: MessageType,
    /// The request that failed.
    pub request: Id,
    /// Details of the failure.
    pub details: Dict<'a>,
    /// Which error.
    pub error: Cow<'a, str>,
    /// The arguments of the error.
    pub payload: Payload<'a>,
}

wire!(Error<'a> {
    request_type: request_type,
    request: id,
    details: dict(options::ERROR),
    error: string,
    payload: payload(details),
});

impl<'a> Error<'a> {
    /// An ERROR without details and arguments.
    pub fn new(request_type: MessageType, request: Id, error: impl Into<Cow<'a, str>>) -> Self {
        Self {
            request_type,
            request,
            details: Dict::new(),
            error: error.into(),
            payload: Payload::none(),
        }
    }
}

setters!(Error { details, payload });

fn entry<'d>(map: &ValueRef<'d>, key: &str) -> Option<ValueRef<'d>> {
    match map {
        ValueRef::Raw(raw) => raw.entries().find(|(name, _)| name == key).map(|(_, v)| v),
        ValueRef::Value(value) => value.get(key).map(|value| match value {
            crate::Value::Bool(bool) => ValueRef::Bool(*bool),
            other => ValueRef::Value(Cow::Owned(other.clone())),
        }),
        _ => None,
    }
}

fn has_role(details: &Dict<'_>, role: &str) -> bool {
    details
        .get("roles")
        .is_some_and(|roles| entry(&roles, role).is_some())
}

fn has_feature(details: &Dict<'_>, role: &str, feature: &str) -> bool {
    let Some(roles) = details.get("roles") else {
        return false;
    };
    entry(&roles, role)
        .and_then(|role| entry(&role, "features"))
        .and_then(|features| entry(&features, feature))
        == Some(ValueRef::Bool(true))
}
