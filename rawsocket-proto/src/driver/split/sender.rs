//! The half that sends.

use alloc::sync::Arc;
use core::fmt;
use core::task::Poll;

use bytes::Bytes;

use super::shared::{Shared, Step};
use super::waiters::Need;
use crate::connection::{Frame, SendError, SendErrorReason, Stats};
use crate::driver::{Error, Timer, Transport};
use crate::handshake::Negotiated;

/// The sending half of a connection that was [`split`](crate::driver::Connection::split). Clones
/// send on the same connection.
///
/// Who waits for room takes its turn: the messages of [`send`](Self::send) leave in the order in
/// which their futures were polled first, and a large one is not overtaken for ever by small ones.
/// So a `send` or [`ready`](Self::ready) that was polled and is neither polled again nor dropped
/// holds up those of other tasks; those of the same task pass it. Others are not held up by it:
/// neither [`try_send`](Self::try_send), which does not wait its turn, nor
/// [`flush`](Self::flush), [`close`](Self::close) and the receiver.
///
/// While one of its methods is awaited, all is done for the connection: PINGs are answered,
/// heartbeats sent, and what any half queued is written. What comes is read up to the next
/// message, which waits for the [`Receiver`](super::Receiver).
pub struct Sender<T, C> {
    pub(super) shared: Arc<Shared<T, C>>,
}

impl<T: Transport, C: Timer> Sender<T, C> {
    /// Queues a message, waiting for its turn and for room if need be, and writes what the socket
    /// takes at once. What it does not take leaves while any method of any half is awaited;
    /// [`flush`](Self::flush) waits for it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Connection`], [`Error::TooLong`] or [`Error::Closed`].
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it sends nothing and the message is lost with it. To keep it, await
    /// [`ready`](Self::ready) and then use [`try_send`](Self::try_send).
    pub async fn send(&self, message: impl Into<Bytes>) -> Result<(), Error> {
        let mut message = Some(message.into());
        let send = self.shared.wait(true, |inner, turn, cx| {
            let len = message.as_ref().map_or(0, Bytes::len);
            let step = inner.poll_room(turn, cx, len);
            let Step::Done(Ok(())) = step else {
                return step;
            };
            let queued = match message.take() {
                Some(message) => inner.pump.machine_mut().send(message),
                None => Ok(()),
            };
            if let Err(refused) = queued {
                return Step::Done(Err(inner.refusal(refused.reason)));
            }
            inner.count(len);
            inner.pump.write(cx);
            Step::Done(inner.check_transport())
        });
        send.await
    }

    /// Queues a message if there is room, before those that wait for it. It is written while any
    /// method of any half is awaited.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message.
    pub fn try_send(&self, message: impl Into<Bytes>) -> Result<(), SendError<Bytes>> {
        let message = message.into();
        self.shared.act(|inner, _| {
            if inner.check_transport().is_err() {
                let reason = SendErrorReason::Closed;
                return Err(SendError { message, reason });
            }
            let len = message.len();
            inner.pump.machine_mut().send(message)?;
            inner.count(len);
            Ok(())
        })
    }

    /// As [`try_send`](Self::try_send), with a frame that may be shared with other connections.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the frame.
    pub fn try_send_frame(&self, frame: Frame) -> Result<(), SendError<Frame>> {
        self.shared.act(|inner, _| {
            if inner.check_transport().is_err() {
                let (message, reason) = (frame, SendErrorReason::Closed);
                return Err(SendError { message, reason });
            }
            let len = frame.payload_len();
            inner.pump.machine_mut().send_frame(frame)?;
            inner.count(len);
            Ok(())
        })
    }

    /// Waits until a message of `len` octets would be taken, and it is its turn. Another sender
    /// may still be faster with the room.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Connection`], [`Error::TooLong`] or [`Error::Closed`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, it changes nothing.
    pub async fn ready(&self, len: usize) -> Result<(), Error> {
        let ready = self
            .shared
            .wait(true, |inner, turn, cx| inner.poll_room(turn, cx, len));
        ready.await
    }

    /// Waits until all messages that were queued before are handed to the operating system. It
    /// does not wait for those that others queue meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::Connection`] if the connection failed, and what was queued with
    /// it.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it can be called again.
    pub async fn flush(&self) -> Result<(), Error> {
        let mut target = None;
        let flush = self.shared.wait(false, |inner, _, cx| {
            let queued = inner.queued;
            let need = target.get_or_insert(Need::Written(queued));
            let poll = inner.drive(cx, |pump| {
                let written = queued - pump.machine().pending_messages() as u64;
                if matches!(need, Need::Written(octets) if written >= *octets) {
                    *need = Need::Flushed(pump.written);
                }
                let Need::Flushed(octets) = *need else {
                    return true;
                };
                let unflushed = pump.flushed < octets && !pump.machine().is_closed();
                pump.hurry |= unflushed;
                unflushed
            });
            match (poll, inner.pump.machine().error()) {
                (Poll::Pending, _) => Step::Wait(*need),
                (Poll::Ready(Ok(())), Some(error)) => Step::Done(Err(error.into())),
                (Poll::Ready(result), _) => Step::Done(result),
            }
        });
        flush.await
    }

    /// Closes in order, for all halves: what is queued is sent, the peer reads the end of the
    /// stream, and its own end is awaited, all within
    /// [`Config::close_timeout`](crate::connection::Config::close_timeout). What was received and
    /// not handed out, and what still comes, is dropped: the receiver gets `None`. Who waits for
    /// room gets [`Error::Closed`].
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::Connection`] with a timeout if not all could be sent.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it can be called again. The connection is being closed all the same, while any
    /// method of any half is awaited.
    pub async fn close(&self) -> Result<(), Error> {
        let close = self.shared.wait(false, |inner, _, cx| {
            let now = inner.pump.timer().now();
            inner.pump.machine_mut().close(now);
            match inner.drive(cx, |pump| !pump.machine().is_closed()) {
                Poll::Pending => return Step::Wait(Need::Closed),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Step::Done(Err(error)),
            }
            loop {
                match inner.pump.machine_mut().poll_event() {
                    Ok(Some(_)) => {}
                    Ok(None) => return Step::Done(Ok(())),
                    Err(error) => return Step::Done(Err(error.into())),
                }
            }
        });
        close.await
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

impl<T, C> Clone for Sender<T, C> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<T, C> fmt::Debug for Sender<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}
