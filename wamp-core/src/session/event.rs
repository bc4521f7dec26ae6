//! What a client session tells its application.

use crate::{Dict, Id, OwnedPayload, Value};

use super::handle::{
    CallRequest, Invocation, PublishRequest, RegisterRequest, Registration, SubscribeRequest,
    Subscription, UnregisterRequest, UnsubscribeRequest,
};

/// Something that happened, in the order in which the router said it.
///
/// Payloads are lazy: they share the frame that they came in, and are not parsed before somebody
/// asks for their arguments.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The router has let the session join: WELCOME.
    Joined(Joined),
    /// A request was answered as hoped, or finally: see [`Outcome`].
    Done(Outcome),
    /// A request failed. It is over.
    Failed(Failed),
    /// A call has a progressive result; more will follow.
    Progress {
        /// The call.
        request: CallRequest,
        /// The details of RESULT.
        details: Dict<'static>,
        /// What the endpoint yielded.
        payload: OwnedPayload,
    },
    /// Somebody published to a topic that the session is subscribed to: EVENT.
    Published(Publication),
    /// Somebody calls a procedure that the session has registered: INVOCATION. Answer with
    /// [`yield_result`](super::ClientSession::yield_result) or
    /// [`fail`](super::ClientSession::fail).
    Invoked(Invoked),
    /// The answer to an invocation is no longer wanted: INTERRUPT.
    Interrupted {
        /// The invocation.
        invocation: Invocation,
        /// Whether an answer is still expected (mode `kill`). If not (mode `killnowait`), the
        /// invocation is over.
        answer_expected: bool,
        /// The options of INTERRUPT.
        options: Dict<'static>,
    },
    /// The router has taken a subscription away.
    SubscriptionRevoked {
        /// The subscription.
        subscription: Subscription,
        /// Why, if the router said so: `Details.reason`.
        reason: Option<String>,
    },
    /// The router has taken a registration away.
    RegistrationRevoked {
        /// The registration.
        registration: Registration,
        /// Why, if the router said so: `Details.reason`.
        reason: Option<String>,
    },
    /// The session is over, by GOODBYE of both sides. Nothing follows. Send what still waits,
    /// then close the transport.
    Left {
        /// The reason that the router gave.
        reason: String,
        /// Whether the router said GOODBYE first.
        by_router: bool,
    },
}

/// The session has joined a realm.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Joined {
    /// The session's id.
    pub session: Id,
    /// The realm that was joined.
    pub realm: String,
    /// The details of WELCOME: the router's roles and features, who the client is to it, and more.
    pub details: Dict<'static>,
}

impl Joined {
    /// Whether the router announced a feature of one of its roles, such as `call_canceling` of
    /// `dealer`.
    ///
    /// Spec: basic profile, "Role and Feature Announcement".
    pub fn announces(&self, role: &str, feature: &str) -> bool {
        let roles = self.details.get_value("roles");
        let features = roles
            .as_ref()
            .and_then(|roles| roles.get(role)?.get("features"));
        features.and_then(|features| features.get(feature)) == Some(&Value::Bool(true))
    }
}

/// How a request ended well.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// SUBSCRIBED.
    Subscribed {
        /// The request.
        request: SubscribeRequest,
        /// The subscription. The same one, if the session was subscribed to the topic already.
        subscription: Subscription,
    },
    /// UNSUBSCRIBED.
    Unsubscribed {
        /// The request.
        request: UnsubscribeRequest,
        /// The subscription that is over.
        subscription: Subscription,
    },
    /// PUBLISHED.
    Published {
        /// The request.
        request: PublishRequest,
        /// The id of the publication.
        publication: Id,
    },
    /// REGISTERED.
    Registered {
        /// The request.
        request: RegisterRequest,
        /// The registration.
        registration: Registration,
    },
    /// UNREGISTERED.
    Unregistered {
        /// The request.
        request: UnregisterRequest,
        /// The registration that is over.
        registration: Registration,
    },
    /// The final RESULT of a call.
    Result {
        /// The call.
        request: CallRequest,
        /// The details of RESULT.
        details: Dict<'static>,
        /// What the endpoint returned.
        payload: OwnedPayload,
    },
}

/// A request, by its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Request {
    /// SUBSCRIBE.
    Subscribe(SubscribeRequest),
    /// UNSUBSCRIBE.
    Unsubscribe(UnsubscribeRequest),
    /// PUBLISH with acknowledgement.
    Publish(PublishRequest),
    /// REGISTER.
    Register(RegisterRequest),
    /// UNREGISTER.
    Unregister(UnregisterRequest),
    /// CALL.
    Call(CallRequest),
}

/// A request that failed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Failed {
    /// The request.
    pub request: Request,
    /// Why.
    pub reason: Failure,
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Failure {
    /// The router or the endpoint answered with ERROR.
    Error {
        /// The error's URI.
        uri: String,
        /// The details of ERROR.
        details: Dict<'static>,
        /// What the endpoint said about it.
        payload: OwnedPayload,
    },
    /// The session ended before the answer came. How it ended is told by the event or the error
    /// that follows, and by [`ClientSession::error`](super::ClientSession::error). Whether the request was carried out is not known.
    SessionEnded,
}

/// A publication that arrived as EVENT.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Publication {
    /// The subscription that it matched.
    pub subscription: Subscription,
    /// The id of the publication.
    pub publication: Id,
    /// The details of EVENT, such as `topic` for a pattern, or `publisher`.
    pub details: Dict<'static>,
    /// What was published.
    pub payload: OwnedPayload,
}

/// A call that arrived as INVOCATION.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Invoked {
    /// What to answer to.
    pub invocation: Invocation,
    /// The registration that it is for.
    pub registration: Registration,
    /// Whether the caller takes progressive results.
    pub receive_progress: bool,
    /// The details of INVOCATION, such as `procedure` for a pattern, or `caller`.
    pub details: Dict<'static>,
    /// The arguments.
    pub payload: OwnedPayload,
}

/// What a deadline of a client session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionTimer {
    /// The router must have answered HELLO.
    Join,
    /// The router must have answered GOODBYE.
    Leave,
}
