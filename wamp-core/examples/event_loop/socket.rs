//! TCP and Unix sockets of mio, under one name each.

use std::io::{self, Read, Write};
use std::net::{Shutdown, ToSocketAddrs as _};

use mio::event::Source;
use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use wamp_rawsocket_core::endpoint::Endpoint;
use wamp_rawsocket_core::endpoint::unix::{self, SocketFile};

/// A socket that is connected, or about to be.
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Begins to connect. A host's name is looked up at once, which may take a while, and its first
    /// address counts.
    pub(crate) fn connect(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp { host, port } => {
                let address = (host.as_str(), *port).to_socket_addrs()?.next();
                let address = address.ok_or(io::ErrorKind::NotFound)?;
                Self::tcp(TcpStream::connect(address)?)
            }
            Endpoint::Unix { path } => {
                let stream = UnixStream::connect_addr(&unix::address(path)?)?;
                Ok(Self::Unix(stream))
            }
            other => Err(other.unsupported()),
        }
    }

    /// Without Nagle's algorithm, which would only make small messages wait.
    fn tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream))
    }

    /// Whether connecting is over. To be asked when the socket becomes writable.
    pub(crate) fn is_connected(&self) -> io::Result<bool> {
        let (error, peer) = match self {
            Self::Tcp(stream) => (stream.take_error()?, stream.peer_addr().map(drop)),
            Self::Unix(stream) => (stream.take_error()?, stream.peer_addr().map(drop)),
        };
        match (error, peer) {
            (Some(error), _) => Err(error),
            (None, Err(error)) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            (None, peer) => peer.map(|()| true),
        }
    }

    /// Closes the sending side.
    pub(crate) fn shut_down(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    /// As mio watches it.
    pub(crate) fn as_source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
        }
    }
}

impl Read for Socket {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(octets),
            Self::Unix(stream) => stream.read(octets),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(octets),
            Self::Unix(stream) => stream.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A listening socket.
pub(crate) struct Listener {
    /// Removed with the listener.
    _file: Option<SocketFile>,
    inner: Inner,
    endpoint: Endpoint,
}

enum Inner {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    pub(crate) fn bind(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp { host, port } => {
                let listener = std::net::TcpListener::bind((host.as_str(), *port))?;
                listener.set_nonblocking(true)?;
                let endpoint = Endpoint::Tcp {
                    host: host.clone(),
                    port: listener.local_addr()?.port(),
                };
                Ok(Self {
                    _file: None,
                    inner: Inner::Tcp(TcpListener::from_std(listener)),
                    endpoint,
                })
            }
            Endpoint::Unix { path } => {
                let (listener, file) = unix::bind(path)?;
                Ok(Self {
                    _file: file,
                    inner: Inner::Unix(UnixListener::from_std(listener)),
                    endpoint: endpoint.clone(),
                })
            }
            other => Err(other.unsupported()),
        }
    }

    /// Where it listens, with the real port.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn accept(&self) -> io::Result<Socket> {
        match &self.inner {
            Inner::Tcp(listener) => Socket::tcp(listener.accept()?.0),
            Inner::Unix(listener) => Ok(Socket::Unix(listener.accept()?.0)),
        }
    }

    /// As mio watches it.
    pub(crate) fn as_source(&mut self) -> &mut dyn Source {
        match &mut self.inner {
            Inner::Tcp(listener) => listener,
            Inner::Unix(listener) => listener,
        }
    }
}
