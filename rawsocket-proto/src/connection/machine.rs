//! The state machine.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::error::Error;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;

use super::event::{CloseReason, ConnectionError, Event, Payload, SendError, SendErrorReason};
use super::frame::{Frame, frame_header};
use super::inbox::{Inbox, RecvBuf};
use super::outbox::Outbox;
use super::{Config, Stats};
use crate::error::HandshakeError;
use crate::handshake::{AwaitRequest, Client, ClientStep, Decide, Negotiated, RouterStep};
use crate::heartbeat::{Beat, Heartbeat};
use crate::time::{Deadline, Instant, TimerKind};
use crate::wire::{
    FrameHeader, FrameKind, FrameRules, MAX_PAYLOAD, Peek, RefusalCode, Request, SerializerId, peek,
};

/// A RawSocket connection without a socket. See the [module](super) for how to drive it.
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    state: State,
    /// The end, from the moment it is certain.
    ending: Option<Ending>,
    inbox: Inbox,
    outbox: Outbox,
    /// What was read and is to be polled. Nothing more is read until then.
    inbound: Option<Inbound>,
    /// What the peer may send.
    rules: FrameRules,
    /// Octets that complete the frame under way.
    missing: usize,
    /// The deadline of the handshake or of the close.
    deadline: Option<Deadline>,
    heartbeat: Option<Box<Heartbeat>>,
    now: Instant,
    eof: Eof,
    /// The length of a message that was handed back for want of room.
    blocked: Option<usize>,
    flags: Flags,
    stats: Stats,
}

#[derive(Clone, Copy, Debug)]
enum State {
    AwaitReply(Client),
    AwaitRequest(AwaitRequest),
    Deciding(Decide),
    Open(Negotiated),
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Orderly(CloseReason),
    Failed(ConnectionError),
}

#[derive(Clone, Copy, Debug)]
enum Inbound {
    Requested(Request),
    Established(Negotiated),
    Message(usize),
    Pong(Duration),
}

/// How far the peer's end of stream got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Eof {
    No,
    /// It came; frames before it may still be in the receive buffer.
    Came,
    /// It came at a frame boundary, and is to be told.
    Clean,
    Told,
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is independent of the others"
)]
struct Flags {
    /// The peer is no stranger.
    welcome: bool,
    /// This end sent its last octet.
    shut: bool,
    /// Nothing more is sent or read, whatever waits.
    over: bool,
    /// The last event was given.
    told: bool,
    /// Octets were sent since the last heartbeat.
    moved: bool,
    /// The end came in a call that did not tell the time: its deadline counts from the next that
    /// does.
    undated: bool,
}

impl Connection {
    /// A client that asks for `serializer`. Its request is ready to be transmitted.
    pub fn client(config: Arc<Config>, serializer: SerializerId, now: Instant) -> Self {
        let client = Client::new(Request {
            max_len: config.announced_max(),
            serializer,
        });
        let mut connection = Self::new(config, State::AwaitReply(client), now);
        connection.outbox.push_handshake(client.request());
        connection.flags.welcome = true;
        connection
    }

    /// A router's end, which awaits a request.
    pub fn router(config: Arc<Config>, now: Instant) -> Self {
        Self::new(config, State::AwaitRequest(AwaitRequest::new()), now)
    }

    /// An end whose handshake was done elsewhere, for instance by the [typed
    /// states](crate::handshake). The [greeting limit](Config::greeting_limit) holds until
    /// [`welcome`](Self::welcome) is called.
    pub fn established(config: Arc<Config>, negotiated: Negotiated, now: Instant) -> Self {
        let placeholder = State::AwaitRequest(AwaitRequest::new());
        let mut connection = Self::new(config, placeholder, now);
        connection.open(negotiated);
        connection
    }

    fn new(config: Arc<Config>, state: State, now: Instant) -> Self {
        let deadline = config.handshake_timeout.map(|timeout| Deadline {
            at: now.saturating_add(timeout),
            reason: TimerKind::Handshake,
        });
        Self {
            state,
            ending: None,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            inbound: None,
            rules: FrameRules::new(0),
            missing: 0,
            deadline,
            heartbeat: None,
            now,
            eof: Eof::No,
            blocked: None,
            flags: Flags {
                welcome: false,
                shut: false,
                over: false,
                told: false,
                moved: false,
                undated: false,
            },
            stats: Stats::default(),
            config,
        }
    }

    // Inputs.

    /// Octets came. Takes what there is room for and moves the cursor behind it; what is left is
    /// to be offered again after the events were polled.
    pub fn handle_input(&mut self, input: &mut &[u8], now: Instant) {
        self.tick(now);
        while !input.is_empty() && self.wants_read() {
            let count = self.inbox.take(self.missing, input);
            self.received(count);
        }
    }

    /// Lets `read` put octets straight into the receive buffer, as many as it has. Returns what
    /// `read` returned. To be called only while [`wants_read`](Self::wants_read).
    pub fn handle_read<R>(&mut self, now: Instant, read: impl FnOnce(&mut RecvBuf<'_>) -> R) -> R {
        self.tick(now);
        let (count, result) = self.inbox.fill(self.missing, read);
        if count > 0 {
            self.received(count);
        }
        result
    }

    /// The peer closed its side: no more octets come.
    pub fn handle_eof(&mut self, now: Instant) {
        self.tick(now);
        if self.eof == Eof::No {
            self.eof = Eof::Came;
        }
        self.advance();
    }

    /// So many octets of what [`poll_transmit`](Self::poll_transmit) gave were sent.
    pub fn handle_transmitted(&mut self, count: usize) {
        self.stats.octets_out += count as u64;
        self.outbox.advance(count);
        self.flags.moved |= count > 0;
        // Reading may have waited for PONGs to leave.
        self.advance_undated();
    }

    /// This end's side of the transport was shut down, as
    /// [`wants_shutdown`](Self::wants_shutdown) asked for.
    pub fn handle_shutdown(&mut self, now: Instant) {
        self.tick(now);
        self.flags.shut = true;
    }

    /// Time passed. A call without a deadline due does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.tick(now);
        if let Some(deadline) = self.deadline
            && deadline.at <= self.now
        {
            self.deadline = None;
            if deadline.reason == TimerKind::Close {
                self.expire();
            } else {
                self.fail_at_once(ConnectionError::Timeout(deadline.reason));
            }
        }
        // Nobody listens: what the peer said meanwhile is not heard. Or the peer still takes what
        // goes before our PING, and cannot answer that yet.
        let behind = self.inbox.is_lent() && self.has_unread();
        let away = self.inbound.is_some() || behind || self.eof != Eof::No;
        let moving = self.flags.moved && self.outbox.pending_control() > 0;
        let beat = match &mut self.heartbeat {
            Some(heartbeat) if away => {
                heartbeat.defer(self.now);
                None
            }
            Some(heartbeat) if heartbeat.deadline().is_some_and(|due| due.at <= self.now) => {
                self.flags.moved = false;
                if moving {
                    heartbeat.defer(self.now);
                    None
                } else {
                    heartbeat.handle_timeout(self.now)
                }
            }
            _ => None,
        };
        if let Some(beat) = beat {
            self.beat(beat);
        }
    }

    /// This end does not read at present, although the connection would: the peer's silence until
    /// now does not count. To be called before [`handle_timeout`](Self::handle_timeout).
    pub fn defer(&mut self, now: Instant) {
        self.tick(now);
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.defer(self.now);
        }
    }

    // Commands.

    /// Router: lets the client in that [`Event::Requested`] told of.
    ///
    /// # Errors
    ///
    /// [`NotDeciding`] if no request waits for a decision.
    pub fn accept(&mut self) -> Result<Negotiated, NotDeciding> {
        let decide = self.deciding()?;
        let (reply, negotiated) = decide.accept(self.config.announced_max());
        self.outbox.push_handshake(reply);
        self.open(negotiated);
        self.inbound = Some(Inbound::Established(negotiated));
        Ok(negotiated)
    }

    /// Router: turns the client away that [`Event::Requested`] told of, and closes.
    ///
    /// # Errors
    ///
    /// [`NotDeciding`] if no request waits for a decision.
    pub fn refuse(&mut self, code: RefusalCode) -> Result<(), NotDeciding> {
        let decide = self.deciding()?;
        self.outbox.push_handshake(decide.refuse(code));
        self.end(Ending::Orderly(CloseReason::Local));
        self.flags.undated = true;
        Ok(())
    }

    fn deciding(&self) -> Result<Decide, NotDeciding> {
        match self.state {
            State::Deciding(decide) if self.ending.is_none() => Ok(decide),
            _ => Err(NotDeciding),
        }
    }

    /// The layer above knows the peer: from now on messages are received up to
    /// [`Config::max_receive`].
    pub fn welcome(&mut self) {
        self.flags.welcome = true;
        if let State::Open(negotiated) = self.state {
            self.rules = self.rules_for(negotiated);
        }
    }

    /// Queues a message; without copying it if it is large.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message. The connection is as it was.
    pub fn send(&mut self, message: Bytes) -> Result<(), SendError<Bytes>> {
        match self.check(message.len()) {
            Ok(header) => {
                self.outbox.push(header, message);
                Ok(())
            }
            Err(reason) => Err(SendError { message, reason }),
        }
    }

    /// Queues a copy of a message.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the slice. The connection is as it was.
    #[inline]
    pub fn send_copy<'m>(&mut self, message: &'m [u8]) -> Result<(), SendError<&'m [u8]>> {
        match self.check(message.len()) {
            Ok(header) => {
                self.outbox.push_copy(header, message);
                Ok(())
            }
            Err(reason) => Err(SendError { message, reason }),
        }
    }

    /// Queues a message that has its header already, sharing it with whoever else sends it.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the frame. The connection is as it was.
    pub fn send_frame(&mut self, frame: Frame) -> Result<(), SendError<Frame>> {
        match self.check(frame.payload_len()) {
            Ok(_) => {
                self.outbox.push_frame(frame.into_bytes());
                Ok(())
            }
            Err(reason) => Err(SendError {
                message: frame,
                reason,
            }),
        }
    }

    /// Whether a message of so many octets would be taken now.
    ///
    /// # Errors
    ///
    /// The reason why not.
    pub fn can_send(&self, len: usize) -> Result<(), SendErrorReason> {
        self.header_for(len).map(|_| ())
    }

    /// The header of a message of this length, if it is taken.
    #[inline]
    fn header_for(&self, len: usize) -> Result<[u8; FrameHeader::LEN], SendErrorReason> {
        self.check_open()?;
        let max = self.send_limit();
        let header = frame_header(FrameKind::Message, len).filter(|_| len <= max as usize);
        let header = header.ok_or(SendErrorReason::TooLong { len, max })?;
        let room = self.fits(self.outbox.pending_messages(), len);
        if room {
            Ok(header)
        } else {
            Err(SendErrorReason::Full)
        }
    }

    /// As [`header_for`](Self::header_for), with the consequences.
    #[inline]
    fn check(&mut self, len: usize) -> Result<[u8; FrameHeader::LEN], SendErrorReason> {
        let header = self.header_for(len);
        match header {
            Ok(_) => self.stats.messages_out += 1,
            Err(SendErrorReason::Full) => self.blocked = Some(len),
            Err(_) => {}
        }
        header
    }

    #[inline]
    fn check_open(&self) -> Result<(), SendErrorReason> {
        match self.state {
            _ if self.ending.is_some() => Err(SendErrorReason::Closed),
            State::Open(_) => Ok(()),
            _ => Err(SendErrorReason::NotEstablished),
        }
    }

    /// Queues a PING now, before the messages that wait. Its PONG comes as [`Event::Pong`]; with
    /// as many unanswered as [`Config::max_pings`] allows, the connection is given up instead.
    ///
    /// # Errors
    ///
    /// [`NotEstablished`](SendErrorReason::NotEstablished) or
    /// [`Closed`](SendErrorReason::Closed), the latter also if the peer was just given up.
    pub fn ping(&mut self, now: Instant) -> Result<(), SendErrorReason> {
        self.tick(now);
        self.check_open()?;
        let fresh = || Box::new(Heartbeat::new(self.config.heartbeat, now));
        let beat = self.heartbeat.get_or_insert_with(fresh).ping(self.now);
        self.beat(beat);
        self.check_open()
    }

    /// Closes in order: what is queued is sent, then this end's side is shut down, then the peer's
    /// end is awaited, all within [`Config::close_timeout`]. What the peer still sends is dropped, and
    /// so is what was received and not polled.
    pub fn close(&mut self, now: Instant) {
        self.tick(now);
        if self.ending.is_none() {
            let by_peer = self.eof != Eof::No;
            let reason = if by_peer {
                CloseReason::Peer
            } else {
                CloseReason::Local
            };
            self.end(Ending::Orderly(reason));
        }
    }

    // Outputs.

    /// The next octets to send, or `None`. Tell with
    /// [`handle_transmitted`](Self::handle_transmitted) how many of them were sent, before any other
    /// input or command: a PONG that becomes due goes before messages that wait. A frame's header
    /// never comes alone.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<&[u8]> {
        Some(self.outbox.first()).filter(|octets| !octets.is_empty())
    }

    /// The next octets to send in as many slices as are given, for a vectored write. Returns how
    /// many slices were filled. Otherwise as [`poll_transmit`](Self::poll_transmit); with less
    /// than two slices a header may come alone.
    #[cfg(feature = "driver")]
    #[must_use]
    pub fn poll_transmit_vectored<'c>(&'c self, slices: &mut [std::io::IoSlice<'c>]) -> usize {
        self.outbox.slices(slices)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, and why; `None` once
    /// [`is_closed`](Self::is_closed).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        if self.is_closed() {
            return None;
        }
        let heartbeat = self
            .heartbeat
            .as_ref()
            .and_then(|heartbeat| heartbeat.deadline());
        match (self.deadline, heartbeat) {
            (Some(a), Some(b)) => Some(if b.at < a.at { b } else { a }),
            (a, b) => a.or(b),
        }
    }

    /// What happened next, or `None` if nothing did.
    ///
    /// # Errors
    ///
    /// [`ConnectionError`], after the events that came before it, and from then on always.
    #[inline]
    pub fn poll_event(&mut self) -> Result<Option<Event<'_>>, ConnectionError> {
        self.inbox.settle();
        // The straight path: a message behind the one that was polled before.
        if let Some(len) = self.next_message() {
            self.inbox.lend(len);
            let inbox = &mut self.inbox;
            return Ok(Some(Event::Message(Payload { inbox })));
        }
        self.poll_other()
    }

    /// The next message, if it lies whole in the receive buffer and nothing goes before it.
    #[inline]
    fn next_message(&mut self) -> Option<usize> {
        if !matches!(self.state, State::Open(_)) || self.ending.is_some() || !self.is_reading() {
            return None;
        }
        let Ok(Peek::Complete { header, .. }) = peek(self.inbox.unread(), &self.rules) else {
            return None;
        };
        if header.kind() != FrameKind::Message {
            return None;
        }
        self.inbox.skip(FrameHeader::LEN);
        self.missing = 0;
        self.stats.messages_in += 1;
        Some(header.payload_len() as usize)
    }

    fn poll_other(&mut self) -> Result<Option<Event<'_>>, ConnectionError> {
        self.advance_undated();
        match self.inbound.take() {
            Some(Inbound::Message(len)) => {
                self.inbox.lend(len);
                let inbox = &mut self.inbox;
                return Ok(Some(Event::Message(Payload { inbox })));
            }
            Some(Inbound::Requested(request)) => return Ok(Some(Event::Requested(request))),
            Some(Inbound::Established(agreed)) => return Ok(Some(Event::Established(agreed))),
            Some(Inbound::Pong(rtt)) => return Ok(Some(Event::Pong { rtt })),
            None => {}
        }
        if let Some(Ending::Failed(error)) = self.ending {
            return Err(error);
        }
        if self.has_room() {
            self.blocked = None;
            return Ok(Some(Event::Writable));
        }
        if self.eof == Eof::Clean {
            self.eof = Eof::Told;
            return Ok(Some(Event::PeerFinished));
        }
        if let Some(Ending::Orderly(reason)) = self.ending
            && self.is_closed()
            && !self.flags.told
        {
            self.flags.told = true;
            return Ok(Some(Event::Closed(reason)));
        }
        Ok(None)
    }

    /// Whether [`poll_event`](Self::poll_event) has an event or an error to give. A message that
    /// was polled before is let go.
    pub fn has_event(&mut self) -> bool {
        self.inbox.settle();
        self.advance_undated();
        self.inbound.is_some()
            || self.has_room()
            || self.eof == Eof::Clean
            || match self.ending {
                Some(Ending::Failed(_)) => true,
                Some(Ending::Orderly(_)) => self.is_closed() && !self.flags.told,
                None => false,
            }
    }

    // Getters.

    /// Whether octets from the peer are wanted. If not, do not read: that is what slows down a
    /// peer who sends faster than it is listened to.
    pub fn wants_read(&self) -> bool {
        if self.eof != Eof::No || self.flags.over {
            return false;
        }
        self.ending.is_some() || self.is_reading() && !self.has_unread()
    }

    /// Whether this end's side of the transport is to be shut down now. Tell with
    /// [`handle_shutdown`](Self::handle_shutdown).
    pub fn wants_shutdown(&self) -> bool {
        self.ending.is_some() && self.outbox.is_empty() && !self.flags.shut && !self.flags.over
    }

    /// Whether there is nothing left to do for the transport: it can be dropped.
    pub fn is_closed(&self) -> bool {
        let parted = self.outbox.is_empty() && self.flags.shut && self.eof != Eof::No;
        self.ending.is_some() && (self.flags.over || parted)
    }

    /// Why the connection failed, if it has: what [`poll_event`](Self::poll_event) returns after the
    /// events that came before.
    pub const fn error(&self) -> Option<ConnectionError> {
        match self.ending {
            Some(Ending::Failed(error)) => Some(error),
            _ => None,
        }
    }

    /// What the handshake led to.
    pub fn negotiated(&self) -> Option<Negotiated> {
        match self.state {
            State::Open(negotiated) => Some(negotiated),
            _ => None,
        }
    }

    /// The largest message that can be sent, in octets; 0 as long as the peer has not said what
    /// it receives.
    #[inline]
    pub fn send_limit(&self) -> u32 {
        let send_max = match self.state {
            State::Open(negotiated) => negotiated.send_max,
            State::Deciding(decide) => decide.request().max_len,
            State::AwaitReply(_) | State::AwaitRequest(_) => return 0,
        };
        let frame = if self.config.send_full_frame {
            MAX_PAYLOAD
        } else {
            MAX_PAYLOAD - 1
        };
        send_max.octets().min(frame)
    }

    /// Octets that wait to be sent, headers included.
    pub fn pending(&self) -> usize {
        self.outbox.pending_messages() + self.outbox.pending_control()
    }

    /// PINGs since the peer's last sign of life.
    pub fn unanswered_pings(&self) -> u8 {
        self.heartbeat
            .as_ref()
            .map_or(0, |heartbeat| heartbeat.unanswered())
    }

    /// The most octets that the connection's buffers hold, whatever the peer does:
    ///
    /// * receiving: twice (the largest frame that is taken now + 64 KiB), since a buffer that
    ///   grows is copied;
    /// * PONGs: twice (the largest that can be owed + 64 KiB), and twice the
    ///   [backlog](Config::pong_backlog);
    /// * sending: twice (the [high-water mark](Config::water_marks) + 64 KiB), and the largest
    ///   message that the peer receives;
    /// * 4 KiB for the rest.
    ///
    /// Messages that were taken by [`Payload::into_bytes`] belong to whoever took them.
    pub fn memory_bound(&self) -> usize {
        const HEADER: usize = FrameHeader::LEN;
        let control = self.rules.max_len(FrameKind::Ping) as usize;
        let largest = control.max(self.rules.max_len(FrameKind::Message) as usize);
        let receiving = 2 * (largest + HEADER + Inbox::MAX_READ);
        let pongs = 2 * (control + HEADER + Outbox::FLAT) + 2 * self.config.pong_backlog;
        let sending = 2 * (self.config.high_water + Outbox::FLAT);
        let message = self.send_limit() as usize + HEADER;
        receiving + pongs + sending + message + (4 << 10)
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// What was received and not used: all of it if the peer does not speak RawSocket, so that
    /// another protocol can be tried.
    pub fn into_unread(self) -> Bytes {
        self.inbox.into_unread()
    }

    // Within.

    fn tick(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if core::mem::take(&mut self.flags.undated)
            && let Some(deadline) = &mut self.deadline
        {
            deadline.at = self.now.saturating_add(self.config.close_timeout);
        }
    }

    /// Whether what comes is looked at.
    fn is_reading(&self) -> bool {
        self.inbound.is_none()
            && match self.state {
                State::Deciding(_) => false,
                State::Open(_) => self.outbox.pending_control() <= self.config.pong_backlog,
                State::AwaitReply(_) | State::AwaitRequest(_) => true,
            }
    }

    /// Whether there is something to be polled before more is read: a frame behind the message that
    /// was polled last, or an illegal header.
    fn has_unread(&self) -> bool {
        let partial = |unread| matches!(peek(unread, &self.rules), Ok(Peek::Partial { .. }));
        matches!(self.state, State::Open(_)) && !partial(self.inbox.unread())
    }

    fn has_room(&self) -> bool {
        // What was handed back would be taken now, and the queue is low or empty.
        let pending = self.outbox.pending_messages();
        self.ending.is_none()
            && pending <= self.config.low_water
            && self.blocked.is_some_and(|len| self.fits(pending, len))
    }

    #[inline]
    fn fits(&self, pending: usize, len: usize) -> bool {
        pending == 0 || pending + FrameHeader::LEN + len <= self.config.high_water
    }

    fn received(&mut self, count: usize) {
        self.stats.octets_in += count as u64;
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.handle_life(self.now);
        }
        if self.ending.is_some() {
            self.inbox.release();
        }
        self.advance();
    }

    fn open(&mut self, negotiated: Negotiated) {
        self.state = State::Open(negotiated);
        self.rules = self.rules_for(negotiated);
        self.deadline = None;
        if self.config.heartbeat.interval.is_some() {
            self.heartbeat = Some(Box::new(Heartbeat::new(self.config.heartbeat, self.now)));
        }
    }

    /// A PING is taken only as far as its PONG may be sent: to the peer's own limit.
    fn rules_for(&self, negotiated: Negotiated) -> FrameRules {
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

    fn beat(&mut self, beat: Beat) {
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
    fn advance(&mut self) {
        while self.ending.is_none() && self.is_reading() && self.step() {}
        if self.inbound.is_none() && !self.inbox.is_lent() {
            self.inbox.rest();
        }
        if self.eof == Eof::Came && self.inbound.is_none() && !self.inbox.is_lent() {
            self.conclude();
        }
    }

    /// As [`advance`](Self::advance), in a call that does not tell the time.
    fn advance_undated(&mut self) {
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

    fn fail_handshake(&mut self, error: HandshakeError) {
        // A request that is still here is for a router that is none.
        self.outbox.clear();
        if let (State::AwaitRequest(_), Some(code)) = (&self.state, error.refusal()) {
            self.outbox
                .push_handshake(crate::wire::Reply::Refuse(code).encode());
        }
        self.end(Ending::Failed(error.into()));
    }

    /// The end, with what is queued sent first.
    fn end(&mut self, ending: Ending) {
        self.ending = Some(ending);
        self.heartbeat = None;
        if matches!(ending, Ending::Orderly(_)) {
            self.inbound = None;
        }
        let at = self.now.saturating_add(self.config.close_timeout);
        self.deadline = Some(Deadline {
            at,
            reason: TimerKind::Close,
        });
        if matches!(ending, Ending::Failed(_)) && self.outbox.is_empty() {
            self.over();
        }
    }

    /// The end, with nothing more sent: the peer cannot be reached.
    fn fail_at_once(&mut self, error: ConnectionError) {
        if self.ending.is_none() {
            self.outbox.clear();
            self.end(Ending::Failed(error));
        }
    }

    /// The orderly close took too long.
    fn expire(&mut self) {
        if !self.outbox.is_empty() {
            self.outbox.clear();
            if let Some(Ending::Orderly(_)) = self.ending {
                self.ending = Some(Ending::Failed(ConnectionError::Timeout(TimerKind::Close)));
            }
        }
        self.over();
    }

    fn over(&mut self) {
        self.flags.over = true;
        self.deadline = None;
    }
}

/// No request waits for a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct NotDeciding;

impl fmt::Display for NotDeciding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no handshake request waits for a decision")
    }
}

impl Error for NotDeciding {}
