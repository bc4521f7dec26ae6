//! What a connection counts.

/// Counters of a connection since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Octets received, headers and handshake included.
    pub octets_in: u64,
    /// Octets handed to the transport, headers and handshake included.
    pub octets_out: u64,
    /// Messages received.
    pub messages_in: u64,
    /// Messages queued for sending.
    pub messages_out: u64,
    /// PINGs received; each got its PONG.
    pub pings_in: u64,
    /// PINGs sent.
    pub pings_out: u64,
    /// PONGs received.
    pub pongs_in: u64,
    /// PONGs among them that answered no PING of this end's, or not the latest. They are ignored.
    pub stray_pongs_in: u64,
}
