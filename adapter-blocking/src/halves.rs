//! A connection in two halves: threads that send, and one that receives.

use core::fmt;
use core::task::Poll;
use core::time::Duration;

use bytes::Bytes;
use rawsocket_proto::connection::{Frame, SendError, Stats};
use rawsocket_proto::driver::{self, Error};
use rawsocket_proto::handshake::Negotiated;

use crate::clock::{BlockingClock, timeout};
use crate::closer::{self, Closer};
use crate::connection::{Connection, wait};
use crate::io::{BlockingIo, Stream};
use crate::seat::block_on;

impl<S: Stream> Connection<S> {
    /// Parts the connection in two halves that different threads use at the same time. The
    /// [`Sender`] can be cloned; [`Receiver::reunite`] puts the halves together again.
    ///
    /// There is still no thread behind them. While a method of any half waits, all is done for the
    /// connection that the connection would do: PINGs are answered, heartbeats sent, queued
    /// messages written, and what comes is read, up to the next message. Nothing happens while
    /// nobody waits for anything.
    ///
    /// So an end with one thread that sends and one that receives never blocks another such end,
    /// however much both send.
    ///
    /// An error of the stream ends the connection for both halves: each call returns it from then
    /// on. Only a failed write is kept from the receiver until it has read what the peer said
    /// before.
    ///
    /// The stream is dropped with the last half.
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use std::thread;
    /// use wamp_rawsocket_blocking::Connection;
    /// use wamp_rawsocket_blocking::rawsocket_proto::{connection::Config, wire::SerializerId};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (here, there) = UnixStream::pair()?;
    /// let echo = thread::spawn(move || {
    ///     let mut client = Connection::router(there, Config::new(), |_| Ok(()))?;
    ///     while let Some(message) = client.recv()? {
    ///         client.send(message)?;
    ///     }
    ///     client.close()
    /// });
    /// let router = Connection::client(here, Config::new(), SerializerId::JSON)?;
    /// let (sender, mut receiver) = router.split();
    /// let receiving = thread::spawn(move || receiver.recv());
    /// sender.send(&b"[1]"[..])?;
    /// assert_eq!(receiving.join().unwrap()?.unwrap(), "[1]");
    /// sender.close()?;
    /// echo.join().unwrap()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn split(self) -> (Sender<S>, Receiver<S>) {
        let closer = self.closer();
        let (sender, receiver) = self.into_inner().split();
        let sender = Sender {
            inner: sender,
            closer: closer.clone(),
        };
        let receiver = Receiver {
            inner: receiver,
            closer,
        };
        (sender, receiver)
    }
}

/// The sending half of a [`Connection`]. Clones send on the same connection.
///
/// Who waits for room takes its turn: messages leave in the order in which [`send`](Self::send) was
/// called, and a large one is not overtaken for ever by small ones.
pub struct Sender<S> {
    inner: driver::Sender<BlockingIo<S>, BlockingClock>,
    closer: Closer,
}

impl<S: Stream> Sender<S> {
    /// Queues a message, waiting for its turn and for room if need be, and writes what the socket
    /// takes at once. What it does not take leaves while any method of any half waits;
    /// [`flush`](Self::flush) waits for it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Connection`], [`Error::TooLong`] or [`Error::Closed`].
    pub fn send(&self, message: impl Into<Bytes>) -> Result<(), Error> {
        wait(Some(&self.closer), self.inner.send(message))
    }

    /// Queues a message if there is room, before those that wait for it. It is written while any
    /// method of any half waits.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message.
    pub fn try_send(&self, message: impl Into<Bytes>) -> Result<(), SendError<Bytes>> {
        self.inner.try_send(message)
    }

    /// As [`try_send`](Self::try_send), with a frame that may be shared with other connections.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the frame.
    pub fn try_send_frame(&self, frame: Frame) -> Result<(), SendError<Frame>> {
        self.inner.try_send_frame(frame)
    }

    /// Waits until a message of `len` octets would be taken, and it is its turn. Another sender
    /// may still be faster with the room.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Connection`], [`Error::TooLong`] or [`Error::Closed`].
    pub fn ready(&self, len: usize) -> Result<(), Error> {
        wait(Some(&self.closer), self.inner.ready(len))
    }

    /// Waits until all messages that were queued before are handed to the operating system. It
    /// does not wait for those that others queue meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::Connection`] if the connection failed, and what was queued with
    /// it; [`Error::Closed`] after [`Closer::close`].
    pub fn flush(&self) -> Result<(), Error> {
        wait(Some(&self.closer), self.inner.flush())
    }

    /// Closes in order, for all halves: what is queued is sent, the peer reads the end of the
    /// stream, and its own end is awaited, all within
    /// [`Config::close_timeout`](rawsocket_proto::connection::Config::close_timeout). What was
    /// received and not handed out, and what still comes, is dropped: the receiver gets `None`. Who
    /// waits for room gets [`Error::Closed`]. No [`Closer`] ends it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::Connection`] with a timeout if not all could be sent.
    pub fn close(&self) -> Result<(), Error> {
        block_on(self.inner.close())
    }

    /// What the handshake led to.
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.inner.negotiated()
    }

    /// The largest message that can be sent, in octets.
    pub fn send_limit(&self) -> u32 {
        self.inner.send_limit()
    }

    /// What was counted so far, in both directions.
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }
}

impl<S> Sender<S> {
    /// What ends the methods of all halves that wait, as [`Connection::closer`] tells.
    pub fn closer(&self) -> Closer {
        self.closer.clone()
    }
}

/// The receiving half of a [`Connection`].
///
/// Dropped, it leaves the senders their connection, which then receives nothing: the next message
/// that the peer sends stays unread, and with it all that is behind, PINGs included.
/// [`Sender::close`] works as ever.
pub struct Receiver<S> {
    inner: driver::Receiver<BlockingIo<S>, BlockingClock>,
    closer: Closer,
}

impl<S: Stream> Receiver<S> {
    /// The next message; `None` once the peer sent its last or a [`Sender`] closed the connection,
    /// and from then on. What the senders queued is written meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Connection`], again with each further call; [`Error::Closed`]
    /// after [`Closer::close`].
    pub fn recv(&mut self) -> Result<Option<Bytes>, Error> {
        wait(Some(&self.closer), self.inner.recv())
    }

    /// As [`recv`](Self::recv), for so long at most: `Pending` if no message came by then.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_timeout(&mut self, within: Duration) -> Result<Poll<Option<Bytes>>, Error> {
        let received = timeout(within, self.inner.recv());
        match closer::wait(Some(&self.closer), received)? {
            Poll::Ready(received) => received.map(Poll::Ready),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    /// The peer is no stranger any more: messages are received up to
    /// [`Config::max_receive`](rawsocket_proto::connection::Config::max_receive).
    pub fn welcome(&self) {
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

    /// What was counted so far, in both directions.
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// Puts the halves together again, if `sender` is the only one of this connection.
    ///
    /// # Errors
    ///
    /// [`ReuniteError`] with both halves, as they were.
    pub fn reunite(self, sender: Sender<S>) -> Result<Connection<S>, ReuniteError<S>> {
        let Self { inner, closer } = self;
        match inner.reunite(sender.inner) {
            Ok(inner) => Ok(Connection::with_closer(inner, closer)),
            Err(apart) => Err(ReuniteError {
                sender: Sender {
                    inner: apart.sender,
                    closer: sender.closer,
                },
                receiver: Self {
                    inner: apart.receiver,
                    closer,
                },
            }),
        }
    }
}

impl<S> Receiver<S> {
    /// Another sending half, even if all were dropped.
    pub fn sender(&self) -> Sender<S> {
        Sender {
            inner: self.inner.sender(),
            closer: self.closer.clone(),
        }
    }

    /// What ends the methods of all halves that wait, as [`Connection::closer`] tells.
    pub fn closer(&self) -> Closer {
        self.closer.clone()
    }
}

impl<S> Clone for Sender<S> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            closer: self.closer.clone(),
        }
    }
}

impl<S> fmt::Debug for Sender<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for Receiver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// The halves were not put together: they are of different connections, or there are other
/// [`Sender`]s. Both are handed back.
#[non_exhaustive]
pub struct ReuniteError<S> {
    /// The sending half.
    pub sender: Sender<S>,
    /// The receiving half.
    pub receiver: Receiver<S>,
}

impl<S> fmt::Debug for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReuniteError").finish_non_exhaustive()
    }
}

impl<S> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these are not the only two halves of one connection")
    }
}

impl<S> std::error::Error for ReuniteError<S> {}
