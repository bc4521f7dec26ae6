//! Procedures: registered endpoints and their invocations.

use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::oneshot;
use wamp_core::session::{
    ClientSession, CommandError, Invocation as Handle, Invoked, RegisterRequest,
    Registration as Granted, Request, UnregisterRequest,
};
use wamp_core::{Dict, Id, OwnedPayload, Payload, PayloadError, ToPayload, uris};

use super::error::WampError;
use super::state::{Answer, Shared, Waiting};
use super::{Arguments, Session, wait};

/// A call that this session is to answer.
#[derive(Debug)]
pub struct Invocation {
    shared: Arc<Shared>,
    invoked: Invoked,
}

impl Invocation {
    /// The positional arguments, as a tuple, a `Vec` or anything else that deserializes from a
    /// list.
    ///
    /// # Errors
    ///
    /// They are of another type. With `?` in a handler this becomes the error
    /// `wamp.error.invalid_argument`.
    pub fn args<T: for<'de> Deserialize<'de>>(&self) -> Result<T, PayloadError> {
        self.invoked.payload.args()
    }

    /// The keyword arguments, as a struct or a map.
    ///
    /// # Errors
    ///
    /// As [`args`](Self::args).
    pub fn kwargs<T: for<'de> Deserialize<'de>>(&self) -> Result<T, PayloadError> {
        self.invoked.payload.kwargs()
    }

    /// The arguments as they came, for instance to send them on.
    pub fn payload(&self) -> &OwnedPayload {
        &self.invoked.payload
    }

    /// The details of INVOCATION, such as `caller` or `procedure`.
    pub fn details(&self) -> &Dict<'static> {
        &self.invoked.details
    }

    /// Whether the caller takes progressive results.
    pub fn wants_progress(&self) -> bool {
        self.invoked.receive_progress
    }

    /// Sends a progressive result. Nothing happens if the caller does not take any.
    ///
    /// # Errors
    ///
    /// [`SessionError::Command`](super::SessionError::Command) or
    /// [`SessionError::Ended`](super::SessionError::Ended).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it was sent or not: nothing in between.
    pub async fn progress(&self, arguments: &Arguments) -> Answer<()> {
        if !self.wants_progress() {
            return Ok(());
        }
        let options = Dict::new().with("progress", true);
        let payload = Payload::typed(arguments);
        let handle = self.invoked.invocation;
        let act = |session: &mut ClientSession| session.yield_result(handle, &options, &payload);
        self.shared.command(act).await
    }
}

impl From<PayloadError> for WampError {
    fn from(error: PayloadError) -> Self {
        Self::new(uris::INVALID_ARGUMENT).with_text(error.to_string())
    }
}

/// What answers the calls of a procedure.
pub(super) trait Endpoint: Send + Sync {
    fn invoke(
        self: Arc<Self>,
        shared: Arc<Shared>,
        invoked: Invoked,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// A function as an endpoint.
struct Handler<F>(F);

impl<F, Fut, R> Endpoint for Handler<F>
where
    F: Fn(Invocation) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, WampError>> + Send,
    R: ToPayload + Send + Sync + 'static,
{
    fn invoke(
        self: Arc<Self>,
        shared: Arc<Shared>,
        invoked: Invoked,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let owed = Owed {
                shared: shared.clone(),
                handle: invoked.invocation,
            };
            let result = (self.0)(Invocation { shared, invoked }).await;
            // Sent, or the session is over: in both cases nobody waits any more.
            match result {
                Ok(payload) => drop(owed.pay(&payload).await),
                Err(error) => drop(owed.refuse(&error).await),
            }
        })
    }
}

/// An answer that is owed. If the handler panics, the caller is told on drop.
struct Owed {
    shared: Arc<Shared>,
    handle: Handle,
}

impl Owed {
    async fn pay(&self, payload: &Arguments) -> Answer<()> {
        let payload = Payload::typed(payload);
        let act = |session: &mut ClientSession| match session.yield_result(
            self.handle,
            &Dict::new(),
            &payload,
        ) {
            Err(CommandError::TooLong { .. }) => {
                fail(session, self.handle, uris::PAYLOAD_SIZE_EXCEEDED)
            }
            Err(CommandError::Encode(_)) => fail(session, self.handle, uris::RUNTIME_ERROR),
            done => done,
        };
        self.shared.command(act).await
    }

    async fn refuse(&self, error: &WampError) -> Answer<()> {
        let text = error.text_to_send().map(|text| (text,));
        let payload = match &text {
            Some(text) => Payload::typed(text),
            None => error.payload.as_payload(),
        };
        let act = |session: &mut ClientSession| {
            match session.fail(self.handle, &error.uri, &error.details, &payload) {
                // An error all the same, though not this one.
                Err(CommandError::InvalidUri | CommandError::Encode(_)) => {
                    fail(session, self.handle, uris::RUNTIME_ERROR)
                }
                Err(CommandError::TooLong { .. }) => {
                    fail(session, self.handle, uris::PAYLOAD_SIZE_EXCEEDED)
                }
                done => done,
            }
        };
        self.shared.command(act).await
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.finished(self.handle);
        // Answered already, but after a panic.
        state.fail(self.handle, uris::RUNTIME_ERROR);
    }
}

fn fail(session: &mut ClientSession, handle: Handle, uri: &str) -> Result<(), CommandError> {
    session.fail(handle, uri, &Dict::new(), &Payload::none())
}

/// A procedure that this session answers. It stays registered until it is
/// [unregistered](Self::unregister) or the session ends.
#[derive(Clone, Debug)]
pub struct Registration {
    session: Session,
    granted: Granted,
}

impl Registration {
    /// Its id on the wire.
    pub fn id(&self) -> Id {
        self.granted.id()
    }

    /// Unregisters the procedure. Invocations under way are still answered.
    ///
    /// # Errors
    ///
    /// [`SessionError`](super::SessionError), with the router's ERROR if it refuses.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it was asked for or not: nothing in between.
    pub async fn unregister(&self) -> Answer<()> {
        let (reply, answer) = oneshot::channel();
        let shared = &self.session.0.shared;
        let act = |session: &mut ClientSession| session.unregister(self.granted);
        let name = |request: UnregisterRequest| Request::Unregister(request);
        shared
            .request(act, name, Waiting::Unregister(reply))
            .await?;
        wait(answer).await
    }
}

impl Session {
    /// Registers a procedure. Each call runs `handler` on a task of its own, at most
    /// [`Join::max_invocations`](super::Join::max_invocations) at the same time. Its result is what
    /// the caller gets; a handler that panics gives `wamp.error.runtime_error`, and one whose call
    /// is cancelled is dropped at its next await.
    ///
    /// # Errors
    ///
    /// [`SessionError`](super::SessionError), with the router's ERROR if it refuses, for instance
    /// because somebody else registered the procedure.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the procedure is registered or not.
    pub async fn register<F, Fut, R>(&self, procedure: &str, handler: F) -> Answer<Registration>
    where
        F: Fn(Invocation) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, WampError>> + Send,
        R: ToPayload + Send + Sync + 'static,
    {
        self.register_with(procedure, &Dict::new(), handler).await
    }

    /// Registers a procedure with these options of REGISTER.
    ///
    /// # Errors
    ///
    /// As [`register`](Self::register).
    ///
    /// # Cancel safety
    ///
    /// As [`register`](Self::register).
    pub async fn register_with<F, Fut, R>(
        &self,
        procedure: &str,
        options: &Dict<'_>,
        handler: F,
    ) -> Answer<Registration>
    where
        F: Fn(Invocation) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, WampError>> + Send,
        R: ToPayload + Send + Sync + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let act = |session: &mut ClientSession| session.register(procedure, options);
        let name = |request: RegisterRequest| Request::Register(request);
        let waiting = Waiting::Register(Arc::new(Handler(handler)), reply);
        self.0.shared.request(act, name, waiting).await?;
        let granted = wait(answer).await?;
        Ok(Registration {
            session: self.clone(),
            granted,
        })
    }
}
