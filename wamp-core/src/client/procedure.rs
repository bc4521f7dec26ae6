//! Procedures: registered endpoints and their invocations.

use alloc::boxed::Box;
use alloc::string::ToString as _;
use alloc::sync::Arc;
use core::future::Future;
use core::pin::Pin;

use serde::Deserialize;

use super::error::WampError;
use super::oneshot;
use super::session::{Arguments, Session, wait};
use super::state::{Answer, Key, Provided, Shared, Turn, Waiting};
use crate::abort::catch;
use crate::session::{
    ClientSession, CommandError, Invocation as Handle, Invoked, RegisterRequest, Request,
};
use crate::{Dict, Id, OwnedPayload, Payload, PayloadError, ToPayload, uris};

/// A call that this session is to answer.
#[derive(Debug)]
pub struct Invocation {
    shared: Arc<Shared>,
    turn: Turn,
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

    /// Whether nobody waits for the answer any more: the call was cancelled, it is answered, or the
    /// connection that it came over is lost.
    ///
    /// A handler need not ask, since it is dropped at its next await then. Work that it has handed
    /// to a thread or to another task is not, and can ask here whether to go on.
    pub fn is_cancelled(&self) -> bool {
        let state = self.shared.lock();
        !state.is_wanted(self.turn, self.invoked.invocation)
    }

    /// Sends a progressive result, as soon as there is room for it. Nothing happens if the caller
    /// does not take any.
    ///
    /// # Errors
    ///
    /// [`SessionError::Command`](super::SessionError::Command) or
    /// [`SessionError::Ended`](super::SessionError::Ended).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it was sent or not: nothing in between.
    pub async fn progress(&self, arguments: &Arguments<'_>) -> Answer<()> {
        if !self.wants_progress() {
            return Ok(());
        }
        let options = Dict::new().with("progress", true);
        let arguments = self.shared.serialize(arguments)?;
        let payload = arguments.payload();
        let handle = self.invoked.invocation;
        let act = |session: &mut ClientSession| session.yield_result(handle, &options, &payload);
        self.shared.command(Some(self.turn.life), true, act).await
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
        turn: Turn,
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
        turn: Turn,
        invoked: Invoked,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // Made at once: a handler that is aborted before it has begun leaves its place, too.
        let owed = Owed {
            shared: shared.clone(),
            turn,
            handle: invoked.invocation,
        };
        Box::pin(async move {
            let invocation = Invocation {
                shared,
                turn,
                invoked,
            };
            // Sent, or the session is over: in both cases nobody waits any more.
            let work = async {
                match (self.0)(invocation).await {
                    Ok(payload) => drop(owed.pay(&payload).await),
                    Err(error) => drop(owed.refuse(&error).await),
                }
            };
            // After a panic, of which its hook has told, dropping what is owed tells the caller.
            let _ = catch(work).await;
            drop(owed);
        })
    }
}

/// An answer that is owed. If the handler panics, the caller is told on drop.
struct Owed {
    shared: Arc<Shared>,
    turn: Turn,
    handle: Handle,
}

impl Owed {
    async fn pay(&self, arguments: &Arguments<'_>) -> Answer<()> {
        let Ok(arguments) = self.shared.serialize(arguments) else {
            // Dropped, it tells the caller.
            return Ok(());
        };
        let payload = arguments.payload();
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
        self.shared.command(Some(self.turn.life), true, act).await
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
        self.shared.command(Some(self.turn.life), true, act).await
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.finished(&self.shared, self.turn, self.handle);
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
    key: Key,
}

impl Registration {
    /// Its id on the wire; `None` while there is no connection. It changes when the session joins
    /// again.
    pub fn id(&self) -> Option<Id> {
        let granted = self.session.shared().lock().registration(self.key);
        granted.map(crate::session::Registration::id)
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
        let mut reply = Some(reply);
        let shared = self.session.shared();
        shared
            .insist(self.session.patient(), |state| {
                state.unregister(self.key, &mut reply)
            })
            .await?;
        wait(answer).await
    }
}

impl Session {
    /// Registers a procedure. Each call runs `handler` on a task of its own, at most
    /// [`Join::max_handlers`](super::Join::max_handlers) at the same time. Its result is what the
    /// caller gets; a handler that panics gives `wamp.error.runtime_error`, and one whose call is
    /// cancelled is dropped at its next await. A handler that has a handle of the session keeps it:
    /// such a session does not leave by itself.
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
        let provided = Provided {
            procedure: procedure.into(),
            options: options.clone().into_owned(),
            endpoint: Arc::new(Handler(handler)),
            granted: None,
            unwanted: false,
        };
        let key = self
            .ask(
                |session| session.register(procedure, options),
                |request: RegisterRequest| Request::Register(request),
                |reply| Waiting::Register(provided, reply),
            )
            .await?;
        Ok(Registration {
            session: self.clone(),
            key,
        })
    }
}
