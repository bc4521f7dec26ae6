//! Tasks that can be ended from outside, and panics that stay inside.

use alloc::sync::Arc;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What ends a task.
#[derive(Debug)]
pub(crate) struct AbortHandle(Arc<Shared>);

/// A task that its [`AbortHandle`] ends: it is over at its next poll, which comes at once.
#[derive(Debug)]
pub(crate) struct Abortable<F> {
    shared: Arc<Shared>,
    work: F,
}

#[derive(Debug, Default)]
struct Shared {
    is_aborted: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self, waker: &Waker) {
        let mut slot = self.slot();
        if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            let replaced = slot.replace(waker.clone());
            // The last of a task may go with it, and whatever that had.
            drop(slot);
            drop(replaced);
        }
    }
}

/// Makes a task that can be ended. It is not pinned in place: it has to be a box, or the like.
pub(crate) fn abortable<F: Future + Unpin>(work: F) -> (AbortHandle, Abortable<F>) {
    let shared = Arc::<Shared>::default();
    let task = Abortable {
        shared: shared.clone(),
        work,
    };
    (AbortHandle(shared), task)
}

impl AbortHandle {
    pub(crate) fn is_aborted(&self) -> bool {
        self.0.is_aborted.load(Ordering::Acquire)
    }

    pub(crate) fn abort(&self) {
        self.0.is_aborted.store(true, Ordering::Release);
        let waker = self.0.slot().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<F: Future<Output = ()> + Unpin> Future for Abortable<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.register(cx.waker());
        // Looked at behind the waker: who aborts from here on wakes it.
        if self.shared.is_aborted.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        Pin::new(&mut self.work).poll(cx)
    }
}

/// Runs code that is not ours; `None` if it panicked, of which the panic hook has told.
pub(crate) async fn catch<F: Future>(work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        },
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::future::{pending, ready};
    use std::sync::mpsc;
    use std::task::Wake;
    use std::thread;
    use std::time::Duration;

    fn poll(task: impl Future) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        pin!(task).poll(&mut cx).is_ready()
    }

    #[test]
    fn a_task_ends_with_its_work_or_before() {
        let (_abort, task) = abortable(ready(()));
        assert!(poll(task));
        let (abort, mut task) = abortable(pending());
        assert!(!poll(&mut task));
        abort.abort();
        assert!(poll(&mut task));
    }

    /// A waker that ends the task when it goes.
    struct Ends(AbortHandle);

    impl Wake for Ends {
        fn wake(self: Arc<Self>) {}
    }

    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.abort();
        }
    }

    #[test]
    fn a_waker_that_goes_may_end_the_task() {
        let (abort, mut task) = abortable(pending::<()>());
        let ends = Waker::from(Arc::new(Ends(abort)));
        let mut cx = Context::from_waker(&ends);
        assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
        drop(ends);
        let (done, is_done) = mpsc::channel();
        thread::spawn(move || {
            let _ = done.send(poll(&mut task));
        });
        assert_eq!(is_done.recv_timeout(Duration::from_secs(10)), Ok(true));
    }

    #[test]
    fn a_panic_stays_inside() {
        let mut cx = Context::from_waker(Waker::noop());
        let quiet = catch(async { std::panic::resume_unwind(Box::new(())) });
        assert!(matches!(pin!(quiet).poll(&mut cx), Poll::Ready(None::<()>)));
        assert!(matches!(
            pin!(catch(ready(1))).poll(&mut cx),
            Poll::Ready(Some(1))
        ));
    }
}
