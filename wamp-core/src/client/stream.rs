//! Events, progressive results and states as streams.

use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::Stream;

use super::{Call, Event, SessionState, States, Subscription};
use crate::OwnedPayload;

/// The events, as [`Subscription::recv`].
impl Stream for Subscription {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_recv(cx)
    }
}

/// The progressive results, as [`Call::progress`].
impl Stream for Call {
    type Item = OwnedPayload;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<OwnedPayload>> {
        self.poll_progress(cx)
    }
}

/// The states, as [`States::next`].
impl Stream for States {
    type Item = SessionState;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SessionState>> {
        Self::poll_next(self.get_mut(), cx)
    }
}
