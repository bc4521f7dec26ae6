//! The client session's settings.

use core::time::Duration;

use crate::{DecodeLimits, SerializerKind};

/// How a [`ClientSession`](super::ClientSession) joins and what it may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionConfig {
    /// The realm to join.
    pub realm: String,
    /// The serializer that the transport has agreed on.
    pub serializer: SerializerKind,
    /// The longest message that the peer takes, in octets: what its handshake announced. Longer
    /// ones are not sent, and their values given back. Default 2^24 - 1.
    pub max_message_len: usize,
    /// What HELLO says about this software; `None` leaves it out.
    pub agent: Option<String>,
    /// How long the router may take to answer HELLO. Default 10 s.
    ///
    /// Real routers withhold a WELCOME that does not fit the transport in silence.
    pub join_timeout: Duration,
    /// How long the router may take to answer GOODBYE. Default 5 s.
    pub leave_timeout: Duration,
    /// What a message of the router's may hold, so that decoding stays cheap.
    pub decode: DecodeLimits,
    /// Requests that may await their answer at the same time. Default 65,536.
    pub max_pending: usize,
    /// Invocations that may be unanswered at the same time; further ones are answered with the
    /// error `wamp.error.unavailable`. Default 65,536.
    pub max_invocations: usize,
    /// Octets of own messages that may wait for the transport; above it commands give their
    /// value back. One message is always taken when none waits. Default 4 MiB.
    pub max_queued: usize,
}

impl SessionConfig {
    /// Joins `realm` over a transport that speaks `serializer`, with every other setting at its
    /// default.
    pub fn new(realm: impl Into<String>, serializer: SerializerKind) -> Self {
        Self {
            realm: realm.into(),
            serializer,
            max_message_len: (1 << 24) - 1,
            agent: Some(crate::AGENT.to_owned()),
            join_timeout: Duration::from_secs(10),
            leave_timeout: Duration::from_secs(5),
            decode: DecodeLimits::default(),
            max_pending: 1 << 16,
            max_invocations: 1 << 16,
            max_queued: 4 << 20,
        }
    }
}
