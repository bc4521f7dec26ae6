//! How calls end: by an answer, by CANCEL, by time, or because somebody has left.
//!
//! However it ends, a call leaves nothing behind: a callee that never answers costs no memory once
//! the caller has been answered. What it says later is discarded.
//!
//! Spec: basic profile, "Caller Leaving During an RPC Invocation" and "Callee Leaving During an
//! RPC Invocation"; advanced profile, "Progressive Call Results", "Call Canceling" and
//! "Call Timeouts".

use rawsocket_proto::time::Instant;

use crate::message::{
    Cancel, CancelMode, Error, Interrupt, Message, MessageType, Result as CallResult, Yield,
};
use crate::uri::UriRule;
use crate::{Dict, Id, uris};

use super::arena::Key;
use super::core::{Core, payload_details};
use super::dealer::{Dealer, PendingCall, refusal};
use super::timers::Timer;

/// An answer to an invocation that was never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NeverInvoked;

impl Dealer {
    /// A callee's result, or a part of it.
    pub(super) fn yielded(
        &mut self,
        core: &mut Core,
        callee: Key,
        message: &Yield<'_>,
        now: Instant,
    ) -> Result<(), NeverInvoked> {
        let Some(key) = find(core, callee, message.request)? else {
            return Ok(());
        };
        let progress = message.progress();
        let mut details = payload_details(&message.options);
        if progress {
            if !self
                .calls
                .get(key)
                .is_some_and(|call| call.receive_progress)
            {
                return Ok(());
            }
            if self.overrun(core, key) {
                return Ok(());
            }
            self.restart_timer(core, key, now);
            details.insert("progress", true);
        }
        let call = if progress {
            self.calls.get(key).cloned()
        } else {
            self.end(core, key)
        };
        let Some(call) = call else {
            return Ok(());
        };
        let result = CallResult::new(call.request)
            .with_details(details)
            .with_payload(message.payload.clone());
        if let Err(unsendable) = core.send(call.caller, &result.into()) {
            if progress {
                self.end(core, key);
                interrupt(core, &call, CancelMode::KillNoWait, None);
            }
            let (error, text) = refusal(unsendable);
            core.refuse(call.caller, MessageType::Call, call.request, error, text);
        }
        Ok(())
    }

    /// Ends a call whose caller has more to read already than it should, rather than the caller.
    /// Says whether it did.
    fn overrun(&mut self, core: &mut Core, key: Key) -> bool {
        let limit = core.config.limits.outbox_calls;
        let caller = self.calls.get(key).map(|call| call.caller);
        let session = caller.and_then(|caller| core.sessions.get(caller));
        if session.is_none_or(|session| session.outbox.octets() <= limit) {
            return false;
        }
        if let Some(call) = self.end(core, key) {
            if !call.killed {
                interrupt(core, &call, CancelMode::KillNoWait, None);
            }
            let (error, text) = (uris::UNAVAILABLE, "the caller does not keep up");
            core.refuse(call.caller, MessageType::Call, call.request, error, text);
        }
        true
    }

    /// A callee's error.
    pub(super) fn failed(
        &mut self,
        core: &mut Core,
        callee: Key,
        message: &Error<'_>,
    ) -> Result<(), NeverInvoked> {
        let Some(key) = find(core, callee, message.request)? else {
            return Ok(());
        };
        let Some(call) = self.end(core, key) else {
            return Ok(());
        };
        let uri = message.error.as_ref();
        let uri = if UriRule::Loose.check(uri).is_ok() {
            uri
        } else {
            uris::INVALID_URI
        };
        let error = Error::new(MessageType::Call, call.request, uri)
            .with_details(payload_details(&message.details))
            .with_payload(message.payload.clone());
        if let Err(unsendable) = core.send(call.caller, &error.into()) {
            let (error, text) = refusal(unsendable);
            core.refuse(call.caller, MessageType::Call, call.request, error, text);
        }
        Ok(())
    }

    /// A caller gives up. A call that has ended meanwhile needs no answer: it had its own.
    pub(super) fn cancel(
        &mut self,
        core: &mut Core,
        caller: Key,
        cancel: &Cancel<'_>,
        now: Instant,
    ) {
        let Some(key) = core
            .sessions
            .get(caller)
            .and_then(|session| session.calls.get(cancel.request).copied())
        else {
            return;
        };
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        let can_interrupt = core
            .sessions
            .get(call.callee)
            .is_some_and(|s| s.callee.canceling);
        let mode = match cancel.mode().unwrap_or_default() {
            _ if !can_interrupt => CancelMode::Skip,
            mode => mode,
        };
        if mode == CancelMode::Kill {
            if !call.killed {
                call.killed = true;
                let at = now.saturating_add(core.config.kill_timeout);
                if let Some(old) = call.deadline.replace(at) {
                    core.timers.disarm(old, Timer::Call(self.realm, key));
                }
                core.timers.arm(at, Timer::Call(self.realm, key));
                let call = call.clone();
                interrupt(core, &call, CancelMode::Kill, None);
            }
            return;
        }
        if let Some(call) = self.end(core, key) {
            if mode == CancelMode::KillNoWait && !call.killed {
                interrupt(core, &call, CancelMode::KillNoWait, None);
            }
            let error = uris::CANCELED;
            core.refuse(call.caller, MessageType::Call, call.request, error, "");
        }
    }

    /// The timer of a call has fired.
    pub(super) fn expire(&mut self, core: &mut Core, key: Key) {
        let Some(call) = self.end(core, key) else {
            return;
        };
        let error = if call.killed {
            // The callee was told already, and did not react.
            uris::CANCELED
        } else {
            core.stats.calls_timed_out += 1;
            interrupt(core, &call, CancelMode::KillNoWait, Some(uris::TIMEOUT));
            uris::TIMEOUT
        };
        core.refuse(call.caller, MessageType::Call, call.request, error, "");
    }

    /// A session has ended that held these registrations, had made these calls, and owed the
    /// answers to these invocations.
    pub(super) fn release(
        &mut self,
        core: &mut Core,
        registrations: impl IntoIterator<Item = Id>,
        calls: impl IntoIterator<Item = Key>,
        invocations: impl IntoIterator<Item = Key>,
    ) {
        for id in registrations {
            self.remove_registration(id);
        }
        for key in calls {
            if let Some(call) = self.end(core, key)
                && !call.killed
            {
                interrupt(core, &call, CancelMode::KillNoWait, None);
            }
        }
        for key in invocations {
            // Calls to itself have just ended.
            if let Some(call) = self.end(core, key) {
                let (error, text) = (uris::CANCELED, "the callee has left");
                core.refuse(call.caller, MessageType::Call, call.request, error, text);
            }
        }
    }

    /// Forgets a call, on every side.
    fn end(&mut self, core: &mut Core, key: Key) -> Option<PendingCall> {
        let call = self.calls.remove(key)?;
        if let Some(at) = call.deadline {
            core.timers.disarm(at, Timer::Call(self.realm, key));
        }
        if let Some(caller) = core.sessions.get_mut(call.caller) {
            caller.calls.remove(call.request);
        }
        if let Some(callee) = core.sessions.get_mut(call.callee) {
            callee.invocations.remove(call.invocation);
        }
        Some(call)
    }

    /// Spec: with progressive results, the timeout is the time between two of them.
    fn restart_timer(&mut self, core: &mut Core, key: Key, now: Instant) {
        if let Some(call) = self.calls.get_mut(key)
            && let Some(timeout) = call.timeout
            && !call.killed
        {
            let at = now.saturating_add(timeout);
            if let Some(old) = call.deadline.replace(at) {
                core.timers.disarm(old, Timer::Call(self.realm, key));
            }
            core.timers.arm(at, Timer::Call(self.realm, key));
        }
    }
}

/// The call that a callee answers; `None` if it has ended, and the answer comes too late.
fn find(core: &mut Core, callee: Key, invocation: Id) -> Result<Option<Key>, NeverInvoked> {
    let Some(session) = core.sessions.get(callee) else {
        return Ok(None);
    };
    match session.invocations.get(invocation) {
        Some(key) => Ok(Some(*key)),
        None if invocation < session.invocation_ids.peek() => {
            core.stats.late_answers += 1;
            Ok(None)
        }
        None => Err(NeverInvoked),
    }
}

/// Tells a callee, if it can be told, that its answer is not wanted any more.
fn interrupt(core: &mut Core, call: &PendingCall, mode: CancelMode, reason: Option<&'static str>) {
    let able = core
        .sessions
        .get(call.callee)
        .is_some_and(|s| s.callee.canceling);
    if able {
        let mut options = Dict::new().with("mode", mode.as_str());
        if let Some(reason) = reason {
            options.insert("reason", reason);
        }
        let message: Message<'_> = Interrupt::new(call.invocation).with_options(options).into();
        core.send_own(call.callee, &message);
    }
}
