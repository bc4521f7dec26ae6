//! How a thread sleeps, and how another wakes it.

use core::array;
use core::sync::atomic::{AtomicU8, Ordering};
use core::time::Duration;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::task::Wake;
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// What a thread waits for on a descriptor, which stays open meanwhile.
pub(crate) struct Want {
    pub(crate) source: Arc<dyn AsFd>,
    pub(crate) events: PollFlags,
}

impl Want {
    fn fd(&self) -> PollFd<'_> {
        PollFd::from_borrowed_fd(self.source.as_fd(), self.events)
    }
}

/// The bed of one thread, and its alarm.
///
/// A thread that waits for descriptors sleeps in `poll(2)`, where only a pipe reaches it; one that
/// waits for nothing but a wake sleeps on a condition variable. A wake that comes before the sleep
/// keeps the thread from falling asleep: none is lost.
#[derive(Debug)]
pub(crate) struct Parker {
    /// [`AWAKE`], [`NOTIFIED`], [`PARKED`] or [`POLLING`].
    state: AtomicU8,
    bed: Mutex<()>,
    alarm: Condvar,
    /// Made for the first sleep in `poll(2)` that a wake might have to end.
    pipe: OnceLock<(PipeReader, PipeWriter)>,
}

const AWAKE: u8 = 0;
const NOTIFIED: u8 = 1;
/// Asleep on the condition variable.
const PARKED: u8 = 2;
/// Asleep in `poll(2)`.
const POLLING: u8 = 3;

/// Descriptors that are waited for without an allocation, the pipe's included.
const FEW: usize = 4;

/// How long a thread sleeps that cannot be woken because there is no pipe to be had.
const SNOOZE: Duration = Duration::from_millis(10);

impl Parker {
    pub(crate) const fn new() -> Self {
        Self {
            state: AtomicU8::new(AWAKE),
            bed: Mutex::new(()),
            alarm: Condvar::new(),
            pipe: OnceLock::new(),
        }
    }

    /// Sleeps until one of the descriptors is ready, the time is over, or somebody wakes the
    /// thread. It may also return for no reason.
    ///
    /// `wakeable` is whether anybody else might wake it.
    pub(crate) fn sleep(&self, wants: &[Want], time: Option<Duration>, wakeable: bool) {
        if wants.is_empty() {
            self.park(time);
        } else {
            self.poll(wants, time, wakeable);
        }
    }

    fn park(&self, time: Option<Duration>) {
        // Nothing is kept in there that a panic could leave half done.
        let bed = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
        if self.lie_down(PARKED) {
            match time {
                Some(time) => drop(self.alarm.wait_timeout(bed, time)),
                None => drop(self.alarm.wait(bed)),
            }
        }
        self.state.swap(AWAKE, Ordering::AcqRel);
    }

    fn poll(&self, wants: &[Want], time: Option<Duration>, wakeable: bool) {
        let pipe = if wakeable { self.pipe() } else { None };
        let time = if wakeable && pipe.is_none() {
            Some(time.map_or(SNOOZE, |time| time.min(SNOOZE)))
        } else {
            time
        };
        if !self.lie_down(POLLING) {
            // A second wake that this undoes is to be seen: what it tells of is looked at next.
            self.state.swap(AWAKE, Ordering::AcqRel);
            return;
        }
        wait_for(wants, pipe.map(|(reader, _)| reader.as_fd()), time);
        if self.state.swap(AWAKE, Ordering::AcqRel) == NOTIFIED
            && let Some((reader, _)) = self.pipe.get()
        {
            // On its way, if it is not there yet. There is nobody to tell of a broken pipe.
            let _ = (&*reader).read_exact(&mut [0]);
        }
    }

    /// Whether the thread may sleep: nobody woke it since it last slept.
    fn lie_down(&self, how: u8) -> bool {
        self.state
            .compare_exchange(AWAKE, how, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    fn pipe(&self) -> Option<&(PipeReader, PipeWriter)> {
        if self.pipe.get().is_none() {
            // Only the thread that sleeps makes it.
            let _ = self.pipe.set(io::pipe().ok()?);
        }
        self.pipe.get()
    }

    fn notify(&self) {
        match self.state.swap(NOTIFIED, Ordering::AcqRel) {
            PARKED => {
                // It holds the lock until it is on the alarm's list.
                drop(self.bed.lock());
                self.alarm.notify_one();
            }
            POLLING => {
                if let Some((_, writer)) = self.pipe.get() {
                    // One octet for one sleep: the pipe is never full.
                    let _ = (&*writer).write_all(&[0]);
                }
            }
            _ => {}
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

/// `poll(2)`, once.
fn wait_for(wants: &[Want], pipe: Option<BorrowedFd<'_>>, time: Option<Duration>) {
    let Some(first) = wants.first() else {
        return;
    };
    let count = wants.len() + usize::from(pipe.is_some());
    let pipe = pipe.map(|pipe| PollFd::from_borrowed_fd(pipe, PollFlags::IN));
    let mut fds = wants.iter().map(Want::fd).chain(pipe);

    // More than a time can tell is for ever.
    let time = time.and_then(|time| Timespec::try_from(time).ok());
    let done = if count <= FEW {
        let mut few: [_; FEW] = array::from_fn(|_| fds.next().unwrap_or_else(|| first.fd()));
        poll(few.get_mut(..count).unwrap_or_default(), time.as_ref())
    } else {
        poll(&mut fds.collect::<Vec<_>>(), time.as_ref())
    };
    match done {
        Ok(_) | Err(Errno::INTR) => {}
        // The system is short of memory for a moment.
        Err(_) => thread::sleep(SNOOZE),
    }
}
