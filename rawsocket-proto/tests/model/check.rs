//! What holds at any time, and what an error must have for a reason.

use wamp_rawsocket_proto::connection::ConnectionError;
use wamp_rawsocket_proto::error::FrameError;
use wamp_rawsocket_proto::time::TimerKind;

use crate::support::{frame, parse};
use crate::{GREETING, MAX_PINGS, Model, PING, count};

impl Model {
    /// An error has its reason.
    pub(super) fn justify(&self, error: ConnectionError) {
        match error {
            ConnectionError::Timeout(TimerKind::Handshake) => {
                assert!(!self.open && self.now >= 5000);
            }
            ConnectionError::Timeout(TimerKind::Close) => {
                let from = self.closing.unwrap_or(0);
                assert!(self.refused || self.closing.is_some() && self.now >= from + 500);
            }
            ConnectionError::Unresponsive { pings } => {
                assert_eq!(usize::from(pings), MAX_PINGS);
            }
            ConnectionError::ClosedInHandshake => assert!(self.eof && !self.open),
            ConnectionError::Truncated { missing } => {
                assert!(self.eof && missing > 0);
                let whole = parse(&self.stream[..self.taken.min(self.good)]).1;
                assert_ne!(whole, self.taken);
            }
            ConnectionError::Frame(FrameError::TooLong { len, max, .. }) => {
                assert!(len as usize > GREETING && max as usize == GREETING && !self.client);
            }
            ConnectionError::Frame(_) => assert!(self.taken >= self.good + 4),
            other => panic!("{other}"),
        }
        // All that was received was told first, unless a close dropped it.
        if self.closing.is_none() {
            assert_eq!(self.messages, count(self.connection.stats().messages_in));
        }
    }

    /// What holds at any time.
    pub(super) fn check(&self) {
        let stats = self.connection.stats();
        let (pings_in, pings_out) = (count(stats.pings_in), count(stats.pings_out));
        assert_eq!(count(stats.octets_in), 4 - self.greeting.len() + self.taken);
        assert_eq!(
            count(stats.octets_out),
            self.sent_handshake + self.sent.len()
        );
        assert_eq!(count(stats.messages_out), self.accepted.len());
        assert_eq!(stats.stray_pongs_in, stats.pongs_in);

        // What was sent: messages in order, PONGs in order, nothing else, nothing torn.
        let (frames, used) = parse(&self.sent);
        let torn = &self.sent[used..];
        let pings = self.peer_frames(1);
        assert!(pings_in <= pings.len());
        let (mut messages, mut answered, mut own) = (0, 0, 0);
        for (kind, payload) in frames {
            let expected = match kind {
                0 => self.accepted.get(messages).map(|frame| &frame[4..]),
                1 => Some(&payload[..]).filter(|payload| payload.len() == 8),
                _ => pings[..pings_in].get(answered).map(|ping| &ping[..]),
            };
            assert!(expected == Some(&payload), "kind {kind} sent out of order");
            *[&mut messages, &mut own, &mut answered][usize::from(kind)] += 1;
        }
        assert!(own <= pings_out);
        if torn.first() == Some(&0) {
            assert!(self.accepted[messages].starts_with(torn));
        } else if torn.first() == Some(&2) {
            assert!(frame(2, &pings[answered]).starts_with(torn));
        }

        // Octet accounting of what waits, unless a failure dropped it.
        let answers: usize = pings[..pings_in].iter().map(|ping| 4 + ping.len()).sum();
        let queued: usize = self.accepted.iter().map(Vec::len).sum();
        let greeted = usize::from(self.client || self.open || self.refused) * 4;
        let owed = greeted + queued + answers + pings_out * PING;
        let waiting = owed - self.sent_handshake - self.sent.len();
        if !self.ended() || self.connection.pending() > 0 {
            assert_eq!(self.connection.pending(), waiting);
        }
        if self.connection.is_closed() {
            assert_eq!(self.connection.pending(), 0);
            assert_eq!(self.connection.poll_timeout(), None);
            assert!(!self.connection.wants_read() && !self.connection.wants_shutdown());
        }
        if !self.open && !self.ended() {
            assert!(self.now < 5000 || self.connection.poll_timeout().is_some());
        }
    }
}
