//! Tasks that are polled only after a wake, in an order that is drawn and can be drawn again.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::support::world::Dice;

/// Whether a task was woken, and which of its polls this is.
#[derive(Debug, Default)]
pub(crate) struct Seat {
    woken: AtomicBool,
    turn: AtomicU64,
}

impl Seat {
    /// Wakes it, if it was not polled since.
    pub(crate) fn wake_in(&self, turn: u64) {
        if self.turn.load(Ordering::Relaxed) == turn {
            self.woken.store(true, Ordering::Relaxed);
        }
    }
}

impl Wake for Seat {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Relaxed);
    }
}

thread_local! {
    static POLLED: RefCell<Option<(Arc<Seat>, u64)>> = const { RefCell::new(None) };
}

/// The task that is being polled, if any is, with the number of the poll.
pub(crate) fn polled() -> Option<(Arc<Seat>, u64)> {
    POLLED.with_borrow(Clone::clone)
}

type Work = Pin<Box<dyn Future<Output = ()>>>;

pub(crate) struct Tasks {
    list: Vec<(Option<Work>, Arc<Seat>)>,
    dice: Dice,
    /// How often any of them was polled.
    pub(crate) polls: usize,
}

impl Tasks {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            list: Vec::new(),
            dice: Dice(seed),
            polls: 0,
        }
    }

    /// A new task, and its result once it is there.
    pub(crate) fn spawn<R: 'static>(
        &mut self,
        future: impl Future<Output = R> + 'static,
    ) -> Rc<RefCell<Option<R>>> {
        let slot = Rc::new(RefCell::new(None));
        let result = slot.clone();
        let task = async move {
            let value = future.await;
            *slot.borrow_mut() = Some(value);
        };
        let seat = Arc::new(Seat::default());
        seat.woken.store(true, Ordering::Relaxed);
        self.list.push((Some(Box::pin(task)), seat));
        result
    }

    /// Polls whoever was woken until all sleep or are done.
    pub(crate) fn run(&mut self) {
        loop {
            let ready: Vec<usize> = (0..self.list.len())
                .filter(|at| {
                    let (future, seat) = &self.list[*at];
                    future.is_some() && seat.woken.load(Ordering::Relaxed)
                })
                .collect();
            if ready.is_empty() {
                return;
            }
            self.polls += 1;
            assert!(self.polls < 500_000, "they wake each other for ever");
            let (future, seat) = &mut self.list[ready[self.dice.below(ready.len())]];
            seat.woken.store(false, Ordering::Relaxed);
            let turn = seat.turn.fetch_add(1, Ordering::Relaxed) + 1;
            POLLED.set(Some((seat.clone(), turn)));
            let waker = Waker::from(seat.clone());
            let mut cx = Context::from_waker(&waker);
            let poll = future.as_mut().map(|future| future.as_mut().poll(&mut cx));
            POLLED.set(None);
            if poll.is_none_or(|poll| poll.is_ready()) {
                *future = None;
            }
        }
    }

    /// As [`run`](Self::run), and all have to be done then.
    pub(crate) fn finish(&mut self) {
        self.run();
        let left = self.list.iter().filter(|task| task.0.is_some()).count();
        assert_eq!(left, 0, "tasks that sleep for ever");
    }

    /// Drops those that are not done.
    pub(crate) fn abort(&mut self) {
        self.list.clear();
    }
}

/// What a task gave that must be done by now.
pub(crate) fn taken<R>(slot: &Rc<RefCell<Option<R>>>) -> R {
    slot.borrow_mut().take().expect("a task that is done")
}

/// Drops the future after so many polls: `None`, at the next poll of the task.
pub(crate) async fn within<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = Some(Box::pin(future));
    let mut left = polls;
    poll_fn(move |cx| {
        let Some(inner) = &mut future else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(result) = inner.as_mut().poll(cx) {
            return Poll::Ready(Some(result));
        }
        left -= 1;
        if left == 0 {
            future = None;
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await
}

/// Lets the others go first.
pub(crate) async fn pause() {
    let mut paused = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
