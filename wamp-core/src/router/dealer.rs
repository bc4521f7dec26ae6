//! Registrations, and calls on their way to a callee.
//!
//! Spec: basic profile, "Remote Procedure Calls"; advanced profile, "Call Timeouts".

use alloc::sync::Arc;
use core::time::Duration;
use std::collections::HashMap;

use rawsocket_proto::time::Instant;

use crate::message::{
    Call, Invocation, InvokePolicy, MessageType, Register, Registered, Unregister, Unregistered,
};
use crate::uri::{MatchPolicy, UriRule, is_reserved};
use crate::{Id, uris};

use super::arena::{Arena, Key};
use super::core::{Core, Unsendable, payload_details};
use super::timers::Timer;

/// The procedures of a realm, and the calls that are under way.
#[derive(Debug)]
pub(super) struct Dealer {
    /// Which realm it is, for the timers of its calls.
    pub(super) realm: usize,
    registrations: HashMap<Id, Registration>,
    exact: HashMap<Arc<str>, Id>,
    last_id: Option<Id>,
    pub(super) calls: Arena<PendingCall>,
}

#[derive(Debug)]
struct Registration {
    procedure: Arc<str>,
    callee: Key,
    /// The callee runs the timers of calls itself.
    forward_timeout: bool,
}

/// A call that was sent to a callee and awaits its final answer.
#[derive(Clone, Debug)]
pub(super) struct PendingCall {
    pub(super) caller: Key,
    /// The id of CALL.
    pub(super) request: Id,
    pub(super) callee: Key,
    /// The id of INVOCATION.
    pub(super) invocation: Id,
    pub(super) receive_progress: bool,
    /// What the caller allows until the first result, and between results.
    pub(super) timeout: Option<Duration>,
    pub(super) deadline: Option<Instant>,
    /// The callee was sent INTERRUPT of mode `kill`, and owes an answer.
    pub(super) killed: bool,
}

/// Why a request is refused: the error, and words for humans.
type Refusal = (&'static str, &'static str);

impl Dealer {
    pub(super) fn new(realm: usize) -> Self {
        Self {
            realm,
            registrations: HashMap::new(),
            exact: HashMap::new(),
            last_id: None,
            calls: Arena::new(),
        }
    }

    /// How many procedures are registered.
    pub(super) fn registrations(&self) -> usize {
        self.registrations.len()
    }

    /// How many calls await their final answer.
    pub(super) const fn pending_calls(&self) -> usize {
        self.calls.len()
    }

    pub(super) fn register(&mut self, core: &mut Core, key: Key, register: &Register<'_>) {
        let request = register.request;
        if let Err((error, text)) = self.try_register(core, key, register) {
            core.refuse(key, MessageType::Register, request, error, text);
        }
    }

    fn try_register(
        &mut self,
        core: &mut Core,
        key: Key,
        register: &Register<'_>,
    ) -> Result<(), Refusal> {
        if register.match_policy() != MatchPolicy::Exact {
            return Err((uris::OPTION_NOT_ALLOWED, "only exact matching is offered"));
        }
        if register.invoke_policy() != Some(InvokePolicy::Single) {
            return Err((uris::OPTION_NOT_ALLOWED, "only single callees are offered"));
        }
        let procedure = register.procedure.as_ref();
        if UriRule::Loose.check(procedure).is_err() || is_reserved(procedure) {
            return Err((uris::INVALID_URI, ""));
        }
        if self.exact.contains_key(procedure) {
            return Err((uris::PROCEDURE_ALREADY_EXISTS, ""));
        }
        if procedure.len() > core.config.limits.uri {
            return Err((uris::INVALID_URI, "the procedure is too long"));
        }
        let limit = core.config.limits.registrations;
        let Some(session) = core.sessions.get_mut(key) else {
            return Ok(());
        };
        if session.registrations.len() >= limit {
            return Err((uris::UNAVAILABLE, "too many registrations"));
        }
        let id = self.last_id.map_or(Id::MIN, Id::next);
        self.last_id = Some(id);
        session.registrations.insert(id, ());
        let procedure: Arc<str> = procedure.into();
        self.exact.insert(Arc::clone(&procedure), id);
        let registration = Registration {
            procedure,
            callee: key,
            forward_timeout: register.forward_timeout() && session.callee.timeout,
        };
        self.registrations.insert(id, registration);
        core.send_own(key, &Registered::new(register.request, id).into());
        Ok(())
    }

    /// Calls that were sent to the callee before stay its to answer.
    pub(super) fn unregister(&mut self, core: &mut Core, key: Key, unregister: &Unregister) {
        let id = unregister.registration;
        let held = core
            .sessions
            .get_mut(key)
            .is_some_and(|session| session.registrations.remove(id).is_some());
        if held {
            self.remove_registration(id);
            core.send_own(key, &Unregistered::new(unregister.request).into());
        } else {
            let error = uris::NO_SUCH_REGISTRATION;
            let request = unregister.request;
            core.refuse(key, MessageType::Unregister, request, error, "");
        }
    }

    pub(super) fn remove_registration(&mut self, id: Id) {
        if let Some(registration) = self.registrations.remove(&id) {
            self.exact.remove(&registration.procedure);
        }
    }

    pub(super) fn call(&mut self, core: &mut Core, key: Key, call: &Call<'_>, now: Instant) {
        if let Err((error, text)) = self.try_call(core, key, call, now) {
            core.refuse(key, MessageType::Call, call.request, error, text);
        }
    }

    fn try_call(
        &mut self,
        core: &mut Core,
        caller: Key,
        call: &Call<'_>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let procedure = call.procedure.as_ref();
        let found = self.exact.get(procedure).copied();
        let Some((id, registration)) =
            found.and_then(|id| Some((id, self.registrations.get(&id)?)))
        else {
            // Only what is not registered needs to be judged: what is, was.
            let valid = UriRule::Loose.check(procedure).is_ok();
            let error = if valid {
                uris::NO_SUCH_PROCEDURE
            } else {
                uris::INVALID_URI
            };
            return Err((error, ""));
        };
        let limit = core.config.limits.pending_calls;
        let pending = core.sessions.get(caller).map_or(0, |s| s.calls.len());
        if pending >= limit {
            return Err((uris::UNAVAILABLE, "too many pending calls"));
        }
        let backlog = core.config.limits.outbox_calls;
        let Some(endpoint) = core.sessions.get_mut(registration.callee) else {
            return Err((uris::NO_SUCH_PROCEDURE, ""));
        };
        if endpoint.outbox.octets() > backlog {
            return Err((uris::UNAVAILABLE, "the callee does not keep up"));
        }

        let receive_progress = call.receive_progress() && endpoint.callee.progress;
        let millis = call.timeout().filter(|millis| *millis > 0);
        let mut details = payload_details(&call.options);
        if receive_progress {
            details.insert("receive_progress", true);
        }
        if registration.forward_timeout
            && let Some(millis) = millis
        {
            details.insert("timeout", millis);
        }
        let message = Invocation::new(endpoint.invocation_ids.peek(), id)
            .with_details(details)
            .with_payload(call.payload.clone());
        let frame = Core::encode(
            endpoint.serializer,
            endpoint.max_message_len(),
            &message.into(),
        )
        .map_err(refusal)?;

        let invocation = endpoint.invocation_ids.next();
        let timeout = millis
            .filter(|_| !registration.forward_timeout)
            .map(Duration::from_millis);
        let pending = PendingCall {
            caller,
            request: call.request,
            callee: registration.callee,
            invocation,
            receive_progress,
            timeout,
            deadline: timeout.map(|timeout| now.saturating_add(timeout)),
            killed: false,
        };
        let deadline = pending.deadline;
        let destination = registration.callee;
        let Some(pending) = self.calls.insert_with(|_| pending) else {
            return Err((uris::UNAVAILABLE, "too many pending calls"));
        };
        if let Some(at) = deadline {
            core.timers.arm(at, Timer::Call(self.realm, pending));
        }
        if let Some(session) = core.sessions.get_mut(destination) {
            session.invocations.insert(invocation, pending);
        }
        if let Some(session) = core.sessions.get_mut(caller) {
            session.calls.insert(call.request, pending);
        }
        core.stats.calls += 1;
        core.enqueue(destination, frame);
        Ok(())
    }
}

/// The error for a caller whose call, or its result, cannot be sent on.
pub(super) const fn refusal(unsendable: Unsendable) -> Refusal {
    match unsendable {
        Unsendable::TooLong => (uris::PAYLOAD_SIZE_EXCEEDED, ""),
        Unsendable::Untranslatable => (
            uris::INVALID_ARGUMENT,
            "a value has no equivalent in the serializer of the other side",
        ),
    }
}
