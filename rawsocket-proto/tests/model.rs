//! Any order of operations on a connection, against a naive model of what it owes: messages in
//! order, one PONG for each PING, exact water marks, one last event, exact counters. What it sends
//! is read by a parser of its own.
#![cfg(feature = "driver")]

#[expect(
    clippy::allow_attributes,
    reason = "which of it is used differs from test to test"
)]
#[allow(dead_code, reason = "shared by several tests")]
mod support;

#[path = "model/check.rs"]
mod check;
#[path = "model/ops.rs"]
mod ops;

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use ops::{Op, Sort};
use proptest::prelude::*;
use support::link::{Told, at, next};
use support::{filler, frame, hello, parse};
use wamp_rawsocket_proto::connection::{CloseReason, Config, Connection, Frame, SendErrorReason};
use wamp_rawsocket_proto::wire::{RefusalCode, SerializerId};

const HIGH: usize = 6000;
const LOW: usize = 2000;
const GREETING: usize = 300;
const MAX_PINGS: usize = 3;
const PING: usize = 4 + 8;

fn count(counter: u64) -> usize {
    usize::try_from(counter).unwrap()
}

/// What is known from outside.
#[expect(clippy::struct_excessive_bools, reason = "a naive model")]
struct Model {
    connection: Connection,
    client: bool,
    now: u64,
    /// What the peer sends.
    stream: Vec<u8>,
    /// The whole frames at its start.
    good: usize,
    /// What the connection took, without the handshake: `stream` from its start.
    taken: usize,
    /// The part of the handshake that the connection has not taken.
    greeting: Vec<u8>,
    /// What the connection sent, without the handshake.
    sent: Vec<u8>,
    sent_handshake: usize,
    /// Messages that were accepted for sending, as frames.
    accepted: Vec<Vec<u8>>,
    blocked: Option<usize>,
    unanswered: usize,
    open: bool,
    requested: bool,
    welcome: bool,
    eof: bool,
    /// When the close began.
    closing: Option<u64>,
    refused: bool,
    peer_finished: bool,
    messages: usize,
    last: Option<Told>,
}

impl Model {
    fn new(client: bool, second: u8, (stream, good): (Vec<u8>, usize)) -> Self {
        let config = Config::new()
            .max_receive(2000)
            .greeting_limit(u32::try_from(GREETING).unwrap())
            .water_marks(HIGH, LOW)
            .pong_backlog(700)
            .close_timeout(Duration::from_millis(500))
            .max_pings(u8::try_from(MAX_PINGS).unwrap().try_into().unwrap());
        let connection = if client {
            Connection::client(Arc::new(config), SerializerId::JSON, at(0))
        } else {
            Connection::router(Arc::new(config), at(0))
        };
        Self {
            connection,
            client,
            now: 0,
            stream,
            good,
            taken: 0,
            greeting: hello(second).to_vec(),
            sent: Vec::new(),
            sent_handshake: 0,
            accepted: Vec::new(),
            blocked: None,
            unanswered: 0,
            open: false,
            requested: false,
            welcome: client,
            eof: false,
            closing: None,
            refused: false,
            peer_finished: false,
            messages: 0,
            last: None,
        }
    }

    /// The whole frames of one kind that the connection took.
    fn peer_frames(&self, kind: u8) -> Vec<Vec<u8>> {
        let frames = parse(&self.stream[..self.taken.min(self.good)])
            .0
            .into_iter();
        frames
            .filter(|frame| frame.0 == kind)
            .map(|frame| frame.1)
            .collect()
    }

    /// Octets of messages that were accepted and not sent.
    fn pending_messages(&self) -> usize {
        let (frames, used) = parse(&self.sent);
        let whole = frames.iter().filter(|frame| frame.0 == 0);
        let mut sent: usize = whole.map(|frame| 4 + frame.1.len()).sum();
        if self.sent.get(used) == Some(&0) {
            sent += self.sent.len() - used;
        }
        self.accepted.iter().map(Vec::len).sum::<usize>() - sent
    }

    fn fits(&self, len: usize) -> bool {
        let pending = self.pending_messages();
        pending == 0 || pending + 4 + len <= HIGH
    }

    fn ended(&self) -> bool {
        self.connection.can_send(0) == Err(SendErrorReason::Closed)
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            // A decision before it is asked for is left open.
            Op::Accept | Op::Refuse if self.greeting.is_empty() && !self.requested => {}
            Op::Send(len, sort) => self.send(len, sort),
            Op::Ping => self.ping(),
            Op::Input(count) | Op::Read(count) => {
                self.input(count, matches!(op, Op::Read(_)));
            }
            Op::Transmit(count, slices) => self.transmit(count, slices),
            Op::Advance(millis) => self.now += millis,
            Op::Timeout => self.timeout(),
            Op::Eof => {
                self.connection.handle_eof(at(self.now));
                self.eof = true;
            }
            Op::Close => {
                if !self.ended() {
                    self.closing = Some(self.now);
                }
                self.connection.close(at(self.now));
                assert!(self.ended());
            }
            Op::Shutdown => {
                if self.connection.wants_shutdown() {
                    assert_eq!(self.connection.pending(), 0);
                    self.connection.handle_shutdown(at(self.now));
                    assert!(!self.connection.wants_shutdown());
                }
            }
            Op::Welcome => {
                self.connection.welcome();
                self.welcome = true;
            }
            Op::Accept => {
                let may = self.requested && !self.open && !self.ended();
                assert_eq!(self.connection.accept().is_ok(), may);
                self.open |= may;
            }
            Op::Refuse => {
                let may = self.requested && !self.open && !self.ended();
                let code = RefusalCode::TOO_MANY_CONNECTIONS;
                assert_eq!(self.connection.refuse(code).is_ok(), may);
                self.refused |= may;
            }
            Op::Poll(times) => (0..times).for_each(|_| {
                self.poll();
            }),
        }
        self.check();
    }

    fn send(&mut self, len: usize, sort: Sort) {
        let payload = filler(len, self.accepted.len());
        let limit = self.connection.send_limit();
        let established = self.connection.negotiated().is_some();
        let expected = if self.ended() {
            Err(SendErrorReason::Closed)
        } else if !established {
            Err(SendErrorReason::NotEstablished)
        } else if len > limit as usize {
            Err(SendErrorReason::TooLong { len, max: limit })
        } else if !self.fits(len) {
            Err(SendErrorReason::Full)
        } else {
            Ok(())
        };
        assert_eq!(self.connection.can_send(len), expected);
        let connection = &mut self.connection;
        let result = match sort {
            Sort::Own => connection
                .send(payload.clone().into())
                .map_err(|error| (error.reason, error.message.to_vec())),
            Sort::Copy => connection
                .send_copy(&payload)
                .map_err(|error| (error.reason, error.message.to_vec())),
            Sort::Frame => {
                let frame = Frame::encode(|out| {
                    out.extend_from_slice(&payload);
                    Ok::<_, std::convert::Infallible>(())
                });
                connection
                    .send_frame(frame.unwrap())
                    .map_err(|error| (error.reason, error.message.payload().to_vec()))
            }
        };
        match result {
            Ok(()) => self.accepted.push(frame(0, &payload)),
            Err((reason, ref message)) => {
                assert_eq!(*message, payload, "the message comes back");
                if reason == SendErrorReason::Full {
                    self.blocked = Some(len);
                }
            }
        }
        assert_eq!(result.map_err(|error| error.0), expected);
    }

    fn ping(&mut self) {
        let result = self.connection.ping(at(self.now));
        if result == Err(SendErrorReason::NotEstablished) {
            assert!(self.connection.negotiated().is_none());
        } else if self.unanswered == MAX_PINGS {
            assert_eq!(result, Err(SendErrorReason::Closed));
        } else if result.is_ok() {
            self.unanswered += 1;
            assert_eq!(
                usize::from(self.connection.unanswered_pings()),
                self.unanswered
            );
        }
    }

    fn input(&mut self, count: usize, read: bool) {
        if self.eof {
            return;
        }
        let before = self.connection.stats().octets_in;
        let wanted = self.connection.wants_read();
        let offer = [&self.greeting, &self.stream[self.taken..]].concat();
        let mut input = &offer[..count.min(offer.len())];
        let offered = input.len();
        if !read {
            self.connection.handle_input(&mut input, at(self.now));
        } else if wanted {
            self.connection.handle_read(at(self.now), |buf| {
                use bytes::BufMut;
                let (now, later) = input.split_at(input.len().min(buf.remaining_mut()));
                buf.put_slice(now);
                input = later;
            });
        }
        let taken = offered - input.len();
        if !wanted {
            assert_eq!(taken, 0, "what is not wanted is not taken");
        }
        if wanted && offered > 0 {
            assert!(taken > 0);
            self.unanswered = 0;
        }
        assert_eq!(self.connection.stats().octets_in - before, taken as u64);
        let greeting = taken.min(self.greeting.len());
        self.greeting.drain(..greeting);
        self.taken += taken - greeting;
    }

    fn transmit(&mut self, count: usize, slices: Option<usize>) {
        let mut octets = Vec::new();
        if let Some(slices) = slices {
            let mut all = vec![IoSlice::new(&[]); slices];
            let filled = self.connection.poll_transmit_vectored(&mut all);
            assert_eq!(filled == 0, self.connection.pending() == 0);
            for slice in &all[..filled] {
                assert!(!slice.is_empty());
                octets.extend_from_slice(slice);
            }
        } else if let Some(all) = self.connection.poll_transmit() {
            octets.extend_from_slice(all);
        }
        assert_eq!(octets.is_empty(), self.connection.pending() == 0);
        octets.truncate(count);
        self.connection.handle_transmitted(octets.len());
        let handshake = octets.len().min(4 - self.sent_handshake);
        self.sent_handshake += handshake;
        self.sent.extend_from_slice(&octets[handshake..]);
    }

    fn timeout(&mut self) {
        let due = self.connection.poll_timeout();
        let (before, ended) = (self.connection.stats(), self.ended());
        self.connection.handle_timeout(at(self.now));
        if due.is_none_or(|deadline| deadline.at > at(self.now)) {
            assert_eq!(self.connection.stats(), before);
            assert_eq!(self.ended(), ended, "no deadline, no end");
        } else {
            let left = self.connection.poll_timeout();
            assert!(
                left.is_none_or(|deadline| deadline.at > at(self.now)),
                "no busy loop"
            );
        }
    }

    /// Polls one event. Returns whether there was one that is not an error.
    fn poll(&mut self) -> bool {
        let Some(told) = next(&mut self.connection) else {
            let owed = self.blocked.is_some_and(|len| {
                self.pending_messages() <= LOW && self.fits(len) && !self.ended()
            });
            assert!(!owed, "Writable was promised");
            return false;
        };
        match &self.last {
            Some(Told::Closed(_)) => panic!("{told:?} after Closed"),
            Some(Told::Failed(_)) => assert_eq!(Some(&told), self.last.as_ref(), "errors stay"),
            _ => {}
        }
        self.last = Some(told.clone());
        match told {
            Told::Requested(_) => {
                assert!(!self.client && !self.open);
                self.requested = true;
            }
            Told::Established(_) => self.open = true,
            Told::Message(message) => {
                assert!(self.open && self.closing.is_none());
                let expected = self.peer_frames(0);
                assert!(Some(&message) == expected.get(self.messages), "in order");
                self.messages += 1;
            }
            Told::Pong(_) => panic!("the peer never answers"),
            Told::Writable => {
                let len = self.blocked.take().expect("nobody waits");
                assert!(self.pending_messages() <= LOW && self.fits(len) && !self.ended());
            }
            Told::PeerFinished => {
                assert!(self.eof && !self.peer_finished);
                self.peer_finished = true;
            }
            Told::Closed(reason) => {
                assert!(self.connection.is_closed());
                assert!(self.closing.is_some() || self.refused);
                if !self.eof {
                    assert_eq!(reason, CloseReason::Local);
                }
            }
            Told::Failed(error) => {
                self.justify(error);
                return false;
            }
        }
        true
    }

    /// Lets everything come to an end that nobody hinders.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            let before = self.connection.stats();
            self.apply(&Op::Transmit(usize::MAX, Some(4)));
            self.apply(&Op::Input(usize::MAX));
            let mut events = false;
            while self.poll() {
                events = true;
                if self.requested && !self.open && !self.ended() {
                    self.apply(&Op::Accept);
                }
            }
            self.check();
            self.apply(&Op::Shutdown);
            let idle = self.connection.stats() == before && self.connection.pending() == 0;
            if idle && !events {
                return;
            }
        }
        panic!("it never settles");
    }

    /// All that was owed was given.
    fn finish(&mut self) {
        self.settle();
        if self.requested && !self.open && !self.ended() {
            self.apply(&Op::Accept);
            self.settle();
        }
        if !self.ended() {
            let stats = self.connection.stats();
            assert_eq!(self.connection.pending(), 0);
            assert_eq!(parse(&self.sent).1, self.sent.len());
            if self.open {
                assert_eq!(self.messages, self.peer_frames(0).len());
                assert_eq!(count(stats.pings_in), self.peer_frames(1).len());
                assert_eq!(count(stats.pongs_in), self.peer_frames(2).len());
            }
            assert_eq!(self.blocked, None);
        }
        // The end comes once, whatever happened before.
        self.apply(&Op::Close);
        self.settle();
        if !self.eof {
            self.apply(&Op::Eof);
        }
        self.settle();
        assert!(self.connection.is_closed());
        let last = self.last.clone();
        assert!(
            matches!(last, Some(Told::Closed(_) | Told::Failed(_))),
            "{last:?}"
        );
        self.apply(&Op::Advance(100_000));
        self.apply(&Op::Timeout);
        self.apply(&Op::Poll(3));
        assert_eq!(self.last, last);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn any_operations(
        client in any::<bool>(),
        nibble in prop_oneof![Just(0_u8), Just(5), Just(15)],
        stream in ops::stream(),
        ops in prop::collection::vec(ops::op(), 0..80),
    ) {
        let mut model = Model::new(client, nibble << 4 | 1, stream);
        for op in &ops {
            model.apply(op);
        }
        model.finish();
    }
}
