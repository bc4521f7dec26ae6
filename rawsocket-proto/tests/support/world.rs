//! Two connections, a link that delays and cuts, and a clock for all.

use std::collections::VecDeque;

use wamp_rawsocket_proto::connection::{Connection, SendErrorReason};

use super::link::{Told, at, next};

/// Numbers that look random and are the same each time.
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

/// One direction of the link.
#[derive(Debug, Default)]
struct Lane {
    /// When they arrive, and the octets; none at all are the end of the stream.
    flying: VecDeque<(u64, VecDeque<u8>)>,
    octets: usize,
    shut: bool,
}

/// How the link treats what it carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// Milliseconds, at least and at most.
    pub(crate) delay: (u64, u64),
    /// Octets in one piece at most.
    pub(crate) piece: usize,
    /// Octets under way at most.
    pub(crate) capacity: usize,
}

/// A connection and its application.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
pub(crate) struct End {
    pub(crate) connection: Connection,
    /// Messages that are still to be sent.
    pub(crate) outgoing: VecDeque<Vec<u8>>,
    pub(crate) told: Vec<Told>,
    /// The application looks away: it polls no events.
    pub(crate) away: bool,
    /// To be closed as soon as all is sent.
    pub(crate) closes: bool,
    /// Closes when the peer is finished.
    pub(crate) follows: bool,
    full: bool,
}

impl End {
    pub(crate) fn new(connection: Connection) -> Self {
        Self {
            connection,
            outgoing: VecDeque::new(),
            told: Vec::new(),
            away: false,
            closes: false,
            follows: true,
            full: false,
        }
    }

    pub(crate) fn messages(&self) -> Vec<&[u8]> {
        let told = self.told.iter();
        told.filter_map(|told| match told {
            Told::Message(message) => Some(&message[..]),
            _ => None,
        })
        .collect()
    }

    /// Sends what is to be sent, as far as there is room. Returns whether that was anything.
    fn send(&mut self, now: u64) -> bool {
        let before = (self.outgoing.len(), self.closes);
        while !self.full
            && let Some(message) = self.outgoing.pop_front()
        {
            let Err(error) = self.connection.send(message.clone().into()) else {
                continue;
            };
            assert_eq!(error.message, message);
            self.outgoing.push_front(message);
            match error.reason {
                SendErrorReason::Full => self.full = true,
                SendErrorReason::NotEstablished => break,
                SendErrorReason::Closed => self.outgoing.clear(),
                other => panic!("{other}"),
            }
        }
        if self.closes && self.outgoing.is_empty() {
            self.connection.close(at(now));
            self.closes = false;
        }
        before != (self.outgoing.len(), self.closes)
    }

    fn poll(&mut self, now: u64) -> bool {
        let mut any = false;
        while !self.away
            && let Some(told) = next(&mut self.connection)
        {
            if let Some(Told::Failed(_)) = self.told.last() {
                break;
            }
            any = true;
            match told {
                Told::Requested(_) => {
                    self.connection.accept().unwrap();
                }
                Told::Writable => {
                    assert!(self.full, "Writable comes once for each Full");
                    self.full = false;
                }
                Told::PeerFinished if self.follows => self.closes = true,
                _ => {}
            }
            self.told.push(told);
            self.send(now);
        }
        any
    }
}

/// Two ends and what is between them: `ends[0]` is the client.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) ends: [End; 2],
    lanes: [Lane; 2],
    pub(crate) habits: Habits,
    dice: Dice,
    /// Nothing arrives any more.
    pub(crate) cut: bool,
}

impl World {
    pub(crate) fn new(client: Connection, router: Connection, habits: Habits, seed: u64) -> Self {
        Self {
            now: 0,
            ends: [End::new(client), End::new(router)],
            lanes: Default::default(),
            habits,
            dice: Dice(seed),
            cut: false,
        }
    }

    /// Does all that can be done now. Returns whether that was anything.
    fn work(&mut self) -> bool {
        let mut any = false;
        for from in 0..2 {
            any |= self.transmit(from);
            any |= self.deliver(1 - from, from);
            let end = &mut self.ends[from];
            if let Some(deadline) = end.connection.poll_timeout()
                && deadline.at <= at(self.now)
            {
                end.connection.handle_timeout(at(self.now));
                let left = end.connection.poll_timeout();
                assert!(left.is_none_or(|left| left.at > at(self.now)));
                any = true;
            }
            any |= end.send(self.now);
            any |= end.poll(self.now);
        }
        any
    }

    fn transmit(&mut self, from: usize) -> bool {
        let (connection, lane) = (&mut self.ends[from].connection, &mut self.lanes[from]);
        let (least, most) = self.habits.delay;
        let spread = usize::try_from(most - least).unwrap();
        let mut any = false;
        while lane.octets < self.habits.capacity || connection.wants_shutdown() {
            let mut arrival = self.now + least;
            arrival += u64::try_from(self.dice.below(spread + 1)).unwrap();
            arrival = arrival.max(lane.flying.back().map_or(0, |last| last.0));
            if let Some(octets) = connection.poll_transmit() {
                assert!(!lane.shut, "nothing is sent behind the end");
                let room = self.habits.capacity - lane.octets;
                let most = octets.len().min(self.habits.piece).min(room);
                let count = 1 + self.dice.below(most);
                lane.flying
                    .push_back((arrival, octets[..count].iter().copied().collect()));
                lane.octets += count;
                connection.handle_transmitted(count);
            } else if connection.wants_shutdown() {
                lane.flying.push_back((arrival, VecDeque::new()));
                lane.shut = true;
                connection.handle_shutdown(at(self.now));
            } else {
                break;
            }
            any = true;
        }
        any
    }

    fn deliver(&mut self, from: usize, to: usize) -> bool {
        let (connection, lane) = (&mut self.ends[to].connection, &mut self.lanes[from]);
        let mut any = false;
        while !self.cut
            && connection.wants_read()
            && let Some((arrival, octets)) = lane.flying.front_mut()
            && *arrival <= self.now
        {
            any = true;
            let mut input = &*octets.make_contiguous();
            if input.is_empty() {
                connection.handle_eof(at(self.now));
                lane.flying.pop_front();
                continue;
            }
            let before = input.len();
            connection.handle_input(&mut input, at(self.now));
            let taken = before - input.len();
            assert!(taken > 0);
            octets.drain(..taken);
            lane.octets -= taken;
            if octets.is_empty() {
                lane.flying.pop_front();
            }
        }
        any
    }

    /// The next time at which something happens.
    fn next(&self) -> Option<u64> {
        let timers = self.ends.iter().filter_map(|end| {
            let deadline = end.connection.poll_timeout()?;
            u64::try_from(deadline.at.since_epoch().as_millis()).ok()
        });
        let lanes = self.lanes.iter().filter_map(|lane| lane.flying.front());
        let arrivals = lanes.map(|flying| flying.0).filter(|_| !self.cut);
        timers.chain(arrivals.filter(|at| *at > self.now)).min()
    }

    /// Lets time pass until `until`, or until nothing more is to happen.
    pub(crate) fn run(&mut self, until: u64) {
        for _ in 0..1_000_000 {
            let mut turns = 0;
            while self.work() {
                turns += 1;
                assert!(turns < 100_000, "a busy loop at {} ms", self.now);
            }
            match self.next() {
                Some(next) if next <= until => self.now = next.max(self.now),
                _ => {
                    self.now = self.now.max(until.min(u64::MAX - 1));
                    return;
                }
            }
        }
        panic!("it never comes to rest");
    }
}
