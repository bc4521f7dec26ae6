//! Queues from a session's task to the application.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use tokio::sync::mpsc;
use wamp_core::{OwnedPayload, RawValue};

/// Items that may wait.
pub(super) const ITEMS: usize = 4096;
/// Octets of arguments that may wait. An item of any size is taken while none waits.
pub(super) const OCTETS: usize = 16 << 20;

/// A queue that is bounded in items and in octets.
pub(super) fn queue<T>() -> (Pusher<T>, Puller<T>) {
    let (sender, receiver) = mpsc::channel(ITEMS);
    let waiting = Arc::new(AtomicUsize::new(0));
    let pusher = Pusher {
        sender,
        waiting: waiting.clone(),
    };
    (pusher, Puller { receiver, waiting })
}

/// The end of the session's task.
#[derive(Debug)]
pub(super) struct Pusher<T> {
    sender: mpsc::Sender<(T, usize)>,
    waiting: Arc<AtomicUsize>,
}

/// Why an item was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Full,
    /// Nobody listens any more.
    Closed,
}

impl<T> Pusher<T> {
    /// Queues an item with arguments of so many octets.
    pub(super) fn push(&self, item: T, octets: usize) -> Result<(), Refused> {
        let before = self.waiting.fetch_add(octets, Ordering::Relaxed);
        let sent = if before > 0 && before.saturating_add(octets) > OCTETS {
            Err(Refused::Full)
        } else {
            self.sender
                .try_send((item, octets))
                .map_err(|error| match error {
                    mpsc::error::TrySendError::Full(_) => Refused::Full,
                    mpsc::error::TrySendError::Closed(_) => Refused::Closed,
                })
        };
        if sent.is_err() {
            self.waiting.fetch_sub(octets, Ordering::Relaxed);
        }
        sent
    }

    /// Whether nobody listens any more.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

/// The end of the application.
#[derive(Debug)]
pub(super) struct Puller<T> {
    receiver: mpsc::Receiver<(T, usize)>,
    waiting: Arc<AtomicUsize>,
}

impl<T> Puller<T> {
    /// The next item; `None` once there will be no more. Dropped, it loses nothing.
    pub(super) async fn recv(&mut self) -> Option<T> {
        let (item, octets) = self.receiver.recv().await?;
        self.waiting.fetch_sub(octets, Ordering::Relaxed);
        Some(item)
    }

    /// Takes no more.
    pub(super) fn close(&mut self) {
        self.receiver.close();
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

    #[tokio::test]
    async fn it_is_bounded_in_items_and_in_octets() {
        let (pusher, mut puller) = queue();
        // One of any size, and none beside it.
        assert_eq!(pusher.push(0, 2 * OCTETS), Ok(()));
        assert_eq!(pusher.push(1, 1), Err(Refused::Full));
        assert_eq!(puller.recv().await, Some(0));
        for item in 0..ITEMS {
            assert_eq!(pusher.push(item, 1), Ok(()));
        }
        assert_eq!(pusher.push(ITEMS, 1), Err(Refused::Full));
        assert_eq!(puller.recv().await, Some(0));
        // What was refused does not count.
        assert_eq!(pusher.push(ITEMS, OCTETS - ITEMS), Ok(()));
        puller.close();
        assert_eq!(pusher.push(0, 0), Err(Refused::Closed));
    }
}
