//! The messages of calls: CALL to RESULT, INVOCATION to YIELD.

use alloc::borrow::Cow;

use super::options::{self, options};
use super::wire::{setters, wire};
use crate::{Dict, Id, Payload};

/// `[CALL, Request|id, Options|dict, Procedure|uri, Arguments|list, ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Call<'a> {
    /// The ID of this request.
    pub request: Id,
    /// How to call.
    pub options: Dict<'a>,
    /// The procedure.
    pub procedure: Cow<'a, str>,
    /// The arguments of the call.
    pub payload: Payload<'a>,
}

wire!(Call<'a> {
    request: id,
    options: dict(options::CALL),
    procedure: string,
    payload: payload(options),
});

impl<'a> Call<'a> {
    /// A CALL without options and arguments.
    pub fn new(request: Id, procedure: impl Into<Cow<'a, str>>) -> Self {
        Self {
            request,
            options: Dict::new(),
            procedure: procedure.into(),
            payload: Payload::none(),
        }
    }
}

setters!(Call { options, payload });

options!(Call<'_>.options {
    timeout: uint, "After how many milliseconds the call is cancelled; 0 is never.";
    disclose_me: flag, "Whether the callee is to learn who calls.";
    receive_progress: flag, "Whether the caller takes results in parts.";
    progress: flag, "Whether more arguments follow for the same call.";
    rkey: str, "The routing key of a sharded registration.";
    runmode: str, "Which endpoints of a sharded registration are called.";
    ppt_scheme: str, "The scheme of a payload that is passed through.";
});

/// How a call is cancelled: the `mode` option of CANCEL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum CancelMode {
    /// The caller gets an error at once; the callee is not told.
    Skip,
    /// The callee is interrupted; the caller gets what it answers.
    Kill,
    /// The caller gets an error at once and the callee is interrupted.
    #[default]
    KillNoWait,
}

impl CancelMode {
    /// The name on the wire: `skip`, `kill`, `killnowait`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Kill => "kill",
            Self::KillNoWait => "killnowait",
        }
    }

    /// The mode with this name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "skip" => Some(Self::Skip),
            "kill" => Some(Self::Kill),
            "killnowait" => Some(Self::KillNoWait),
            _ => None,
        }
    }
}

/// `[CANCEL, CALL.Request|id, Options|dict]`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Cancel<'a> {
    /// The call to cancel.
    pub request: Id,
    /// How to cancel it.
    pub options: Dict<'a>,
}

wire!(Cancel<'a> { request: id, options: dict(options::CANCEL) });

impl Cancel<'_> {
    /// A CANCEL without options.
    pub const fn new(request: Id) -> Self {
        Self {
            request,
            options: Dict::new(),
        }
    }

    /// How to cancel: the `mode` option; `None` if the caller leaves it to the dealer.
    pub fn mode(&self) -> Option<CancelMode> {
        self.options
            .get_str("mode")
            .and_then(|name| CancelMode::from_name(&name))
    }
}

setters!(Cancel { options });

/// `[RESULT, CALL.Request|id, Details|dict, YIELD.Arguments|list, YIELD.ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Result<'a> {
    /// The call that is answered.
    pub request: Id,
    /// Details of the result.
    pub details: Dict<'a>,
    /// The arguments of the result.
    pub payload: Payload<'a>,
}

wire!(Result<'a> { request: id, details: dict(options::RESULT), payload: payload(details) });

impl Result<'_> {
    /// A RESULT without details and arguments.
    pub const fn new(request: Id) -> Self {
        Self {
            request,
            details: Dict::new(),
            payload: Payload::none(),
        }
    }
}

setters!(Result { details, payload });

options!(Result<'_>.details {
    progress: flag, "Whether more results follow for the same call.";
    ppt_scheme: str, "The scheme of a payload that is passed through.";
});

/// `[INVOCATION, Request|id, REGISTERED.Registration|id, Details|dict, CALL.Arguments|list,
/// CALL.ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Invocation<'a> {
    /// The ID of this request.
    pub request: Id,
    /// The registration that matched.
    pub registration: Id,
    /// Details of the call.
    pub details: Dict<'a>,
    /// The arguments of the call.
    pub payload: Payload<'a>,
}

wire!(Invocation<'a> {
    request: id,
    registration: id,
    details: dict(options::INVOCATION),
    payload: payload(details),
});

impl Invocation<'_> {
    /// An INVOCATION without details and arguments.
    pub const fn new(request: Id, registration: Id) -> Self {
        Self {
            request,
            registration,
            details: Dict::new(),
            payload: Payload::none(),
        }
    }
}

setters!(Invocation { details, payload });

options!(Invocation<'_>.details {
    caller: id, "The session that calls.";
    caller_authid: str, "Who calls.";
    caller_authrole: str, "The role of who calls.";
    trustlevel: uint, "How far the router trusts the caller.";
    procedure: str, "The procedure, if the registration is a pattern.";
    receive_progress: flag, "Whether the caller takes results in parts.";
    progress: flag, "Whether more arguments follow for the same invocation.";
    timeout: uint, "After how many milliseconds the callee should give up; 0 is never.";
    ppt_scheme: str, "The scheme of a payload that is passed through.";
});

/// `[INTERRUPT, INVOCATION.Request|id, Options|dict]`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Interrupt<'a> {
    /// The invocation to interrupt.
    pub request: Id,
    /// How and why.
    pub options: Dict<'a>,
}

wire!(Interrupt<'a> { request: id, options: dict(options::INTERRUPT) });

impl Interrupt<'_> {
    /// An INTERRUPT without options.
    pub const fn new(request: Id) -> Self {
        Self {
            request,
            options: Dict::new(),
        }
    }
}

setters!(Interrupt { options });

options!(Interrupt<'_>.options {
    mode: str, "How the call was cancelled.";
    reason: str, "Why, as a URI.";
});

/// `[YIELD, INVOCATION.Request|id, Options|dict, Arguments|list, ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Yield<'a> {
    /// The invocation that is answered.
    pub request: Id,
    /// How to pass the result on.
    pub options: Dict<'a>,
    /// The arguments of the result.
    pub payload: Payload<'a>,
}

wire!(Yield<'a> { request: id, options: dict(options::YIELD), payload: payload(options) });

impl Yield<'_> {
    /// A YIELD without options and arguments.
    pub const fn new(request: Id) -> Self {
        Self {
            request,
            options: Dict::new(),
            payload: Payload::none(),
        }
    }
}

setters!(Yield { options, payload });

options!(Yield<'_>.options {
    progress: flag, "Whether more results follow for the same invocation.";
    ppt_scheme: str, "The scheme of a payload that is passed through.";
});
