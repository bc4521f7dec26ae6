//! TCP and Unix sockets, listening and connecting.

use core::fmt;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use wamp_core::endpoint::Endpoint;
use wamp_core::endpoint::unix::{self, SocketFile};

use crate::io::Stream;

/// A connected socket. [`connect`](Self::connect) and [`Listener::accept`] turn off Nagle's
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
    /// Connects to an endpoint. A host name's addresses are tried in turn.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn connect(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp { host, port } => Self::tcp(TcpStream::connect((host.as_str(), *port))?),
            Endpoint::Unix { path } => {
                let stream = UnixStream::connect_addr(&unix::address(path)?)?;
                Ok(Self::Unix(stream))
            }
            other => Err(other.unsupported()),
        }
    }

    fn tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream))
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

/// A listening socket.
///
/// A Unix socket's file is removed when the listener is dropped. A file that a dead listener left
/// behind is replaced; one that still answers, or that is no socket, is not.
#[derive(Debug)]
pub struct Listener {
    /// Removed with the listener, and before it: as long as that is open, nobody takes the file for
    /// stale, and no other has its number.
    _file: Option<SocketFile>,
    inner: Inner,
    endpoint: Endpoint,
}

#[derive(Debug)]
enum Inner {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens. Port 0 picks a free port, which [`endpoint`](Self::endpoint) then tells.
    ///
    /// # Errors
    ///
    /// Those of the operating system; [`AddrInUse`](io::ErrorKind::AddrInUse) also for the file of
    /// a Unix socket that somebody listens on, and for a file that is no socket.
    pub fn bind(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp { host, port } => {
                let listener = TcpListener::bind((host.as_str(), *port))?;
                let port = listener.local_addr()?.port();
                let endpoint = Endpoint::Tcp {
                    host: host.clone(),
                    port,
                };
                Ok(Self {
                    inner: Inner::Tcp(listener),
                    endpoint,
                    _file: None,
                })
            }
            Endpoint::Unix { path } => {
                let address = unix::address(path)?;
                let file = address.as_pathname();
                if let Some(file) = file
                    && SocketFile::is_at(file)?
                {
                    let attempt = UnixStream::connect_addr(&address).map(drop);
                    SocketFile::make_way(file, attempt)?;
                }
                let listener = UnixListener::bind_addr(&address)?;
                let file = file.map(|file| SocketFile::claim(file.to_owned()));
                let file = file.transpose()?;
                Ok(Self {
                    inner: Inner::Unix(listener),
                    endpoint: endpoint.clone(),
                    _file: file,
                })
            }
            other => Err(other.unsupported()),
        }
    }

    /// Waits for the next connection. Any number of threads may wait at once.
    ///
    /// # Errors
    ///
    /// Those of the operating system. They concern one connection or pass, such as too many open
    /// files: the listener goes on.
    pub fn accept(&self) -> io::Result<Socket> {
        match &self.inner {
            Inner::Tcp(listener) => Socket::tcp(listener.accept()?.0),
            Inner::Unix(listener) => Ok(Socket::Unix(listener.accept()?.0)),
        }
    }

    /// Where it listens, with the real port.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}
