//! Calls under way.

use core::task::Poll;
use core::time::Duration;

use wamp_core::OwnedPayload;
use wamp_core::client::{self, SessionError};
use wamp_core::message::CancelMode;

use super::{next, next_within, wait};

/// A call under way. As an [`Iterator`] it gives its progressive results, and waits for each.
///
/// Dropped before its result came, it is cancelled: nobody would see the result. The router is
/// asked to have the callee stop and not to wait for it (`killnowait`), if it can cancel calls at
/// all. To let the call go on, [`detach`](Self::detach) it.
#[derive(Debug)]
#[must_use = "dropped, it is cancelled"]
pub struct Call(pub(super) client::Call);

impl Call {
    /// Waits for the next progressive result; `None` once the call is over, and
    /// [`result`](Self::result) tells how, or if none were asked for, or if the wait is ended.
    ///
    /// Up to 4096 of them wait to be taken, with 16 MiB of arguments. A callee that is faster
    /// loses the call: it is cancelled, and fails with [`SessionError::Overrun`].
    pub fn progress(&mut self) -> Option<OwnedPayload> {
        next(self.0.progress())
    }

    /// As [`progress`](Self::progress), for so long at most: `Pending` if none came by then.
    pub fn progress_timeout(&mut self, within: Duration) -> Poll<Option<OwnedPayload>> {
        next_within(within, self.0.progress())
    }

    /// Waits for the result. If the wait is ended, the call is cancelled.
    ///
    /// # Errors
    ///
    /// As [`Session::call`](super::Session::call).
    pub fn result(self) -> Result<OwnedPayload, SessionError> {
        wait(self.0.result())
    }

    /// Asks the router to cancel the call: CANCEL. How the call ends is told by
    /// [`result`](Self::result).
    ///
    /// # Errors
    ///
    /// [`SessionError::Command`] if it is over already, or [`SessionError::Ended`].
    pub fn cancel(&self, mode: CancelMode) -> Result<(), SessionError> {
        wait(self.0.cancel(mode))
    }

    /// Lets the call go on without anybody who waits for its result.
    pub fn detach(self) {
        self.0.detach();
    }
}

impl Iterator for Call {
    type Item = OwnedPayload;

    fn next(&mut self) -> Option<OwnedPayload> {
        self.progress()
    }
}
