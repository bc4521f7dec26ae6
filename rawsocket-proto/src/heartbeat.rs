//! When to PING a silent peer, and when to give it up.

use core::num::NonZeroU8;
use core::time::Duration;

use crate::time::{Deadline, Instant, TimerKind};

/// How a connection is kept under watch.
///
/// Without an interval no PING is sent unless asked for: Autobahn and Crossbar.io drop a
/// connection that PINGs them. Where the peer is not known to answer, TCP keepalive is the better
/// watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "an interval and a count")]
pub struct HeartbeatConfig {
    /// The silence after which the peer gets a PING, and after each PING the next one. At least a
    /// millisecond. `None`: only [`Heartbeat::ping`] sends.
    pub interval: Option<Duration>,
    /// PINGs that may stay unanswered. One more becomes due, and the peer is given up.
    pub max_pings: NonZeroU8,
}

impl HeartbeatConfig {
    /// No PING unless asked for; ten may stay unanswered.
    pub const DEFAULT: Self = Self {
        interval: None,
        max_pings: NonZeroU8::MIN.saturating_add(9),
    };
}

impl Default for HeartbeatConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The payload of a heartbeat's PING: eight ASCII octets, its number in hexadecimal.
///
/// Never empty, never long, always text: Crossbar.io takes an empty PING for a message of 16 MiB,
/// CppWAMP resets at more than 125 octets, and autobahn-js answers other than text altered.
pub type PingPayload = [u8; 8];

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a heartbeat does one or the other")]
pub enum Beat {
    /// Send a PING with this payload.
    Ping(PingPayload),
    /// Give the connection up: so many PINGs stayed unanswered.
    GiveUp {
        /// How many.
        unanswered: u8,
    },
}

/// A heartbeat: counts silence, no alloc, no clock.
///
/// Every octet from the peer counts as life and starts the count anew; silence of one interval
/// brings a PING. While this end does not read, [`defer`](Self::defer) takes the place of
/// [`handle_timeout`](Self::handle_timeout): a peer is not dead because nobody listens to it. The
/// same goes while the peer still takes what was to be sent before the PING.
///
/// ```
/// use core::time::Duration;
/// use wamp_rawsocket_proto::heartbeat::{Beat, Heartbeat, HeartbeatConfig};
/// use wamp_rawsocket_proto::time::Instant;
///
/// let config = HeartbeatConfig { interval: Some(Duration::from_secs(30)), ..Default::default() };
/// let mut heartbeat = Heartbeat::new(config, Instant::ZERO);
/// let due = heartbeat.deadline().unwrap().at;
/// assert_eq!(due, Instant::from_millis(30_000));
/// let Some(Beat::Ping(payload)) = heartbeat.handle_timeout(due) else { unreachable!() };
///
/// // The PONG comes half a second later.
/// let now = due.saturating_add(Duration::from_millis(500));
/// heartbeat.handle_life(now);
/// assert_eq!(heartbeat.handle_pong(&payload, now), Some(Duration::from_millis(500)));
/// ```
#[derive(Clone, Debug)]
pub struct Heartbeat {
    config: HeartbeatConfig,
    /// The last octet from the peer, or the last PING since.
    last: Instant,
    /// When the latest PING went out, until its PONG came.
    sent: Option<Instant>,
    number: u32,
    unanswered: u8,
}

impl Heartbeat {
    /// A heartbeat that starts now.
    pub const fn new(config: HeartbeatConfig, now: Instant) -> Self {
        Self {
            config,
            last: now,
            sent: None,
            number: 0,
            unanswered: 0,
        }
    }

    /// Something came from the peer.
    pub const fn handle_life(&mut self, now: Instant) {
        self.last = now;
        self.unanswered = 0;
    }

    /// A PONG came. Returns the round-trip time if it answers the latest PING; other PONGs are
    /// not this heartbeat's, and are to be ignored.
    pub fn handle_pong(&mut self, payload: &[u8], now: Instant) -> Option<Duration> {
        let sent = self.sent?;
        if payload != hexadecimal(self.number) {
            return None;
        }
        self.sent = None;
        Some(now.saturating_duration_since(sent))
    }

    /// This end does not read at present: silence until now does not count.
    pub const fn defer(&mut self, now: Instant) {
        self.last = now;
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) or [`defer`](Self::defer); `None`
    /// without an interval.
    pub fn deadline(&self) -> Option<Deadline> {
        let interval = self.config.interval?.max(Duration::from_millis(1));
        let reason = if self.is_spent() {
            TimerKind::PongOverdue
        } else {
            TimerKind::Heartbeat
        };
        Some(Deadline {
            at: self.last.saturating_add(interval),
            reason,
        })
    }

    /// What is due; `None` if nothing is.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Beat> {
        (now >= self.deadline()?.at).then(|| self.ping(now))
    }

    /// Sends a PING now, or gives the peer up because too many stayed unanswered.
    pub const fn ping(&mut self, now: Instant) -> Beat {
        if self.is_spent() {
            return Beat::GiveUp {
                unanswered: self.unanswered,
            };
        }
        self.last = now;
        self.sent = Some(now);
        self.unanswered += 1;
        self.number = self.number.wrapping_add(1);
        Beat::Ping(hexadecimal(self.number))
    }

    /// PINGs since the last sign of life.
    pub const fn unanswered(&self) -> u8 {
        self.unanswered
    }

    const fn is_spent(&self) -> bool {
        self.unanswered >= self.config.max_pings.get()
    }
}

/// All eight digits at once: each nibble is spread to an octet, and made a digit or a letter.
const fn hexadecimal(number: u32) -> PingPayload {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let mut octets = number as u64;
    octets = (octets | octets << 16) & 0x0000_FFFF_0000_FFFF;
    octets = (octets | octets << 8) & 0x00FF_00FF_00FF_00FF;
    octets = (octets | octets << 4) & 0x0F0F_0F0F_0F0F_0F0F;
    // 10 and above carry into the fifth bit.
    let letters = (octets + 6 * EACH) >> 4 & EACH;
    let above = (b'a' - b'0' - 10) as u64;
    (octets + b'0' as u64 * EACH + letters * above).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::hexadecimal;

    extern crate std;

    #[test]
    fn hexadecimal_is_what_format_gives() {
        let sample = (0..=0xFFFF_u32).map(|step| step.wrapping_mul(0x9E37_79B9));
        for number in sample.chain([0, 9, 10, 15, 16, 0x9A9A_A9A9, u32::MAX]) {
            assert_eq!(hexadecimal(number), std::format!("{number:08x}").as_bytes());
        }
    }
}
