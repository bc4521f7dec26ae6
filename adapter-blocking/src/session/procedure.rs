//! Procedures: registered endpoints and their invocations.

use std::sync::Arc;

use serde::Deserialize;
use wamp_core::client::{self, Arguments, SessionError, WampError};
use wamp_core::{Dict, Id, OwnedPayload, PayloadError, ToPayload};

use super::{Session, wait};

/// A call that this session is to answer.
#[derive(Debug)]
pub struct Invocation(client::Invocation);

impl Invocation {
    /// The positional arguments, as a tuple, a `Vec` or anything else that deserializes from a
    /// list.
    ///
    /// # Errors
    ///
    /// They are of another type. With `?` in a handler this becomes the error
    /// `wamp.error.invalid_argument`.
    pub fn args<T: for<'de> Deserialize<'de>>(&self) -> Result<T, PayloadError> {
        self.0.args()
    }

    /// The keyword arguments, as a struct or a map.
    ///
    /// # Errors
    ///
    /// As [`args`](Self::args).
    pub fn kwargs<T: for<'de> Deserialize<'de>>(&self) -> Result<T, PayloadError> {
        self.0.kwargs()
    }

    /// The arguments as they came, for instance to send them on.
    pub fn payload(&self) -> &OwnedPayload {
        self.0.payload()
    }

    /// The details of INVOCATION, such as `caller` or `procedure`.
    pub fn details(&self) -> &Dict<'static> {
        self.0.details()
    }

    /// Whether the caller takes progressive results.
    pub fn wants_progress(&self) -> bool {
        self.0.wants_progress()
    }

    /// Whether nobody waits for the answer any more: the call was cancelled, it is answered, or the
    /// connection that it came over is lost. A handler that takes long asks now and then, and
    /// returns whatever it likes if so.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Sends a progressive result, as soon as there is room for it. Nothing happens if the caller
    /// does not take any.
    ///
    /// # Errors
    ///
    /// [`SessionError::Command`] if the call was cancelled, or [`SessionError::Ended`].
    pub fn progress(&self, arguments: &Arguments<'_>) -> Result<(), SessionError> {
        wait(self.0.progress(arguments))
    }
}

/// A procedure that this session answers. It stays registered until it is
/// [unregistered](Self::unregister) or the session ends.
#[derive(Clone, Debug)]
pub struct Registration(client::Registration);

impl Registration {
    /// Its id on the wire; `None` while there is no connection. It changes when the session joins
    /// again.
    pub fn id(&self) -> Option<Id> {
        self.0.id()
    }

    /// Unregisters the procedure, and waits for the router's word. Invocations under way are still
    /// answered.
    ///
    /// # Errors
    ///
    /// [`SessionError`], with the router's ERROR if it refuses.
    pub fn unregister(&self) -> Result<(), SessionError> {
        wait(self.0.unregister())
    }
}

impl Session {
    /// Registers a procedure, and waits for the router's word. Each call runs `handler` on a thread
    /// of its own, at most [`Join::max_handlers`](super::Join::max_handlers) at the same time. Its
    /// result is what the caller gets; a handler that panics gives `wamp.error.runtime_error`. A
    /// handler may use the session, and wait.
    ///
    /// One whose call is cancelled runs to its end all the same, and nobody gets its result:
    /// [`Invocation::is_cancelled`] tells, and [`Invocation::progress`] fails from then on.
    ///
    /// # Errors
    ///
    /// [`SessionError`], with the router's ERROR if it refuses, for instance because somebody else
    /// registered the procedure.
    pub fn register<F, R>(&self, procedure: &str, handler: F) -> Result<Registration, SessionError>
    where
        F: Fn(Invocation) -> Result<R, WampError> + Send + Sync + 'static,
        R: ToPayload + Send + Sync + 'static,
    {
        self.register_with(procedure, &Dict::new(), handler)
    }

    /// Registers a procedure with these options of REGISTER.
    ///
    /// # Errors
    ///
    /// As [`register`](Self::register).
    pub fn register_with<F, R>(
        &self,
        procedure: &str,
        options: &Dict<'_>,
        handler: F,
    ) -> Result<Registration, SessionError>
    where
        F: Fn(Invocation) -> Result<R, WampError> + Send + Sync + 'static,
        R: ToPayload + Send + Sync + 'static,
    {
        let handler = Arc::new(handler);
        let handler = move |invocation| {
            let handler = handler.clone();
            // Not before it is polled: then the thread is its own.
            async move { handler(Invocation(invocation)) }
        };
        wait(self.0.register_with(procedure, options, handler)).map(Registration)
    }
}
