//! How a connection ends, and a session.

use alloc::borrow::ToOwned;
use alloc::sync::Arc;

use rawsocket_proto::driver::Machine as _;

use super::restore::Taken;
use super::{Answer, Link, Shared, State, Waiting};
use crate::client::error::{End, SessionError};
use crate::client::procedure::Endpoint;
use crate::client::states::SessionState;
use crate::session::CommandError;
use crate::transport::PeerError;
use crate::uris;

impl State {
    /// The connection is over, and all that was under way with it; unless it is to be made again,
    /// the session is, too.
    pub(super) fn lose(&mut self, end: End) {
        let comes_back = self.comes_back && end.is_transient();
        let why = if comes_back {
            SessionError::Lost
        } else {
            SessionError::Ended
        };
        for (_, waiting) in core::mem::take(&mut self.waiting) {
            let discarded = waiting.fail(why(end.clone()));
            self.discarded.extend(discarded);
        }
        self.cancels.clear();
        self.restoring = None;
        self.taken = Taken::default();
        self.subscriptions.disconnect(|| why(end.clone()));
        self.procedures.disconnect();
        if let Some(link) = &mut self.link {
            let now = link.timer().now();
            link.machine_mut().close(now);
        }
        if comes_back {
            self.lost = Some(end);
            // Requests on this connection are not to wait for the next.
            self.told = false;
        } else {
            self.conclude(end);
        }
    }

    /// The session is over.
    pub(super) fn conclude(&mut self, end: End) {
        if self.end.is_some() {
            return;
        }
        self.subscriptions.clear();
        self.discarded.extend(self.procedures.clear());
        self.end = Some(end.clone());
        self.set_status(SessionState::Ended(end));
        self.wake();
    }

    /// Leaves the realm: GOODBYE. Without a connection, the session is just over.
    pub(in crate::client) fn leave(&mut self) -> Answer<()> {
        if self.end.is_some() {
            return Ok(());
        }
        if self.lost.is_some() {
            self.conclude(left());
            return Ok(());
        }
        let now = self.now();
        let leave = self.command(None, |session| {
            session.leave(uris::CLOSE_REALM, now.ok_or(CommandError::Ended)?)
        });
        match leave.map_err(super::Refusal::into_error) {
            // Somebody has said so already.
            Ok(()) | Err(SessionError::Command(CommandError::Ended)) => {
                self.comes_back = false;
                Ok(())
            }
            refused => refused,
        }
    }

    /// All handles are gone: there is nobody left to come back for.
    pub(in crate::client) fn abandon(&mut self) {
        self.comes_back = false;
        if self.leave().is_err()
            && let Some(link) = &mut self.link
        {
            let now = link.timer().now();
            link.machine_mut().close(now);
        }
        self.wake();
    }
}

/// As if the session had left.
fn left() -> End {
    End::Left {
        reason: uris::CLOSE_REALM.to_owned(),
        by_router: false,
    }
}

impl Waiting {
    /// Fails it. Returns the handler that is not needed then.
    pub(super) fn fail(self, error: SessionError) -> Option<Arc<dyn Endpoint>> {
        // Whoever does not wait any more does not miss it.
        match self {
            Self::Subscribe(_, _, reply) => drop(reply.send(Err(error))),
            Self::Register(provided, reply) => {
                drop(reply.send(Err(error)));
                return Some(provided.endpoint);
            }
            Self::Publish(reply) => drop(reply.send(Err(error))),
            Self::Call(_, reply) => drop(reply.send(Err(error))),
            Self::Unsubscribe(Some(reply)) | Self::Unregister(_, reply) => {
                drop(reply.send(Err(error)));
            }
            Self::Unsubscribe(None) | Self::Resubscribe(..) | Self::Reregister(_) => {}
        }
        None
    }
}

impl Shared {
    /// Why the connection was lost, and what is left of it to be closed; `None` if the session is
    /// over.
    pub(in crate::client) fn lost(&self) -> Option<(End, Option<Link>)> {
        let mut state = self.lock();
        if state.end.is_some() {
            return None;
        }
        Some((state.lost.clone()?, state.link.take()))
    }

    /// Ends the session, which does not come back.
    pub(in crate::client) fn give_up(&self, end: End) {
        let mut state = self.lock();
        state.conclude(end);
        self.unlock(state);
    }

    /// Tells that there will be another attempt to connect.
    pub(in crate::client) fn disconnected(
        &self,
        reason: Arc<SessionError>,
        attempt: u32,
        delay: core::time::Duration,
    ) {
        let mut state = self.lock();
        if state.end.is_none() {
            state.set_status(SessionState::Disconnected {
                reason,
                attempt,
                delay,
            });
        }
        self.unlock(state);
    }

    /// Ends the session if its task did not get to do so, and lets go of the socket.
    fn stop(&self) {
        let mut state = self.lock();
        if state.end.is_none() {
            state.comes_back = false;
            let text = "the session's task was dropped, as with its runtime";
            let end = End::Failed(PeerError::Transport(text.to_owned()));
            state.lose(end.clone());
            state.conclude(end);
        }
        state.task = None;
        state.stopped = true;
        let link: Option<Link> = state.link.take();
        let tasks = core::mem::take(&mut state.tasks);
        self.unlock(state);
        drop((link, tasks));
    }
}

/// Ends the session when dropped, if nothing else did.
pub(in crate::client) struct Stop(pub(in crate::client) Arc<Shared>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.stop();
    }
}
