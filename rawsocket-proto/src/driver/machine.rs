//! What the pump drives.

use std::io;

use crate::connection::{Connection, RecvBuf};
use crate::time::Instant;

/// A state machine between octets and events, in the grammar of [`Connection`]. Whatever speaks
/// it, such as another byte layer around or instead of RawSocket, runs on every adapter.
///
/// An event loop of one's own calls the same methods, in the order of
/// [the loop](crate::connection#the-loop).
pub trait Machine {
    /// See [`Connection::handle_read`].
    fn handle_read<R>(&mut self, now: Instant, read: impl FnOnce(&mut RecvBuf<'_>) -> R) -> R;
    /// As [`handle_read`](Self::handle_read), with a clock that need not be asked if nothing comes
    /// or the time makes no difference: for small messages it is a good part of the cost.
    fn handle_read_by<R>(
        &mut self,
        clock: impl FnOnce() -> Instant,
        read: impl FnOnce(&mut RecvBuf<'_>) -> R,
    ) -> R {
        self.handle_read(clock(), read)
    }
    /// See [`Connection::handle_eof`].
    fn handle_eof(&mut self, now: Instant);
    /// See [`Connection::handle_transmitted`].
    fn handle_transmitted(&mut self, count: usize);
    /// See [`Connection::handle_shutdown`].
    fn handle_shutdown(&mut self, now: Instant);
    /// See [`Connection::handle_timeout`].
    fn handle_timeout(&mut self, now: Instant);
    /// See [`Connection::close`].
    fn close(&mut self, now: Instant);
    /// See [`Connection::poll_transmit`].
    fn poll_transmit(&mut self) -> Option<&[u8]>;
    /// See [`Connection::poll_transmit_vectored`].
    fn poll_transmit_vectored<'m>(&'m mut self, slices: &mut [io::IoSlice<'m>]) -> usize;
    /// Whether there may be octets to transmit, or a shutdown is wanted. If not, neither is asked
    /// for: a quick answer to what is asked many times for each message.
    fn wants_write(&self) -> bool {
        true
    }
    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    fn poll_timeout(&self) -> Option<Instant>;
    /// See [`Connection::has_event`].
    fn has_event(&mut self) -> bool;
    /// See [`Connection::wants_read`].
    fn wants_read(&self) -> bool;
    /// See [`Connection::wants_shutdown`].
    fn wants_shutdown(&self) -> bool;
    /// See [`Connection::is_closed`].
    fn is_closed(&self) -> bool;
}

impl Machine for Connection {
    fn handle_read<R>(&mut self, now: Instant, read: impl FnOnce(&mut RecvBuf<'_>) -> R) -> R {
        self.handle_read(now, read)
    }

    fn handle_read_by<R>(
        &mut self,
        clock: impl FnOnce() -> Instant,
        read: impl FnOnce(&mut RecvBuf<'_>) -> R,
    ) -> R {
        // By path: as a method it would be this one.
        Self::handle_read_by(self, clock, read)
    }

    fn handle_eof(&mut self, now: Instant) {
        self.handle_eof(now);
    }

    fn handle_transmitted(&mut self, count: usize) {
        self.handle_transmitted(count);
    }

    fn handle_shutdown(&mut self, now: Instant) {
        self.handle_shutdown(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.handle_timeout(now);
    }

    fn close(&mut self, now: Instant) {
        self.close(now);
    }

    fn poll_transmit(&mut self) -> Option<&[u8]> {
        self.poll_transmit()
    }

    fn poll_transmit_vectored<'m>(&'m mut self, slices: &mut [io::IoSlice<'m>]) -> usize {
        // By path: as a method it would be this one.
        Self::poll_transmit_vectored(self, slices)
    }

    #[inline]
    fn wants_write(&self) -> bool {
        self.wants_write()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.poll_timeout().map(|deadline| deadline.at)
    }

    fn has_event(&mut self) -> bool {
        self.has_event()
    }

    fn wants_read(&self) -> bool {
        self.wants_read()
    }

    fn wants_shutdown(&self) -> bool {
        self.wants_shutdown()
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }
}
