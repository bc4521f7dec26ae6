//! What becomes of a session, as it becomes.

use alloc::sync::Arc;
use core::future::Future as _;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use event_listener::EventListener;

use super::error::{End, SessionError};
use super::state::Shared;
use crate::session::Joined;

/// Where a session stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SessionState {
    /// It has joined, for the first time or again.
    Joined {
        /// What the router said.
        joined: Arc<Joined>,
        /// What could not be restored, after it joined again: see [`Unrestored::is_retried`]. It is
        /// told anew when one that is retried is granted.
        lost: Arc<[Unrestored]>,
    },
    /// It has lost its connection and will try to come back.
    Disconnected {
        /// How the connection ended, or the latest attempt.
        reason: Arc<SessionError>,
        /// The number of the next attempt since it was lost, from one on.
        attempt: u32,
        /// The pause before that.
        delay: Duration,
    },
    /// It is over.
    Ended(End),
}

/// A subscription or a registration that the router did not grant again.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unrestored {
    /// The topic or the procedure.
    pub uri: String,
    /// Why.
    pub error: SessionError,
    /// Whether it is asked for again, after a pause. So are procedures that the router says are
    /// registered already: for a while that may be by this very session, whose former connection
    /// the router has not given up yet. Anything else has ended.
    pub is_retried: bool,
}

/// The states of a session: the one that it is in, and then each next one. Who looks rarely sees
/// the latest; those in between are not kept.
///
/// It is a `Stream`, and ends behind [`SessionState::Ended`].
#[derive(Debug)]
pub struct States {
    shared: Arc<Shared>,
    seen: u64,
    change: Option<EventListener>,
    over: bool,
}

impl States {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            seen: 0,
            change: None,
            over: false,
        }
    }

    /// The next state that was not seen yet, the present one at first; `None` behind the last.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it loses nothing.
    pub async fn next(&mut self) -> Option<SessionState> {
        core::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<SessionState>> {
        if self.over {
            return Poll::Ready(None);
        }
        loop {
            if let Some(change) = &mut self.change {
                ready!(Pin::new(change).poll(cx));
                self.change = None;
            }
            let state = self.shared.lock();
            let (version, now) = state.status();
            if version != self.seen {
                self.seen = version;
                self.over = matches!(now, SessionState::Ended(_));
                return Poll::Ready(Some(now));
            }
            // Made under the lock, so that no change is missed.
            self.change = Some(self.shared.changed.listen());
        }
    }
}
