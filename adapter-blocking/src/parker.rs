//! Where a thread sleeps while its connection has nothing to do.

use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use core::time::Duration;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, OnceLock};
use std::task::Wake;
use std::time::Instant as StdInstant;

use rawsocket_proto::time::Instant;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Collects what the pump waits for, and sleeps until it is there.
///
/// It is the pump's waker as well: a wake before the sleep keeps the thread from falling asleep,
/// one from another thread ends the sleep, through a pipe that exists only if asked for.
#[derive(Debug)]
pub(crate) struct Parker {
    epoch: StdInstant,
    /// [`AWAKE`], [`NOTIFIED`] or [`ASLEEP`].
    state: AtomicU8,
    /// [`READ`] and [`WRITE`].
    wants: AtomicU8,
    /// A deadline in nanoseconds since the epoch, or [`NEVER`].
    until: AtomicU64,
    pipe: OnceLock<(PipeReader, PipeWriter)>,
    closed: AtomicBool,
}

const AWAKE: u8 = 0;
const NOTIFIED: u8 = 1;
const ASLEEP: u8 = 2;

const READ: u8 = 1;
const WRITE: u8 = 2;

const NEVER: u64 = u64::MAX;

impl Parker {
    pub(crate) fn new() -> Self {
        Self {
            epoch: StdInstant::now(),
            state: AtomicU8::new(AWAKE),
            wants: AtomicU8::new(0),
            until: AtomicU64::new(NEVER),
            pipe: OnceLock::new(),
            closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_epoch(self.epoch.elapsed())
    }

    /// The socket had nothing to read.
    pub(crate) fn wants_read(&self) {
        self.wants.fetch_or(READ, Ordering::Relaxed);
    }

    /// The socket took no more.
    pub(crate) fn wants_write(&self) {
        self.wants.fetch_or(WRITE, Ordering::Relaxed);
    }

    /// There is something to do at this time.
    pub(crate) fn wants_time(&self, at: Instant) {
        self.until.store(nanos(at), Ordering::Relaxed);
    }

    /// Forgets what was waited for: the pump is about to look again.
    pub(crate) fn forget(&self) {
        self.wants.store(0, Ordering::Relaxed);
        self.until.store(NEVER, Ordering::Relaxed);
    }

    /// Makes it possible to wake the thread from another. To be called while it is awake.
    pub(crate) fn open_pipe(&self) -> io::Result<()> {
        if self.pipe.get().is_none() {
            // Of two that are made at once, one is kept.
            let _ = self.pipe.set(io::pipe()?);
        }
        Ok(())
    }

    /// Ends the sleep, for good.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.notify();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn notify(&self) {
        if self.state.swap(NOTIFIED, Ordering::AcqRel) == ASLEEP
            && let Some((_, writer)) = self.pipe.get()
        {
            // One octet for one sleep: the pipe is never full.
            let _ = (&*writer).write(&[0]);
        }
    }

    /// Sleeps until the socket is ready for what was wanted, a deadline comes, that of `until`
    /// included, or somebody wakes the thread. It may also return for no reason.
    pub(crate) fn park(&self, socket: BorrowedFd<'_>, until: Option<Instant>) -> io::Result<()> {
        let (done, fail) = (Ordering::AcqRel, Ordering::Acquire);
        let asleep = self.state.compare_exchange(AWAKE, ASLEEP, done, fail);
        if asleep.is_err() {
            self.state.store(AWAKE, Ordering::Release);
            return Ok(());
        }
        let slept = self.sleep(socket, until);
        if self.state.swap(AWAKE, Ordering::AcqRel) == NOTIFIED
            && let Some((reader, _)) = self.pipe.get()
        {
            (&*reader).read_exact(&mut [0])?;
        }
        slept
    }

    fn sleep(&self, socket: BorrowedFd<'_>, until: Option<Instant>) -> io::Result<()> {
        let wants = self.wants.load(Ordering::Relaxed);
        let mut events = PollFlags::empty();
        if wants & READ != 0 {
            events |= PollFlags::IN;
        }
        if wants & WRITE != 0 {
            events |= PollFlags::OUT;
        }
        let pipe = self.pipe.get().map(|(reader, _)| reader.as_fd());
        let mut fds = [
            PollFd::from_borrowed_fd(pipe.unwrap_or(socket), PollFlags::IN),
            PollFd::from_borrowed_fd(socket, events),
        ];
        // A socket of which nothing is wanted would still tell of its peer's end, without pause.
        let first = usize::from(pipe.is_none());
        let last = 1 + usize::from(!events.is_empty());
        let fds = fds.get_mut(first..last).unwrap_or_default();

        let deadline = self.until.load(Ordering::Relaxed);
        let deadline = until.map_or(deadline, |until| nanos(until).min(deadline));
        let left = (deadline != NEVER).then(|| {
            let left = Duration::from_nanos(deadline).saturating_sub(self.epoch.elapsed());
            Timespec::try_from(left)
        });
        // More than a time can tell is for ever.
        let left = left.and_then(Result::ok);
        match poll(fds, left.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.notify();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.notify();
    }
}

fn nanos(at: Instant) -> u64 {
    u64::try_from(at.since_epoch().as_nanos()).unwrap_or(NEVER)
}
