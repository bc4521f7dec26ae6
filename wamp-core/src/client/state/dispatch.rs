//! What a session's events lead to.

use alloc::sync::Arc;

use super::procedures::answer;
use super::{Shared, State, Waiting};
use crate::client::error::{End, SessionError};
use crate::client::queue::{self, Refused};
use crate::session::{CallRequest, Event, Failed, Outcome, Request};
use crate::uris::NO_SUCH_REGISTRATION;

impl State {
    pub(super) fn dispatch(&mut self, shared: &Arc<Shared>) {
        loop {
            let Some(link) = &mut self.link else { return };
            match link.machine_mut().poll_event() {
                Ok(None) => return,
                Ok(Some(Event::Left { reason, by_router })) => {
                    return self.lose(End::Left { reason, by_router });
                }
                Ok(Some(event)) => self.take(shared, event),
                Err(error) => return self.lose(End::Failed(error)),
            }
        }
    }

    fn take(&mut self, shared: &Arc<Shared>, event: Event) {
        match event {
            Event::Done(outcome) => self.done(outcome),
            Event::Failed(failed) => self.failed(failed),
            Event::Progress {
                request, payload, ..
            } => {
                if let Some(Waiting::Call(Some(progress), _)) =
                    self.waiting.get(&Request::Call(request))
                {
                    let octets = queue::octets(&payload);
                    if progress.push(payload, octets) == Err(Refused::Full) {
                        self.overrun(request);
                    }
                }
            }
            Event::Published(publication) => {
                self.subscriptions.publish(&publication);
            }
            Event::Invoked(invoked) => self.invoke(shared, invoked),
            Event::Interrupted {
                invocation,
                answer_expected,
                ..
            } => self.interrupt(invocation, answer_expected),
            Event::SubscriptionRevoked { subscription, .. } => {
                self.subscriptions.revoke(subscription);
            }
            Event::RegistrationRevoked { registration, .. } => {
                self.discarded.extend(self.procedures.revoke(registration));
            }
            // That was told to whoever asked for it.
            Event::Joined(_) | Event::Left { .. } => {}
        }
    }

    fn failed(&mut self, failed: Failed) {
        let Some(error) = SessionError::from_failure(failed.reason) else {
            // It ended with the session; how, is not known before the last event.
            return;
        };
        match self.waiting.remove(&failed.request) {
            Some(Waiting::Resubscribe(key, _)) => {
                self.unsubscribed(key, error);
                self.answered();
            }
            Some(Waiting::Reregister(key)) => {
                self.unregistered(key, error);
                self.answered();
            }
            Some(waiting) => {
                if let Waiting::Unregister(key, _) = &waiting {
                    let gone = error
                        .wamp()
                        .is_some_and(|it| it.uri == NO_SUCH_REGISTRATION);
                    if gone {
                        self.discarded.extend(self.procedures.remove(*key));
                    } else {
                        self.procedures.keep(*key);
                    }
                }
                self.discarded.extend(waiting.fail(error));
            }
            None => {}
        }
    }

    fn done(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Subscribed {
                request,
                subscription,
            } => match self.waiting.remove(&Request::Subscribe(request)) {
                Some(Waiting::Subscribe(key, listening, reply)) => {
                    self.subscriptions.add(key, listening, subscription);
                    if reply.send(Ok(())).is_err() {
                        self.unsubscribe(key, None);
                    }
                }
                Some(Waiting::Resubscribe(key, topic)) => {
                    self.subscriptions.renew(key, subscription, &topic);
                    self.answered();
                }
                _ => {}
            },
            Outcome::Unsubscribed { request, .. } => {
                if let Some(Waiting::Unsubscribe(reply)) =
                    self.waiting.remove(&Request::Unsubscribe(request))
                {
                    answer(reply, Ok(()));
                }
            }
            Outcome::Published {
                request,
                publication,
            } => {
                if let Some(Waiting::Publish(reply)) =
                    self.waiting.remove(&Request::Publish(request))
                {
                    answer(Some(reply), Ok(publication));
                }
            }
            Outcome::Registered {
                request,
                registration,
            } => match self.waiting.remove(&Request::Register(request)) {
                Some(Waiting::Register(provided, reply)) => {
                    let key = self.procedures.add(provided, registration);
                    answer(Some(reply), Ok(key));
                }
                Some(Waiting::Reregister(key)) => {
                    self.procedures.renew(key, registration);
                    self.answered();
                }
                _ => {}
            },
            Outcome::Unregistered {
                request,
                registration,
            } => {
                self.discarded.extend(self.procedures.revoke(registration));
                if let Some(Waiting::Unregister(_, reply)) =
                    self.waiting.remove(&Request::Unregister(request))
                {
                    answer(Some(reply), Ok(()));
                }
            }
            Outcome::Result {
                request, payload, ..
            } => {
                if let Some(Waiting::Call(_, reply)) = self.waiting.remove(&Request::Call(request))
                {
                    answer(Some(reply), Ok(payload));
                }
            }
        }
    }

    /// Gives up a call whose progress is not taken as fast as it comes.
    fn overrun(&mut self, request: CallRequest) {
        self.give_up(self.life, request);
        if let Some(waiting) = self.waiting.remove(&Request::Call(request)) {
            drop(waiting.fail(SessionError::Overrun));
        }
    }
}
