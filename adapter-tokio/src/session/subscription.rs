//! Subscriptions and their events.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::oneshot;
use wamp_core::session::{
    ClientSession, Publication, Request, SubscribeRequest, Subscription as Granted,
    UnsubscribeRequest,
};
use wamp_core::{Dict, Id, OwnedPayload, PayloadError};

use super::queue::{self, Puller, queue};
use super::state::{Answer, Topic, Waiting};
use super::{Session, wait};

/// An event: what somebody published to a topic.
#[derive(Clone, Debug)]
pub struct Event(Publication);

impl Event {
    /// The id of the publication.
    pub fn publication(&self) -> Id {
        self.0.publication
    }

    /// The positional arguments, as a tuple, a `Vec` or anything else that deserializes from a
    /// list.
    ///
    /// # Errors
    ///
    /// They are of another type.
    pub fn args<T: for<'de> Deserialize<'de>>(&self) -> Result<T, PayloadError> {
        self.0.payload.args()
    }

    /// The keyword arguments, as a struct or a map.
    ///
    /// # Errors
    ///
    /// They are of another type.
    pub fn kwargs<T: for<'de> Deserialize<'de>>(&self) -> Result<T, PayloadError> {
        self.0.payload.kwargs()
    }

    /// The arguments as they came, for instance to send them on.
    pub fn payload(&self) -> &OwnedPayload {
        &self.0.payload
    }

    /// The details of EVENT, such as `publisher` or `topic`.
    pub fn details(&self) -> &Dict<'static> {
        &self.0.details
    }
}

/// The events of a topic. Dropped, it unsubscribes, unless the session has another subscription
/// to the topic.
#[derive(Debug)]
pub struct Subscription {
    session: Session,
    granted: Granted,
    events: Puller<Publication>,
    missed: Arc<AtomicU64>,
}

impl Subscription {
    /// Events that may wait to be taken, as long as their arguments are no more than
    /// [`OCTETS`](Self::OCTETS). Those beyond it are dropped and [counted](Self::missed): a
    /// subscriber that is slow must not hold up the answers to the calls that it makes.
    pub const CAPACITY: usize = queue::ITEMS;

    /// Octets of arguments that may wait to be taken. One event is always taken.
    pub const OCTETS: usize = queue::OCTETS;

    /// Its id on the wire.
    pub fn id(&self) -> Id {
        self.granted.id()
    }

    /// The next event; `None` once the subscription or the session is over.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it loses nothing.
    pub async fn recv(&mut self) -> Option<Event> {
        self.events.recv().await.map(Event)
    }

    /// How many events were dropped because too many waited.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Unsubscribes all of the session's subscriptions to this topic, and waits for the router's
    /// word.
    ///
    /// # Errors
    ///
    /// [`SessionError`](super::SessionError), with the router's ERROR if it refuses.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it unsubscribes all the same.
    pub async fn unsubscribe(self) -> Answer<()> {
        let (reply, answer) = oneshot::channel();
        let act = |session: &mut ClientSession| session.unsubscribe(self.granted);
        let name = |request: UnsubscribeRequest| Request::Unsubscribe(request);
        self.session
            .0
            .shared
            .request(act, name, Waiting::Unsubscribe(reply))
            .await?;
        wait(answer).await
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.events.close();
        self.session.0.shared.lock().unsubscribe_idle(self.granted);
    }
}

impl Session {
    /// Subscribes to a topic.
    ///
    /// # Errors
    ///
    /// [`SessionError`](super::SessionError), with the router's ERROR if it refuses.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it is subscribed or not; if so, at the latest the next event ends it.
    pub async fn subscribe(&self, topic: &str) -> Answer<Subscription> {
        self.subscribe_with(topic, &Dict::new()).await
    }

    /// Subscribes to a topic with these options of SUBSCRIBE, such as `match`.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    ///
    /// # Cancel safety
    ///
    /// As [`subscribe`](Self::subscribe).
    pub async fn subscribe_with(&self, topic: &str, options: &Dict<'_>) -> Answer<Subscription> {
        let (reply, answer) = oneshot::channel();
        let (sender, events) = queue();
        let missed = Arc::new(AtomicU64::new(0));
        let queue = Topic {
            events: sender,
            missed: missed.clone(),
        };
        let act = |session: &mut ClientSession| session.subscribe(topic, options);
        let name = |request: SubscribeRequest| Request::Subscribe(request);
        self.0
            .shared
            .request(act, name, Waiting::Subscribe(queue, reply))
            .await?;
        let granted = wait(answer).await?;
        Ok(Subscription {
            session: self.clone(),
            granted,
            events,
            missed,
        })
    }
}
