//! What an adapter provides.

use alloc::boxed::Box;
use core::task::{Context, Poll};
use std::io;

use crate::connection::RecvBuf;
use crate::time::Instant;

/// A stream of octets in both directions: a socket, a pipe, a TLS session.
///
/// All methods follow the rules of `core::task`: on `Pending` the waker of `cx` is woken when it
/// is worth another call. Reading and writing are polled by one task.
pub trait Transport {
    /// Appends octets to `buf`, as many as are there and at most what it has room for. `Ready`
    /// without any appended is the end of the stream.
    ///
    /// A transport that was empty after its last read may be `Pending` once without another look.
    ///
    /// # Errors
    ///
    /// Those of the transport. They end the connection.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut RecvBuf<'_>) -> Poll<io::Result<()>>;

    /// Writes octets of `slices`, from the first on, and returns how many. No slice is empty.
    ///
    /// # Errors
    ///
    /// Those of the transport. They end the connection.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Sees to it that what was written leaves, where the transport holds it back.
    ///
    /// # Errors
    ///
    /// Those of the transport. They end the connection.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Closes the sending side: the peer reads the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of the transport. They end the connection.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Whether [`poll_write`](Self::poll_write) writes more than the first slice. If not, it is
    /// given one slice, in which a frame's header never stands alone.
    fn is_write_vectored(&self) -> bool;
}

/// A clock, and a way to be woken by it.
pub trait Timer {
    /// The time now. It never goes back.
    fn now(&self) -> Instant;

    /// `Ready` once `at` has come. Only the latest call counts.
    fn poll_until(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()>;

    /// Nothing is waited for any more. What was held for it may be given back, and there need be no
    /// wake-up. By default nothing happens.
    fn cancel(&mut self) {}
}

/// Whether it is the peer that ended the transport, other than in order: by a reset, or by closing
/// it before all was said. During the handshake that is a refusal.
pub fn is_hangup(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};

    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected
    )
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut RecvBuf<'_>) -> Poll<io::Result<()>> {
        (**self).poll_read(cx, buf)
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        (**self).poll_write(cx, slices)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        (**self).poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        (**self).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        (**self).is_write_vectored()
    }
}

impl<T: Timer + ?Sized> Timer for Box<T> {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        (**self).poll_until(cx, at)
    }

    fn cancel(&mut self) {
        (**self).cancel();
    }
}
