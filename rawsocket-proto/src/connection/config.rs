//! The settings of a connection.

use core::num::NonZeroU8;
use core::time::Duration;

use crate::heartbeat::HeartbeatConfig;
use crate::wire::{MAX_PAYLOAD, MaxLen};

/// The settings of a connection: limits, deadlines, queues.
///
/// The defaults fit the peers in the field and are safe against strangers. One `Config` serves
/// any number of connections; they share it.
///
/// ```
/// use core::time::Duration;
/// use wamp_rawsocket_proto::connection::Config;
///
/// let config = Config::new()
///     .max_receive(100_000)
///     .heartbeat_interval(Some(Duration::from_secs(30)));
/// // 100 000 octets are enforced; what can be announced is a power of two.
/// assert_eq!(config.announced_max().octets(), 131_072);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub(super) max_receive: u32,
    pub(super) greeting_limit: u32,
    pub(super) max_ping: u32,
    pub(super) send_full_frame: bool,
    pub(super) ignore_reserved_bits: bool,
    pub(super) handshake_timeout: Option<Duration>,
    pub(super) close_timeout: Duration,
    pub(super) heartbeat: HeartbeatConfig,
    pub(super) high_water: usize,
    pub(super) low_water: usize,
    pub(super) pong_backlog: usize,
}

impl Config {
    /// The defaults, as each setting names them.
    pub const fn new() -> Self {
        Self {
            max_receive: MAX_PAYLOAD,
            greeting_limit: 64 << 10,
            max_ping: MAX_PAYLOAD,
            send_full_frame: false,
            ignore_reserved_bits: false,
            handshake_timeout: Some(Duration::from_secs(5)),
            close_timeout: Duration::from_secs(5),
            heartbeat: HeartbeatConfig::DEFAULT,
            high_water: 1 << 20,
            low_water: 256 << 10,
            pong_backlog: 64 << 10,
        }
    }

    /// The largest message that is received, in octets: 512 to 2^24; values beyond are moved to
    /// the nearest of these. Default 2^24 = 16 MiB, as the peers in the field have it.
    ///
    /// Exactly this is enforced. [Announced](Self::announced_max) is the next power of two.
    #[must_use]
    pub const fn max_receive(mut self, octets: u32) -> Self {
        self.max_receive = match octets {
            0..512 => 512,
            512..MAX_PAYLOAD => octets,
            _ => MAX_PAYLOAD,
        };
        self
    }

    /// The largest message that a router's connection receives until
    /// [`welcome`](super::Connection::welcome) is called, in octets; default 64 KiB. It keeps
    /// strangers from making a router hold 16 MiB each. A client trusts the router that it chose
    /// and has no such limit.
    #[must_use]
    pub const fn greeting_limit(mut self, octets: u32) -> Self {
        self.greeting_limit = octets;
        self
    }

    /// The largest PING or PONG payload that is received, in octets; default and most: as for
    /// messages. See also [`pong_backlog`](Self::pong_backlog).
    #[must_use]
    pub const fn max_ping(mut self, octets: u32) -> Self {
        self.max_ping = octets;
        self
    }

    /// Whether a message of exactly 2^24 octets may be sent to a peer that announced 16 MiB.
    /// Default: no, because most peers misread such a frame and lose the connection.
    #[must_use]
    pub const fn send_full_frame(mut self, allow: bool) -> Self {
        self.send_full_frame = allow;
        self
    }

    /// Whether the reserved bits of a frame header are ignored rather than refused. Default: no.
    #[must_use]
    pub const fn ignore_reserved_bits(mut self, ignore: bool) -> Self {
        self.ignore_reserved_bits = ignore;
        self
    }

    /// How long the handshake may take, the router's decision included; default 5 seconds.
    /// `None`: for ever.
    #[must_use]
    pub const fn handshake_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// How long an orderly close may take: to send what is queued and to see the peer close its
    /// side; default 5 seconds. After it the rest is dropped.
    #[must_use]
    pub const fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }

    /// The silence after which the peer gets a PING; default `None`: never. Ask for it only where
    /// the peer is known to answer: Autobahn and Crossbar.io drop a connection that PINGs them.
    #[must_use]
    pub const fn heartbeat_interval(mut self, interval: Option<Duration>) -> Self {
        self.heartbeat.interval = interval;
        self
    }

    /// PINGs that may stay unanswered before the connection is given up; default 10.
    #[must_use]
    pub const fn max_pings(mut self, count: NonZeroU8) -> Self {
        self.heartbeat.max_pings = count;
        self
    }

    /// The outbound water marks, in octets; default 1 MiB and 256 KiB. Above `high` a message is
    /// handed back, and at or below `low` the sender is told that there is room again. A message
    /// of any size is taken while the queue is empty.
    #[must_use]
    pub const fn water_marks(mut self, high: usize, low: usize) -> Self {
        self.high_water = high;
        self.low_water = if low < high { low } else { high };
        self
    }

    /// Octets of unsent PONGs, headers included, above which nothing is read; default 64 KiB. One
    /// PONG of any legal size is always taken.
    #[must_use]
    pub const fn pong_backlog(mut self, octets: usize) -> Self {
        self.pong_backlog = octets;
        self
    }

    /// What the handshake announces: the smallest power of two that is not below the largest
    /// message that is received.
    pub const fn announced_max(&self) -> MaxLen {
        match MaxLen::at_least(self.max_receive) {
            Some(max) => max,
            None => MaxLen::MAX,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
