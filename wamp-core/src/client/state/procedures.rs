//! The procedures of a session, over all its connections, and their invocations on this one.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use std::collections::HashMap;

use super::{Answer, Key, Life, Refusal, Reply, Shared, State, Waiting};
use crate::abort::{AbortHandle, abortable};
use crate::client::error::SessionError;
use crate::client::procedure::Endpoint;
use crate::session::{ClientSession, Invocation, Invoked, Registration, Request};
use crate::{Dict, Payload, uris};

pub(super) struct Procedures {
    provided: HashMap<Key, Provided>,
    granted: HashMap<Registration, Key>,
    latest: Key,
    /// Handlers that may run at the same time.
    max_running: usize,
    /// Handlers that were started and are not finished, those of earlier connections included.
    busy: usize,
    turns: u64,
    /// Those whose invocation is unanswered.
    running: HashMap<Invocation, (Turn, AbortHandle)>,
    /// Invocations that wait for their turn.
    queued: VecDeque<Invoked>,
    /// Errors that invocations are owed, for which there was no room.
    owed: Vec<(Invocation, &'static str)>,
}

/// One run of a handler. A router may use the id of an invocation again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) struct Turn {
    pub(in crate::client) life: Life,
    number: u64,
}

/// A procedure and what answers its calls.
pub(in crate::client) struct Provided {
    pub(in crate::client) procedure: String,
    pub(in crate::client) options: Dict<'static>,
    pub(in crate::client) endpoint: Arc<dyn Endpoint>,
    pub(in crate::client) granted: Option<Registration>,
    /// Not to be registered again.
    pub(in crate::client) unwanted: bool,
}

impl Procedures {
    pub(super) fn new(max_running: usize) -> Self {
        Self {
            provided: HashMap::new(),
            granted: HashMap::new(),
            latest: 0,
            max_running: max_running.max(1),
            busy: 0,
            turns: 0,
            running: HashMap::new(),
            queued: VecDeque::new(),
            owed: Vec::new(),
        }
    }

    /// There is no connection any more: nobody waits for an answer, and the router's ids mean
    /// nothing.
    pub(super) fn disconnect(&mut self) {
        for (_, (_, handler)) in self.running.drain() {
            handler.abort();
        }
        self.queued.clear();
        self.owed.clear();
        self.granted.clear();
        for provided in self.provided.values_mut() {
            provided.granted = None;
        }
    }

    pub(super) fn clear(&mut self) -> impl Iterator<Item = Arc<dyn Endpoint>> {
        self.granted.clear();
        let provided = core::mem::take(&mut self.provided);
        provided.into_values().map(|provided| provided.endpoint)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.provided.keys().copied()
    }

    pub(super) fn get(&self, key: Key) -> Option<&Provided> {
        self.provided.get(&key)
    }

    /// The router has granted a new registration.
    pub(super) fn add(&mut self, mut provided: Provided, granted: Registration) -> Key {
        self.latest += 1;
        let key = self.latest;
        provided.granted = Some(granted);
        self.provided.insert(key, provided);
        self.granted.insert(granted, key);
        key
    }

    /// The router has granted again what was there before.
    pub(super) fn renew(&mut self, key: Key, granted: Registration) {
        if let Some(provided) = self.provided.get_mut(&key) {
            provided.granted = Some(granted);
            self.granted.insert(granted, key);
        }
    }

    /// The router has ended a registration.
    pub(super) fn revoke(&mut self, granted: Registration) -> Option<Arc<dyn Endpoint>> {
        let key = self.granted.remove(&granted)?;
        self.remove(key)
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Arc<dyn Endpoint>> {
        let provided = self.provided.remove(&key)?;
        if let Some(granted) = provided.granted {
            self.granted.remove(&granted);
        }
        Some(provided.endpoint)
    }

    /// Whether another handler may be started.
    const fn has_place(&self) -> bool {
        self.busy < self.max_running
    }

    /// The router refused to unregister it.
    pub(super) fn keep(&mut self, key: Key) {
        if let Some(provided) = self.provided.get_mut(&key) {
            provided.unwanted = false;
        }
    }
}

impl State {
    /// The id of a registration on the present connection.
    pub(in crate::client) fn registration(&self, key: Key) -> Option<Registration> {
        self.procedures.get(key)?.granted
    }

    /// Asks the router to end a registration. Without a connection it is ended already.
    pub(in crate::client) fn unregister(
        &mut self,
        key: Key,
        reply: &mut Option<Reply<()>>,
    ) -> Result<(), Refusal> {
        let granted = self.registration(key);
        let is_offline = self.lost.is_some() && self.end.is_none();
        if is_offline || self.taken.remove(key) {
            self.discarded.extend(self.procedures.remove(key));
            answer(reply.take(), Ok(()));
            return Ok(());
        }
        if granted.is_none() && self.procedures.get(key).is_some() && self.is_connected() {
            // It is being restored.
            return Err(Refusal::Later(SessionError::Disconnected));
        }
        let request = self.command(None, |session| {
            session.unregister(granted.ok_or(crate::session::CommandError::Unknown)?)
        })?;
        if let Some(provided) = self.procedures.provided.get_mut(&key) {
            provided.unwanted = true;
        }
        if let Some(reply) = reply.take() {
            let waiting = Waiting::Unregister(key, reply);
            self.waiting.insert(Request::Unregister(request), waiting);
        }
        Ok(())
    }

    /// Somebody calls: runs the handler, or has it wait for its turn.
    pub(super) fn invoke(&mut self, shared: &Arc<Shared>, invoked: Invoked) {
        if self.procedures.has_place() {
            self.start(shared, invoked);
        } else {
            self.procedures.queued.push_back(invoked);
        }
    }

    fn start(&mut self, shared: &Arc<Shared>, invoked: Invoked) {
        let procedures = &mut self.procedures;
        let key = procedures.granted.get(&invoked.registration);
        let provided = key.and_then(|key| procedures.provided.get(key));
        let invocation = invoked.invocation;
        let Some(provided) = provided else {
            // Unregistered since it was called.
            return self.fail(self.life, invocation, uris::NO_SUCH_PROCEDURE);
        };
        let handler = provided.endpoint.clone();
        procedures.busy += 1;
        procedures.turns += 1;
        let turn = Turn {
            life: self.life,
            number: procedures.turns,
        };
        let handler = handler.invoke(shared.clone(), turn, invoked);
        let (handle, task) = abortable(handler);
        procedures.running.insert(invocation, (turn, handle));
        self.tasks.push(Box::pin(task));
        self.wake();
    }

    /// The router does not want the answer to an invocation any more, or wants it now.
    pub(super) fn interrupt(&mut self, invocation: Invocation, answer_expected: bool) {
        let procedures = &mut self.procedures;
        if let Some((_, handler)) = procedures.running.get(&invocation) {
            handler.abort();
        }
        procedures
            .queued
            .retain(|invoked| invoked.invocation != invocation);
        if answer_expected {
            self.fail(self.life, invocation, uris::CANCELED);
        }
    }

    /// Whether an answer of this run of a handler would still be sent.
    pub(in crate::client) fn is_wanted(&self, turn: Turn, invocation: Invocation) -> bool {
        let running = self.procedures.running.get(&invocation);
        running.is_some_and(|(its, handler)| *its == turn && !handler.is_aborted())
    }

    /// The handler of this invocation is done with it: whoever waits is next.
    pub(in crate::client) fn finished(
        &mut self,
        shared: &Arc<Shared>,
        turn: Turn,
        invocation: Invocation,
    ) {
        let procedures = &mut self.procedures;
        procedures.busy = procedures.busy.saturating_sub(1);
        let running = procedures.running.get(&invocation);
        if running.is_some_and(|(its, _)| *its == turn) {
            procedures.running.remove(&invocation);
            // Answered already, but after a panic.
            self.fail(turn.life, invocation, uris::RUNTIME_ERROR);
        }
        while self.procedures.has_place()
            && let Some(invoked) = self.procedures.queued.pop_front()
        {
            self.start(shared, invoked);
        }
    }

    /// Fails an invocation, now or as soon as there is room for the answer.
    pub(in crate::client) fn fail(
        &mut self,
        life: Life,
        invocation: Invocation,
        error: &'static str,
    ) {
        let fail = |session: &mut ClientSession| {
            session.fail(invocation, error, &Dict::new(), &Payload::none())
        };
        if let Err(Refusal::Later(_)) = self.command(Some(life), fail) {
            self.procedures.owed.push((invocation, error));
        }
    }

    /// Says the errors for which there was no room.
    pub(super) fn pay(&mut self) {
        for (invocation, error) in core::mem::take(&mut self.procedures.owed) {
            self.fail(self.life, invocation, error);
        }
    }
}

pub(super) fn answer<T>(reply: Option<Reply<T>>, answer: Answer<T>) {
    if let Some(reply) = reply {
        drop(reply.send(answer));
    }
}
