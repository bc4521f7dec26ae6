//! A connection under watch.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes};
use rawsocket_proto::connection::{
    Config, Connection, ConnectionError, Event, Frame, SendErrorReason, release_spare_buffers,
};
use rawsocket_proto::time::Instant;
use rawsocket_proto::wire::RefusalCode;

use crate::choices::{Choices, pattern};
use crate::ledger::Ledger;
use crate::settings::{self, Start};

/// A connection whose promises are checked at each call.
pub(crate) struct Watched {
    connection: Connection,
    pub(crate) ledger: Ledger,
    pub(crate) now: Instant,
    /// Octets of heap that it holds.
    held: i64,
    /// The largest bound that it gave.
    bound: usize,
    /// A message of this length was handed back, and no `Writable` came since.
    refused: Option<usize>,
    pub(crate) error: Option<ConnectionError>,
    pub(crate) closed: bool,
    pub(crate) established: bool,
    /// This end was told to close, so that it drops what comes.
    closing: bool,
    messages: u32,
}

/// What was polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Nothing,
    Requested,
    Established,
    Message,
    Pong(Duration),
    Writable,
    PeerFinished,
    Closed,
    Failed(ConnectionError),
}

impl Watched {
    pub(crate) fn new(start: Start, config: Arc<Config>, choices: &mut Choices<'_>) -> Self {
        let mut connection = None;
        let info = allocation_counter::measure(|| {
            connection = Some(settings::connection(start, config, choices));
            release_spare_buffers();
        });
        let connection = connection.expect("just made");
        Self {
            held: info.bytes_current,
            bound: connection.memory_bound(),
            connection,
            ledger: Ledger::new(if start == Start::Established { 0 } else { 4 }),
            now: Instant::ZERO,
            refused: None,
            error: None,
            closed: false,
            established: start == Start::Established,
            closing: false,
            messages: 0,
        }
    }

    pub(crate) const fn get(&self) -> &Connection {
        &self.connection
    }

    /// The length of the message that was handed back for want of room.
    pub(crate) const fn refused(&self) -> Option<usize> {
        self.refused
    }

    /// Every call that may change the connection goes through here. What `act` returns must not
    /// hold octets that it allocated.
    pub(crate) fn act<R>(&mut self, act: impl FnOnce(&mut Connection, Instant) -> R) -> R {
        let mut result = None;
        let (connection, now) = (&mut self.connection, self.now);
        let info = allocation_counter::measure(|| {
            result = Some(act(connection, now));
            // What the connections of a thread share is none of this one's.
            release_spare_buffers();
        });
        self.held += info.bytes_current;
        self.bound = self.bound.max(connection.memory_bound());
        let held = usize::try_from(self.held).unwrap_or(0);
        assert!(
            held <= self.bound,
            "{held} octets held, {} promised",
            self.bound
        );
        if connection.is_closed() {
            assert!(!connection.wants_read() && !connection.wants_shutdown());
        }
        result.expect("act was called")
    }

    /// Offers octets, by `handle_read` or `handle_input`. Returns how many were taken.
    pub(crate) fn offer(&mut self, octets: &[u8], by_read: bool) -> usize {
        if !self.connection.wants_read() {
            return 0;
        }
        let taken = self.act(|connection, now| {
            if by_read {
                connection.handle_read(now, |buf| {
                    let taken = octets.len().min(buf.remaining_mut());
                    assert!(buf.remaining_mut() > 0, "a read without room");
                    buf.put_slice(&octets[..taken]);
                    taken
                })
            } else {
                let mut input = octets;
                connection.handle_input(&mut input, now);
                assert!(input.is_empty() || !connection.wants_read());
                octets.len() - input.len()
            }
        });
        self.ledger.came(&octets[..taken]);
        taken
    }

    /// Lets at most `most` octets leave. Returns them.
    pub(crate) fn transmit(&mut self, most: usize) -> Vec<u8> {
        let mut slices = [std::io::IoSlice::new(&[]); 4];
        let filled = self.connection.poll_transmit_vectored(&mut slices);
        assert!(slices[..filled].iter().all(|slice| !slice.is_empty()));
        let vectored = slices[..filled]
            .iter()
            .flat_map(|slice| slice.iter().copied());
        let vectored: Vec<u8> = vectored.collect();
        // This may join a header and its payload.
        self.act(|connection, _| connection.poll_transmit().map(<[u8]>::len));
        let octets = self.connection.poll_transmit().unwrap_or_default();
        let common = octets.len().min(vectored.len());
        assert!(
            octets[..common] == vectored[..common],
            "both ways to transmit agree"
        );
        assert_eq!(octets.is_empty(), vectored.is_empty());
        if self.ledger.is_between_frames() && !octets.is_empty() {
            for offered in [octets, &vectored] {
                let alone = offered.len() <= 4 && offered[1..] != [0; 3];
                assert!(!alone, "a header without payload: {offered:?}");
            }
        }
        let mut octets = octets.to_vec();
        octets.truncate(most);
        if !octets.is_empty() {
            self.act(|connection, _| connection.handle_transmitted(octets.len()));
            self.ledger.left(&octets);
        }
        octets
    }

    /// Queues a message of this length in one of three ways.
    pub(crate) fn send(&mut self, len: usize, how: u8) -> Result<(), SendErrorReason> {
        let message = pattern(self.messages, len);
        let limit = self.connection.send_limit() as usize;
        let result = self.act(|connection, _| match how % 3 {
            0 => connection.send_copy(&message).map_err(|error| {
                assert_eq!(error.message.len(), len);
                error.reason
            }),
            1 => {
                let message = Bytes::copy_from_slice(&message);
                connection.send(message).map_err(|error| {
                    assert_eq!(error.message.len(), len);
                    error.reason
                })
            }
            _ => {
                let frame = Frame::encode(|out| {
                    out.extend_from_slice(&message);
                    Ok::<_, std::convert::Infallible>(())
                });
                let frame = frame.expect("short enough");
                connection.send_frame(frame).map_err(|error| {
                    assert_eq!(error.message.payload_len(), len);
                    error.reason
                })
            }
        });
        match result {
            Ok(()) => {
                assert!(len <= limit);
                self.ledger.queued(message);
                self.messages += 1;
            }
            Err(SendErrorReason::Full) => {
                assert!(len <= limit && self.connection.pending() > 0);
                self.refused = Some(len);
            }
            Err(SendErrorReason::TooLong { .. }) => assert!(len > limit),
            Err(_) => {}
        }
        result
    }

    /// Polls one event.
    pub(crate) fn poll(&mut self, take: bool) -> Seen {
        let has_event = self.act(|connection, _| connection.has_event());
        // The ledger is set aside so that its message can be compared in place.
        let ledger = std::mem::replace(&mut self.ledger, Ledger::new(0));
        let due = ledger.due();
        let seen = self.act(|connection, _| match connection.poll_event() {
            Ok(None) => Seen::Nothing,
            Err(error) => Seen::Failed(error),
            Ok(Some(event)) => match event {
                Event::Requested(_) => Seen::Requested,
                Event::Established(negotiated) => {
                    assert_eq!(connection.negotiated(), Some(negotiated));
                    Seen::Established
                }
                Event::Message(payload) => {
                    let (due, _) = due.expect("a message only if one came");
                    assert!(due == &payload[..], "messages come in order and whole");
                    if take {
                        assert!(due == &payload.into_bytes()[..]);
                    }
                    Seen::Message
                }
                Event::Pong { rtt } => Seen::Pong(rtt),
                Event::Writable => Seen::Writable,
                Event::PeerFinished => Seen::PeerFinished,
                Event::Closed(_) => Seen::Closed,
                other => panic!("an unknown event: {other:?}"),
            },
        });
        let end = due.map(|(_, end)| end);
        self.ledger = ledger;
        assert_eq!(has_event, seen != Seen::Nothing);
        assert!(
            !self.closed || seen == Seen::Nothing,
            "{seen:?} behind the last event"
        );
        if let Some(error) = self.error {
            assert_eq!(seen, Seen::Failed(error), "the first error is final");
        }
        match seen {
            Seen::Message => self.ledger.polled(end.expect("compared above")),
            Seen::Pong(rtt) => assert!(rtt <= self.now.since_epoch()),
            Seen::Writable => {
                let len = self.refused.take().expect("room only for who was refused");
                let limit = self.connection.send_limit() as usize;
                assert!(len <= limit);
            }
            Seen::Established => {
                assert!(!self.established);
                self.established = true;
            }
            Seen::Closed => {
                assert!(self.connection.is_closed());
                self.closed = true;
            }
            Seen::Failed(error) => {
                if let (None, ConnectionError::Truncated { missing }) = (self.error, error) {
                    assert_eq!(missing as usize, self.truncated());
                }
                self.error = Some(error);
            }
            Seen::Nothing | Seen::Requested | Seen::PeerFinished => {}
        }
        seen
    }

    /// Octets that the frame lacks whose beginning came last.
    fn truncated(&self) -> usize {
        match self.ledger.tail() {
            [first, a, b, c, behind @ ..] => {
                let len = u32::from_be_bytes([first >> 3 & 1, *a, *b, *c]) as usize;
                len - behind.len()
            }
            tail => 4 - tail.len(),
        }
    }

    pub(crate) fn close(&mut self) {
        self.closing = true;
        self.act(Connection::close);
    }

    pub(crate) fn refuse(&mut self, code: RefusalCode) {
        self.closing |= self.act(|connection, _| connection.refuse(code)).is_ok();
    }

    /// Lets time pass, with or without telling.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now.saturating_add(time);
        self.act(Connection::handle_timeout);
        let next = self.connection.poll_timeout();
        assert!(
            next.is_none_or(|deadline| deadline.at > self.now),
            "{next:?} is due still, after it was handled at {:?}",
            self.now
        );
    }

    /// Octets leave and come, events are polled, until nothing moves. `incoming` is used up unless
    /// the connection wants no more.
    pub(crate) fn drain(&mut self, incoming: &mut Vec<u8>, by_read: bool) {
        for _ in 0..100_000 {
            let mut moved = !self.transmit(usize::MAX).is_empty();
            if self.connection.wants_shutdown() {
                self.act(Connection::handle_shutdown);
                moved = true;
            }
            moved |= match self.poll(false) {
                Seen::Nothing | Seen::Failed(_) => false,
                Seen::Requested => {
                    // Not any more, if it timed out meanwhile.
                    let _ = self.act(|connection, _| connection.accept());
                    true
                }
                _ => true,
            };
            let taken = self.offer(incoming, by_read && !incoming.is_empty());
            incoming.drain(..taken);
            // Polling may have answered PINGs.
            moved |= taken > 0 || self.connection.pending() > 0;
            if !moved {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    /// What must be so once everything that came was taken and polled, and all has left.
    pub(crate) fn check_rest(&mut self) {
        if self.error.is_some() || self.closing || !self.established {
            return;
        }
        assert!(self.ledger.due().is_none(), "a message was not polled");
        assert!(
            self.ledger.unanswered().is_none(),
            "a PING was not answered"
        );
        assert_eq!(self.ledger.pongs, self.connection.stats().pings_in);
        assert_eq!((self.ledger.unsent(), self.connection.pending()), (0, 0));
        if self.connection.wants_read() && self.ledger.tail().is_empty() {
            self.act(|connection, now| connection.handle_read(now, |_| ()));
            assert!(self.held < 1024, "{} octets held while idle", self.held);
        }
    }

    /// Ends it, whatever state it is in: it must come to an end in time.
    pub(crate) fn finish(mut self, eof: bool) {
        if eof {
            self.act(Connection::handle_eof);
        }
        self.drain(&mut Vec::new(), false);
        self.close();
        self.drain(&mut Vec::new(), false);
        for _ in 0..2 {
            if self.connection.is_closed() {
                break;
            }
            let deadline = self.connection.poll_timeout().expect("closing has an end");
            self.pass(deadline.at.saturating_duration_since(self.now));
            self.drain(&mut Vec::new(), false);
        }
        assert!(self.connection.is_closed());
        assert!(self.closed || self.error.is_some(), "the end is told");
        assert_eq!(self.connection.pending(), 0);
        self.poll(false);
    }
}
