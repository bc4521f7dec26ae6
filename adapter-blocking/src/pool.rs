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
