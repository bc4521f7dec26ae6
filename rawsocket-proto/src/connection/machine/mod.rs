//! The state machine.

mod command;
mod end;
mod output;
mod receive;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

use super::event::{CloseReason, ConnectionError};
use super::inbox::{Inbox, RecvBuf};
use super::outbox::Outbox;
use super::{Config, Stats};
use crate::handshake::{AwaitRequest, Client, Decide, Negotiated};
use crate::heartbeat::Heartbeat;
use crate::time::{Deadline, Instant, TimerKind};
use crate::wire::{FrameRules, Request, SerializerId};

pub use command::NotDeciding;

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

    /// As [`handle_read`](Self::handle_read), with a clock that is asked only if octets came and
    /// something depends on the time.
    #[cfg(feature = "driver")]
    pub(crate) fn handle_read_by<R>(
        &mut self,
        clock: impl FnOnce() -> Instant,
        read: impl FnOnce(&mut RecvBuf<'_>) -> R,
    ) -> R {
        let (count, result) = self.inbox.fill(self.missing, read);
        if count > 0 {
            let timeless = matches!(self.state, State::Open(_))
                && self.heartbeat.is_none()
                && self.deadline.is_none();
            if timeless {
                self.received(count);
                self.flags.undated |= self.ending.is_some();
            } else {
                self.tick(clock());
                self.received(count);
            }
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
}
