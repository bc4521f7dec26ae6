//! One answer, from the session's task to who waits for it.

use alloc::sync::Arc;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A place for one answer.
pub(super) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let place = Arc::new(Mutex::new(Place {
        answer: None,
        waker: None,
        is_sent: false,
        is_unwanted: false,
    }));
    (Sender(place.clone()), Receiver(place))
}

#[derive(Debug)]
struct Place<T> {
    answer: Option<T>,
    waker: Option<Waker>,
    /// There is an answer, or there will never be.
    is_sent: bool,
    /// Nobody waits for it any more.
    is_unwanted: bool,
}

/// Nothing in there is left half done by a panic elsewhere.
fn lock<T>(place: &Mutex<Place<T>>) -> MutexGuard<'_, Place<T>> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who owes the answer. Dropped, there will be none.
#[derive(Debug)]
pub(super) struct Sender<T>(Arc<Mutex<Place<T>>>);

impl<T> Sender<T> {
    /// Gives the answer, or hands it back if nobody waits for it any more.
    pub(super) fn send(self, answer: T) -> Result<(), T> {
        let mut place = lock(&self.0);
        if place.is_unwanted {
            return Err(answer);
        }
        place.answer = Some(answer);
        // That it is there is told by the drop.
        Ok(())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut place = lock(&self.0);
        place.is_sent = true;
        let waker = place.waker.take();
        drop(place);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Who waits for the answer; `None` if there will be none.
#[derive(Debug)]
pub(super) struct Receiver<T>(Arc<Mutex<Place<T>>>);

impl<T> Future for Receiver<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut place = lock(&self.0);
        if place.is_sent {
            return Poll::Ready(place.answer.take());
        }
        let known = place.waker.as_ref();
        if !known.is_some_and(|known| known.will_wake(cx.waker())) {
            let replaced = place.waker.replace(cx.waker().clone());
            // The last of a task may go with it, and the other end with that.
            drop(place);
            drop(replaced);
        }
        Poll::Pending
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut place = lock(&self.0);
        place.is_unwanted = true;
        let answer = place.answer.take();
        drop(place);
        drop(answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::task::Wake;
    use std::thread;
    use std::time::Duration;

    fn poll<T>(receiver: &mut Receiver<T>) -> Poll<Option<T>> {
        Pin::new(receiver).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn an_answer_arrives_once() {
        let (sender, mut receiver) = channel();
        assert_eq!(poll(&mut receiver), Poll::Pending);
        assert_eq!(sender.send(1), Ok(()));
        assert_eq!(poll(&mut receiver), Poll::Ready(Some(1)));
        assert_eq!(poll(&mut receiver), Poll::Ready(None));
    }

    /// A waker that owns the end that owes the answer, as a task that is dropped with it may.
    struct Owner {
        _sender: Mutex<Sender<i32>>,
    }

    impl Wake for Owner {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn a_waker_that_goes_may_take_the_other_end_with_it() {
        let (sender, mut receiver) = channel();
        let owner = Waker::from(Arc::new(Owner {
            _sender: Mutex::new(sender),
        }));
        let first = Pin::new(&mut receiver).poll(&mut Context::from_waker(&owner));
        assert_eq!(first, Poll::Pending);
        drop(owner);
        let (done, is_done) = mpsc::channel();
        thread::spawn(move || {
            // The answer's end is dropped with the waker that this one replaces.
            let _ = poll(&mut receiver);
            let _ = done.send(poll(&mut receiver));
        });
        let last = is_done.recv_timeout(Duration::from_secs(10));
        assert_eq!(last, Ok(Poll::Ready(None)));
    }

    #[test]
    fn each_end_learns_that_the_other_is_gone() {
        let (sender, mut receiver) = channel::<i32>();
        drop(sender);
        assert_eq!(poll(&mut receiver), Poll::Ready(None));
        let (sender, receiver) = channel();
        drop(receiver);
        assert_eq!(sender.send(1), Err(1));
    }
}
