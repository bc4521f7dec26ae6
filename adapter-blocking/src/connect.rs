//! Connecting without being stuck in it.

use core::future::poll_fn;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::addr::SocketAddrArg;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use wamp_core::endpoint::{Endpoint, unix};

use crate::clock::sleep;
use crate::seat;
use crate::socket::Socket;

/// A socket connected to an endpoint, non-blocking. Dropped, it closes what it opened.
pub(crate) async fn connect(endpoint: &Endpoint) -> io::Result<Arc<Socket>> {
    match endpoint {
        Endpoint::Tcp { host, port } => {
            let mut failed = io::Error::from(ErrorKind::NotFound);
            for address in (host.as_str(), *port).to_socket_addrs()? {
                match tcp(&address).await {
                    Ok(socket) => return Ok(socket),
                    Err(error) => failed = error,
                }
            }
            Err(failed)
        }
        Endpoint::Unix { path } => {
            let (socket, address) = (open_unix()?, unix_address(path)?);
            while let Err(error) = established(&socket, &address).await {
                // Its listener has many to accept already, and nothing tells when there is room.
                if error.kind() != ErrorKind::WouldBlock {
                    return Err(error);
                }
                sleep(RETRY).await;
            }
            Ok(socket)
        }
        other => Err(other.unsupported()),
    }
}

/// How long to wait for room among the connections that a Unix socket's listener is to accept.
const RETRY: Duration = Duration::from_millis(2);

async fn tcp(address: &SocketAddr) -> io::Result<Arc<Socket>> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let stream = TcpStream::from(open(family)?);
    stream.set_nodelay(true)?;
    let socket = Arc::new(Socket::from(stream));
    established(&socket, address).await?;
    Ok(socket)
}

fn open_unix() -> io::Result<Arc<Socket>> {
    let stream = UnixStream::from(open(AddressFamily::UNIX)?);
    Ok(Arc::new(Socket::from(stream)))
}

/// A socket that is non-blocking, and not inherited by other programs.
fn open(family: AddressFamily) -> io::Result<OwnedFd> {
    #[cfg(not(target_vendor = "apple"))]
    {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        Ok(rustix::net::socket_with(
            family,
            SocketType::STREAM,
            flags,
            None,
        )?)
    }
    #[cfg(target_vendor = "apple")]
    {
        let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        Ok(socket)
    }
}

fn unix_address(path: &str) -> io::Result<SocketAddrUnix> {
    // It knows what is wrong with a path.
    unix::address(path)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = path.strip_prefix('@') {
        return Ok(SocketAddrUnix::new_abstract_name(name.as_bytes())?);
    }
    Ok(SocketAddrUnix::new(path)?)
}

async fn established(socket: &Arc<Socket>, address: &impl SocketAddrArg) -> io::Result<()> {
    match rustix::net::connect(socket, address) {
        Ok(()) => Ok(()),
        // An interrupted one goes on, too.
        Err(Errno::INPROGRESS | Errno::INTR) => poll_fn(|cx| poll_established(socket, cx)).await,
        Err(error) => Err(error.into()),
    }
}

fn poll_established(socket: &Arc<Socket>, cx: &Context<'_>) -> Poll<io::Result<()>> {
    sockopt::socket_error(socket.as_fd())??;
    // Neither failed nor connected: it goes on, and this was a wake for another reason.
    match rustix::net::getpeername(socket.as_fd()) {
        Err(Errno::NOTCONN) => {
            seat::wants(socket, PollFlags::OUT, cx);
            Poll::Pending
        }
        connected => Poll::Ready(Ok(connected.map(drop)?)),
    }
}
