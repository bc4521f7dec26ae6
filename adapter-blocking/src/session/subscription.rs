//! Subscriptions and their events.

use core::task::Poll;
use core::time::Duration;

use wamp_core::client::{self, Event, SessionError};
use wamp_core::{Dict, Id};

use super::{Session, next, next_within, wait};

/// The events of a topic, as an [`Iterator`] that waits for each. Dropped, it unsubscribes, unless
/// the session has another subscription to the topic.
#[derive(Debug)]
#[must_use = "dropped, it unsubscribes"]
pub struct Subscription(client::Subscription);

impl Subscription {
    /// Events that may wait to be taken, as long as their arguments are no more than
    /// [`OCTETS`](Self::OCTETS). Those beyond it are dropped and [counted](Self::missed): a
    /// subscriber that is slow must not hold up the answers to the calls that it makes.
    pub const CAPACITY: usize = client::Subscription::CAPACITY;

    /// Octets of arguments that may wait to be taken. One event is always taken.
    pub const OCTETS: usize = client::Subscription::OCTETS;

    /// Its id on the wire; `None` while there is no connection. It changes when the session joins
    /// again.
    pub fn id(&self) -> Option<Id> {
        self.0.id()
    }

    /// Waits for the next event; `None` once the subscription or the session is over, or if the
    /// wait is ended.
    pub fn recv(&mut self) -> Option<Event> {
        next(self.0.recv())
    }

    /// As [`recv`](Self::recv), for so long at most: `Pending` if no event came by then.
    pub fn recv_timeout(&mut self, within: Duration) -> Poll<Option<Event>> {
        next_within(within, self.0.recv())
    }

    /// How many events were dropped because too many waited.
    pub fn missed(&self) -> u64 {
        self.0.missed()
    }

    /// Runs `handler` for each event, one after the other, on a thread of its own, until the
    /// returned value is dropped or the subscription ends. A handler that panics loses the one
    /// event.
    pub fn handle(self, mut handler: impl FnMut(Event) + Send + 'static) -> Handled {
        Handled(self.0.handle(move |event| {
            handler(event);
            core::future::ready(())
        }))
    }

    /// Ends this subscription. If it was the session's last one to the topic it unsubscribes, and
    /// waits for the router's word.
    ///
    /// # Errors
    ///
    /// [`SessionError`], with the router's ERROR if it refuses.
    pub fn unsubscribe(self) -> Result<(), SessionError> {
        wait(self.0.unsubscribe())
    }
}

impl Iterator for Subscription {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.recv()
    }
}

/// A subscription whose events a handler takes. Dropped, it unsubscribes; a handler that runs then
/// takes its event to the end, and no further one.
#[derive(Debug)]
#[must_use = "dropped, it unsubscribes"]
pub struct Handled(client::Handled);

impl Handled {
    /// Ends the subscription, as [`Subscription::unsubscribe`].
    ///
    /// # Errors
    ///
    /// As [`Subscription::unsubscribe`].
    pub fn unsubscribe(self) -> Result<(), SessionError> {
        wait(self.0.unsubscribe())
    }

    /// Leaves the handler to the session: it runs until that is over. The session then does not
    /// leave by itself when its last handle is dropped.
    pub fn detach(self) {
        self.0.detach();
    }
}

impl Session {
    /// Subscribes to a topic, and waits for the router's word.
    ///
    /// # Errors
    ///
    /// [`SessionError`], with the router's ERROR if it refuses.
    pub fn subscribe(&self, topic: &str) -> Result<Subscription, SessionError> {
        self.subscribe_with(topic, &Dict::new())
    }

    /// Subscribes to a topic with these options of SUBSCRIBE, such as `match`.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    pub fn subscribe_with(
        &self,
        topic: &str,
        options: &Dict<'_>,
    ) -> Result<Subscription, SessionError> {
        wait(self.0.subscribe_with(topic, options)).map(Subscription)
    }
}
