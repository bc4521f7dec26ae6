//! Subscriptions and their events.

use alloc::boxed::Box;
use core::future::{Future, poll_fn};
use core::task::{Context, Poll};

use serde::Deserialize;

use super::oneshot;
use super::queue::{self, Puller, queue};
use super::session::{Session, wait};
use super::state::{Answer, Key, Listening, Waiting};
use crate::abort::{AbortHandle, abortable, catch};
use crate::session::{Publication, Request, SubscribeRequest};
use crate::{Dict, Id, OwnedPayload, PayloadError};

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

/// The events of a topic, which are a `Stream` as well. Dropped, it unsubscribes, unless the
/// session has another subscription to the topic.
#[derive(Debug)]
#[must_use = "dropped, it unsubscribes"]
pub struct Subscription {
    session: Session,
    key: Key,
    events: Puller<Publication>,
}

impl Subscription {
    /// Events that may wait to be taken, as long as their arguments are no more than
    /// [`OCTETS`](Self::OCTETS). Those beyond it are dropped and [counted](Self::missed): a
    /// subscriber that is slow must not hold up the answers to the calls that it makes.
    pub const CAPACITY: usize = queue::ITEMS;

    /// Octets of arguments that may wait to be taken. One event is always taken.
    pub const OCTETS: usize = queue::OCTETS;

    /// Its id on the wire; `None` while there is no connection. It changes when the session joins
    /// again.
    pub fn id(&self) -> Option<Id> {
        let granted = self.session.shared().lock().subscription(self.key);
        granted.map(crate::session::Subscription::id)
    }

    /// The next event; `None` once the subscription or the session is over.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it loses nothing.
    pub async fn recv(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    pub(super) fn poll_recv(&self, cx: &Context<'_>) -> Poll<Option<Event>> {
        self.events.poll_recv(cx).map(|event| event.map(Event))
    }

    /// How many events were dropped because too many waited.
    pub fn missed(&self) -> u64 {
        self.events.missed()
    }

    /// Runs `handler` for each event, one after the other, on a task of its own, until the
    /// returned value is dropped or the subscription ends. A handler that panics loses the one
    /// event.
    pub fn handle<F, Fut>(mut self, mut handler: F) -> Handled
    where
        F: FnMut(Event) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send,
    {
        let (session, key) = (self.session.clone(), self.key);
        let work = async move {
            while let Some(event) = self.recv().await {
                let work = async { handler(event).await };
                // The panic was told by its hook; the next event is another one.
                let _ = catch(work).await;
            }
        };
        let (abort, task) = abortable(Box::pin(work));
        // Dropped with nobody to run it, outside of the lock.
        let unrun = session.shared().lock().spawn(Box::pin(task));
        drop(unrun);
        Handled {
            session,
            key,
            abort: Some(abort),
        }
    }

    /// Ends this subscription. If it was the session's last one to the topic it unsubscribes, and
    /// waits for the router's word.
    ///
    /// # Errors
    ///
    /// [`SessionError`](super::SessionError), with the router's ERROR if it refuses.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it unsubscribes all the same.
    pub async fn unsubscribe(self) -> Answer<()> {
        end(&self.session, self.key).await
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.session.shared().lock().unsubscribe(self.key, None);
    }
}

/// A subscription whose events a handler takes. Dropped, it unsubscribes, and the handler is
/// dropped at its next await.
#[derive(Debug)]
#[must_use = "dropped, it unsubscribes"]
pub struct Handled {
    session: Session,
    key: Key,
    abort: Option<AbortHandle>,
}

impl Handled {
    /// Ends the subscription, as [`Subscription::unsubscribe`].
    ///
    /// # Errors
    ///
    /// As [`Subscription::unsubscribe`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, it unsubscribes all the same.
    pub async fn unsubscribe(self) -> Answer<()> {
        end(&self.session, self.key).await
    }

    /// Leaves the handler to the session: it runs until that is over. The session then does not
    /// leave by itself when its last handle is dropped.
    pub fn detach(mut self) {
        self.abort = None;
    }
}

impl Drop for Handled {
    fn drop(&mut self) {
        if let Some(abort) = &self.abort {
            abort.abort();
            self.session.shared().lock().unsubscribe(self.key, None);
        }
    }
}

async fn end(session: &Session, key: Key) -> Answer<()> {
    let (reply, answer) = oneshot::channel();
    session.shared().lock().unsubscribe(key, Some(reply));
    wait(answer).await
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
    /// Dropped, it is not subscribed, or unsubscribes as soon as the router has answered.
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
        let (pusher, events) = queue();
        let listening = Listening {
            topic: topic.into(),
            options: options.clone().into_owned(),
            events: pusher,
            granted: None,
        };
        let key = self.shared().lock().new_subscription();
        // Made before it is granted: should this future be dropped just then, it unsubscribes.
        let subscription = Subscription {
            session: self.clone(),
            key,
            events,
        };
        self.ask(
            |session| session.subscribe(topic, options),
            |request: SubscribeRequest| Request::Subscribe(request),
            |reply| Waiting::Subscribe(key, listening, reply),
        )
        .await?;
        Ok(subscription)
    }
}
