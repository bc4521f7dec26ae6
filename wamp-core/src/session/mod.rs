//! The client's side of a WAMP session, as a state machine without I/O.
//!
//! [`ClientSession`] speaks the grammar of all machines here: inputs are `handle_*`, commands are
//! `subscribe`, `call` and so on, outputs are `poll_*`. It owns the whole life of a session: HELLO
//! to GOODBYE, the requests in flight, and the deadlines for joining and for leaving.
//!
//! Spec: basic profile; of the advanced profile progressive call results, call cancelling and call
//! timeouts. Options of other features pass through as they are.

mod command;
mod config;
mod error;
mod event;
mod handle;
mod held;
mod incoming;

use alloc::collections::VecDeque;
use core::time::Duration;
use std::collections::HashMap;

use rawsocket_proto::connection::{Frame, FrameEncodeError};
use rawsocket_proto::time::{Deadline, Instant};

use crate::message::{Abort, Hello, Message};
use crate::outbox::{FRAME_OVERHEAD, Outbox};
use crate::{Dict, Id, SerializerKind, features, id::RequestIds, uris};

pub use config::SessionConfig;
pub use error::{CommandError, ProtocolViolation, SessionError};
pub use event::{
    Event, Failed, Failure, Invoked, Joined, Outcome, Publication, Request, SessionTimer,
};
pub use handle::{
    CallRequest, Invocation, PublishRequest, RegisterRequest, Registration, SubscribeRequest,
    Subscription, UnregisterRequest, UnsubscribeRequest,
};

use held::Held;

/// A client's session, from HELLO to GOODBYE.
///
/// After any input or command, drain the outputs in this order: [`poll_transmit`], then
/// [`poll_timeout`], then [`poll_event`].
///
/// - *Inputs*: [`handle_message`], [`handle_closed`], [`handle_timeout`]. They cannot fail: what
///   is wrong comes out of [`poll_event`].
/// - *Commands*: [`subscribe`](Self::subscribe), [`publish`](Self::publish),
///   [`call`](Self::call) and so on. They borrow what they send; one that is refused has sent
///   nothing.
/// - *Outputs*: frames to send, the next deadline, events.
///
/// Times must all be of one clock and must not go backwards.
///
/// [`poll_transmit`]: Self::poll_transmit
/// [`poll_timeout`]: Self::poll_timeout
/// [`poll_event`]: Self::poll_event
/// [`handle_message`]: Self::handle_message
/// [`handle_closed`]: Self::handle_closed
/// [`handle_timeout`]: Self::handle_timeout
#[derive(Debug)]
pub struct ClientSession {
    config: SessionConfig,
    phase: Phase,
    ids: RequestIds,
    requests: HashMap<Id, Pending>,
    subscriptions: Held,
    registrations: Held,
    invocations: HashMap<Id, Running>,
    outbox: Outbox,
    /// Octets of its own answers that were queued since it is congested.
    answers: usize,
    events: VecDeque<Event>,
    error: Option<SessionError>,
}

/// Where in its life a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// HELLO was sent.
    Joining { until: Instant },
    /// WELCOME was received.
    Joined,
    /// GOODBYE was sent.
    Leaving { until: Instant },
    /// Nothing is sent or taken any more.
    Ended,
}

/// What an unanswered request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Subscribe,
    Unsubscribe(Id),
    Publish,
    Register,
    Unregister(Id),
    Call { receive_progress: bool },
}

/// An unanswered invocation.
#[derive(Clone, Copy, Debug)]
struct Running {
    receive_progress: bool,
}

impl ClientSession {
    /// Starts to join the realm: HELLO is queued, and the time to join runs.
    ///
    /// # Errors
    ///
    /// [`CommandError::InvalidUri`] for the realm's name; [`CommandError::TooLong`] if HELLO does
    /// not fit the peer's limit.
    pub fn new(config: SessionConfig, now: Instant) -> Result<Self, CommandError> {
        let mut session = Self {
            phase: Phase::Joining {
                until: now.saturating_add(config.join_timeout),
            },
            ids: RequestIds::new(),
            requests: HashMap::new(),
            subscriptions: Held::default(),
            registrations: Held::default(),
            invocations: HashMap::new(),
            outbox: Outbox::default(),
            answers: 0,
            events: VecDeque::new(),
            error: None,
            config,
        };
        command::check_uri(&session.config.realm)?;
        let frame = match session.encode(&session.hello(true)) {
            // Some transports take no more than 512 octets. Features are a courtesy.
            Err(CommandError::TooLong { .. }) => session.encode(&session.hello(false)),
            frame => frame,
        }?;
        session.outbox.push(frame);
        Ok(session)
    }

    /// The next frame to send.
    pub fn poll_transmit(&mut self) -> Option<Frame> {
        let frame = self.outbox.pop();
        if !self.is_congested() {
            self.answers = 0;
        }
        frame
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due, and what for.
    pub fn poll_timeout(&self) -> Option<Deadline<SessionTimer>> {
        match self.phase {
            Phase::Joining { until } => Some(Deadline {
                at: until,
                reason: SessionTimer::Join,
            }),
            Phase::Leaving { until } => Some(Deadline {
                at: until,
                reason: SessionTimer::Leave,
            }),
            Phase::Joined | Phase::Ended => None,
        }
    }

    /// The next event; `None` if there is none now, or ever again after [`Event::Left`].
    ///
    /// # Errors
    ///
    /// How the session ended, if not by GOODBYE of both sides; from then on always. Events that
    /// came before, among them the failure of every pending request, are given out first.
    pub fn poll_event(&mut self) -> Result<Option<Event>, SessionError> {
        match (self.events.pop_front(), &self.error) {
            (Some(event), _) => Ok(Some(event)),
            (None, Some(error)) => Err(error.clone()),
            (None, None) => Ok(None),
        }
    }

    /// Takes the time. Calls before the deadline change nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.phase {
            Phase::Joining { until } if until <= now => {
                self.fail_session(SessionError::JoinTimeout);
            }
            Phase::Leaving { until } if until <= now => {
                self.fail_session(SessionError::LeaveTimeout);
            }
            _ => {}
        }
    }

    /// The transport is gone, for the reason given in words. What waited for it is dropped.
    pub fn handle_closed(&mut self, reason: impl Into<String>, _now: Instant) {
        self.fail_session(SessionError::TransportClosed {
            reason: reason.into(),
        });
        self.outbox.clear();
    }

    /// How the session ended, if not by GOODBYE of both sides: what
    /// [`poll_event`](Self::poll_event) returns after the last event. The failures of pending
    /// requests, which come before, have this as their cause.
    pub const fn error(&self) -> Option<&SessionError> {
        self.error.as_ref()
    }

    /// Whether the session has joined and is not leaving.
    pub fn is_joined(&self) -> bool {
        self.phase == Phase::Joined
    }

    /// Whether the session is over: once nothing waits to be sent, the transport can be closed.
    pub fn is_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Requests that await their answer.
    pub fn pending_requests(&self) -> usize {
        self.requests.len()
    }

    /// Invocations that await the answer of this session.
    pub fn pending_invocations(&self) -> usize {
        self.invocations.len()
    }

    /// Subscriptions that the router has granted and not yet ended.
    pub fn subscriptions(&self) -> usize {
        self.subscriptions.len()
    }

    /// Registrations that the router has granted and not yet ended.
    pub fn registrations(&self) -> usize {
        self.registrations.len()
    }

    /// Whether the session is to be given messages. Some of them make it answer, so it is not while
    /// too many of these answers wait. Commands that wait are no reason: if both ends stopped to
    /// read until they have written, neither would ever go on.
    pub const fn takes_messages(&self) -> bool {
        self.answers < self.config.max_queued
    }

    /// Whether so much waits for the transport that commands are refused with
    /// [`CommandError::Full`].
    pub fn is_congested(&self) -> bool {
        !self.outbox.is_empty() && self.outbox.octets() >= self.config.max_queued
    }

    /// The serializer that the session speaks.
    pub const fn serializer(&self) -> SerializerKind {
        self.config.serializer
    }

    fn hello(&self, with_features: bool) -> Message<'_> {
        let mut details = Dict::new();
        if let Some(agent) = &self.config.agent {
            details.insert("agent", agent.as_str());
        }
        details.insert("roles", features::client_roles(with_features));
        Hello::new(self.config.realm.as_str())
            .with_details(details)
            .into()
    }

    /// A frame with the message, if it fits the peer's limit.
    fn encode(&self, message: &Message<'_>) -> Result<Frame, CommandError> {
        let max = self.config.max_message_len;
        let frame = Frame::encode(|out| message.encode(self.config.serializer, out));
        match frame {
            Ok(frame) if frame.payload_len() > max => Err(CommandError::TooLong {
                len: frame.payload_len(),
                max,
            }),
            Ok(frame) => Ok(frame),
            Err(FrameEncodeError::TooLong { len }) => Err(CommandError::TooLong { len, max }),
            Err(FrameEncodeError::Encode(error)) => Err(CommandError::Encode(error)),
            // The enum may grow; a frame that cannot be made is one that does not fit.
            Err(_) => Err(CommandError::TooLong { len: max, max }),
        }
    }

    /// Queues a short message of the session's own making. It always fits: every peer takes 512
    /// octets.
    fn send_own(&mut self, message: &Message<'_>) {
        if let Ok(frame) = self.encode(message) {
            if self.is_congested() {
                self.answers += frame.payload_len() + FRAME_OVERHEAD;
            }
            self.outbox.push(frame);
        }
    }

    fn abort(&mut self, reason: &'static str, text: &str) {
        let details = Dict::new().with("message", features::short(text));
        self.send_own(&Abort::new(reason).with_details(details).into());
    }

    fn violation(&mut self, violation: ProtocolViolation) {
        // Nothing follows GOODBYE.
        if !matches!(self.phase, Phase::Leaving { .. }) {
            self.abort(uris::PROTOCOL_VIOLATION, &violation.to_string());
        }
        self.fail_session(SessionError::Protocol(violation));
    }

    /// Ends the session with an error. Only the first one counts.
    fn fail_session(&mut self, error: SessionError) {
        if self.phase != Phase::Ended {
            self.release();
            self.error = Some(error);
        }
    }

    /// Ends the session: pending requests fail, in the order in which they were made.
    fn release(&mut self) {
        self.phase = Phase::Ended;
        let mut pending: Vec<_> = self.requests.drain().collect();
        pending.sort_unstable_by_key(|(id, _)| *id);
        self.events.extend(pending.into_iter().map(|(id, kind)| {
            Event::Failed(Failed {
                request: kind.request(id),
                reason: Failure::SessionEnded,
            })
        }));
        self.requests = HashMap::new();
        self.invocations = HashMap::new();
        self.subscriptions.clear();
        self.registrations.clear();
    }

    fn leave_deadline(&self, now: Instant) -> Instant {
        let timeout: Duration = self.config.leave_timeout;
        now.saturating_add(timeout)
    }
}

impl Pending {
    /// The request by its kind.
    const fn request(self, id: Id) -> Request {
        match self {
            Self::Subscribe => Request::Subscribe(SubscribeRequest(id)),
            Self::Unsubscribe(_) => Request::Unsubscribe(UnsubscribeRequest(id)),
            Self::Publish => Request::Publish(PublishRequest(id)),
            Self::Register => Request::Register(RegisterRequest(id)),
            Self::Unregister(_) => Request::Unregister(UnregisterRequest(id)),
            Self::Call { .. } => Request::Call(CallRequest(id)),
        }
    }
}
