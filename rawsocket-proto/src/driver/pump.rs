//! The pump.

use core::task::{Context, Poll, ready};
use std::io;

use super::{Machine, Timer, Transport};

/// A state machine, its transport and its clock.
///
/// Each `poll_*` method writes, reads and looks at the clock as far as it gets, and a bounded
/// number of times, so that one busy peer does not starve the others of the task's thread. Only
/// one of them is to be pending at a time, because each replaces the waker of the others.
#[derive(Debug)]
pub struct Pump<M, T, C> {
    machine: M,
    transport: T,
    timer: C,
    /// Octets that the transport took.
    pub(super) written: u64,
    /// Those of them that were flushed since.
    pub(super) flushed: u64,
    /// A flush is due although there is more to write.
    pub(super) hurry: bool,
    /// The transport did not take all that it was offered last.
    stalled: bool,
    /// A write failed. The peer may have said why, so what it sent is read first.
    pub(super) broken: Option<io::Error>,
    /// How often there was nothing to read since.
    idle: u8,
}

/// Pieces in one vectored write.
const SLICES: usize = 32;

/// Pieces that are asked for first. Mostly there is nothing to write, or one piece, or a header with
/// its payload, and many slices are not made for that.
const FEW_SLICES: usize = 4;

/// What one round brought.
enum Round {
    Progress,
    Idle,
}

impl<M: Machine, T: Transport, C: Timer> Pump<M, T, C> {
    /// Rounds within one poll, each with at most one read and a few writes.
    const ROUNDS: usize = 32;

    /// Polls without anything to read, after which a failed write is told of. More than one: a
    /// transport may be `Pending` only to let other tasks go first.
    const PATIENCE: u8 = 2;

    /// Puts the three together.
    pub const fn new(machine: M, transport: T, timer: C) -> Self {
        Self {
            machine,
            transport,
            timer,
            written: 0,
            flushed: 0,
            hurry: false,
            stalled: false,
            broken: None,
            idle: 0,
        }
    }

    /// The state machine. After commands, poll so that they take effect.
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    /// The state machine. After commands, poll so that they take effect.
    pub const fn machine_mut(&mut self) -> &mut M {
        &mut self.machine
    }

    /// The transport.
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    /// The transport, for its settings or to put another in its place. To read or write would tear
    /// frames.
    pub const fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// The clock.
    pub const fn timer(&self) -> &C {
        &self.timer
    }

    /// Takes the three apart. What the state machine still had to send stays with it.
    pub fn into_parts(self) -> (M, T, C) {
        (self.machine, self.transport, self.timer)
    }

    /// Runs until the state machine has an event or an error to poll, or is closed.
    ///
    /// # Errors
    ///
    /// Those of the transport.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_until(cx, |machine| machine.has_event() || machine.is_closed())
    }

    /// Runs until `done` says so. It is asked before each write, and again if something was
    /// written. It may act on the state machine: what it adds is written before the next wait.
    ///
    /// # Errors
    ///
    /// Those of the transport.
    pub fn poll_until(
        &mut self,
        cx: &mut Context<'_>,
        mut done: impl FnMut(&mut M) -> bool,
    ) -> Poll<io::Result<()>> {
        self.poll_while(cx, |pump| !done(&mut pump.machine))
    }

    /// Writes what the transport takes at once. It is never pending.
    ///
    /// # Errors
    ///
    /// Those of the transport.
    pub fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(cx);
        Poll::Ready(self.broken.take().map_or(Ok(()), Err))
    }

    /// Runs until all that is queued is handed to the transport and flushed, without waiting for
    /// events. Events that come meanwhile stay to be polled, and nothing is read until they are.
    ///
    /// # Errors
    ///
    /// Those of the transport.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_while(cx, Self::has_unsent)
    }

    /// Whether something is still to be written or flushed.
    pub(super) fn has_unsent(&mut self) -> bool {
        self.flushed < self.written || self.has_output() && !self.machine.is_closed()
    }

    /// Closes in order and runs until that is over. After an error of the state machine it sends
    /// what is still to be said, such as a refusal.
    ///
    /// # Errors
    ///
    /// Those of the transport.
    pub fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.machine.close(self.timer.now());
        self.poll_while(cx, |pump| !pump.machine.is_closed())
    }

    /// Runs as long as `goes_on` says so, which is asked before each write, and again if that
    /// changed anything.
    pub(super) fn poll_while(
        &mut self,
        cx: &mut Context<'_>,
        mut goes_on: impl FnMut(&mut Self) -> bool,
    ) -> Poll<io::Result<()>> {
        for _ in 0..Self::ROUNDS {
            let done = !goes_on(self);
            let wrote = self.write(cx);
            if done || wrote && !goes_on(self) {
                return Poll::Ready(Ok(()));
            }
            match (self.round(cx), self.broken.take()) {
                (Ok(Round::Progress), broken) => (self.broken, self.idle) = (broken, 0),
                (Ok(Round::Idle), Some(error)) if self.idle < Self::PATIENCE => {
                    (self.broken, self.idle) = (Some(error), self.idle + 1);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                (Ok(Round::Idle), None) => return Poll::Pending,
                (Ok(Round::Idle) | Err(_), Some(error)) | (Err(error), None) => {
                    return Poll::Ready(Err(error));
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Only a look: the other way of asking joins a header with its payload.
    fn has_output(&mut self) -> bool {
        let mut slices = [io::IoSlice::new(&[])];
        self.machine.poll_transmit_vectored(&mut slices) > 0
    }

    /// Reads once, then looks at the clock. In this order: what came in time must not count as
    /// late because nobody polled meanwhile.
    fn round(&mut self, cx: &mut Context<'_>) -> io::Result<Round> {
        let mut round = self.read(cx)?;
        if let Some(at) = self.machine.poll_timeout() {
            // The clock decides, not the timer: that may be late.
            let due = self.timer.now() >= at || self.timer.poll_until(cx, at).is_ready();
            if due {
                if matches!(round, Round::Idle) {
                    // The transport may have told what it knew since it was last empty. Now it looks.
                    self.read(cx)?;
                }
                self.machine.handle_timeout(self.timer.now());
                round = Round::Progress;
            }
        } else {
            self.timer.cancel();
        }
        Ok(round)
    }

    /// Reads once, if more is wanted.
    fn read(&mut self, cx: &mut Context<'_>) -> io::Result<Round> {
        let mut round = Round::Idle;
        if self.machine.wants_read() {
            let (transport, timer) = (&mut self.transport, &self.timer);
            let (read, nothing) = self.machine.handle_read_by(
                || timer.now(),
                |buf| {
                    let before = buf.get_ref().len();
                    let read = transport.poll_read(cx, buf);
                    (read, buf.get_ref().len() == before)
                },
            );
            match read {
                Poll::Ready(Ok(())) => {
                    if nothing {
                        // After a reset some systems tell of it once, and of an end from then on.
                        self.broken.take().map_or(Ok(()), Err)?;
                        self.machine.handle_eof(self.timer.now());
                    }
                    round = Round::Progress;
                }
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {
                    round = Round::Progress;
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => {}
            }
        }
        Ok(round)
    }

    /// Writes, flushes and shuts down as far as the transport takes it. Returns whether there was
    /// anything of that to do.
    #[inline]
    pub(super) fn write(&mut self, cx: &mut Context<'_>) -> bool {
        let mine = self.hurry || self.flushed < self.written;
        if !mine && !self.machine.wants_write() {
            self.stalled = false;
            return false;
        }
        self.write_out(cx, mine)
    }

    fn write_out(&mut self, cx: &mut Context<'_>, mut acted: bool) -> bool {
        if self.broken.is_some() {
            return false;
        }
        let written = self.poll_written(cx, &mut acted);
        self.stalled = written.is_pending();
        if let Poll::Ready(Err(error)) = written {
            self.broken = Some(error);
        }
        acted
    }

    /// Whether the transport took all that it was offered, so that what is queued since may wait
    /// for more to join it.
    pub(super) const fn is_settled(&self) -> bool {
        !self.stalled && self.broken.is_none()
    }

    fn poll_written(&mut self, cx: &mut Context<'_>, acted: &mut bool) -> Poll<io::Result<()>> {
        if self.hurry {
            ready!(self.poll_transport_flush(cx))?;
        }
        for _ in 0..Self::ROUNDS {
            let Some((offered, written)) = self.poll_write_once(cx) else {
                return self.poll_flushed(cx, acted);
            };
            *acted = true;
            match ready!(written) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) if count > offered => {
                    let lie = "the transport claims to have written more than it was given";
                    return Poll::Ready(Err(io::Error::other(lie)));
                }
                Ok(count) => {
                    self.stalled = false;
                    self.written += count as u64;
                    self.machine.handle_transmitted(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        // The transport takes more: come back, after the reads had their turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Offers what there is to write, if there is anything. Returns how many octets were offered,
    /// and how many were written.
    fn poll_write_once(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Option<(usize, Poll<io::Result<usize>>)> {
        if !self.transport.is_write_vectored() {
            let octets = self.machine.poll_transmit()?;
            let slices = [io::IoSlice::new(octets)];
            return Some((octets.len(), self.transport.poll_write(cx, &slices)));
        }
        let mut slices = [io::IoSlice::new(&[]); FEW_SLICES];
        let filled = self.machine.poll_transmit_vectored(&mut slices);
        // Where the last write was not taken, this may well be the same. Where there is room left
        // for a header and its payload, there was nothing more.
        if self.stalled || filled + 2 <= FEW_SLICES {
            let slices = slices.get(..filled).filter(|slices| !slices.is_empty())?;
            return Some((octets(slices), self.transport.poll_write(cx, slices)));
        }
        let mut slices = [io::IoSlice::new(&[]); SLICES];
        let filled = self.machine.poll_transmit_vectored(&mut slices);
        let slices = slices.get(..filled).unwrap_or_default();
        Some((octets(slices), self.transport.poll_write(cx, slices)))
    }

    fn poll_flushed(&mut self, cx: &mut Context<'_>, acted: &mut bool) -> Poll<io::Result<()>> {
        ready!(self.poll_transport_flush(cx))?;
        if self.machine.wants_shutdown() {
            *acted = true;
            ready!(unless_interrupted(self.transport.poll_shutdown(cx), cx))?;
            self.machine.handle_shutdown(self.timer.now());
        }
        Poll::Ready(Ok(()))
    }

    fn poll_transport_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.flushed < self.written {
            ready!(unless_interrupted(self.transport.poll_flush(cx), cx))?;
            self.flushed = self.written;
        }
        self.hurry = false;
        Poll::Ready(Ok(()))
    }
}

/// How many octets these are.
fn octets(slices: &[io::IoSlice<'_>]) -> usize {
    slices.iter().map(|slice| slice.len()).sum()
}

/// An interrupted call is to be made again.
fn unless_interrupted(poll: Poll<io::Result<()>>, cx: &Context<'_>) -> Poll<io::Result<()>> {
    match poll {
        Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        poll => poll,
    }
}
