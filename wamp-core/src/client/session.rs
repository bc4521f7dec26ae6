//! A session's handle.

use alloc::sync::Arc;

use super::call::Call;
use super::error::{End, SessionError};
use super::oneshot;
use super::queue::queue;
use super::state::{Answer, Reply, Shared, Waiting};
use super::states::{SessionState, States};
use crate::session::{CallRequest, ClientSession, CommandError, Joined, PublishRequest, Request};
use crate::transport::PeerError;
use crate::{Dict, Id, OwnedPayload, ToPayload};

/// A session in a realm. Cheap to clone; the clones are one session.
///
/// A task of its own keeps the connection: it answers PINGs, runs handlers and hands out events
/// whether or not any method is awaited. When the last clone is dropped, and the last
/// [`Subscription`](super::Subscription), [`Registration`](super::Registration) and
/// [`Call`] with it, the session leaves.
///
/// Arguments are what serde serializes: tuples and lists are positional arguments,
/// [`Kwargs`](crate::Kwargs) keyword ones, [`ArgsKwargs`](crate::ArgsKwargs) both.
///
/// What is to be sent waits for room where too much waits already, and, in a session that
/// [reconnects](super::Join::reconnect), for the connection; a handle that
/// [fails fast](Self::fail_fast) does not wait.
#[derive(Clone, Debug)]
pub struct Session {
    handle: Arc<Handle>,
    patient: bool,
}

#[derive(Debug)]
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.lock().abandon();
    }
}

/// Arguments of any type that can be sent.
pub type Arguments<'a> = dyn ToPayload + Sync + 'a;

impl Session {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            handle: Arc::new(Handle(shared)),
            patient: true,
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.handle.0
    }

    pub(super) const fn patient(&self) -> bool {
        self.patient
    }

    /// A handle of the same session that does not wait: where there is no room to send, its
    /// requests fail at once with [`CommandError::Full`], and without a connection with
    /// [`SessionError::Disconnected`]. Nothing was sent then.
    #[must_use]
    pub fn fail_fast(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            patient: false,
        }
    }

    /// The session's id. It changes when the session joins again.
    pub fn id(&self) -> Id {
        self.joined().session
    }

    /// What the router said when it let the session in: its id, the realm, the details of WELCOME.
    pub fn joined(&self) -> Arc<Joined> {
        self.shared().lock().joined().clone()
    }

    /// The state of the session, and each one that follows.
    pub fn states(&self) -> States {
        States::new(self.shared().clone())
    }

    /// Publishes to a topic, without waiting for the router to acknowledge it. Done as soon as the
    /// message is queued.
    ///
    /// # Errors
    ///
    /// [`SessionError::Command`] or [`SessionError::Ended`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, it was published or not: nothing in between.
    pub async fn publish(&self, topic: &str, arguments: &Arguments<'_>) -> Answer<()> {
        let done = self.publish_with(topic, &Dict::new(), arguments).await;
        done.map(|_| ())
    }

    /// Publishes to a topic, waits for the router's word, and returns the publication's id.
    ///
    /// # Errors
    ///
    /// [`SessionError`], with the router's ERROR if it refused.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it was published or not: nothing in between.
    pub async fn publish_acknowledged(&self, topic: &str, arguments: &Arguments<'_>) -> Answer<Id> {
        let options = Dict::new().with("acknowledge", true);
        let id = self.publish_with(topic, &options, arguments).await?;
        id.ok_or_else(lost)
    }

    /// Publishes to a topic with these options of PUBLISH, such as `exclude_me`. With
    /// `acknowledge` it waits for the router's word and returns the publication's id.
    ///
    /// # Errors
    ///
    /// [`SessionError`], with the router's ERROR if it was to acknowledge and refused.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it was published or not: nothing in between.
    pub async fn publish_with(
        &self,
        topic: &str,
        options: &Dict<'_>,
        arguments: &Arguments<'_>,
    ) -> Answer<Option<Id>> {
        let arguments = self.shared().serialize(arguments)?;
        let payload = arguments.payload();
        let publish = |session: &mut ClientSession| session.publish(topic, options, &payload);
        if options.get_bool("acknowledge") != Some(true) {
            let shared = self.shared();
            shared.command(None, self.patient, publish).await?;
            return Ok(None);
        }
        let name = |request: PublishRequest| Request::Publish(request);
        let id = self.ask(publish, name, Waiting::Publish).await?;
        Ok(Some(id))
    }

    /// Calls a procedure and waits for its result.
    ///
    /// # Errors
    ///
    /// [`SessionError::Wamp`] with the ERROR of the callee or the router; else as
    /// [`SessionError`] tells.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it cancels the call, as [`Call`] tells.
    pub async fn call(&self, procedure: &str, arguments: &Arguments<'_>) -> Answer<OwnedPayload> {
        self.start_call(procedure, &Dict::new(), arguments)
            .await?
            .result()
            .await
    }

    /// Calls a procedure with these options of CALL, such as `timeout` in milliseconds or
    /// `receive_progress`, and does not wait.
    ///
    /// # Errors
    ///
    /// [`SessionError::Command`] or [`SessionError::Ended`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, it was called or not: nothing in between.
    pub async fn start_call(
        &self,
        procedure: &str,
        options: &Dict<'_>,
        arguments: &Arguments<'_>,
    ) -> Answer<Call> {
        let (reply, result) = oneshot::channel();
        let wanted = options.get_bool("receive_progress") == Some(true);
        let (sender, progress) = wanted.then(queue).unzip();
        let arguments = self.shared().serialize(arguments)?;
        let payload = arguments.payload();
        let (request, life) = self
            .shared()
            .request(
                self.patient,
                |session| session.call(procedure, options, &payload),
                |request: CallRequest| Request::Call(request),
                Waiting::Call(sender, reply),
            )
            .await?;
        Ok(Call::new(self.clone(), life, request, progress, result))
    }

    /// Says GOODBYE and waits for the router's, at most for the leave timeout.
    ///
    /// # Errors
    ///
    /// [`SessionError::Ended`] if the session ended otherwise, or the router does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the session still leaves.
    pub async fn leave(&self) -> Answer<()> {
        self.shared().lock().leave()?;
        match self.closed().await {
            End::Left { .. } => Ok(()),
            end @ End::Failed(_) => Err(SessionError::Ended(end)),
        }
    }

    /// Waits until the session is over, and tells how it ended. One that reconnects is not over
    /// when its connection is lost.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it changes nothing.
    pub async fn closed(&self) -> End {
        let mut states = self.states();
        loop {
            match states.next().await {
                Some(SessionState::Ended(end)) => return end,
                Some(_) => {}
                None => return End::Failed(PeerError::Closed),
            }
        }
    }

    /// Makes a request, and waits for its answer.
    pub(super) async fn ask<R: Copy, T>(
        &self,
        act: impl FnMut(&mut ClientSession) -> Result<R, CommandError>,
        name: impl Fn(R) -> Request,
        waiting: impl FnOnce(Reply<T>) -> Waiting,
    ) -> Answer<T> {
        let (reply, answer) = oneshot::channel();
        let shared = self.shared();
        shared
            .request(self.patient, act, name, waiting(reply))
            .await?;
        wait(answer).await
    }
}

/// Waits for an answer that the session's task owes.
pub(super) async fn wait<T>(answer: oneshot::Receiver<Answer<T>>) -> Answer<T> {
    answer.await.unwrap_or_else(|| Err(lost()))
}

/// The session's task was dropped with the runtime.
pub(super) fn lost() -> SessionError {
    SessionError::Ended(End::Failed(PeerError::Closed))
}
