//! Subscriptions and registrations that are made again on a new connection.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use rawsocket_proto::time::Instant;

use super::{Key, Life, Link, Refusal, Shared, State, Waiting};
use crate::client::error::SessionError;
use crate::client::states::{SessionState, Unrestored};
use crate::session::{Joined, Request};
use crate::uris;

/// What is still to be asked for, and what was refused.
#[derive(Default)]
pub(super) struct Restoring {
    wanted: VecDeque<Wanted>,
    asked: usize,
    lost: Vec<Unrestored>,
    /// How many procedures are asked for once more, if that is all this is about.
    again: Option<usize>,
}

/// Procedures that the router says are registered already, to be asked for again.
#[derive(Default)]
pub(super) struct Taken {
    keys: Vec<Key>,
    due: Option<Instant>,
    /// The latest pause.
    pause: Duration,
}

impl Taken {
    const FIRST_PAUSE: Duration = Duration::from_secs(1);
    const LONGEST_PAUSE: Duration = Duration::from_secs(60);

    /// It is not wanted any more. Returns whether it was to be asked for again.
    pub(super) fn remove(&mut self, key: Key) -> bool {
        let before = self.keys.len();
        self.keys.retain(|other| *other != key);
        self.keys.len() < before
    }
}

#[derive(Clone, Copy)]
enum Wanted {
    Subscription(Key),
    Registration(Key),
}

impl Shared {
    /// The session has joined again, over this connection. Returns it if nobody wants it any more.
    pub(in crate::client) fn revive(&self, link: Link, joined: Joined) -> Result<(), Link> {
        let mut state = self.lock();
        if state.end.is_some() {
            return Err(link);
        }
        self.serializer.set(link.machine().serializer());
        state.life = Life(state.life.0.wrapping_add(1));
        state.link = Some(link);
        state.lost = None;
        state.joined = Arc::new(joined);
        let unwanted: Vec<_> = state
            .procedures
            .keys()
            .filter(|key| state.procedures.get(*key).is_some_and(|it| it.unwanted))
            .collect();
        for key in unwanted {
            let endpoint = state.procedures.remove(key);
            state.discarded.extend(endpoint);
        }
        let subscriptions = state.subscriptions.keys().map(Wanted::Subscription);
        let registrations = state.procedures.keys().map(Wanted::Registration);
        state.restoring = Some(Restoring {
            wanted: subscriptions.chain(registrations).collect(),
            ..Restoring::default()
        });
        state.restore();
        self.unlock(state);
        Ok(())
    }

    /// When [`retry`](Self::retry) is to be called.
    pub(in crate::client) fn retry_at(&self) -> Option<Instant> {
        self.lock().taken.due
    }

    /// Asks again for the procedures that were taken.
    pub(in crate::client) fn retry(&self) {
        let mut state = self.lock();
        state.taken.due = None;
        let keys = core::mem::take(&mut state.taken.keys);
        state.restoring = Some(Restoring {
            again: Some(keys.len()),
            wanted: keys.into_iter().map(Wanted::Registration).collect(),
            ..Restoring::default()
        });
        state.restore();
        self.unlock(state);
    }
}

impl State {
    /// Asks for what is still to be asked for, as far as there is room.
    pub(super) fn restore(&mut self) {
        while let Some(wanted) = self
            .restoring
            .as_mut()
            .and_then(|restoring| restoring.wanted.pop_front())
        {
            match self.want(wanted) {
                Ok(asked) => {
                    if let Some(restoring) = &mut self.restoring {
                        restoring.asked += usize::from(asked);
                    }
                }
                Err(Refusal::Later(_)) => {
                    if let Some(restoring) = &mut self.restoring {
                        restoring.wanted.push_front(wanted);
                    }
                    return;
                }
                Err(Refusal::Never(error)) => self.unrestored(wanted, error),
            }
        }
        self.restored();
    }

    /// Returns whether there was anything to ask for.
    fn want(&mut self, wanted: Wanted) -> Result<bool, Refusal> {
        match wanted {
            Wanted::Subscription(key) => {
                let Some(listening) = self.subscriptions.get(key) else {
                    return Ok(false);
                };
                let (topic, options) = (listening.topic.clone(), listening.options.clone());
                let request = self.own_request(|session| session.subscribe(&topic, &options))?;
                let waiting = Waiting::Resubscribe(key, topic);
                self.waiting.insert(Request::Subscribe(request), waiting);
            }
            Wanted::Registration(key) => {
                let Some(provided) = self.procedures.get(key) else {
                    return Ok(false);
                };
                let (procedure, options) = (provided.procedure.clone(), provided.options.clone());
                let request = self.own_request(|session| session.register(&procedure, &options))?;
                let waiting = Waiting::Reregister(key);
                self.waiting.insert(Request::Register(request), waiting);
            }
        }
        Ok(true)
    }

    /// The router has answered one of the requests.
    pub(super) fn answered(&mut self) {
        if let Some(restoring) = &mut self.restoring {
            restoring.asked = restoring.asked.saturating_sub(1);
        }
        self.restored();
    }

    /// A subscription is not to be had again.
    pub(super) fn unsubscribed(&mut self, key: Key, error: SessionError) {
        self.unrestored(Wanted::Subscription(key), error);
    }

    /// A registration is not to be had again.
    pub(super) fn unregistered(&mut self, key: Key, error: SessionError) {
        self.unrestored(Wanted::Registration(key), error);
    }

    fn unrestored(&mut self, wanted: Wanted, error: SessionError) {
        let is_taken = error
            .wamp()
            .is_some_and(|error| error.uri == uris::PROCEDURE_ALREADY_EXISTS);
        let mut is_retried = false;
        let uri = match wanted {
            Wanted::Registration(key) if is_taken => {
                let uri = self.procedures.get(key).map(|it| it.procedure.clone());
                if uri.is_some() {
                    self.taken.keys.push(key);
                    is_retried = true;
                }
                uri
            }
            Wanted::Subscription(key) => {
                let uri = self.subscriptions.get(key).map(|it| it.topic.clone());
                self.subscriptions.remove(key, None);
                uri
            }
            Wanted::Registration(key) => {
                let uri = self.procedures.get(key).map(|it| it.procedure.clone());
                self.discarded.extend(self.procedures.remove(key));
                uri
            }
        };
        if let (Some(restoring), Some(uri)) = (&mut self.restoring, uri) {
            restoring.lost.push(Unrestored {
                uri,
                error,
                is_retried,
            });
        }
    }

    /// Tells that the session is whole again, once it is.
    fn restored(&mut self) {
        let whole = |restoring: &mut Restoring| restoring.wanted.is_empty() && restoring.asked == 0;
        let Some(restoring) = self.restoring.take_if(whole) else {
            return;
        };
        if !self.taken.keys.is_empty() {
            let taken = &mut self.taken;
            let pause = (taken.pause * 2).clamp(Taken::FIRST_PAUSE, Taken::LONGEST_PAUSE);
            taken.pause = pause;
            self.taken.due = self.now().map(|now| now.saturating_add(pause));
            self.wake();
        }
        // That all is as it was is no news.
        if restoring.again != Some(self.taken.keys.len()) {
            let joined = self.joined.clone();
            let lost = restoring.lost.into();
            self.set_status(SessionState::Joined { joined, lost });
        }
    }
}
