//! TCP and Unix sockets, listening and connecting.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use wamp_core::endpoint::unix::{self, SocketFile};
use wamp_core::endpoint::{self, Endpoint};

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
    ///
    /// # Cancel safety
    ///
    /// Dropped, it leaves nothing behind.
    pub async fn connect(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                Self::tcp(stream)
            }
            Endpoint::Unix { path } => {
                let stream = UnixStream::connect(unix::path(path)).await?;
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
    ///
    /// # Cancel safety
    ///
    /// Dropped, it leaves nothing behind.
    pub async fn bind(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp { host, port } => {
                let listener = TcpListener::bind((host.as_str(), *port)).await?;
                endpoint::widen(&listener)?;
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
                let (listener, file) = unix::bind(path)?;
                let listener = UnixListener::from_std(listener)?;
                let endpoint = endpoint.clone();
                Ok(Self {
                    inner: Inner::Unix(listener),
                    endpoint,
                    _file: file,
                })
            }
            other => Err(other.unsupported()),
        }
    }

    /// The next connection.
    ///
    /// # Errors
    ///
    /// Those of the operating system. They concern one connection or pass, such as too many open
    /// files: the listener goes on.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it loses no connection.
    pub async fn accept(&self) -> io::Result<Socket> {
        match &self.inner {
            Inner::Tcp(listener) => Socket::tcp(listener.accept().await?.0),
            Inner::Unix(listener) => Ok(Socket::Unix(listener.accept().await?.0)),
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

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, octets),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, octets),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
