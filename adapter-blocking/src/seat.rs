//! Where a thread waits: what its future waits for, and the sleep until that is there.
//!
//! A method that waits runs its future with [`block_on`]. Whatever a poll leaves pending, a read, a
//! write, a deadline, is noted at the thread's *seat*, and the thread sleeps until one of them
//! comes or somebody wakes it. Before each poll the seat is cleared: a future that is polled
//! polls all that it waits for.
//!
//! A future may call a method that waits, as a handler does that makes a call. Each has a seat of
//! its own, of which the innermost is the one in use.

use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::pin;
use core::sync::atomic::{Ordering, fence};
use core::task::{Context, Poll};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use rawsocket_proto::time::Instant;
use rustix::event::PollFlags;

use crate::clock;
use crate::parker::{Parker, Want};
use crate::pool::Task;

/// Runs a future to its end on this thread.
pub(crate) fn block_on<F: Future>(work: F) -> F::Output {
    let taken = Taken::new();
    let seat = &*taken.0;
    let mut work = pin!(work);
    let mut cx = Context::from_waker(&seat.waker);
    loop {
        seat.clear();
        if let Poll::Ready(output) = work.as_mut().poll(&mut cx) {
            return output;
        }
        seat.drop_orphans();
        seat.sleep();
    }
}

/// The future that is being polled waits until `source` is ready for `events`.
pub(crate) fn wants(source: &Arc<impl AsFd + 'static>, events: PollFlags, cx: &Context<'_>) {
    match Seat::current() {
        Some(seat) => seat.wants(source, events),
        None => come_back(cx),
    }
}

/// The future that is being polled waits until `at`.
pub(crate) fn wants_time(at: Instant, cx: &Context<'_>) {
    match Seat::current() {
        Some(seat) => {
            let sooner = seat.until.get().is_none_or(|until| at < until);
            seat.until
                .set(if sooner { Some(at) } else { seat.until.get() });
        }
        None => come_back(cx),
    }
}

/// Drops a task that will not run, once the future that is being polled holds no lock.
pub(crate) fn orphan(task: Task) {
    if let Some(seat) = Seat::current() {
        let mut orphans = seat.orphans.take();
        orphans.push(task);
        seat.orphans.set(orphans);
    }
}

/// Polled by a stranger, which does not know how to wait for it: it asks again, and again.
fn come_back(cx: &Context<'_>) {
    cx.waker().wake_by_ref();
}

struct Seat {
    parker: Arc<Parker>,
    waker: Waker,
    wants: Cell<Vec<Want>>,
    until: Cell<Option<Instant>>,
    orphans: Cell<Vec<Task>>,
}

impl Seat {
    /// Those who hold the parker if nobody else might wake the thread: the seat and its waker.
    const OWNERS: usize = 2;

    fn current() -> Option<Rc<Self>> {
        SEATS.try_with(Seats::current).ok().flatten()
    }

    fn wants(&self, source: &Arc<impl AsFd + 'static>, events: PollFlags) {
        let mut wants = self.wants.take();
        let address = Arc::as_ptr(source).cast::<()>();
        match wants
            .iter_mut()
            .find(|want| Arc::as_ptr(&want.source).cast::<()>() == address)
        {
            Some(want) => want.events |= events,
            None => wants.push(Want {
                source: source.clone(),
                events,
            }),
        }
        self.wants.set(wants);
    }

    fn clear(&self) {
        // Taken out: a descriptor that is closed with this may be of a type that runs whatever.
        let mut wants = self.wants.take();
        wants.clear();
        self.wants.set(wants);
        self.until.set(None);
    }

    /// One that is dropped may leave others.
    fn drop_orphans(&self) {
        loop {
            let orphans = self.orphans.take();
            if orphans.is_empty() {
                return;
            }
            drop(orphans);
        }
    }

    fn sleep(&self) {
        let wakeable = Arc::strong_count(&self.parker) > Self::OWNERS;
        // Who had a waker and dropped it may have used it: that is seen from here on.
        fence(Ordering::Acquire);
        let time = self
            .until
            .get()
            .map(|at| at.saturating_duration_since(clock::now()));
        let wants = self.wants.take();
        self.parker.sleep(&wants, time, wakeable);
        self.wants.set(wants);
    }
}

impl Default for Seat {
    fn default() -> Self {
        let parker = Arc::new(Parker::new());
        Self {
            waker: Waker::from(parker.clone()),
            parker,
            wants: Cell::default(),
            until: Cell::default(),
            orphans: Cell::default(),
        }
    }
}

/// The seats of a thread, for calls within calls; they are kept for the next ones.
struct Seats {
    taken: Cell<usize>,
    all: RefCell<Vec<Rc<Seat>>>,
}

thread_local! {
    static SEATS: Seats = const {
        Seats {
            taken: Cell::new(0),
            all: RefCell::new(Vec::new()),
        }
    };
}

impl Seats {
    fn take(&self) -> Rc<Seat> {
        let taken = self.taken.get();
        self.taken.set(taken + 1);
        let mut all = self.all.borrow_mut();
        if taken == all.len() {
            all.push(Rc::default());
        }
        all.get(taken).cloned().unwrap_or_default()
    }

    fn current(&self) -> Option<Rc<Seat>> {
        let last = self.taken.get().checked_sub(1)?;
        self.all.borrow().get(last).cloned()
    }
}

/// A seat in use, the innermost of its thread.
struct Taken(Rc<Seat>);

impl Taken {
    fn new() -> Self {
        // Without one, the thread is about to end: what it waits for then, it asks for in a loop.
        let seat = SEATS.try_with(Seats::take);
        Self(seat.unwrap_or_default())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.clear();
        self.0.drop_orphans();
        let _ = SEATS.try_with(|seats| seats.taken.set(seats.taken.get().saturating_sub(1)));
    }
}
