//! What becomes of a session, as it becomes.

use core::task::Poll;
use core::time::Duration;

use wamp_core::client::{self, SessionState};

use super::{next, next_within};

/// The states of a session, as an [`Iterator`] that waits for each: the one that it is in, and then
/// each next one. Who looks rarely sees the latest; those in between are not kept.
///
/// It ends behind [`SessionState::Ended`], or if the wait is ended.
#[derive(Debug)]
pub struct States(pub(super) client::States);

impl States {
    /// The next state that was not seen yet, within so long: `Pending` if none came by then.
    pub fn next_timeout(&mut self, within: Duration) -> Poll<Option<SessionState>> {
        next_within(within, self.0.next())
    }
}

impl Iterator for States {
    type Item = SessionState;

    fn next(&mut self) -> Option<SessionState> {
        next(self.0.next())
    }
}
