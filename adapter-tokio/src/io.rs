//! A tokio stream as the pump's transport.

use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use std::io;

use rawsocket_proto::connection::RecvBuf;
use rawsocket_proto::driver::Transport;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// Any tokio stream as a [`Transport`]: `TcpStream`, `UnixStream`, a TLS stream, a duplex pipe.
#[derive(Debug)]
pub struct TokioIo<T>(T);

impl<T> TokioIo<T> {
    /// Takes over a stream.
    pub const fn new(stream: T) -> Self {
        Self(stream)
    }

    /// The stream.
    pub const fn get_ref(&self) -> &T {
        &self.0
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Transport for TokioIo<T> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut RecvBuf<'_>) -> Poll<io::Result<()>> {
        // The future holds nothing but the borrow: it is made anew for each poll.
        pin!(self.0.read_buf(buf)).poll(cx).map_ok(|_| ())
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            [slice] => Pin::new(&mut self.0).poll_write(cx, slice),
            slices => Pin::new(&mut self.0).poll_write_vectored(cx, slices),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}
