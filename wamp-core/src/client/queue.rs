//! Queues from a session's task to the application.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::task::{Context, Poll, Waker};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{OwnedPayload, RawValue};

/// Items that may wait.
pub(super) const ITEMS: usize = 4096;
/// Octets of arguments that may wait. An item of any size is taken while none waits.
pub(super) const OCTETS: usize = 16 << 20;

/// A queue that is bounded in items and in octets, from any number of pushers to one puller. No
/// channel of a library counts octets.
pub(super) fn queue<T>() -> (Pusher<T>, Puller<T>) {
    let inner = Arc::new(Mutex::new(Inner {
        items: VecDeque::new(),
        octets: 0,
        puller: None,
        pushed_last: false,
        pulled_last: false,
        missed: 0,
    }));
    (Pusher(inner.clone()), Puller(inner))
}

#[derive(Debug)]
struct Inner<T> {
    items: VecDeque<(T, usize)>,
    octets: usize,
    puller: Option<Waker>,
    /// There will be no more.
    pushed_last: bool,
    /// No more are wanted.
    pulled_last: bool,
    missed: u64,
}

/// Nothing in there is left half done by a panic elsewhere.
fn lock<T>(inner: &Mutex<Inner<T>>) -> MutexGuard<'_, Inner<T>> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end of the session's task. Dropped, there will be no more.
#[derive(Debug)]
pub(super) struct Pusher<T>(Arc<Mutex<Inner<T>>>);

/// Why an item was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Full,
    /// Nobody listens any more.
    Closed,
}

impl<T> Pusher<T> {
    /// Queues an item with arguments of so many octets. One that is refused for want of room is
    /// counted.
    pub(super) fn push(&self, item: T, octets: usize) -> Result<(), Refused> {
        let mut inner = lock(&self.0);
        if inner.pulled_last {
            return Err(Refused::Closed);
        }
        let over = inner.octets.saturating_add(octets) > OCTETS;
        if inner.items.len() >= ITEMS || over && !inner.items.is_empty() {
            inner.missed = inner.missed.saturating_add(1);
            return Err(Refused::Full);
        }
        inner.octets = inner.octets.saturating_add(octets);
        inner.items.push_back((item, octets));
        let puller = inner.puller.take();
        drop(inner);
        if let Some(puller) = puller {
            puller.wake();
        }
        Ok(())
    }
}

impl<T> Drop for Pusher<T> {
    fn drop(&mut self) {
        let mut inner = lock(&self.0);
        inner.pushed_last = true;
        let puller = inner.puller.take();
        drop(inner);
        if let Some(puller) = puller {
            puller.wake();
        }
    }
}

/// The end of the application. Dropped, no more are wanted.
#[derive(Debug)]
pub(super) struct Puller<T>(Arc<Mutex<Inner<T>>>);

impl<T> Puller<T> {
    /// The next item; `None` once there will be no more.
    pub(super) fn poll_recv(&self, cx: &Context<'_>) -> Poll<Option<T>> {
        let mut inner = lock(&self.0);
        if let Some((item, octets)) = inner.items.pop_front() {
            inner.octets = inner.octets.saturating_sub(octets);
            if inner.items.is_empty() && inner.items.capacity() > KEPT {
                inner.items = VecDeque::new();
            }
            return Poll::Ready(Some(item));
        }
        if inner.pushed_last {
            return Poll::Ready(None);
        }
        match &mut inner.puller {
            Some(known) => known.clone_from(cx.waker()),
            slot => *slot = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// How many found no room.
    pub(super) fn missed(&self) -> u64 {
        lock(&self.0).missed
    }
}

/// Room for items that an empty queue keeps.
const KEPT: usize = 64;

impl<T> Drop for Puller<T> {
    fn drop(&mut self) {
        let mut inner = lock(&self.0);
        inner.pulled_last = true;
        let items = core::mem::take(&mut inner.items);
        drop(inner);
        drop(items);
    }
}

/// The size of arguments.
pub(super) fn octets(payload: &OwnedPayload) -> usize {
    let payload = payload.as_payload();
    let len = |value: Option<RawValue<'_>>| value.map_or(0, |value| value.as_bytes().len());
    len(payload.raw_args()) + len(payload.raw_kwargs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull<T>(puller: &Puller<T>) -> Poll<Option<T>> {
        puller.poll_recv(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn it_is_bounded_in_items_and_in_octets() {
        let (pusher, puller) = queue();
        // One of any size, and none beside it.
        assert_eq!(pusher.push(0, 2 * OCTETS), Ok(()));
        assert_eq!(pusher.push(1, 1), Err(Refused::Full));
        assert_eq!(pull(&puller), Poll::Ready(Some(0)));
        for item in 0..ITEMS {
            assert_eq!(pusher.push(item, 1), Ok(()));
        }
        assert_eq!(pusher.push(ITEMS, 1), Err(Refused::Full));
        assert_eq!(pull(&puller), Poll::Ready(Some(0)));
        // What was refused does not count.
        assert_eq!(pusher.push(ITEMS, OCTETS - ITEMS), Ok(()));
        assert_eq!(puller.missed(), 2);
        drop(puller);
        assert_eq!(pusher.push(0, 0), Err(Refused::Closed));
    }

    #[test]
    fn what_was_pushed_is_pulled_before_the_end() {
        let (pusher, puller) = queue();
        assert_eq!(pull(&puller), Poll::Pending);
        pusher.push(1, 1).unwrap();
        drop(pusher);
        assert_eq!(pull(&puller), Poll::Ready(Some(1)));
        assert_eq!(pull(&puller), Poll::Ready(None));
    }
}
