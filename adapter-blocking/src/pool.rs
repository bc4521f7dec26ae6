//! Threads for tasks: made when needed, and kept a while for the next one.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::time::Duration;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::seat;

/// What a thread runs to its end.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Threads that run one task at a time each.
pub(crate) struct Pool {
    /// The stack of each thread, in octets.
    stack: usize,
    /// How long a thread without a task waits for one.
    keep: Duration,
    state: Mutex<State>,
    more: Condvar,
}

struct State {
    /// Tasks that a thread is about to take: never more than those that wait or start.
    tasks: VecDeque<Task>,
    /// Threads that wait for a task.
    idle: usize,
    /// Threads that are being made.
    starting: usize,
}

impl Pool {
    pub(crate) const fn new(stack: usize, keep: Duration) -> Self {
        Self {
            stack,
            keep,
            state: Mutex::new(State {
                tasks: VecDeque::new(),
                idle: 0,
                starting: 0,
            }),
            more: Condvar::new(),
        }
    }

    /// Runs a task on a thread that waits for one, or on a new one. If the system has no thread to
    /// give, the task is dropped.
    pub(crate) fn spawn(&'static self, task: Task) {
        let mut state = self.lock();
        state.tasks.push_back(task);
        if state.tasks.len() <= state.idle + state.starting {
            drop(state);
            self.more.notify_one();
            return;
        }
        state.starting += 1;
        drop(state);
        let thread = thread::Builder::new()
            .name("wamp".to_owned())
            .stack_size(self.stack);
        if thread.spawn(|| self.work()).is_err() {
            let mut state = self.lock();
            state.starting -= 1;
            if state.tasks.len() > state.idle + state.starting {
                let task = state.tasks.pop_back();
                drop(state);
                task.into_iter().for_each(seat::orphan);
            }
        }
    }

    fn work(&self) {
        let mut state = self.lock();
        state.starting -= 1;
        loop {
            if let Some(task) = state.tasks.pop_front() {
                drop(state);
                // A panic is told by the panic hook, and ends the task alone.
                drop(catch_unwind(AssertUnwindSafe(|| seat::block_on(task))));
                state = self.lock();
            } else {
                state.idle += 1;
                let none = |state: &mut State| state.tasks.is_empty();
                let waited = self.more.wait_timeout_while(state, self.keep, none);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                state.idle -= 1;
                if state.tasks.is_empty() {
                    return;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use core::future::poll_fn;
    use core::task::Poll;
    use std::sync::Arc;
    use std::sync::mpsc;

    use super::*;

    /// No system has such a stack to give.
    static NONE: Pool = Pool::new(usize::MAX / 4, Duration::ZERO);
    static HASTY: Pool = Pool::new(1 << 18, Duration::ZERO);

    #[test]
    fn without_a_thread_a_task_is_dropped_and_not_at_once() {
        let task = || {
            let held = Arc::new(());
            let weak = Arc::downgrade(&held);
            let task = async move { drop(held) };
            (Box::pin(task), weak)
        };
        let (one, gone) = task();
        NONE.spawn(one);
        assert_eq!(gone.strong_count(), 0);
        // Within a task it is kept until the poll is over, and what locks that holds.
        let (one, kept) = task();
        let mut one = Some(one);
        let after = seat::block_on(poll_fn(|cx| match one.take() {
            Some(one) => {
                NONE.spawn(one);
                assert_eq!(kept.strong_count(), 1);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            None => Poll::Ready(kept.strong_count()),
        }));
        assert_eq!(after, 0);
        assert_eq!(NONE.lock().starting, 0);
        assert!(NONE.lock().tasks.is_empty());
    }

    /// Spawns one more as often as that when it is dropped, as what waits for its turn does.
    struct Next(u8, Arc<()>);

    impl Drop for Next {
        fn drop(&mut self) {
            if let Some(left) = self.0.checked_sub(1) {
                let next = Self(left, self.1.clone());
                NONE.spawn(Box::pin(async move { drop(next) }));
            }
        }
    }

    #[test]
    fn tasks_that_others_leave_are_dropped_with_them() {
        let held = Arc::new(());
        let first = Next(3, held.clone());
        seat::block_on(async { drop(first) });
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn a_thread_without_a_task_ends() {
        let (tell, told) = mpsc::channel::<()>();
        for _ in 0..10 {
            let tell = tell.clone();
            HASTY.spawn(Box::pin(async move { drop(tell) }));
        }
        drop(tell);
        // All ran, and nobody told anything.
        assert_eq!(told.recv(), Err(mpsc::RecvError));
        // Each takes another task or ends; that it waits is over in no time.
        let threads = || {
            let state = HASTY.lock();
            state.idle + state.starting
        };
        while threads() > 0 {
            thread::yield_now();
        }
        assert!(HASTY.lock().tasks.is_empty());
    }
}
