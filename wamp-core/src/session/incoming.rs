//! What the router sends to a client session.

use alloc::borrow::Cow;

use bytes::Bytes;
use rawsocket_proto::time::Instant;

use crate::message::{self, CancelMode, Goodbye, Message, MessageType};
use crate::{Dict, Id, OwnedPayload, Payload, uris};

use super::held::Standing;
use super::{
    CallRequest, ClientSession, Event, Failed, Failure, Invocation, Invoked, Joined, Outcome,
    Pending, Phase, ProtocolViolation, Publication, PublishRequest, RegisterRequest, Registration,
    Running, SessionError, SubscribeRequest, Subscription, UnregisterRequest, UnsubscribeRequest,
};

impl ClientSession {
    /// Takes one message of the router's, without any header of the transport. Whatever is wrong
    /// with it comes out of [`poll_event`](Self::poll_event).
    pub fn handle_message(&mut self, frame: &Bytes, _now: Instant) {
        if self.phase == Phase::Ended {
            return;
        }
        match Message::decode(self.config.serializer, frame, &self.config.decode) {
            Ok(message) => self.take(message, frame),
            Err(error) => self.violation(ProtocolViolation::Decode(error)),
        }
    }

    fn take(&mut self, message: Message<'_>, frame: &Bytes) {
        match (self.phase, message) {
            (_, Message::Abort(abort)) => self.aborted(abort),
            (Phase::Joining { .. }, Message::Welcome(welcome)) => self.welcomed(welcome),
            (Phase::Joining { .. }, Message::Challenge(challenge)) => {
                let method = challenge.method.into_owned();
                self.abort(uris::NO_MATCHING_AUTH_METHOD, "only anonymous was offered");
                self.fail_session(SessionError::ChallengeUnanswerable { method });
            }
            (Phase::Joining { .. }, other) => self.unexpected(other.message_type(), false),
            (Phase::Leaving { .. }, Message::Goodbye(goodbye)) => self.left(goodbye, false),
            // Whatever crossed our GOODBYE is void.
            (Phase::Leaving { .. } | Phase::Ended, _) => {}
            (Phase::Joined, Message::Goodbye(goodbye)) => {
                self.send_own(&Goodbye::new(uris::GOODBYE_AND_OUT).into());
                self.left(goodbye, true);
            }
            (Phase::Joined, message) => self.take_joined(message, frame),
        }
    }

    fn take_joined(&mut self, message: Message<'_>, frame: &Bytes) {
        let kind = message.message_type();
        match message {
            Message::Event(event) => self.event(event, frame),
            Message::Result(result) => self.result(result, frame),
            Message::Invocation(invocation) => self.invocation(invocation, frame),
            Message::Interrupt(interrupt) => self.interrupt(interrupt),
            Message::Error(error) => self.request_failed(error, frame),
            Message::Published(published) => {
                if self.answered(kind, published.request, Pending::Publish) {
                    self.done(Outcome::Published {
                        request: PublishRequest(published.request),
                        publication: published.publication,
                    });
                }
            }
            Message::Subscribed(subscribed) => {
                if self.answered(kind, subscribed.request, Pending::Subscribe) {
                    self.subscriptions.grant(subscribed.subscription);
                    self.done(Outcome::Subscribed {
                        request: SubscribeRequest(subscribed.request),
                        subscription: Subscription(subscribed.subscription),
                    });
                }
            }
            Message::Registered(registered) => {
                if self.answered(kind, registered.request, Pending::Register) {
                    self.registrations.grant(registered.registration);
                    self.done(Outcome::Registered {
                        request: RegisterRequest(registered.request),
                        registration: Registration(registered.registration),
                    });
                }
            }
            Message::Unsubscribed(unsubscribed) => self.unsubscribed(&unsubscribed),
            Message::Unregistered(unregistered) => self.unregistered(&unregistered),
            _ => self.unexpected(kind, true),
        }
    }

    fn welcomed(&mut self, welcome: message::Welcome<'_>) {
        self.phase = Phase::Joined;
        self.events.push_back(Event::Joined(Joined {
            session: welcome.session,
            realm: self.config.realm.clone(),
            details: welcome.details.into_owned(),
        }));
    }

    fn aborted(&mut self, abort: message::Abort<'_>) {
        let message = abort.details.get_str("message").map(Cow::into_owned);
        self.fail_session(SessionError::Aborted {
            message,
            reason: abort.reason.into_owned(),
            joined: !matches!(self.phase, Phase::Joining { .. }),
        });
    }

    fn left(&mut self, goodbye: Goodbye<'_>, by_router: bool) {
        self.release();
        self.events.push_back(Event::Left {
            reason: goodbye.reason.into_owned(),
            by_router,
        });
    }

    fn event(&mut self, event: message::Event<'_>, frame: &Bytes) {
        match self.subscriptions.standing(event.subscription) {
            Standing::Active => {
                let payload = detach(&event.payload, frame);
                self.events.push_back(Event::Published(Publication {
                    subscription: Subscription(event.subscription),
                    publication: event.publication,
                    details: event.details.into_owned(),
                    payload,
                }));
            }
            Standing::Retired => {}
            Standing::Unknown => self.violation(ProtocolViolation::UnknownSubscription {
                subscription: event.subscription,
            }),
        }
    }

    fn result(&mut self, result: message::Result<'_>, frame: &Bytes) {
        let id = result.request;
        let Some(&Pending::Call { receive_progress }) = self.requests.get(&id) else {
            return self.unknown_request(MessageType::Result, id);
        };
        let request = CallRequest(id);
        let progress = result.progress();
        let payload = detach(&result.payload, frame);
        let details = result.details.into_owned();
        if !progress {
            self.requests.remove(&id);
            self.done(Outcome::Result {
                request,
                details,
                payload,
            });
        } else if receive_progress {
            self.events.push_back(Event::Progress {
                request,
                details,
                payload,
            });
        }
        // Progress that nobody asked for is not shown to anybody.
    }

    fn invocation(&mut self, invocation: message::Invocation<'_>, frame: &Bytes) {
        let id = invocation.request;
        if self.invocations.contains_key(&id) {
            return self.violation(ProtocolViolation::DuplicateInvocation { request: id });
        }
        match self.registrations.standing(invocation.registration) {
            Standing::Active if self.invocations.len() >= self.config.max_invocations => {
                self.refuse(id, uris::UNAVAILABLE);
            }
            Standing::Active => {
                let receive_progress = invocation.receive_progress();
                self.invocations.insert(id, Running { receive_progress });
                let payload = detach(&invocation.payload, frame);
                self.events.push_back(Event::Invoked(Invoked {
                    invocation: Invocation(id),
                    registration: Registration(invocation.registration),
                    receive_progress,
                    details: invocation.details.into_owned(),
                    payload,
                }));
            }
            // As if UNREGISTER had been faster than the call.
            Standing::Retired => self.refuse(id, uris::NO_SUCH_PROCEDURE),
            Standing::Unknown => self.violation(ProtocolViolation::UnknownRegistration {
                registration: invocation.registration,
            }),
        }
    }

    fn refuse(&mut self, invocation: Id, error: &'static str) {
        let error = message::Error::new(MessageType::Invocation, invocation, error);
        self.send_own(&error.into());
    }

    fn interrupt(&mut self, interrupt: message::Interrupt<'_>) {
        let id = interrupt.request;
        let answer_expected = interrupt.mode().as_deref() != Some(CancelMode::KillNoWait.as_str());
        // The answer may have crossed the INTERRUPT: then there is nothing to interrupt.
        let known = if answer_expected {
            self.invocations.contains_key(&id)
        } else {
            self.invocations.remove(&id).is_some()
        };
        if known {
            self.events.push_back(Event::Interrupted {
                invocation: Invocation(id),
                answer_expected,
                options: interrupt.options.into_owned(),
            });
        }
    }

    fn request_failed(&mut self, error: message::Error<'_>, frame: &Bytes) {
        let id = error.request;
        let Some(&pending) = self.requests.get(&id) else {
            // Some routers report the failure of a PUBLISH that wanted no acknowledgement.
            let published = error.request_type == MessageType::Publish && id < self.ids.peek();
            if !published {
                self.unknown_request(MessageType::Error, id);
            }
            return;
        };
        if pending.message_type() != error.request_type {
            return self.unknown_request(MessageType::Error, id);
        }
        self.requests.remove(&id);
        match pending {
            Pending::Unsubscribe(subscription) if error.error == uris::NO_SUCH_SUBSCRIPTION => {
                self.subscriptions.end(subscription, id);
            }
            Pending::Unsubscribe(subscription) => self.subscriptions.keep(subscription, id),
            Pending::Unregister(registration) if error.error == uris::NO_SUCH_REGISTRATION => {
                self.registrations.end(registration, id);
            }
            Pending::Unregister(registration) => self.registrations.keep(registration, id),
            _ => {}
        }
        let payload = detach(&error.payload, frame);
        self.events.push_back(Event::Failed(Failed {
            request: pending.request(id),
            reason: Failure::Error {
                uri: error.error.into_owned(),
                details: error.details.into_owned(),
                payload,
            },
        }));
    }

    fn unsubscribed(&mut self, unsubscribed: &message::Unsubscribed<'_>) {
        let Some(id) = unsubscribed.request else {
            return self.subscription_revoked(&unsubscribed.details);
        };
        match self.requests.get(&id) {
            Some(&Pending::Unsubscribe(subscription)) => {
                self.requests.remove(&id);
                self.subscriptions.end(subscription, id);
                self.done(Outcome::Unsubscribed {
                    request: UnsubscribeRequest(id),
                    subscription: Subscription(subscription),
                });
            }
            _ => self.unknown_request(MessageType::Unsubscribed, id),
        }
    }

    fn unregistered(&mut self, unregistered: &message::Unregistered<'_>) {
        let Some(id) = unregistered.request else {
            return self.registration_revoked(&unregistered.details);
        };
        match self.requests.get(&id) {
            Some(&Pending::Unregister(registration)) => {
                self.requests.remove(&id);
                self.registrations.end(registration, id);
                self.done(Outcome::Unregistered {
                    request: UnregisterRequest(id),
                    registration: Registration(registration),
                });
            }
            _ => self.unknown_request(MessageType::Unregistered, id),
        }
    }

    fn subscription_revoked(&mut self, details: &Dict<'_>) {
        if let Some(id) = details.get_id("subscription")
            && self.subscriptions.revoke(id)
        {
            self.events.push_back(Event::SubscriptionRevoked {
                subscription: Subscription(id),
                reason: reason(details),
            });
        }
    }

    fn registration_revoked(&mut self, details: &Dict<'_>) {
        if let Some(id) = details.get_id("registration")
            && self.registrations.revoke(id)
        {
            self.events.push_back(Event::RegistrationRevoked {
                registration: Registration(id),
                reason: reason(details),
            });
        }
    }

    /// Whether the answer is for such a request, which is then over. If not, so is the session.
    fn answered(&mut self, message: MessageType, id: Id, wanted: Pending) -> bool {
        let right = self.requests.get(&id) == Some(&wanted);
        if right {
            self.requests.remove(&id);
        } else {
            self.unknown_request(message, id);
        }
        right
    }

    fn done(&mut self, outcome: Outcome) {
        self.events.push_back(Event::Done(outcome));
    }

    fn unknown_request(&mut self, message: MessageType, id: Id) {
        self.violation(ProtocolViolation::UnknownRequest {
            message,
            request: id,
        });
    }

    fn unexpected(&mut self, message: MessageType, joined: bool) {
        self.violation(ProtocolViolation::Unexpected { message, joined });
    }
}

impl Pending {
    const fn message_type(self) -> MessageType {
        match self {
            Self::Subscribe => MessageType::Subscribe,
            Self::Unsubscribe(_) => MessageType::Unsubscribe,
            Self::Publish => MessageType::Publish,
            Self::Register => MessageType::Register,
            Self::Unregister(_) => MessageType::Unregister,
            Self::Call { .. } => MessageType::Call,
        }
    }
}

/// A payload that was received shares its frame: there is nothing to serialize that could fail.
fn detach(payload: &Payload<'_>, frame: &Bytes) -> OwnedPayload {
    payload.detach(frame).unwrap_or_default()
}

fn reason(details: &Dict<'_>) -> Option<String> {
    details.get_str("reason").map(Cow::into_owned)
}
