//! Listening sockets.

use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use rustix::event::PollFlags;
use wamp_core::endpoint::unix::{self, SocketFile};
use wamp_core::endpoint::{self, Endpoint};

use crate::closer::{Closer, wait};
use crate::io::Stream;
use crate::seat;
use crate::socket::Socket;

/// A listening socket.
///
/// A Unix socket's file is removed when the listener is dropped. A file that a dead listener left
/// behind is replaced; one that still answers, or that is no socket, is not.
#[derive(Debug)]
pub struct Listener {
    /// Removed with the listener, and before it: as long as that is open, nobody takes the file for
    /// stale, and no other has its number.
    _file: Option<SocketFile>,
    inner: Arc<Inner>,
    endpoint: Endpoint,
    closer: Closer,
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
                endpoint::widen(&listener)?;
                let port = listener.local_addr()?.port();
                let endpoint = Endpoint::Tcp {
                    host: host.clone(),
                    port,
                };
                listener.set_nonblocking(true)?;
                Ok(Self::new(Inner::Tcp(listener), endpoint, None))
            }
            Endpoint::Unix { path } => {
                let (listener, file) = unix::bind(path)?;
                Ok(Self::new(Inner::Unix(listener), endpoint.clone(), file))
            }
            other => Err(other.unsupported()),
        }
    }

    fn new(inner: Inner, endpoint: Endpoint, file: Option<SocketFile>) -> Self {
        Self {
            _file: file,
            inner: Arc::new(inner),
            endpoint,
            closer: Closer::new(),
        }
    }

    /// Waits for the next connection. Any number of threads may wait at once. The socket is one
    /// that blocks, as the standard library's do.
    ///
    /// # Errors
    ///
    /// Those of the operating system. They concern one connection or pass, such as too many open
    /// files: the listener goes on. A [`closer`](Self::closer) ends it with
    /// [`NotConnected`](io::ErrorKind::NotConnected).
    pub fn accept(&self) -> io::Result<Socket> {
        let socket = wait(Some(&self.closer), self.next())??;
        // Some systems' sockets are as their listener is.
        socket.set_nonblocking(false)?;
        Ok(socket)
    }

    /// What ends [`accept`](Self::accept), from any thread and for all that wait in it.
    pub fn closer(&self) -> Closer {
        self.closer.clone()
    }

    /// The next connection. Dropped, it loses none.
    pub(crate) async fn next(&self) -> io::Result<Socket> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&self, cx: &Context<'_>) -> Poll<io::Result<Socket>> {
        let accepted = match &*self.inner {
            Inner::Tcp(listener) => listener.accept().and_then(|(stream, _)| {
                stream.set_nodelay(true)?;
                Ok(stream.into())
            }),
            Inner::Unix(listener) => listener.accept().map(|(stream, _)| stream.into()),
        };
        match accepted {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                seat::wants(&self.inner, PollFlags::IN, cx);
                Poll::Pending
            }
            accepted => Poll::Ready(accepted),
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

impl AsFd for Inner {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
        }
    }
}
