//! A non-blocking stream as the pump's transport.

use core::task::{Context, Poll};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rawsocket_proto::connection::RecvBuf;
use rawsocket_proto::driver::{Transport, poll_read_slice};
use rustix::buffer::spare_capacity;
use rustix::event::PollFlags;

use crate::seat;

/// A stream that a [`Connection`](crate::Connection) runs on: one that the operating system can
/// wait for.
pub trait Stream: AsFd + 'static {
    /// Makes reads and writes return [`WouldBlock`](ErrorKind::WouldBlock) instead of waiting.
    /// Other handles of the same socket, such as those of `try_clone`, change with it.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()>;

    /// Reads; 0 is the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn read(&self, octets: &mut [u8]) -> io::Result<usize>;

    /// Appends to `buf` what one read brings; nothing is the end of the stream. As given, by
    /// [`read`](Self::read) and a copy.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn read_buf(&self, buf: &mut RecvBuf<'_>) -> io::Result<()> {
        match poll_read_slice(buf, |octets| Poll::Ready(self.read(octets))) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// Whether nothing more is there after a read that left room, until the operating system says
    /// so. That spares a read that finds nothing before each wait. It is true of sockets, and not
    /// of streams with a buffer of their own, such as TLS. As given, it is not.
    fn is_bare(&self) -> bool {
        false
    }

    /// Writes from all slices, as many octets as fit.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn write_vectored(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize>;

    /// Closes the sending side: the peer reads the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn shutdown_write(&self) -> io::Result<()>;
}

macro_rules! stream {
    ($stream:ty) => {
        impl Stream for $stream {
            fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
                self.set_nonblocking(nonblocking)
            }

            fn read(&self, octets: &mut [u8]) -> io::Result<usize> {
                Read::read(&mut &*self, octets)
            }

            fn read_buf(&self, buf: &mut RecvBuf<'_>) -> io::Result<()> {
                // Straight into the receive buffer, which only the system's own call can.
                rustix::io::read(self, spare_capacity(buf.get_mut()))?;
                Ok(())
            }

            fn is_bare(&self) -> bool {
                true
            }

            fn write_vectored(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
                Write::write_vectored(&mut &*self, slices)
            }

            fn shutdown_write(&self) -> io::Result<()> {
                self.shutdown(Shutdown::Write)
            }
        }
    };
}

stream!(TcpStream);
stream!(UnixStream);

/// A [`Stream`] as a [`Transport`]. What would block is noted where the thread waits: such a
/// transport is polled by this crate's methods, and by tasks of [`Threads`](crate::Threads).
#[derive(Debug)]
pub struct BlockingIo<S> {
    stream: Arc<S>,
    /// Nothing was there behind what was read last: before it is read again, the thread may sleep.
    empty: bool,
    /// Why the stream could not be prepared.
    unfit: Option<io::Error>,
}

impl<S: Stream> BlockingIo<S> {
    /// Takes over a stream, which becomes non-blocking. If it does not, its first use tells.
    pub fn new(stream: S) -> Self {
        Self::shared(Arc::new(stream))
    }

    pub(crate) fn shared(stream: Arc<S>) -> Self {
        let unfit = stream.set_nonblocking(true).err();
        Self {
            stream,
            empty: false,
            unfit,
        }
    }

    /// The stream.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// One that blocks must not be touched.
    fn fit(&self) -> io::Result<&S> {
        match &self.unfit {
            None => Ok(&self.stream),
            Some(error) => Err(io::Error::new(error.kind(), error.to_string())),
        }
    }

    /// Has the thread wait until a call that would have blocked is worth another try.
    fn pending_if_blocked<T>(
        &self,
        result: io::Result<T>,
        events: PollFlags,
        cx: &Context<'_>,
    ) -> Poll<io::Result<T>> {
        match result {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                seat::wants(&self.stream, events, cx);
                Poll::Pending
            }
            result => Poll::Ready(result),
        }
    }
}

impl<S: Stream> Transport for BlockingIo<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut RecvBuf<'_>) -> Poll<io::Result<()>> {
        // Once only: who polls again without a sleep wants to know.
        if core::mem::take(&mut self.empty) {
            seat::wants(&self.stream, PollFlags::IN, cx);
            return Poll::Pending;
        }
        let before = buf.get_ref().len();
        let read = self.fit().and_then(|stream| stream.read_buf(buf));
        let (octets, bare) = (buf.get_ref(), self.stream.is_bare());
        self.empty = bare && octets.len() > before && octets.len() < octets.capacity();
        self.pending_if_blocked(read, PollFlags::IN, cx)
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.fit().and_then(|stream| stream.write_vectored(slices));
        self.pending_if_blocked(written, PollFlags::OUT, cx)
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.shutdown_write())
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
