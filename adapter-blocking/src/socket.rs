//! Connected sockets.

use core::time::Duration;
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::Poll;

use rawsocket_proto::connection::RecvBuf;
use wamp_core::endpoint::Endpoint;

use crate::clock::timeout;
use crate::closer::wait;
use crate::connect::connect;
use crate::io::Stream;

/// A connected socket. [`connect`](Self::connect) and [`Listener::accept`](crate::Listener::accept) turn off Nagle's
/// algorithm for TCP, and who makes one of a stream should, too: frames are coalesced already, and
/// together with delayed acknowledgements it would cost 40 milliseconds a call.
#[derive(Debug)]
#[non_exhaustive]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

impl Socket {
    /// Connects to an endpoint. A host name's addresses are tried in turn; to look it up is the
    /// system's affair, and neither a [`Closer`](crate::Closer) nor a time ends that. The socket is one that
    /// blocks, as the standard library's do.
    ///
    /// # Errors
    ///
    /// Those of the operating system. [`Closer::run`](crate::Closer::run) ends it with
    /// [`NotConnected`](io::ErrorKind::NotConnected).
    pub fn connect(endpoint: &Endpoint) -> io::Result<Self> {
        let connected = wait(None, connect(endpoint))??;
        Self::alone(connected)
    }

    /// As [`connect`](Self::connect), for so long at most, all addresses together.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and [`TimedOut`](io::ErrorKind::TimedOut).
    pub fn connect_timeout(endpoint: &Endpoint, within: Duration) -> io::Result<Self> {
        match wait(None, timeout(within, connect(endpoint)))? {
            Poll::Ready(connected) => Self::alone(connected?),
            Poll::Pending => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// A socket that nobody waits for any more, as one that blocks.
    fn alone(shared: Arc<Self>) -> io::Result<Self> {
        let socket = match Arc::try_unwrap(shared) {
            Ok(socket) => socket,
            Err(shared) => match &*shared {
                Self::Tcp(stream) => Self::Tcp(stream.try_clone()?),
                Self::Unix(stream) => Self::Unix(stream.try_clone()?),
            },
        };
        socket.set_nonblocking(false)?;
        Ok(socket)
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl Stream for Socket {
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_nonblocking(nonblocking),
            Self::Unix(stream) => stream.set_nonblocking(nonblocking),
        }
    }

    fn read(&self, octets: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => Stream::read(stream, octets),
            Self::Unix(stream) => Stream::read(stream, octets),
        }
    }

    fn read_buf(&self, buf: &mut RecvBuf<'_>) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.read_buf(buf),
            Self::Unix(stream) => stream.read_buf(buf),
        }
    }

    fn is_bare(&self) -> bool {
        true
    }

    fn write_vectored(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => Stream::write_vectored(stream, slices),
            Self::Unix(stream) => Stream::write_vectored(stream, slices),
        }
    }

    fn shutdown_write(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown_write(),
            Self::Unix(stream) => stream.shutdown_write(),
        }
    }
}
