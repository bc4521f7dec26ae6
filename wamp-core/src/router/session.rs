//! The router's record of one transport and the session on it.

use rawsocket_proto::time::Instant;

use crate::id::RequestIds;
use crate::message::Hello;
use crate::outbox::Outbox;
use crate::{Id, SerializerKind};

use super::arena::Key;
use super::few::Few;

/// What the router must know about a transport before its first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransportInfo {
    /// The serializer that was agreed on.
    pub serializer: SerializerKind,
    /// The longest message that the client takes, in octets: what its handshake announced.
    pub max_message_len: usize,
}

impl TransportInfo {
    /// A transport that speaks `serializer`, to a client that takes `max_message_len` octets.
    pub const fn new(serializer: SerializerKind, max_message_len: usize) -> Self {
        Self {
            serializer,
            max_message_len,
        }
    }
}

/// Where in its life a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The transport is open; no HELLO came yet.
    Opened { until: Instant },
    /// WELCOME was sent.
    Joined(Member),
    /// The router said GOODBYE and holds nothing of the session any more.
    Closing { until: Instant },
    /// Nothing is taken any more; what waits is still sent.
    Closed,
}

/// Who a session is, once it has joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) id: Id,
    /// The index of its realm.
    pub(super) realm: u32,
}

/// The features of a callee that change what the dealer sends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CalleeFeatures {
    pub(super) canceling: bool,
    pub(super) progress: bool,
    pub(super) timeout: bool,
}

impl CalleeFeatures {
    pub(super) fn announced(hello: &Hello<'_>) -> Self {
        let callee = |feature| hello.has_feature("callee", feature);
        let canceling = callee("call_canceling");
        Self {
            canceling,
            // Spec: whoever cannot be cancelled is not asked for progress.
            progress: canceling && callee("progressive_call_results"),
            timeout: callee("call_timeout"),
        }
    }
}

/// One transport, and the session on it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) serializer: SerializerKind,
    pub(super) max_message_len: u32,
    pub(super) phase: Phase,
    pub(super) outbox: Outbox,
    /// It is in the list of sessions with something to send.
    pub(super) listed: bool,
    /// The next request that the client may make.
    pub(super) requests: RequestIds,
    /// The next INVOCATION to the client.
    pub(super) invocation_ids: RequestIds,
    pub(super) callee: CalleeFeatures,
    pub(super) subscriptions: Few<()>,
    pub(super) registrations: Few<()>,
    /// Its unanswered calls, by the id of CALL.
    pub(super) calls: Few<Key>,
    /// The unanswered calls that it was asked to carry out, by the id of INVOCATION.
    pub(super) invocations: Few<Key>,
}

impl Session {
    pub(super) fn new(info: TransportInfo, until: Instant) -> Self {
        Self {
            serializer: info.serializer,
            max_message_len: u32::try_from(info.max_message_len).unwrap_or(u32::MAX),
            phase: Phase::Opened { until },
            outbox: Outbox::default(),
            listed: false,
            requests: RequestIds::new(),
            invocation_ids: RequestIds::new(),
            callee: CalleeFeatures::default(),
            subscriptions: Few::new(),
            registrations: Few::new(),
            calls: Few::new(),
            invocations: Few::new(),
        }
    }

    /// The longest message that the client takes, in octets.
    pub(super) const fn max_message_len(&self) -> usize {
        self.max_message_len as usize
    }

    pub(super) const fn member(&self) -> Option<Member> {
        match self.phase {
            Phase::Joined(member) => Some(member),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Session;

    #[test]
    fn an_idle_session_is_small() {
        // What it holds more than one of, frames, requests or grants, comes on top for as long.
        assert_eq!(size_of::<Session>(), 168);
    }
}
