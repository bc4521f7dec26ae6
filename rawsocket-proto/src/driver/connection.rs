//! The transport level of every async adapter.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::future::{Future, poll_fn};
use std::io;

use bytes::Bytes;

use super::{Error, Pump, Timer, Transport, is_hangup};
use crate::connection::{
    Config, Connection as Machine, ConnectionError, Event, Frame, Payload, SendError,
    SendErrorReason, Stats,
};
use crate::handshake::Negotiated;
use crate::wire::{RefusalCode, Request, SerializerId};

/// A connection with its socket and its clock: whole messages in and out. What the adapters call
/// `Connection` is this, over their own streams and clocks.
///
/// It runs on the task that calls it, without one of its own: PINGs are answered, heartbeats sent
/// and queued messages written while one of its methods is awaited. An application that does
/// neither for long should give the connection a task that sits in [`recv`](Self::recv).
///
/// All methods may be dropped at any await point: no octet is lost and no frame is torn.
#[derive(Debug)]
pub struct Connection<T, C> {
    pub(super) pump: Pump<Machine, T, C>,
    /// The peer's last message was received.
    pub(super) finished: bool,
    /// Octets that [`feed`](Self::feed) could not write when it last tried.
    pub(super) left: usize,
}

impl<T: Transport, C: Timer> Connection<T, C> {
    /// Octets that [`feed`](Self::feed) gathers before it writes.
    const BURST: usize = 64 << 10;

    /// Does a client's handshake on an open transport.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::Connection`] if the router refuses, does not speak RawSocket or
    /// takes too long.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the transport.
    pub fn client(
        transport: T,
        timer: C,
        config: Arc<Config>,
        serializer: SerializerId,
    ) -> impl Future<Output = Result<Self, Error>> {
        // In a box, for the task that then keeps the connection would keep room for this, too.
        Box::pin(async move {
            let machine = Machine::client(config, serializer, timer.now());
            let mut connection = Self::new(machine, transport, timer);
            connection.established().await?;
            Ok(connection)
        })
    }

    /// Does a router's handshake on an open transport. `decide` sees the request and lets the
    /// client in or says why not.
    ///
    /// Messages are received up to [`Config::greeting_limit`] until
    /// [`welcome`](Self::welcome) is called.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::Connection`] if the client breaks the handshake or takes too
    /// long. [`Error::Refused`] with the code of `decide`, after the client was told.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the transport.
    pub fn router(
        transport: T,
        timer: C,
        config: Arc<Config>,
        decide: impl FnOnce(Request) -> Result<(), RefusalCode>,
    ) -> impl Future<Output = Result<Self, Error>> {
        // As in `client`.
        Box::pin(async move {
            let machine = Machine::router(config, timer.now());
            let connection = Self::new(machine, transport, timer);
            connection.decided(decide).await
        })
    }

    const fn new(machine: Machine, transport: T, timer: C) -> Self {
        Self {
            pump: Pump::new(machine, transport, timer),
            finished: false,
            left: 0,
        }
    }

    async fn decided(
        mut self,
        decide: impl FnOnce(Request) -> Result<(), RefusalCode>,
    ) -> Result<Self, Error> {
        let connection = &mut self;
        let request = loop {
            match connection.event().await {
                Ok(Some(Event::Requested(request))) => break request,
                Ok(_) => {}
                Err(error) => return Err(connection.farewell(error).await),
            }
        };
        let machine = connection.pump.machine_mut();
        match decide(request) {
            Ok(()) => machine.accept().map_err(io::Error::other)?,
            Err(code) => {
                machine.refuse(code).map_err(io::Error::other)?;
                return Err(connection.farewell(Error::Refused(code)).await);
            }
        };
        connection.established().await?;
        // The client waits for it, whatever is awaited here next.
        if let Err(error) = connection.flush().await {
            return Err(connection.farewell(error).await);
        }
        Ok(self)
    }

    async fn established(&mut self) -> Result<(), Error> {
        loop {
            match self.event().await {
                Ok(Some(Event::Established(_))) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(self.farewell(error).await),
            }
        }
    }

    /// Says what is still to be said, such as a refusal, and hands the error on.
    async fn farewell(&mut self, error: Error) -> Error {
        match error {
            Error::Io(error) if is_hangup(&error) => ConnectionError::ClosedInHandshake.into(),
            Error::Io(_) => error,
            error => {
                // The first error is the one that tells something.
                let _ = self.close().await;
                error
            }
        }
    }

    /// The next event, `None` once there will be no more.
    async fn event(&mut self) -> Result<Option<Event<'_>>, Error> {
        poll_fn(|cx| self.pump.poll_ready(cx)).await?;
        Ok(self.pump.machine_mut().poll_event()?)
    }

    /// The next message if it is there already: worth no look at the socket, unless something
    /// waits to be written there.
    #[inline]
    fn received(&mut self) -> Option<Payload<'_>> {
        if self.finished || !self.pump.is_settled() {
            return None;
        }
        self.pump.machine_mut().poll_message()
    }

    /// The next message; `None` once the peer sent its last, and from then on. Messages that are
    /// queued for sending are written meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Connection`]; the latter again with each further call.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it loses nothing.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, Error> {
        if let Some(message) = self.received() {
            return Ok(Some(message.into_bytes()));
        }
        while !self.finished {
            poll_fn(|cx| self.pump.poll_ready(cx)).await?;
            match self.pump.machine_mut().poll_event()? {
                Some(Event::Message(message)) => return Ok(Some(message.into_bytes())),
                Some(Event::PeerFinished | Event::Closed(_)) | None => self.finished = true,
                Some(_) => {}
            }
        }
        // An error that came since is not kept back.
        self.pump.machine_mut().poll_event()?;
        Ok(None)
    }

    /// The next message, as it lies in the receive buffer; else as [`recv`](Self::recv). For who
    /// reads a message and is done with it: a small one is not copied.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it loses nothing.
    pub async fn recv_in_place(&mut self) -> Result<Option<&[u8]>, Error> {
        if self.received().is_some() {
            return Ok(Some(self.pump.machine().lent()));
        }
        while !self.finished {
            match self.event().await? {
                Some(Event::Message(_)) => return Ok(Some(self.pump.machine().lent())),
                Some(Event::PeerFinished | Event::Closed(_)) | None => self.finished = true,
                Some(_) => {}
            }
        }
        // An error that came since is not kept back.
        self.pump.machine_mut().poll_event()?;
        Ok(None)
    }

    /// Queues a message, waiting for room if need be, and writes what the socket takes at once.
    /// What it does not take leaves while any method is awaited; [`flush`](Self::flush) waits for
    /// it.
    ///
    /// While it waits for room it takes no message from the peer beyond the next one. Two ends
    /// that both only send wait for each other; [`send_receiving`](Self::send_receiving) does not.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Connection`], [`Error::TooLong`] or [`Error::Closed`].
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it sends nothing and the message is lost with it. To keep it, await
    /// [`ready`](Self::ready) and then use [`try_send`](Self::try_send).
    pub async fn send(&mut self, message: impl Into<Bytes>) -> Result<(), Error> {
        let mut message = message.into();
        while let Err(refused) = self.try_send(message) {
            if refused.reason != SendErrorReason::Full {
                return Err(self.refusal(refused.reason));
            }
            message = refused.message;
            self.ready(message.len()).await?;
        }
        self.push().await
    }

    /// As [`send`](Self::send), and hands the messages that come while it waits for room to
    /// `received`. Two ends that both send more than the sockets hold do not wait for each other.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it sends nothing and the message is lost with it. What was received
    /// is with `received`.
    pub async fn send_receiving(
        &mut self,
        message: impl Into<Bytes>,
        mut received: impl FnMut(Bytes),
    ) -> Result<(), Error> {
        let mut message = message.into();
        while let Err(refused) = self.try_send(message) {
            if refused.reason != SendErrorReason::Full {
                return Err(self.refusal(refused.reason));
            }
            message = refused.message;
            let len = message.len();
            let moved = |machine: &mut Machine| {
                machine.has_event() || machine.can_send(len) != Err(SendErrorReason::Full)
            };
            poll_fn(|cx| self.pump.poll_until(cx, moved)).await?;
            match self.pump.machine_mut().poll_event()? {
                Some(Event::Message(message)) => received(message.into_bytes()),
                Some(Event::PeerFinished) => self.finished = true,
                _ => {}
            }
        }
        self.push().await
    }

    /// Queues a message, waiting for room if need be, and leaves it for others to join: many small
    /// messages in one write cost a small part of what each costs in its own. What is queued leaves
    /// with every 64 KiB, before any method waits for something, and by [`flush`](Self::flush).
    /// After the last message of a burst await one of these, else it stays.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn feed(&mut self, message: impl Into<Bytes>) -> Result<(), Error> {
        let mut message = message.into();
        while let Err(refused) = self.try_send(message) {
            if refused.reason != SendErrorReason::Full {
                return Err(self.refusal(refused.reason));
            }
            message = refused.message;
            self.ready(message.len()).await?;
        }
        let pending = self.pump.machine().pending();
        self.left = self.left.min(pending);
        if pending - self.left >= Self::BURST {
            self.push().await?;
            self.left = self.pump.machine().pending();
        }
        Ok(())
    }

    /// Queues a message if there is room. Nothing is written before the next await.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message.
    pub fn try_send(&mut self, message: impl Into<Bytes>) -> Result<(), SendError<Bytes>> {
        self.pump.machine_mut().send(message.into())
    }

    /// Queues a frame that may be shared with other connections, if there is room.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the frame.
    pub fn try_send_frame(&mut self, frame: Frame) -> Result<(), SendError<Frame>> {
        self.pump.machine_mut().send_frame(frame)
    }

    /// Waits until a message of `len` octets would be taken.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Connection`], [`Error::TooLong`] or [`Error::Closed`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, it changes nothing.
    pub async fn ready(&mut self, len: usize) -> Result<(), Error> {
        let settled = |machine: &mut Machine| machine.can_send(len) != Err(SendErrorReason::Full);
        poll_fn(|cx| self.pump.poll_until(cx, settled)).await?;
        let taken = self.pump.machine().can_send(len);
        taken.map_err(|reason| self.refusal(reason))
    }

    /// Why a message was not taken: if the connection failed, how.
    fn refusal(&self, reason: SendErrorReason) -> Error {
        match self.pump.machine().error() {
            Some(error) if reason == SendErrorReason::Closed => error.into(),
            _ => reason.into(),
        }
    }

    /// Writes what the socket takes at once.
    async fn push(&mut self) -> Result<(), Error> {
        Ok(poll_fn(|cx| self.pump.poll_write(cx)).await?)
    }

    /// Waits until all that is queued is handed to the operating system.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::Connection`] if the connection failed, and what was queued with
    /// it.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it can be called again.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.pump.poll_flush(cx)).await?;
        match self.pump.machine().error() {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// Closes in order: what is queued is sent, the peer reads the end of the stream, and its own
    /// end is awaited, all within [`Config::close_timeout`].
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::Connection`] with a timeout if not all could be sent.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it can be called again.
    pub async fn close(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.pump.poll_close(cx)).await?;
        while self.pump.machine_mut().poll_event()?.is_some() {}
        Ok(())
    }

    /// The peer is no stranger any more: messages are received up to [`Config::max_receive`].
    pub fn welcome(&mut self) {
        self.pump.machine_mut().welcome();
    }

    /// What the handshake led to.
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.pump.machine().negotiated()
    }

    /// The largest message that can be sent, in octets.
    pub fn send_limit(&self) -> u32 {
        self.pump.machine().send_limit()
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.pump.machine().stats()
    }

    /// The transport.
    pub const fn transport(&self) -> &T {
        self.pump.transport()
    }
}
