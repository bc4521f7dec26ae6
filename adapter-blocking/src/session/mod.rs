//! The session level: what [`wamp_core::client`] does, for threads that wait.
//!
//! Each type wraps the one of the same name, and each method runs that one's on the thread that
//! calls it.

mod call;
mod join;
mod procedure;
mod states;
mod subscription;

pub use call::Call;
pub use join::Join;
pub use procedure::{Invocation, Registration};
pub use states::States;
pub use subscription::{Handled, Subscription};

use core::future::Future;
use core::task::Poll;
use core::time::Duration;
use std::sync::Arc;

use wamp_core::client::{self, Arguments, End, SessionError};
use wamp_core::session::Joined;
use wamp_core::transport::PeerError;
use wamp_core::{Dict, Id, OwnedPayload};

use crate::clock::timeout;
use crate::closer::{self, Closed};
use crate::seat::block_on;

/// A session in a realm. Cheap to clone; the clones are one session, and any number of threads may
/// use it at the same time.
///
/// A thread of its own keeps the connection: it answers PINGs, starts handlers and hands out events
/// whether or not any method waits. When the last clone is dropped, and the last [`Subscription`],
/// [`Registration`] and [`Call`] with it, the session leaves.
///
/// Arguments are what serde serializes: tuples and lists are positional arguments,
/// [`Kwargs`](wamp_core::Kwargs) keyword ones, [`ArgsKwargs`](wamp_core::ArgsKwargs) both.
///
/// What is to be sent waits for room where too much waits already, and, in a session that
/// [reconnects](Join::reconnect), for the connection; a handle that [fails fast](Self::fail_fast)
/// does not wait.
///
/// Whatever a thread waits for ends with the session, which any other thread may
/// [leave](Self::leave). [`Closer::run`](crate::Closer::run) ends the wait alone, and the session
/// goes on: a method then fails with [`SessionError::Io`] of the kind
/// [`NotConnected`](std::io::ErrorKind::NotConnected).
///
/// ```
/// # use wamp_rawsocket_blocking::wamp_core::router::RouterConfig;
/// # use wamp_rawsocket_blocking::{Listener, Router};
/// use wamp_rawsocket_blocking::{Invocation, Join};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = Listener::bind(&"rs://127.0.0.1:0".parse()?)?;
/// # let url = listener.to_string();
/// # let router = Router::new(RouterConfig::new(["realm1"]))?;
/// # std::thread::spawn(move || router.serve(listener));
/// let session = Join::new("realm1").connect(&url.parse()?)?;
///
/// session.register("com.myapp.add", |invocation: Invocation| {
///     let (a, b): (i64, i64) = invocation.args()?;
///     Ok((a + b,))
/// })?;
/// let (sum,): (i64,) = session.call("com.myapp.add", &(2, 3))?.args()?;
/// assert_eq!(sum, 5);
/// session.leave()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Session(client::Session);

impl Session {
    /// A handle of the same session that does not wait: where there is no room to send, its
    /// requests fail at once with [`CommandError::Full`](wamp_core::session::CommandError::Full),
    /// and without a connection with [`SessionError::Disconnected`]. Nothing was sent then.
    #[must_use]
    pub fn fail_fast(&self) -> Self {
        Self(self.0.fail_fast())
    }

    /// The session's id. It changes when the session joins again.
    pub fn id(&self) -> Id {
        self.0.id()
    }

    /// What the router said when it let the session in: its id, the realm, the details of WELCOME.
    pub fn joined(&self) -> Arc<Joined> {
        self.0.joined()
    }

    /// The state of the session, and each one that follows.
    pub fn states(&self) -> States {
        States(self.0.states())
    }

    /// Publishes to a topic, without waiting for the router to acknowledge it. Done as soon as the
    /// message is queued.
    ///
    /// # Errors
    ///
    /// [`SessionError::Command`] or [`SessionError::Ended`].
    pub fn publish(&self, topic: &str, arguments: &Arguments<'_>) -> Result<(), SessionError> {
        wait(self.0.publish(topic, arguments))
    }

    /// Publishes to a topic, waits for the router's word, and returns the publication's id.
    ///
    /// # Errors
    ///
    /// [`SessionError`], with the router's ERROR if it refused.
    pub fn publish_acknowledged(
        &self,
        topic: &str,
        arguments: &Arguments<'_>,
    ) -> Result<Id, SessionError> {
        wait(self.0.publish_acknowledged(topic, arguments))
    }

    /// Publishes to a topic with these options of PUBLISH, such as `exclude_me`. With
    /// `acknowledge` it waits for the router's word and returns the publication's id.
    ///
    /// # Errors
    ///
    /// [`SessionError`], with the router's ERROR if it was to acknowledge and refused.
    pub fn publish_with(
        &self,
        topic: &str,
        options: &Dict<'_>,
        arguments: &Arguments<'_>,
    ) -> Result<Option<Id>, SessionError> {
        wait(self.0.publish_with(topic, options, arguments))
    }

    /// Calls a procedure and waits for its result. If the wait is ended, the call is cancelled.
    ///
    /// # Errors
    ///
    /// [`SessionError::Wamp`] with the ERROR of the callee or the router; else as
    /// [`SessionError`] tells.
    pub fn call(
        &self,
        procedure: &str,
        arguments: &Arguments<'_>,
    ) -> Result<OwnedPayload, SessionError> {
        wait(self.0.call(procedure, arguments))
    }

    /// Calls a procedure with these options of CALL, such as `timeout` in milliseconds or
    /// `receive_progress`, and does not wait.
    ///
    /// # Errors
    ///
    /// [`SessionError::Command`] or [`SessionError::Ended`].
    pub fn start_call(
        &self,
        procedure: &str,
        options: &Dict<'_>,
        arguments: &Arguments<'_>,
    ) -> Result<Call, SessionError> {
        wait(self.0.start_call(procedure, options, arguments)).map(Call)
    }

    /// Says GOODBYE and waits for the router's, at most for the
    /// [leave timeout](Join::leave_timeout), which no [`Closer`](crate::Closer) ends.
    ///
    /// # Errors
    ///
    /// [`SessionError::Ended`] if the session ended otherwise, or the router does not answer.
    pub fn leave(&self) -> Result<(), SessionError> {
        block_on(self.0.leave())
    }

    /// Waits until the session is over, and tells how it ended. One that reconnects is not over
    /// when its connection is lost. If the wait is ended, it tells that the connection is closed
    /// ([`PeerError::Closed`]).
    pub fn closed(&self) -> End {
        closer::wait(None, self.0.closed()).unwrap_or(End::Failed(PeerError::Closed))
    }
}

impl From<Closed> for SessionError {
    fn from(closed: Closed) -> Self {
        Self::Io(closed.into())
    }
}

/// Runs what fails as sessions do.
fn wait<T>(work: impl Future<Output = Result<T, SessionError>>) -> Result<T, SessionError> {
    closer::wait(None, work)?
}

/// Waits for the next of something; there is none if the wait is ended.
fn next<T>(work: impl Future<Output = Option<T>>) -> Option<T> {
    closer::wait(None, work).ok().flatten()
}

/// As [`next`], for so long at most.
fn next_within<T>(within: Duration, work: impl Future<Output = Option<T>>) -> Poll<Option<T>> {
    closer::wait(None, timeout(within, work)).unwrap_or(Poll::Ready(None))
}
