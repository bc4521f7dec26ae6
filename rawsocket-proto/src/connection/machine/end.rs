//! How a connection ends.

use super::{Connection, Ending, State};
use crate::connection::event::ConnectionError;
use crate::error::HandshakeError;
use crate::time::{Deadline, TimerKind};
use crate::wire::Reply;

impl Connection {
    pub(super) fn fail_handshake(&mut self, error: HandshakeError) {
        // A request that is still here is for a router that is none.
        self.outbox.clear();
        if let (State::AwaitRequest(_), Some(code)) = (&self.state, error.refusal()) {
            self.outbox.push_handshake(Reply::Refuse(code).encode());
        }
        self.end(Ending::Failed(error.into()));
    }

    /// The end, with what is queued sent first.
    pub(super) fn end(&mut self, ending: Ending) {
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
    pub(super) fn fail_at_once(&mut self, error: ConnectionError) {
        if self.ending.is_none() {
            self.outbox.clear();
            self.end(Ending::Failed(error));
        }
    }

    /// The orderly close took too long.
    pub(super) fn expire(&mut self) {
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
