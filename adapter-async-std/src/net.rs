//! TCP and Unix sockets, listening and connecting, on any executor.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

use async_io::Async;
use futures_io::{AsyncRead, AsyncWrite};
use rawsocket_proto::connection::RecvBuf;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use wamp_core::endpoint::unix::{self, SocketFile};
use wamp_core::endpoint::{self, Endpoint};

/// A connected socket. [`connect`](Self::connect) and [`Listener::accept`] turn off Nagle's
/// algorithm for TCP, and who makes one of a stream should, too: frames are coalesced already, and
/// together with delayed acknowledgements it would cost 40 milliseconds a call.
///
/// Its streams are async-io's rather than smol's, of which those for Unix sockets have no vectored
/// writes.
#[derive(Debug)]
#[non_exhaustive]
pub enum Socket {
    /// TCP.
    Tcp(Arc<Async<TcpStream>>),
    /// A Unix socket.
    Unix(Arc<Async<UnixStream>>),
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
                let mut failed = io::Error::from(io::ErrorKind::NotFound);
                for address in resolve(host, *port).await? {
                    match Async::<TcpStream>::connect(address).await {
                        Ok(stream) => return Self::tcp(stream),
                        Err(error) => failed = error,
                    }
                }
                Err(failed)
            }
            Endpoint::Unix { path } => {
                // async-io has another error for a name that is too long.
                unix::address(path)?;
                let stream = Async::<UnixStream>::connect(unix::path(path)).await?;
                Ok(stream.into())
            }
            other => Err(other.unsupported()),
        }
    }

    /// Reads into the buffer's spare capacity, which need not be cleared for that.
    pub(crate) fn poll_read_buf(
        &self,
        cx: &mut Context<'_>,
        buf: &mut RecvBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let spare = spare_capacity(buf.get_mut());
            let read = match self {
                Self::Tcp(stream) => rustix::io::read(stream, spare),
                Self::Unix(stream) => rustix::io::read(stream, spare),
            };
            match read {
                Err(Errno::WOULDBLOCK) => {}
                read => return Poll::Ready(read.map(drop).map_err(io::Error::from)),
            }
            ready!(match self {
                Self::Tcp(stream) => stream.poll_readable(cx),
                Self::Unix(stream) => stream.poll_readable(cx),
            })?;
        }
    }

    fn tcp(stream: Async<TcpStream>) -> io::Result<Self> {
        stream.get_ref().set_nodelay(true)?;
        Ok(stream.into())
    }
}

/// Names are looked up on a thread, addresses are not.
async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let host = host.to_owned();
    blocking::unblock(move || Ok((host.as_str(), port).to_socket_addrs()?.collect())).await
}

impl From<Async<TcpStream>> for Socket {
    fn from(stream: Async<TcpStream>) -> Self {
        Self::Tcp(Arc::new(stream))
    }
}

impl From<Async<UnixStream>> for Socket {
    fn from(stream: Async<UnixStream>) -> Self {
        Self::Unix(Arc::new(stream))
    }
}

#[cfg(feature = "smol")]
impl From<smol::net::TcpStream> for Socket {
    fn from(stream: smol::net::TcpStream) -> Self {
        Self::Tcp(stream.into())
    }
}

#[cfg(feature = "smol")]
impl From<smol::net::unix::UnixStream> for Socket {
    fn from(stream: smol::net::unix::UnixStream) -> Self {
        Self::Unix(stream.into())
    }
}

#[cfg(feature = "async-std")]
impl TryFrom<async_std::net::TcpStream> for Socket {
    type Error = io::Error;

    /// Fails if there are clones of the stream.
    fn try_from(stream: async_std::net::TcpStream) -> io::Result<Self> {
        Ok(Async::new(TcpStream::try_from(stream)?)?.into())
    }
}

#[cfg(feature = "async-std")]
impl TryFrom<async_std::os::unix::net::UnixStream> for Socket {
    type Error = io::Error;

    /// Fails if there are clones of the stream.
    fn try_from(stream: async_std::os::unix::net::UnixStream) -> io::Result<Self> {
        Ok(Async::new(UnixStream::try_from(stream)?)?.into())
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
    Tcp(Async<TcpListener>),
    Unix(Async<UnixListener>),
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
                let addresses = resolve(host, *port).await?;
                let listener = TcpListener::bind(addresses.as_slice())?;
                endpoint::widen(&listener)?;
                let port = listener.local_addr()?.port();
                let endpoint = Endpoint::Tcp {
                    host: host.clone(),
                    port,
                };
                Ok(Self {
                    inner: Inner::Tcp(Async::new(listener)?),
                    endpoint,
                    _file: None,
                })
            }
            Endpoint::Unix { path } => {
                let (listener, file) = unix::bind(path)?;
                Ok(Self {
                    inner: Inner::Unix(Async::new(listener)?),
                    endpoint: endpoint.clone(),
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
            Inner::Unix(listener) => Ok(listener.accept().await?.0.into()),
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
        octets: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(&mut &**stream).poll_read(cx, octets),
            Self::Unix(stream) => Pin::new(&mut &**stream).poll_read(cx, octets),
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
            Self::Tcp(stream) => Pin::new(&mut &**stream).poll_write(cx, octets),
            Self::Unix(stream) => Pin::new(&mut &**stream).poll_write(cx, octets),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(&mut &**stream).poll_write_vectored(cx, slices),
            Self::Unix(stream) => Pin::new(&mut &**stream).poll_write_vectored(cx, slices),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // async-io's own `poll_close` only flushes.
        Poll::Ready(match self.get_mut() {
            Self::Tcp(stream) => stream.get_ref().shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.get_ref().shutdown(Shutdown::Write),
        })
    }
}
