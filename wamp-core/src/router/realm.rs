//! A realm: a broker and a dealer of its own.

use rawsocket_proto::time::Instant;

use crate::Id;
use crate::message::{Message, MessageType};

use super::answer::NeverInvoked;
use super::arena::Key;
use super::broker::Broker;
use super::core::Core;
use super::dealer::Dealer;

/// Sessions of different realms see nothing of each other.
#[derive(Debug)]
pub(super) struct Realm {
    pub(super) broker: Broker,
    pub(super) dealer: Dealer,
}

/// Why a message of a session that has joined is a protocol violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Clients do not send it, or not then.
    Unexpected(MessageType),
    /// The id is not the next one.
    RequestId { got: Id, expected: Id },
    /// The id is that of a call that has not ended.
    CallPending(Id),
    /// The answer to an invocation that was never made.
    NeverInvoked(Id),
    /// A call in parts: the router has not announced that.
    ProgressiveCall,
}

impl Realm {
    pub(super) fn new(index: usize) -> Self {
        Self {
            broker: Broker::default(),
            dealer: Dealer::new(index),
        }
    }

    /// Carries out what a session that has joined asks for.
    pub(super) fn take(
        &mut self,
        core: &mut Core,
        key: Key,
        message: &Message<'_>,
        now: Instant,
    ) -> Result<(), Fault> {
        if let Some(request) = request_id(message) {
            check_request(core, key, request)?;
        }
        match message {
            Message::Subscribe(subscribe) => self.broker.subscribe(core, key, subscribe),
            Message::Unsubscribe(unsubscribe) => self.broker.unsubscribe(core, key, unsubscribe),
            Message::Publish(publish) => self.broker.publish(core, key, publish),
            Message::Register(register) => self.dealer.register(core, key, register),
            Message::Unregister(unregister) => self.dealer.unregister(core, key, unregister),
            Message::Call(call) if call.progress() => return Err(Fault::ProgressiveCall),
            Message::Call(call) => {
                let session = core.sessions.get(key);
                if session.is_some_and(|s| s.calls.contains(call.request)) {
                    return Err(Fault::CallPending(call.request));
                }
                self.dealer.call(core, key, call, now);
            }
            Message::Cancel(cancel) => self.dealer.cancel(core, key, cancel, now),
            Message::Yield(yielded) => self
                .dealer
                .yielded(core, key, yielded, now)
                .map_err(|NeverInvoked| Fault::NeverInvoked(yielded.request))?,
            Message::Error(error) if error.request_type == MessageType::Invocation => self
                .dealer
                .failed(core, key, error)
                .map_err(|NeverInvoked| Fault::NeverInvoked(error.request))?,
            other => return Err(Fault::Unexpected(other.message_type())),
        }
        Ok(())
    }
}

/// The id of a request that a client makes.
const fn request_id(message: &Message<'_>) -> Option<Id> {
    match message {
        Message::Subscribe(message) => Some(message.request),
        Message::Unsubscribe(message) => Some(message.request),
        Message::Publish(message) => Some(message.request),
        Message::Register(message) => Some(message.request),
        Message::Unregister(message) => Some(message.request),
        Message::Call(message) => Some(message.request),
        _ => None,
    }
}

fn check_request(core: &mut Core, key: Key, request: Id) -> Result<(), Fault> {
    if !core.config.sequential_requests {
        return Ok(());
    }
    let Some(session) = core.sessions.get_mut(key) else {
        return Ok(());
    };
    let expected = session.requests.peek();
    if session.requests.accept(request) {
        Ok(())
    } else {
        Err(Fault::RequestId {
            got: request,
            expected,
        })
    }
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unexpected(message) => {
                write!(f, "received {message} after the session was established")
            }
            Self::RequestId { got, expected } => {
                write!(f, "received request {got} where {expected} comes next")
            }
            Self::CallPending(id) => write!(f, "received CALL {id} while it was unanswered"),
            Self::NeverInvoked(id) => {
                write!(
                    f,
                    "received an answer to invocation {id}, which was never made"
                )
            }
            Self::ProgressiveCall => {
                f.write_str("received a progressive CALL, which was not announced")
            }
        }
    }
}
