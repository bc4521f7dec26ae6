//! Calls under way.

use core::future::poll_fn;
use core::task::{Context, Poll};

use super::oneshot;
use super::queue::Puller;
use super::session::{Session, lost};
use super::state::{Answer, Life};
use crate::OwnedPayload;
use crate::message::CancelMode;
use crate::session::CallRequest;

/// A call under way. As a `Stream` it gives its progressive results.
///
/// Dropped before its result came, it is cancelled: nobody would see the result. The router is
/// asked to have the callee stop and not to wait for it (`killnowait`), if it can cancel calls at
/// all. To let the call go on, [`detach`](Self::detach) it.
#[derive(Debug)]
#[must_use = "dropped, it is cancelled"]
pub struct Call {
    session: Session,
    life: Life,
    request: CallRequest,
    progress: Option<Puller<OwnedPayload>>,
    /// `None` once it came, or is of no interest.
    result: Option<oneshot::Receiver<Answer<OwnedPayload>>>,
}

impl Call {
    pub(super) const fn new(
        session: Session,
        life: Life,
        request: CallRequest,
        progress: Option<Puller<OwnedPayload>>,
        result: oneshot::Receiver<Answer<OwnedPayload>>,
    ) -> Self {
        Self {
            session,
            life,
            request,
            progress,
            result: Some(result),
        }
    }

    /// The next progressive result; `None` once the call is over, and
    /// [`result`](Self::result) tells how, or if none were asked for.
    ///
    /// Up to 4096 of them wait to be taken, with 16 MiB of arguments. A callee that is faster
    /// loses the call: it is cancelled, and fails with
    /// [`SessionError::Overrun`](super::SessionError::Overrun).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it loses nothing.
    pub async fn progress(&mut self) -> Option<OwnedPayload> {
        poll_fn(|cx| self.poll_progress(cx)).await
    }

    pub(super) fn poll_progress(&self, cx: &Context<'_>) -> Poll<Option<OwnedPayload>> {
        match &self.progress {
            Some(progress) => progress.poll_recv(cx),
            None => Poll::Ready(None),
        }
    }

    /// The result.
    ///
    /// # Errors
    ///
    /// As [`Session::call`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, it cancels the call.
    pub async fn result(mut self) -> Answer<OwnedPayload> {
        // Progress that is not looked at does not wait.
        self.progress = None;
        let Some(result) = &mut self.result else {
            return Err(lost());
        };
        let result = result.await;
        self.result = None;
        result.unwrap_or_else(|| Err(lost()))
    }

    /// Asks the router to cancel the call: CANCEL. How the call ends is told by
    /// [`result`](Self::result).
    ///
    /// # Errors
    ///
    /// [`SessionError::Command`](super::SessionError::Command) if it is over already, or
    /// [`SessionError::Ended`](super::SessionError::Ended).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it was cancelled or not: nothing in between.
    pub async fn cancel(&self, mode: CancelMode) -> Answer<()> {
        let cancel =
            |session: &mut crate::session::ClientSession| session.cancel(self.request, mode);
        let shared = self.session.shared();
        shared
            .command(Some(self.life), self.session.patient(), cancel)
            .await
    }

    /// Lets the call go on without anybody who waits for its result.
    pub fn detach(mut self) {
        self.result = None;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.result.is_some() {
            let mut state = self.session.shared().lock();
            state.give_up(self.life, self.request);
        }
    }
}
