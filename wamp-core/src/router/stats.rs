//! What the router holds now, and what it has done.

/// A snapshot of the router's counters, from [`Router::stats`](super::Router::stats).
///
/// The first group says what is held now: it is all zero once every session has gone. The second
/// only ever grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouterStats {
    /// Transports that were opened and not yet reported closed, joined or not.
    pub transports: usize,
    /// Sessions that have joined a realm and not left it.
    pub sessions: usize,
    /// Topics with at least one subscriber.
    pub subscriptions: usize,
    /// Pairs of a subscription and a session that holds it.
    pub subscribers: usize,
    /// Procedures that are registered.
    pub registrations: usize,
    /// Calls that await their final answer.
    pub pending_calls: usize,
    /// Deadlines that are armed.
    pub timers: usize,
    /// Frames that wait in outboxes, all sessions together.
    pub queued_frames: usize,

    /// Messages taken from transports.
    pub messages_in: u64,
    /// Publications that were taken, acknowledged or not.
    pub publications: u64,
    /// EVENT messages put into outboxes.
    pub events: u64,
    /// EVENT messages not sent, since the subscriber's transport does not take such a length.
    pub events_oversize: u64,
    /// EVENT messages not sent, since the subscriber's outbox was full.
    pub events_dropped: u64,
    /// EVENT messages not sent, since the payload has no form in the subscriber's serializer.
    pub events_untranslatable: u64,
    /// CALL messages that were sent on to a callee.
    pub calls: u64,
    /// Answers of callees that came after their call had ended, and were discarded.
    pub late_answers: u64,
    /// Calls that ended because their time was up.
    pub calls_timed_out: u64,
    /// Sessions ended with ABORT for a protocol violation.
    pub protocol_violations: u64,
    /// Sessions ended because their outbox overflowed.
    pub outboxes_overflowed: u64,
}
