//! The messages of registrations: REGISTER to UNREGISTERED.

use alloc::borrow::Cow;

use super::options::{self, options};
use super::pubsub::match_policy;
use super::wire::{Elements, Fields, setters, wire};
use crate::error::{DecodeError, EncodeError};
use crate::serializer::{Cursor, Sink};
use crate::uri::MatchPolicy;
use crate::{Dict, Id};

/// Which of several callees of a procedure is invoked: the `invoke` option of REGISTER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum InvokePolicy {
    /// The only one: nobody else can register.
    #[default]
    Single,
    /// One after the other.
    RoundRobin,
    /// Any, at random.
    Random,
    /// The one that registered first.
    First,
    /// The one that registered last.
    Last,
}

impl InvokePolicy {
    /// The name on the wire: `single`, `roundrobin`, `random`, `first`, `last`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::RoundRobin => "roundrobin",
            Self::Random => "random",
            Self::First => "first",
            Self::Last => "last",
        }
    }

    /// The policy with this name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "single" => Some(Self::Single),
            "roundrobin" => Some(Self::RoundRobin),
            "random" => Some(Self::Random),
            "first" => Some(Self::First),
            "last" => Some(Self::Last),
            _ => None,
        }
    }
}

/// `[REGISTER, Request|id, Options|dict, Procedure|uri]`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Register<'a> {
    /// The ID of this request.
    pub request: Id,
    /// How to match and to invoke.
    pub options: Dict<'a>,
    /// The procedure, or a pattern of procedures.
    pub procedure: Cow<'a, str>,
}

wire!(Register<'a> { request: id, options: dict(options::REGISTER), procedure: string });

impl<'a> Register<'a> {
    /// A REGISTER without options.
    pub fn new(request: Id, procedure: impl Into<Cow<'a, str>>) -> Self {
        Self {
            request,
            options: Dict::new(),
            procedure: procedure.into(),
        }
    }

    /// How the procedure matches: the `match` option.
    pub fn match_policy(&self) -> MatchPolicy {
        match_policy(&self.options)
    }

    /// Which callee is invoked: the `invoke` option; `None` if it is a policy that is not known.
    pub fn invoke_policy(&self) -> Option<InvokePolicy> {
        self.options
            .get_str("invoke")
            .map_or(Some(InvokePolicy::Single), |name| {
                InvokePolicy::from_name(&name)
            })
    }
}

setters!(Register { options });

options!(Register<'_>.options {
    concurrency: uint, "How many invocations the callee takes at the same time.";
    disclose_caller: flag, "Whether the callee wants to learn who calls.";
    forward_timeout: flag, "Whether the callee handles call timeouts itself.";
});

/// `[REGISTERED, REGISTER.Request|id, Registration|id]`
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registered {
    /// The request that is acknowledged.
    pub request: Id,
    /// The registration.
    pub registration: Id,
}

wire!(Registered {
    request: id,
    registration: id
});

impl Registered {
    /// The acknowledgement of a REGISTER.
    pub const fn new(request: Id, registration: Id) -> Self {
        Self {
            request,
            registration,
        }
    }
}

/// `[UNREGISTER, Request|id, REGISTERED.Registration|id]`
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unregister {
    /// The ID of this request.
    pub request: Id,
    /// The registration to end.
    pub registration: Id,
}

wire!(Unregister {
    request: id,
    registration: id
});

impl Unregister {
    /// An UNREGISTER.
    pub const fn new(request: Id, registration: Id) -> Self {
        Self {
            request,
            registration,
        }
    }
}

/// `[UNREGISTERED, UNREGISTER.Request|id]`, or `[UNREGISTERED, 0, Details|dict]` to revoke a
/// registration.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Unregistered<'a> {
    /// The request that is acknowledged; `None` if the router revokes the registration.
    pub request: Option<Id>,
    /// Which registration is revoked, and why.
    pub details: Dict<'a>,
}

impl<'a> Unregistered<'a> {
    /// The acknowledgement of an UNREGISTER.
    pub const fn new(request: Id) -> Self {
        Self {
            request: Some(request),
            details: Dict::new(),
        }
    }

    /// The revocation of a registration.
    pub fn revoke(registration: Id) -> Self {
        Self {
            request: None,
            details: Dict::new().with("registration", registration),
        }
    }

    pub(super) fn read<C: Cursor<'a>>(fields: &mut Fields<'a, C>) -> Result<Self, DecodeError> {
        let (request, details) = fields.acknowledgement(options::UNREGISTERED, "registration")?;
        Ok(Self { request, details })
    }

    pub(super) fn write<S: Sink>(&self, elements: &mut Elements<S>) -> Result<(), EncodeError> {
        elements.acknowledgement(self.request, &self.details)
    }
}

setters!(Unregistered { details });

options!(Unregistered<'_>.details {
    registration: id, "The registration that is revoked.";
    reason: str, "Why it is revoked.";
});
