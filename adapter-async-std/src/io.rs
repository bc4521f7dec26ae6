//! A `futures-io` stream as the pump's transport.

use core::any::{Any, TypeId};
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;

use async_io::Async;
use futures_io::{AsyncRead, AsyncWrite};
use rawsocket_proto::connection::RecvBuf;
use rawsocket_proto::driver::{Transport, poll_read_slice};

use crate::net::Socket;

/// Any `futures-io` stream as a [`Transport`]: a socket, a TLS stream, a pipe.
///
/// `futures-io` does not tell which streams write more than the first of several slices. Of the
/// sockets named here it is known; any other stream is given one slice at a time, in which a
/// frame's header never stands alone. smol's and async-std's own Unix sockets are among those
/// others: turned into a [`Socket`] they write vectored.
///
/// A stream's `poll_close` has to close its sending side, else the peer never reads the end of the
/// stream. async-io's and async-std's sockets do not do so, and are shut down here.
#[derive(Debug)]
pub struct FuturesIo<T> {
    stream: T,
    vectored: bool,
}

impl<T: 'static> FuturesIo<T> {
    /// Takes over a stream.
    pub fn new(stream: T) -> Self {
        let vectored = [
            TypeId::of::<Socket>(),
            TypeId::of::<Async<TcpStream>>(),
            TypeId::of::<Async<UnixStream>>(),
            #[cfg(feature = "smol")]
            TypeId::of::<smol::net::TcpStream>(),
            #[cfg(feature = "async-std")]
            TypeId::of::<async_std::net::TcpStream>(),
        ]
        .contains(&TypeId::of::<T>());
        Self { stream, vectored }
    }

    /// The stream.
    pub const fn get_ref(&self) -> &T {
        &self.stream
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + 'static> Transport for FuturesIo<T> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut RecvBuf<'_>) -> Poll<io::Result<()>> {
        // Straight into the receive buffer, which only the system's own call can.
        if let Some(socket) = (&self.stream as &dyn Any).downcast_ref::<Socket>() {
            return socket.poll_read_buf(cx, buf);
        }
        poll_read_slice(buf, |octets| {
            Pin::new(&mut self.stream).poll_read(cx, octets)
        })
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            [slice] => Pin::new(&mut self.stream).poll_write(cx, slice),
            slices => Pin::new(&mut self.stream).poll_write_vectored(cx, slices),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_close(cx))?;
        Poll::Ready(shut_down(&self.stream))
    }

    fn is_write_vectored(&self) -> bool {
        self.vectored
    }
}

/// Closes the sending side of those streams whose `poll_close` only flushes.
fn shut_down(stream: &dyn Any) -> io::Result<()> {
    if let Some(stream) = stream.downcast_ref::<Async<TcpStream>>() {
        return stream.get_ref().shutdown(Shutdown::Write);
    }
    if let Some(stream) = stream.downcast_ref::<Async<UnixStream>>() {
        return stream.get_ref().shutdown(Shutdown::Write);
    }
    #[cfg(feature = "async-std")]
    {
        if let Some(stream) = stream.downcast_ref::<async_std::net::TcpStream>() {
            return stream.shutdown(Shutdown::Write);
        }
        if let Some(stream) = stream.downcast_ref::<async_std::os::unix::net::UnixStream>() {
            return stream.shutdown(Shutdown::Write);
        }
    }
    Ok(())
}
