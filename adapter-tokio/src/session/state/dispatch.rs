//! What a session's events lead to.

use std::sync::Arc;

use wamp_core::message::CancelMode;
use wamp_core::session::{CallRequest, Event, Failed, Outcome, Publication, Request};
use wamp_core::uris;

use super::{Shared, State, Waiting};
use crate::session::error::{End, SessionError};
use crate::session::queue::{self, Refused};

impl State {
    pub(super) fn dispatch(&mut self, shared: &Arc<Shared>) {
        loop {
            match self.pump.machine_mut().poll_event() {
                Ok(None) => return,
                Ok(Some(Event::Left { reason, by_router })) => {
                    return self.finish(shared, End::Left { reason, by_router });
                }
                Ok(Some(event)) => self.take(shared, event),
                Err(error) => return self.finish(shared, End::Failed(error)),
            }
        }
    }

    fn take(&mut self, shared: &Arc<Shared>, event: Event) {
        match event {
            Event::Joined(joined) => {
                if let Some(reply) = self.joining.take() {
                    drop(reply.send(Ok(joined)));
                }
            }
            Event::Done(outcome) => self.done(outcome),
            Event::Failed(Failed {
                request, reason, ..
            }) => {
                if let Some(waiting) = self.waiting.remove(&request) {
                    match SessionError::from_failure(reason) {
                        Some(error) => self.discarded.extend(waiting.fail(error)),
                        // It ended with the session; how, is not known before the last event.
                        None => drop(self.waiting.insert(request, waiting)),
                    }
                }
            }
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
            Event::Published(publication) => self.publish(&publication),
            Event::Invoked(invoked) => {
                let invocation = invoked.invocation;
                if let Some(endpoint) = self.procedures.get(&invoked.registration) {
                    let task = endpoint.clone().invoke(shared.clone(), invoked);
                    self.running
                        .insert(invocation, tokio::spawn(task).abort_handle());
                }
            }
            Event::Interrupted {
                invocation,
                answer_expected,
                ..
            } => {
                if let Some(task) = self.running.remove(&invocation) {
                    task.abort();
                }
                if answer_expected {
                    self.fail(invocation, uris::CANCELED);
                }
            }
            Event::SubscriptionRevoked { subscription, .. } => {
                self.topics.remove(&subscription);
            }
            Event::RegistrationRevoked { registration, .. } => {
                self.discarded.extend(self.procedures.remove(&registration));
            }
            _ => {}
        }
    }

    fn done(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Subscribed {
                request,
                subscription,
            } => {
                if let Some(Waiting::Subscribe(topic, reply)) =
                    self.waiting.remove(&Request::Subscribe(request))
                {
                    self.topics.entry(subscription).or_default().push(topic);
                    if reply.send(Ok(subscription)).is_err() {
                        self.unsubscribe_idle(subscription);
                    }
                }
            }
            Outcome::Unsubscribed {
                request,
                subscription,
            } => {
                self.topics.remove(&subscription);
                if let Some(Waiting::Unsubscribe(reply)) =
                    self.waiting.remove(&Request::Unsubscribe(request))
                {
                    drop(reply.send(Ok(())));
                }
            }
            Outcome::Published {
                request,
                publication,
            } => {
                if let Some(Waiting::Publish(reply)) =
                    self.waiting.remove(&Request::Publish(request))
                {
                    drop(reply.send(Ok(publication)));
                }
            }
            Outcome::Registered {
                request,
                registration,
            } => {
                if let Some(Waiting::Register(endpoint, reply)) =
                    self.waiting.remove(&Request::Register(request))
                {
                    self.procedures.insert(registration, endpoint);
                    drop(reply.send(Ok(registration)));
                }
            }
            Outcome::Unregistered {
                request,
                registration,
            } => {
                self.discarded.extend(self.procedures.remove(&registration));
                if let Some(Waiting::Unregister(reply)) =
                    self.waiting.remove(&Request::Unregister(request))
                {
                    drop(reply.send(Ok(())));
                }
            }
            Outcome::Result {
                request, payload, ..
            } => {
                if let Some(Waiting::Call(_, reply)) = self.waiting.remove(&Request::Call(request))
                {
                    drop(reply.send(Ok(payload)));
                }
            }
            _ => {}
        }
    }

    /// Gives up a call whose progress is not taken as fast as it comes.
    fn overrun(&mut self, request: CallRequest) {
        if let Some(waiting) = self.waiting.remove(&Request::Call(request)) {
            drop(waiting.fail(SessionError::Overrun));
        }
        if let Some(session) = self.session() {
            // Without room for it, the rest is dropped as it comes.
            drop(session.cancel(request, CancelMode::KillNoWait));
        }
    }

    fn publish(&mut self, publication: &Publication) {
        let Some(topics) = self.topics.get_mut(&publication.subscription) else {
            return;
        };
        let octets = queue::octets(&publication.payload);
        topics.retain(
            |topic| match topic.events.push(publication.clone(), octets) {
                Ok(()) => true,
                Err(Refused::Full) => {
                    topic
                        .missed
                        .fetch_add(1, core::sync::atomic::Ordering::Relaxed);
                    true
                }
                Err(Refused::Closed) => false,
            },
        );
        if topics.is_empty() {
            self.unsubscribe_idle(publication.subscription);
        }
    }
}
