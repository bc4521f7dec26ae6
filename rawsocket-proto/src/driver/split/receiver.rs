//! The half that receives.

use alloc::sync::Arc;
use core::fmt;

use bytes::Bytes;

use super::shared::{Inner, Shared, Step};
use super::waiters::Need;
use super::{ReuniteError, Sender};
use crate::connection::{Event, Stats};
use crate::driver::{Connection, Error, Timer, Transport};
use crate::handshake::Negotiated;

/// The receiving half of a connection that was [`split`](Connection::split).
///
/// While [`recv`](Self::recv) is awaited, all is done for the connection: PINGs are answered,
/// heartbeats sent, and what the [`Sender`]s queued is written.
///
/// Dropped, it leaves the senders their connection, which then receives nothing: the next message
/// that the peer sends stays unread, and with it all that is behind, PINGs included. What the peer
/// sends piles up until it cannot send more. Heartbeats do not count that time, so that a peer
/// who is gone is noticed by the failing of writes alone. [`Sender::close`] works as ever.
pub struct Receiver<T, C> {
    pub(super) shared: Arc<Shared<T, C>>,
}

impl<T: Transport, C: Timer> Receiver<T, C> {
    /// The next message; `None` once the peer sent its last or a [`Sender`] closed the connection,
    /// and from then on.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Connection`], again with each further call.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it loses nothing.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, Error> {
        self.shared
            .wait(false, |inner, _, cx| poll_recv(inner, cx))
            .await
    }

    /// The peer is no stranger any more: messages are received up to
    /// [`Config::max_receive`](crate::connection::Config::max_receive).
    pub fn welcome(&self) {
        self.shared
            .act(|inner, _| inner.pump.machine_mut().welcome());
    }

    /// What the handshake led to.
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.shared.look(|pump| pump.machine().negotiated())
    }

    /// The largest message that can be sent, in octets.
    pub fn send_limit(&self) -> u32 {
        self.shared.look(|pump| pump.machine().send_limit())
    }

    /// What was counted so far, in both directions.
    pub fn stats(&self) -> Stats {
        self.shared.look(|pump| pump.machine().stats())
    }
}

impl<T, C> Receiver<T, C> {
    /// Another sending half, even if all were dropped.
    pub fn sender(&self) -> Sender<T, C> {
        Sender {
            shared: self.shared.clone(),
        }
    }

    /// Puts the halves together again, if `sender` is the only one of this connection.
    ///
    /// # Errors
    ///
    /// [`ReuniteError`] with both halves, as they were.
    pub fn reunite(self, sender: Sender<T, C>) -> Result<Connection<T, C>, ReuniteError<T, C>> {
        if !Arc::ptr_eq(&self.shared, &sender.shared) {
            let receiver = self;
            return Err(ReuniteError { sender, receiver });
        }
        drop(sender);
        match Arc::try_unwrap(self.shared) {
            Ok(shared) => Ok(shared.into_connection()),
            Err(shared) => Err(ReuniteError {
                sender: Sender {
                    shared: shared.clone(),
                },
                receiver: Self { shared },
            }),
        }
    }
}

fn poll_recv<T: Transport, C: Timer>(
    inner: &mut Inner<T, C>,
    cx: &mut core::task::Context<'_>,
) -> Step<Result<Option<Bytes>, Error>> {
    use core::task::Poll;

    while !inner.finished {
        // What was read before the transport failed is not lost.
        if inner.failed.is_none() {
            match inner.pump.poll_ready(cx) {
                Poll::Pending => return Step::Wait(Need::Message),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Step::Done(Err(inner.fail(error))),
            }
        }
        match inner.pump.machine_mut().poll_event() {
            Ok(Some(Event::Message(message))) => {
                return Step::Done(Ok(Some(message.into_bytes())));
            }
            Ok(Some(Event::PeerFinished | Event::Closed(_))) => inner.finished = true,
            Ok(Some(_)) => {}
            Ok(None) if inner.failed.is_some() => {
                return Step::Done(inner.check_transport().map(|()| None));
            }
            Ok(None) => inner.finished = true,
            Err(error) => return Step::Done(Err(error.into())),
        }
    }
    // An error that came since is not kept back.
    let after = inner.pump.machine_mut().poll_event();
    Step::Done(after.map(|_| None).map_err(Error::from))
}

impl<T, C> fmt::Debug for Receiver<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
