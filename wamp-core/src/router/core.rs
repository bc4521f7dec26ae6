//! What all realms share: sessions, outboxes, timers, events, counters.

use alloc::collections::VecDeque;
use std::collections::HashMap;

use rawsocket_proto::connection::{Frame, FrameEncodeError};

use crate::message::{Error, Message, MessageType};
use crate::{Dict, Id, SerializerKind};

use super::arena::{Arena, Key};
use super::config::RouterConfig;
use super::event::RouterEvent;
use super::ids::GlobalIds;
use super::session::{Phase, Session};
use super::stats::RouterStats;
use super::timers::Timers;

/// The parts of the router that brokers and dealers work with.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) config: RouterConfig,
    pub(super) ids: GlobalIds,
    pub(super) sessions: Arena<Session>,
    /// The sessions that have joined, by their ids.
    pub(super) joined: HashMap<Id, Key>,
    pub(super) timers: Timers,
    pub(super) events: VecDeque<RouterEvent>,
    /// Sessions whose outbox went from empty to not empty, each once.
    pub(super) ready: VecDeque<Key>,
    /// Sessions whose outbox overflowed; the router ends them before it returns.
    pub(super) overflowed: Vec<Key>,
    /// The growing counters; those of what is held now stay zero here.
    pub(super) stats: RouterStats,
    pub(super) queued_frames: usize,
}

/// A message that a session cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsendable {
    /// It is longer than the client takes.
    TooLong,
    /// The payload has no form in the client's serializer.
    Untranslatable,
}

impl Core {
    /// Encodes a message for a session.
    pub(super) fn encode(
        serializer: SerializerKind,
        max_len: usize,
        message: &Message<'_>,
    ) -> Result<Frame, Unsendable> {
        match Frame::encode(|out| message.encode(serializer, out)) {
            Ok(frame) if frame.payload_len() > max_len => Err(Unsendable::TooLong),
            Ok(frame) => Ok(frame),
            Err(FrameEncodeError::Encode(_)) => Err(Unsendable::Untranslatable),
            Err(_) => Err(Unsendable::TooLong),
        }
    }

    /// Encodes a message and puts it into the session's outbox.
    pub(super) fn send(&mut self, key: Key, message: &Message<'_>) -> Result<(), Unsendable> {
        let Some(session) = self.sessions.get(key) else {
            return Ok(());
        };
        let frame = Self::encode(session.serializer, session.max_message_len(), message)?;
        self.enqueue(key, frame);
        Ok(())
    }

    /// Sends a short message of the router's own making, which fits the 512 octets that every
    /// client takes.
    pub(super) fn send_own(&mut self, key: Key, message: &Message<'_>) {
        let sent = self.send(key, message);
        debug_assert_eq!(sent, Ok(()), "own messages are short: {message:?}");
    }

    /// Answers a request with an ERROR of the router's own.
    pub(super) fn refuse(
        &mut self,
        key: Key,
        request_type: MessageType,
        request: Id,
        error: &'static str,
        text: &'static str,
    ) {
        let mut message = Error::new(request_type, request, error);
        if !text.is_empty() {
            message = message.with_details(Dict::new().with("message", text));
        }
        self.send_own(key, &message.into());
    }

    /// Puts a frame into the session's outbox. If that holds too much already, the session is
    /// doomed.
    pub(super) fn enqueue(&mut self, key: Key, frame: Frame) {
        let limit = self.config.limits.outbox;
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if session.phase == Phase::Closed {
            return;
        }
        if session.outbox.octets() > limit {
            self.overflowed.push(key);
            return;
        }
        session.outbox.push(frame);
        self.queued_frames += 1;
        if !session.listed {
            session.listed = true;
            self.ready.push_back(key);
        }
    }

    /// Puts an EVENT into a subscriber's outbox, unless that holds too much already.
    pub(super) fn enqueue_event(&mut self, key: Key, frame: Frame) {
        let limit = self.config.limits.outbox_events;
        if let Some(session) = self.sessions.get(key) {
            if session.outbox.octets() > limit {
                self.stats.events_dropped += 1;
            } else {
                self.stats.events += 1;
                self.enqueue(key, frame);
            }
        }
    }
}

/// The entries of options that say how a payload that is passed through is to be read. They go
/// with it, or nobody could read it.
///
/// Spec: advanced profile, "Payload Passthru Mode"; `enc_*` is what Autobahn calls them.
pub(super) fn payload_details(options: &Dict<'_>) -> Dict<'static> {
    const KEYS: [&str; 7] = [
        "ppt_scheme",
        "ppt_serializer",
        "ppt_cipher",
        "ppt_keyid",
        "enc_algo",
        "enc_key",
        "enc_serializer",
    ];
    let mut details = Dict::new();
    for (key, value) in KEYS.into_iter().zip(options.get_all(KEYS)) {
        if let Some(value) = value {
            details.insert(key, value.into_owned());
        }
    }
    details
}
