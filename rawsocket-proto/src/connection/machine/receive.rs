//! How a connection takes what was received.

use alloc::boxed::Box;

use bytes::Bytes;

use super::{Connection, Ending, Eof, Inbound, State};
use crate::connection::event::{ConnectionError, Payload};
use crate::connection::frame::frame_header;
use crate::handshake::{ClientStep, Negotiated, RouterStep};
use crate::heartbeat::{Beat, Heartbeat};
use crate::time::Instant;
use crate::wire::{FrameHeader, FrameKind, FrameRules, MAX_PAYLOAD, Peek, peek};

impl Connection {
    pub(super) fn tick(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if core::mem::take(&mut self.flags.undated)
            && let Some(deadline) = &mut self.deadline
        {
            deadline.at = self.now.saturating_add(self.config.close_timeout);
        }
    }

    /// Whether what comes is looked at.
    pub(super) fn is_reading(&self) -> bool {
        self.inbound.is_none()
            && match self.state {
                State::Deciding(_) => false,
                State::Open(_) => self.outbox.pending_control() <= self.config.pong_backlog,
                State::AwaitReply(_) | State::AwaitRequest(_) => true,
            }
    }

    /// Whether there is something to be polled before more is read: a frame behind the message that
    /// was polled last, or an illegal header.
    pub(super) fn has_unread(&self) -> bool {
        let partial = |unread| matches!(peek(unread, &self.rules), Ok(Peek::Partial { .. }));
        matches!(self.state, State::Open(_)) && !partial(self.inbox.unread())
    }

    pub(super) fn has_room(&self) -> bool {
        // What was handed back would be taken now, and the queue is low or empty.
        let pending = self.outbox.pending_messages();
        self.ending.is_none()
            && pending <= self.config.low_water
            && self.blocked.is_some_and(|len| self.fits(pending, len))
    }

    #[inline]
    pub(super) fn fits(&self, pending: usize, len: usize) -> bool {
        pending == 0 || pending + FrameHeader::LEN + len <= self.config.high_water
    }

    pub(super) fn received(&mut self, count: usize) {
        self.stats.octets_in += count as u64;
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.handle_life(self.now);
        }
        if self.ending.is_some() {
            self.inbox.release();
        }
        self.advance();
    }

    pub(super) fn open(&mut self, negotiated: Negotiated) {
        self.state = State::Open(negotiated);
        self.rules = self.rules_for(negotiated);
        self.deadline = None;
        if self.config.heartbeat.interval.is_some() {
            self.heartbeat = Some(Box::new(Heartbeat::new(self.config.heartbeat, self.now)));
        }
    }

    /// A PING is taken only as far as its PONG may be sent: to the peer's own limit.
    pub(super) fn rules_for(&self, negotiated: Negotiated) -> FrameRules {
        let config = &self.config;
        let limit = if self.flags.welcome {
            MAX_PAYLOAD
        } else {
            config.greeting_limit
        };
        FrameRules::new(config.max_receive.min(limit))
            .max_control(config.max_ping.min(negotiated.send_max.octets()))
            .ignore_reserved_bits(config.ignore_reserved_bits)
    }

    pub(super) fn beat(&mut self, beat: Beat) {
        match beat {
            Beat::Ping(payload) => {
                if let Some(header) = frame_header(FrameKind::Ping, payload.len()) {
                    self.outbox
                        .push_control(header, Bytes::copy_from_slice(&payload));
                    self.stats.pings_out += 1;
                }
            }
            Beat::GiveUp { unanswered } => {
                self.fail_at_once(ConnectionError::Unresponsive { pings: unanswered });
            }
        }
    }

    /// Looks at what was received, as far as the next thing to be polled.
    #[inline]
    pub(super) fn advance(&mut self) {
        // Mostly that was found already, or nothing came since.
        let idle = self.inbox.is_at_rest() && self.eof != Eof::Came;
        if self.inbound.is_none() && !idle {
            self.advance_further();
        }
    }

    fn advance_further(&mut self) {
        while self.ending.is_none() && self.is_reading() && self.step() {}
        if self.inbound.is_none() && !self.inbox.is_lent() {
            self.inbox.rest(self.missing);
        }
        if self.eof == Eof::Came && self.inbound.is_none() && !self.inbox.is_lent() {
            self.conclude();
        }
    }

    /// As [`advance`](Self::advance), in a call that does not tell the time.
    pub(super) fn advance_undated(&mut self) {
        let ended = self.ending.is_some();
        self.advance();
        self.flags.undated |= !ended && self.ending.is_some();
    }

    /// Takes one unit from the receive buffer. Returns whether there may be another.
    fn step(&mut self) -> bool {
        if self.inbox.is_lent() {
            return false;
        }
        let mut input = self.inbox.unread();
        let before = input.len();
        let step = match self.state {
            State::AwaitReply(client) => client.feed(&mut input).map(|step| match step {
                ClientStep::More(client) => (State::AwaitReply(client), client.missing()),
                ClientStep::Done(negotiated) => (State::Open(negotiated), 0),
            }),
            State::AwaitRequest(request) => request.feed(&mut input).map(|step| match step {
                RouterStep::More(request) => (State::AwaitRequest(request), request.missing()),
                RouterStep::Decide(decide) => (State::Deciding(decide), 0),
            }),
            State::Deciding(_) => return false,
            State::Open(_) => return self.step_frame(),
        };
        let used = before - input.len();
        self.inbox.skip(used);
        match step {
            Ok((state, missing)) => {
                self.state = state;
                self.missing = missing;
                match state {
                    State::Open(negotiated) => {
                        self.open(negotiated);
                        self.inbound = Some(Inbound::Established(negotiated));
                    }
                    State::Deciding(decide) => {
                        self.inbound = Some(Inbound::Requested(decide.request()));
                    }
                    State::AwaitReply(_) | State::AwaitRequest(_) => return false,
                }
                true
            }
            Err(error) => {
                self.fail_handshake(error);
                false
            }
        }
    }

    /// Takes one frame from the receive buffer. Returns whether there was one.
    fn step_frame(&mut self) -> bool {
        let header = match peek(self.inbox.unread(), &self.rules) {
            Ok(Peek::Complete { header, .. }) => header,
            Ok(Peek::Partial { missing }) => {
                self.missing = missing;
                return false;
            }
            Err(error) => {
                self.end(Ending::Failed(error.into()));
                return false;
            }
        };
        self.missing = 0;
        let len = header.payload_len() as usize;
        self.inbox.skip(FrameHeader::LEN);
        if header.kind() == FrameKind::Message {
            self.stats.messages_in += 1;
            self.inbound = Some(Inbound::Message(len));
            return true;
        }
        self.inbox.lend(len);
        let inbox = &mut self.inbox;
        let payload = Payload { inbox };
        if header.kind() == FrameKind::Ping {
            self.stats.pings_in += 1;
            let pong = header.with_kind(FrameKind::Pong).encode();
            // A copy: the buffer may hold much more, and is not to be kept for a PONG's sake.
            let payload = Bytes::copy_from_slice(&payload);
            self.outbox.push_control(pong, payload);
        } else {
            self.stats.pongs_in += 1;
            let heartbeat = self.heartbeat.as_mut();
            let rtt = heartbeat.and_then(|heartbeat| heartbeat.handle_pong(&payload, self.now));
            self.stats.stray_pongs_in += u64::from(rtt.is_none());
            self.inbound = rtt.map(Inbound::Pong);
        }
        // What `into_bytes` did not take is still there.
        self.inbox.settle();
        true
    }

    /// Judges the peer's end of stream, once all frames before it are polled.
    fn conclude(&mut self) {
        match self.state {
            _ if self.ending.is_some() => self.eof = Eof::Told,
            State::Open(_) if self.outbox.pending_control() > self.config.pong_backlog => {}
            State::Open(_) if self.inbox.unread().is_empty() => self.eof = Eof::Clean,
            State::Open(_) => {
                let missing = u32::try_from(self.missing).unwrap_or(MAX_PAYLOAD);
                self.fail_at_once(ConnectionError::Truncated { missing });
            }
            State::Deciding(_) => {}
            State::AwaitReply(_) | State::AwaitRequest(_) => {
                self.fail_at_once(ConnectionError::ClosedInHandshake);
            }
        }
    }
}
