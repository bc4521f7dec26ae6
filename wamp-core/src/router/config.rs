//! The router's settings, each with a safe default.

use core::time::Duration;

use crate::DecodeLimits;

/// What one session may hold at most. Going over a limit is answered with an ERROR, except where
/// a field says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionLimits {
    /// Subscriptions held at the same time. Default 10,000.
    pub subscriptions: usize,
    /// Registrations held at the same time. Default 10,000.
    pub registrations: usize,
    /// The length of a topic that is subscribed to or of a procedure that is registered, in
    /// octets. Longer ones are refused with `wamp.error.invalid_uri`. Default 1,024.
    pub uri: usize,
    /// Calls that await their final answer. Default 4,096.
    pub pending_calls: usize,
    /// Octets in the outbox above which the session gets no more EVENTs; they are dropped and
    /// counted. Default 4 MiB.
    ///
    /// A frame is taken whenever the outbox holds no more than this, so that one large message
    /// always fits. Each frame counts its length and [`FRAME_OVERHEAD`](Self::FRAME_OVERHEAD).
    pub outbox_events: usize,
    /// Octets in the outbox of a callee above which further calls to it are refused with
    /// `wamp.error.unavailable`, so that a caller cannot get a slow callee ended. The same for the
    /// outbox of a caller, where it is the call that ends, instead of its next progressive result.
    /// Default 16 MiB, counted as for events.
    pub outbox_calls: usize,
    /// Octets in the outbox above which the session is ended, since it does not read what it is
    /// owed. Default 64 MiB, counted as for events.
    pub outbox: usize,
}

impl SessionLimits {
    /// What a frame in an outbox counts beyond its length: about what it costs in memory.
    pub const FRAME_OVERHEAD: usize = crate::outbox::FRAME_OVERHEAD;
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            subscriptions: 10_000,
            registrations: 10_000,
            uri: 1_024,
            pending_calls: 4_096,
            outbox_events: 4 << 20,
            outbox_calls: 16 << 20,
            outbox: 64 << 20,
        }
    }
}

/// How a [`Router`](super::Router) behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouterConfig {
    /// The realms that clients may join. A HELLO for another is answered with ABORT
    /// `wamp.error.no_such_realm`.
    pub realms: Vec<String>,
    /// What WELCOME says about this software; `None` leaves it out.
    pub agent: Option<String>,
    /// How long a transport may stay open without a HELLO. Default 10 s.
    pub hello_timeout: Duration,
    /// How long a session may take to answer the router's GOODBYE. Default 5 s.
    pub goodbye_timeout: Duration,
    /// How long a callee may take to answer an INTERRUPT of mode `kill`; then the call ends as if
    /// it had been `killnowait`. Default 30 s.
    pub kill_timeout: Duration,
    /// Transports open at the same time, joined or not. Default 100,000.
    pub max_transports: usize,
    /// Whether requests must be numbered 1, 2, 3 … as WAMP demands. Default true; false lets in
    /// clients that number their requests at random.
    ///
    /// Spec: basic profile, "IDs" and "Protocol Errors".
    pub sequential_requests: bool,
    /// What a message may hold, so that decoding stays cheap.
    pub decode: DecodeLimits,
    /// What one session may hold.
    pub limits: SessionLimits,
}

impl RouterConfig {
    /// A router for these realms, with every other setting at its default.
    ///
    /// A name that is no valid URI is kept, but no client can join it.
    pub fn new<R: Into<String>>(realms: impl IntoIterator<Item = R>) -> Self {
        Self {
            realms: realms.into_iter().map(Into::into).collect(),
            agent: Some(crate::AGENT.to_owned()),
            hello_timeout: Duration::from_secs(10),
            goodbye_timeout: Duration::from_secs(5),
            kill_timeout: Duration::from_secs(30),
            max_transports: 100_000,
            sequential_requests: true,
            decode: DecodeLimits::default(),
            limits: SessionLimits::default(),
        }
    }
}
