//! What the application asks of its session.

use rawsocket_proto::time::Instant;

use crate::message::{
    Call, Cancel, CancelMode, Error, Goodbye, Message, MessageType, Publish, Register, Subscribe,
    Unregister, Unsubscribe, Yield,
};
use crate::uri::{MatchPolicy, UriRule};
use crate::{Dict, Id, Payload};

use super::held::{Held, Standing};
use super::{
    CallRequest, ClientSession, CommandError, Invocation, Pending, Phase, PublishRequest,
    RegisterRequest, Registration, SubscribeRequest, Subscription, UnregisterRequest,
    UnsubscribeRequest,
};

impl ClientSession {
    /// Subscribes to a topic: SUBSCRIBE. The answer comes as
    /// [`Outcome::Subscribed`](super::Outcome::Subscribed) or [`Failed`](super::Failed).
    ///
    /// A second subscription to the same topic is the same [`Subscription`], and one
    /// [`unsubscribe`](Self::unsubscribe) ends it.
    ///
    /// `options` are those of SUBSCRIBE, such as `match`.
    ///
    /// # Errors
    ///
    /// See [`CommandError`].
    pub fn subscribe(
        &mut self,
        topic: &str,
        options: &Dict<'_>,
    ) -> Result<SubscribeRequest, CommandError> {
        let message = Subscribe::new(self.ids.peek(), topic).with_options(options.clone());
        check_pattern(topic, message.match_policy())?;
        self.request(&message.into(), Some(Pending::Subscribe))
            .map(SubscribeRequest)
    }

    /// Ends a subscription: UNSUBSCRIBE. Events that are still under way are dropped.
    ///
    /// # Errors
    ///
    /// [`CommandError::Unknown`] if it is not held, or about to end; see [`CommandError`].
    pub fn unsubscribe(
        &mut self,
        subscription: Subscription,
    ) -> Result<UnsubscribeRequest, CommandError> {
        let id = subscription.id();
        self.check_held(&self.subscriptions, id)?;
        let message = Unsubscribe::new(self.ids.peek(), id);
        let request = self.request(&message.into(), Some(Pending::Unsubscribe(id)))?;
        self.subscriptions.begin_end(id, request);
        Ok(UnsubscribeRequest(request))
    }

    /// Publishes to a topic: PUBLISH.
    ///
    /// It is answered, with [`Outcome::Published`](super::Outcome::Published) or
    /// [`Failed`](super::Failed), only if `options` hold `acknowledge: true`. Other options:
    /// `exclude_me`, `exclude`, `eligible` and more.
    ///
    /// # Errors
    ///
    /// See [`CommandError`].
    pub fn publish(
        &mut self,
        topic: &str,
        options: &Dict<'_>,
        payload: &Payload<'_>,
    ) -> Result<PublishRequest, CommandError> {
        check_uri(topic)?;
        let message = Publish::new(self.ids.peek(), topic)
            .with_options(options.clone())
            .with_payload(payload.clone());
        let pending = message.acknowledge().then_some(Pending::Publish);
        self.request(&message.into(), pending).map(PublishRequest)
    }

    /// Offers a procedure: REGISTER. The answer comes as
    /// [`Outcome::Registered`](super::Outcome::Registered) or [`Failed`](super::Failed);
    /// invocations only follow after it.
    ///
    /// `options` are those of REGISTER, such as `match`, `invoke` and `forward_timeout`.
    ///
    /// # Errors
    ///
    /// See [`CommandError`].
    pub fn register(
        &mut self,
        procedure: &str,
        options: &Dict<'_>,
    ) -> Result<RegisterRequest, CommandError> {
        let message = Register::new(self.ids.peek(), procedure).with_options(options.clone());
        check_pattern(procedure, message.match_policy())?;
        self.request(&message.into(), Some(Pending::Register))
            .map(RegisterRequest)
    }

    /// Takes a procedure back: UNREGISTER. Invocations that were received before are still to be
    /// answered; those under way are answered with `wamp.error.no_such_procedure` by the session.
    ///
    /// # Errors
    ///
    /// [`CommandError::Unknown`] if it is not held, or about to end; see [`CommandError`].
    pub fn unregister(
        &mut self,
        registration: Registration,
    ) -> Result<UnregisterRequest, CommandError> {
        let id = registration.id();
        self.check_held(&self.registrations, id)?;
        let message = Unregister::new(self.ids.peek(), id);
        let request = self.request(&message.into(), Some(Pending::Unregister(id)))?;
        self.registrations.begin_end(id, request);
        Ok(UnregisterRequest(request))
    }

    /// Calls a procedure: CALL. The answer comes as
    /// [`Outcome::Result`](super::Outcome::Result) or [`Failed`](super::Failed); before it, if
    /// `options` hold `receive_progress: true`, any number of
    /// [`Event::Progress`](super::Event::Progress).
    ///
    /// Other options: `timeout` in milliseconds, `disclose_me` and more. Progressive invocations
    /// (`progress`) are not announced to the router: do not use that option.
    ///
    /// # Errors
    ///
    /// See [`CommandError`].
    pub fn call(
        &mut self,
        procedure: &str,
        options: &Dict<'_>,
        payload: &Payload<'_>,
    ) -> Result<CallRequest, CommandError> {
        check_uri(procedure)?;
        let message = Call::new(self.ids.peek(), procedure)
            .with_options(options.clone())
            .with_payload(payload.clone());
        let pending = Pending::Call {
            receive_progress: message.receive_progress(),
        };
        self.request(&message.into(), Some(pending))
            .map(CallRequest)
    }

    /// Gives up a call: CANCEL. It still ends as any call does: mostly with the error
    /// `wamp.error.canceled`, or with a result that was faster.
    ///
    /// # Errors
    ///
    /// [`CommandError::Unknown`] if the call has ended; see [`CommandError`].
    pub fn cancel(&mut self, call: CallRequest, mode: CancelMode) -> Result<(), CommandError> {
        self.check_phase()?;
        match self.requests.get(&call.id()) {
            Some(Pending::Call { .. }) => {
                let options = Dict::new().with("mode", mode.as_str());
                self.send(&Cancel::new(call.id()).with_options(options).into())
            }
            _ => Err(CommandError::Unknown),
        }
    }

    /// Answers an invocation: YIELD. With `progress: true` in `options` more will follow, else
    /// the invocation is over.
    ///
    /// # Errors
    ///
    /// [`CommandError::Unknown`] if the invocation is over already; see [`CommandError`]. After
    /// [`CommandError::TooLong`] or [`CommandError::Encode`] the invocation is still to be
    /// answered: [`fail`](Self::fail) it, with `wamp.error.payload_size_exceeded` for instance.
    pub fn yield_result(
        &mut self,
        invocation: Invocation,
        options: &Dict<'_>,
        payload: &Payload<'_>,
    ) -> Result<(), CommandError> {
        self.check_phase()?;
        let id = invocation.id();
        let running = self.invocations.get(&id).ok_or(CommandError::Unknown)?;
        let message = Yield::new(id)
            .with_options(options.clone())
            .with_payload(payload.clone());
        let progress = message.progress();
        if progress && !running.receive_progress {
            return Err(CommandError::ProgressUnwanted);
        }
        self.send(&message.into())?;
        if !progress {
            self.invocations.remove(&id);
        }
        Ok(())
    }

    /// Answers an invocation with an error: ERROR. The invocation is over.
    ///
    /// # Errors
    ///
    /// As [`yield_result`](Self::yield_result).
    pub fn fail(
        &mut self,
        invocation: Invocation,
        error: &str,
        details: &Dict<'_>,
        payload: &Payload<'_>,
    ) -> Result<(), CommandError> {
        self.check_phase()?;
        check_uri(error)?;
        let id = invocation.id();
        if !self.invocations.contains_key(&id) {
            return Err(CommandError::Unknown);
        }
        let message = Error::new(MessageType::Invocation, id, error)
            .with_details(details.clone())
            .with_payload(payload.clone());
        self.send(&message.into())?;
        self.invocations.remove(&id);
        Ok(())
    }

    /// Leaves the realm: GOODBYE, with a reason such as `wamp.close.close_realm`. The session is
    /// over when the router has answered, or its time to do so has passed. Nothing else is sent
    /// or taken any more.
    ///
    /// # Errors
    ///
    /// [`CommandError::NotJoined`] before WELCOME: just close the transport. See
    /// [`CommandError`]; congestion is no obstacle.
    pub fn leave(&mut self, reason: &str, now: Instant) -> Result<(), CommandError> {
        self.check_phase()?;
        check_uri(reason)?;
        let frame = self.encode(&Goodbye::new(reason).into())?;
        self.outbox.push(frame);
        self.phase = Phase::Leaving {
            until: self.leave_deadline(now),
        };
        Ok(())
    }

    /// Sends a request under the next id, and remembers what it is about.
    fn request(
        &mut self,
        message: &Message<'_>,
        pending: Option<Pending>,
    ) -> Result<Id, CommandError> {
        self.check_phase()?;
        if pending.is_some() && self.requests.len() >= self.config.max_pending {
            return Err(CommandError::TooManyPending);
        }
        self.send(message)?;
        let id = self.ids.next();
        if let Some(pending) = pending {
            self.requests.insert(id, pending);
        }
        Ok(id)
    }

    fn send(&mut self, message: &Message<'_>) -> Result<(), CommandError> {
        if self.is_congested() {
            return Err(CommandError::Full);
        }
        let frame = self.encode(message)?;
        self.outbox.push(frame);
        Ok(())
    }

    const fn check_phase(&self) -> Result<(), CommandError> {
        match self.phase {
            Phase::Joined => Ok(()),
            Phase::Joining { .. } => Err(CommandError::NotJoined),
            Phase::Leaving { .. } | Phase::Ended => Err(CommandError::Ended),
        }
    }

    fn check_held(&self, held: &Held, id: Id) -> Result<(), CommandError> {
        self.check_phase()?;
        match held.standing(id) {
            Standing::Active => Ok(()),
            Standing::Retired | Standing::Unknown => Err(CommandError::Unknown),
        }
    }
}

pub(super) fn check_uri(uri: &str) -> Result<(), CommandError> {
    UriRule::Loose
        .check(uri)
        .map_err(|_| CommandError::InvalidUri)
}

fn check_pattern(uri: &str, policy: MatchPolicy) -> Result<(), CommandError> {
    UriRule::Loose
        .check_pattern(uri, policy)
        .map_err(|_| CommandError::InvalidUri)
}
