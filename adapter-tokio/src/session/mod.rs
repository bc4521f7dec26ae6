//! The session level: join a realm, subscribe, publish, register, call.

mod error;
mod join;
mod procedure;
mod queue;
mod state;
mod subscription;

use std::sync::Arc;

use rawsocket_proto::connection::Config;
use rawsocket_proto::driver::Timer as _;
use tokio::sync::oneshot;
use wamp_core::message::CancelMode;
use wamp_core::session::{
    CallRequest, ClientSession, Joined, PublishRequest, Request, SessionConfig,
};
use wamp_core::transport::{ClientPeer, PeerError};
use wamp_core::{Dict, Id, OwnedPayload, Payload, ToPayload, uris};

use crate::clock::TokioClock;

pub use error::{End, SessionError, WampError};
pub use join::Join;
pub use procedure::{Invocation, Registration};
pub use subscription::{Event, Subscription};

use queue::{Puller, queue};
use state::{Answer, Shared, Stream, Task, Waiting};

/// A session in a realm. Cheap to clone; the clones are one session.
///
/// A task of its own keeps the connection: it answers PINGs, runs handlers and hands out events
/// whether or not any method is awaited. When the last clone is dropped, and the last
/// [`Subscription`] and [`Registration`] with it, the session leaves.
///
/// Arguments are what serde serializes: tuples and lists are positional arguments,
/// [`Kwargs`](wamp_core::Kwargs) keyword ones, [`ArgsKwargs`](wamp_core::ArgsKwargs) both.
///
/// ```
/// # use wamp_rawsocket_tokio::wamp_core::router::RouterConfig;
/// # use wamp_rawsocket_tokio::{Listener, Router};
/// use wamp_rawsocket_tokio::{Invocation, Join};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = Listener::bind(&"rs://127.0.0.1:0".parse()?).await?;
/// # let url = listener.to_string();
/// # tokio::spawn(Router::new(RouterConfig::new(["realm1"]))?.serve(listener));
/// let session = Join::new("realm1").connect(&url.parse()?).await?;
///
/// session
///     .register("com.myapp.add", |invocation: Invocation| async move {
///         let (a, b): (i64, i64) = invocation.args()?;
///         Ok((a + b,))
///     })
///     .await?;
/// let (sum,): (i64,) = session.call("com.myapp.add", &(2, 3)).await?.args()?;
/// assert_eq!(sum, 5);
/// session.leave().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Session(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    joined: Joined,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.lock().abandon();
    }
}

impl Session {
    async fn join(
        config: Arc<Config>,
        session: SessionConfig,
        stream: Box<dyn Stream>,
    ) -> Answer<Self> {
        let clock = TokioClock::new();
        let peer = ClientPeer::new(config, session, clock.now());
        let (reply, joining) = oneshot::channel();
        let shared = Arc::new(Shared::new(peer, stream, clock, reply));
        // Ended with this future, if that is dropped, and else once the session is over.
        let task = tokio::spawn(Task(shared.clone()));
        let guard = AbortOnDrop(Some(task.abort_handle()));
        let joined = joining.await;
        guard.disarm();
        let joined = joined.unwrap_or_else(|_| Err(lost()))?;
        Ok(Self(Arc::new(Handle { shared, joined })))
    }

    /// The session's id.
    pub fn id(&self) -> Id {
        self.0.joined.session
    }

    /// The realm.
    pub fn realm(&self) -> &str {
        &self.0.joined.realm
    }

    /// What the router said when it let the session in: the details of WELCOME.
    pub fn details(&self) -> &Dict<'static> {
        &self.0.joined.details
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
    pub async fn publish(&self, topic: &str, arguments: &Arguments) -> Answer<()> {
        self.publish_with(topic, &Dict::new(), arguments)
            .await
            .map(|_| ())
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
        arguments: &Arguments,
    ) -> Answer<Option<Id>> {
        let payload = Payload::typed(arguments);
        let publish = |session: &mut ClientSession| session.publish(topic, options, &payload);
        if options.get_bool("acknowledge") != Some(true) {
            self.0.shared.command(publish).await?;
            return Ok(None);
        }
        let (reply, answer) = oneshot::channel();
        let name = |request: PublishRequest| Request::Publish(request);
        self.0
            .shared
            .request(publish, name, Waiting::Publish(reply))
            .await?;
        wait(answer).await.map(Some)
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
    /// Dropped, the call goes on, and its result is dropped when it comes.
    pub async fn call(&self, procedure: &str, arguments: &Arguments) -> Answer<OwnedPayload> {
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
        arguments: &Arguments,
    ) -> Answer<Call> {
        let (reply, result) = oneshot::channel();
        let wanted = options.get_bool("receive_progress") == Some(true);
        let (sender, progress) = wanted.then(queue).unzip();
        let payload = Payload::typed(arguments);
        let shared = &self.0.shared;
        let request = shared
            .request(
                |session| session.call(procedure, options, &payload),
                |request: CallRequest| Request::Call(request),
                Waiting::Call(sender, reply),
            )
            .await?;
        Ok(Call {
            session: self.clone(),
            request,
            progress,
            result,
        })
    }

    /// Says GOODBYE and waits for the router's, at most for the leave timeout.
    ///
    /// # Errors
    ///
    /// [`SessionError::Ended`] if the session ended otherwise, or the router does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the session still leaves once GOODBYE was queued, which is at once unless much
    /// waits to be sent.
    pub async fn leave(&self) -> Answer<()> {
        let shared = &self.0.shared;
        let now = shared.lock().now();
        shared
            .command(|session| session.leave(uris::CLOSE_REALM, now))
            .await?;
        match self.closed().await {
            End::Left { .. } => Ok(()),
            end @ End::Failed(_) => Err(SessionError::Ended(end)),
        }
    }

    /// Waits until the session is over, and tells how it ended.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it changes nothing.
    pub async fn closed(&self) -> End {
        let mut ended = self.0.shared.ended();
        let end = ended
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|end| end.clone());
        end.unwrap_or(End::Failed(PeerError::Closed))
    }
}

/// Arguments of any type that can be sent.
pub type Arguments = dyn ToPayload + Sync;

/// A call under way.
#[derive(Debug)]
pub struct Call {
    session: Session,
    request: CallRequest,
    progress: Option<Puller<OwnedPayload>>,
    result: oneshot::Receiver<Answer<OwnedPayload>>,
}

impl Call {
    /// The next progressive result; `None` once the call is over, and
    /// [`result`](Self::result) tells how, or if none were asked for.
    ///
    /// Up to 4096 of them wait to be taken, with 16 MiB of arguments. A callee that is faster
    /// loses the call: it is cancelled, and fails with [`SessionError::Overrun`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, it loses nothing.
    pub async fn progress(&mut self) -> Option<OwnedPayload> {
        self.progress.as_mut()?.recv().await
    }

    /// The result.
    ///
    /// # Errors
    ///
    /// As [`Session::call`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, the call goes on, and its result is dropped when it comes.
    pub async fn result(self) -> Answer<OwnedPayload> {
        // Progress that is not looked at does not wait.
        drop(self.progress);
        wait(self.result).await
    }

    /// Asks the router to cancel the call: CANCEL. How the call ends is told by
    /// [`result`](Self::result).
    ///
    /// # Errors
    ///
    /// [`SessionError::Command`] if it is over already, or [`SessionError::Ended`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, it was cancelled or not: nothing in between.
    pub async fn cancel(&self, mode: CancelMode) -> Answer<()> {
        let shared = &self.session.0.shared;
        shared
            .command(|session| session.cancel(self.request, mode))
            .await
    }
}

/// Waits for an answer that the session's task owes.
async fn wait<T>(answer: oneshot::Receiver<Answer<T>>) -> Answer<T> {
    answer.await.unwrap_or_else(|_| Err(lost()))
}

/// The session's task was dropped with the runtime.
fn lost() -> SessionError {
    SessionError::Ended(End::Failed(PeerError::Closed))
}

struct AbortOnDrop(Option<tokio::task::AbortHandle>);

impl AbortOnDrop {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
