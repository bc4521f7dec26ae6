//! The transport level: whole messages in and out.

use core::future::Future;
use core::task::Poll;
use core::time::Duration;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use rawsocket_proto::connection::{Config, Frame, SendError, Stats};
use rawsocket_proto::driver::{self, Error};
use rawsocket_proto::handshake::Negotiated;
use rawsocket_proto::wire::{RefusalCode, Request, SerializerId};
use wamp_core::endpoint::Endpoint;

use crate::clock::{BlockingClock, timeout};
use crate::closer::{self, Closer};
use crate::connect::connect;
use crate::io::{BlockingIo, Stream};
use crate::seat::block_on;
use crate::socket::Socket;

/// A RawSocket connection: whole messages in and out, over a socket of the standard library.
///
/// It runs on the thread that calls it: PINGs are answered, heartbeats sent and queued messages
/// written while one of its methods waits. An application that waits in none for long should call
/// [`recv_timeout`](Self::recv_timeout) now and then.
///
/// ```
/// use std::os::unix::net::UnixStream;
/// use wamp_rawsocket_blocking::Connection;
/// use wamp_rawsocket_blocking::rawsocket_proto::{connection::Config, wire::SerializerId};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (here, there) = UnixStream::pair()?;
/// let server = std::thread::spawn(move || {
///     let mut router = Connection::router(there, Config::default(), |_| Ok(()))?;
///     assert_eq!(router.recv()?.unwrap(), "[1]");
///     assert_eq!(router.recv()?, None);
///     router.close()
/// });
/// let mut client = Connection::client(here, Config::default(), SerializerId::JSON)?;
/// client.send(&b"[1]"[..])?;
/// client.close()?;
/// server.join().unwrap()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Connection<S> {
    inner: driver::Connection<BlockingIo<S>, BlockingClock>,
    /// Made when asked for.
    closer: OnceLock<Closer>,
}

/// Runs what fails as connections do.
pub(crate) fn wait<R>(
    closer: Option<&Closer>,
    work: impl Future<Output = Result<R, Error>>,
) -> Result<R, Error> {
    closer::wait(closer, work)?
}

impl Connection<Socket> {
    /// Connects to a router's endpoint, as [`Socket::connect`] does, and does the handshake.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be reached, [`Error::Connection`] if it refuses or does not
    /// speak RawSocket; [`Error::Closed`] if [`Closer::run`] ended it.
    pub fn connect(
        endpoint: &Endpoint,
        config: impl Into<Arc<Config>>,
        serializer: SerializerId,
    ) -> Result<Self, Error> {
        let config = config.into();
        let connection = wait(None, async {
            let io = BlockingIo::shared(connect(endpoint).await?);
            driver::Connection::client(io, BlockingClock::new(), config, serializer).await
        });
        connection.map(Self::new)
    }
}

impl<S: Stream> Connection<S> {
    /// Does a client's handshake on an open stream, which becomes non-blocking.
    ///
    /// # Errors
    ///
    /// As [`connect`](Connection::connect).
    pub fn client(
        stream: S,
        config: impl Into<Arc<Config>>,
        serializer: SerializerId,
    ) -> Result<Self, Error> {
        let (io, clock) = (BlockingIo::new(stream), BlockingClock::new());
        let client = driver::Connection::client(io, clock, config.into(), serializer);
        wait(None, client).map(Self::new)
    }

    /// Does a router's handshake on an open stream, which becomes non-blocking. `decide` sees the
    /// request and lets the client in or says why not.
    ///
    /// Messages are received up to [`Config::greeting_limit`] until
    /// [`welcome`](Self::welcome) is called.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::Connection`] if the client breaks the handshake or takes too
    /// long. [`Error::Refused`] with the code of `decide`, after the client was told.
    /// [`Error::Closed`] if [`Closer::run`] ended it.
    pub fn router(
        stream: S,
        config: impl Into<Arc<Config>>,
        decide: impl FnOnce(Request) -> Result<(), RefusalCode>,
    ) -> Result<Self, Error> {
        let (io, clock) = (BlockingIo::new(stream), BlockingClock::new());
        let router = driver::Connection::router(io, clock, config.into(), decide);
        wait(None, router).map(Self::new)
    }

    fn new(inner: driver::Connection<BlockingIo<S>, BlockingClock>) -> Self {
        Self {
            inner,
            closer: OnceLock::new(),
        }
    }

    pub(crate) fn with_closer(
        inner: driver::Connection<BlockingIo<S>, BlockingClock>,
        closer: Closer,
    ) -> Self {
        Self {
            inner,
            closer: closer.into(),
        }
    }

    pub(crate) fn into_inner(self) -> driver::Connection<BlockingIo<S>, BlockingClock> {
        self.inner
    }

    /// The next message; `None` once the peer sent its last. Messages that are queued for sending
    /// are written meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Connection`], the latter again with each further call;
    /// [`Error::Closed`] after [`Closer::close`].
    pub fn recv(&mut self) -> Result<Option<Bytes>, Error> {
        wait(self.closer.get(), self.inner.recv())
    }

    /// The next message, as it lies in the receive buffer; else as [`recv`](Self::recv). For who
    /// reads a message and is done with it: a small one is not copied.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_in_place(&mut self) -> Result<Option<&[u8]>, Error> {
        wait(self.closer.get(), self.inner.recv_in_place())
    }

    /// As [`recv`](Self::recv), for so long at most: `Pending` if no message came by then. With
    /// no time at all it takes what is there, and does what else is due.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_timeout(&mut self, within: Duration) -> Result<Poll<Option<Bytes>>, Error> {
        let received = timeout(within, self.inner.recv());
        match closer::wait(self.closer.get(), received)? {
            Poll::Ready(received) => received.map(Poll::Ready),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    /// Queues a message, waiting for room if need be, and writes what the socket takes at once.
    /// What it does not take leaves while any method waits; [`flush`](Self::flush) waits for it.
    ///
    /// While it waits for room it takes no message from the peer beyond the next one. Two ends
    /// that both only send wait for each other; [`send_receiving`](Self::send_receiving) does not.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Connection`], [`Error::TooLong`] or [`Error::Closed`].
    pub fn send(&mut self, message: impl Into<Bytes>) -> Result<(), Error> {
        wait(self.closer.get(), self.inner.send(message))
    }

    /// As [`send`](Self::send), and hands the messages that come while it waits for room to
    /// `received`. Two ends that both send more than the sockets hold do not wait for each other.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_receiving(
        &mut self,
        message: impl Into<Bytes>,
        received: impl FnMut(Bytes),
    ) -> Result<(), Error> {
        wait(
            self.closer.get(),
            self.inner.send_receiving(message, received),
        )
    }

    /// Queues a message, waiting for room if need be, and leaves it for others to join: many small
    /// messages in one write cost a small part of what each costs in its own. What is queued leaves
    /// with every 64 KiB, before any method waits for something, and by [`flush`](Self::flush).
    /// After the last message of a burst call one of these, else it stays.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn feed(&mut self, message: impl Into<Bytes>) -> Result<(), Error> {
        wait(self.closer.get(), self.inner.feed(message))
    }

    /// Queues a message if there is room. Nothing is written before another method waits.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message.
    pub fn try_send(&mut self, message: impl Into<Bytes>) -> Result<(), SendError<Bytes>> {
        self.inner.try_send(message)
    }

    /// Queues a frame that may be shared with other connections, if there is room.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the frame.
    pub fn try_send_frame(&mut self, frame: Frame) -> Result<(), SendError<Frame>> {
        self.inner.try_send_frame(frame)
    }

    /// Waits until a message of `len` octets would be taken.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Connection`], [`Error::TooLong`] or [`Error::Closed`].
    pub fn ready(&mut self, len: usize) -> Result<(), Error> {
        wait(self.closer.get(), self.inner.ready(len))
    }

    /// Waits until all that is queued is handed to the operating system.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Closed`] after [`Closer::close`].
    pub fn flush(&mut self) -> Result<(), Error> {
        wait(self.closer.get(), self.inner.flush())
    }

    /// Closes in order: what is queued is sent, the peer reads the end of the stream, and its own
    /// end is awaited, all within [`Config::close_timeout`].
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::Connection`] with a timeout if not all could be sent.
    pub fn close(&mut self) -> Result<(), Error> {
        block_on(self.inner.close())
    }

    /// What ends a method of this connection that waits, from another thread. It returns
    /// [`Error::Closed`] at once, and so does each later one but [`close`](Self::close). That, or
    /// dropping the connection, is left to the connection's own thread: what is queued can still be
    /// sent, and the peer told in order.
    pub fn closer(&self) -> Closer {
        self.closer.get_or_init(Closer::new).clone()
    }

    /// The peer is no stranger any more: messages are received up to [`Config::max_receive`].
    pub fn welcome(&mut self) {
        self.inner.welcome();
    }

    /// What the handshake led to.
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.inner.negotiated()
    }

    /// The largest message that can be sent, in octets.
    pub fn send_limit(&self) -> u32 {
        self.inner.send_limit()
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// The stream.
    pub fn get_ref(&self) -> &S {
        self.inner.transport().get_ref()
    }
}
