//! What a session's handles and its task share.

mod dispatch;

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rawsocket_proto::driver::{Machine as _, Pump, Timer as _};
use rawsocket_proto::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::AbortHandle;
use wamp_core::session::{
    ClientSession, CommandError, Invocation, Joined, Publication, Registration, Request,
    Subscription,
};
use wamp_core::transport::{ClientPeer, PeerError};
use wamp_core::{Dict, Id, OwnedPayload, Payload, uris};

use super::error::{End, SessionError};
use super::procedure::Endpoint;
use super::queue::Pusher;
use crate::clock::TokioClock;
use crate::io::TokioIo;

/// Any stream that a session can live on.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub(super) type Answer<T> = Result<T, SessionError>;
type Reply<T> = oneshot::Sender<Answer<T>>;

/// A session's state. The lock is held for moments only, never over an await.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// There is room for more to send.
    room: Notify,
    /// How the session ended, once it did.
    end: watch::Sender<Option<End>>,
}

pub(super) struct State {
    pump: Pump<ClientPeer, TokioIo<Box<dyn Stream>>, TokioClock>,
    /// The session's task.
    task: Option<Waker>,
    joining: Option<Reply<Joined>>,
    waiting: HashMap<Request, Waiting>,
    topics: HashMap<Subscription, Vec<Topic>>,
    procedures: HashMap<Registration, Arc<dyn Endpoint>>,
    running: HashMap<Invocation, AbortHandle>,
    /// Subscriptions that nobody listens to, to be given up as soon as may be.
    idle: Vec<Subscription>,
    /// Errors that invocations are owed, for which there was no room.
    owed: Vec<(Invocation, &'static str)>,
    /// Handlers that are not needed any more. They are the application's, and may have handles of
    /// this session: they are dropped when the lock is not held.
    discarded: Vec<Arc<dyn Endpoint>>,
    end: Option<End>,
}

impl core::fmt::Debug for State {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("State")
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// Who waits for the answer to a request, and what is to be done with it at once, so that nothing
/// that comes right behind it is lost.
pub(super) enum Waiting {
    Subscribe(Topic, Reply<Subscription>),
    Unsubscribe(Reply<()>),
    Publish(Reply<Id>),
    Register(Arc<dyn Endpoint>, Reply<Registration>),
    Unregister(Reply<()>),
    Call(Option<Pusher<OwnedPayload>>, Reply<OwnedPayload>),
}

impl Waiting {
    /// Fails it. Returns the handler that is not needed then.
    fn fail(self, error: SessionError) -> Option<Arc<dyn Endpoint>> {
        // Whoever does not wait any more does not miss it.
        match self {
            Self::Subscribe(_, reply) => drop(reply.send(Err(error))),
            Self::Register(endpoint, reply) => {
                drop(reply.send(Err(error)));
                return Some(endpoint);
            }
            Self::Publish(reply) => drop(reply.send(Err(error))),
            Self::Call(_, reply) => drop(reply.send(Err(error))),
            Self::Unsubscribe(reply) | Self::Unregister(reply) => drop(reply.send(Err(error))),
        }
        None
    }
}

/// Where the events of a subscription go.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) events: Pusher<Publication>,
    /// Events that found no room.
    pub(super) missed: Arc<core::sync::atomic::AtomicU64>,
}

impl Shared {
    pub(super) fn new(
        peer: ClientPeer,
        stream: Box<dyn Stream>,
        clock: TokioClock,
        joining: Reply<Joined>,
    ) -> Self {
        let state = State {
            pump: Pump::new(peer, TokioIo(stream), clock),
            task: None,
            joining: Some(joining),
            waiting: HashMap::new(),
            topics: HashMap::new(),
            procedures: HashMap::new(),
            running: HashMap::new(),
            idle: Vec::new(),
            owed: Vec::new(),
            discarded: Vec::new(),
            end: None,
        };
        Self {
            state: Mutex::new(state),
            room: Notify::new(),
            end: watch::Sender::new(None),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in there is left half done by a panic elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ended(&self) -> watch::Receiver<Option<End>> {
        self.end.subscribe()
    }

    /// Gives the session a command as soon as there is room for it.
    pub(super) async fn command<R>(
        &self,
        mut act: impl FnMut(&mut ClientSession) -> Result<R, CommandError>,
    ) -> Answer<R> {
        loop {
            let room = self.room.notified();
            match self.lock().command(&mut act) {
                Err(SessionError::Command(CommandError::Full)) => {}
                done => return done,
            }
            room.await;
        }
    }

    /// As [`command`](Self::command), for a request that is answered.
    pub(super) async fn request<R: Copy>(
        &self,
        mut act: impl FnMut(&mut ClientSession) -> Result<R, CommandError>,
        name: impl Fn(R) -> Request,
        waiting: Waiting,
    ) -> Answer<R> {
        let mut waiting = Some(waiting);
        loop {
            let room = self.room.notified();
            match self.lock().request(&mut act, &name, &mut waiting) {
                Err(SessionError::Command(CommandError::Full)) => {}
                done => return done,
            }
            room.await;
        }
    }

    /// Ends the session if its task did not get to do so, and lets go of the stream.
    fn stop(&self) {
        let mut state = self.lock();
        if state.end.is_none() {
            let text = "the session's task was dropped, as with its runtime";
            state.finish(self, End::Failed(PeerError::Transport(text.to_owned())));
        }
        state.task = None;
        let gone = TokioIo(Box::new(tokio::io::empty()) as Box<dyn Stream>);
        let stream = core::mem::replace(state.pump.transport_mut(), gone);
        let discarded = core::mem::take(&mut state.discarded);
        drop(state);
        drop((stream, discarded));
        self.room.notify_waiters();
    }

    /// Batches of events within one poll, so that a busy router starves neither the other tasks nor
    /// those that wait for the lock.
    const ROUNDS: usize = 16;

    /// Runs the session until it is over and the connection closed.
    fn poll(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if !state
            .task
            .as_ref()
            .is_some_and(|task| task.will_wake(cx.waker()))
        {
            state.task = Some(cx.waker().clone());
        }
        let mut rounds = 0..Self::ROUNDS;
        let poll = loop {
            if rounds.next().is_none() {
                cx.waker().wake_by_ref();
                break Poll::Pending;
            }
            let ready = match state.end {
                None => state.pump.poll_ready(cx),
                Some(_) => state.pump.poll_until(cx, |peer| peer.is_closed()),
            };
            match ready {
                Poll::Pending => break Poll::Pending,
                Poll::Ready(_) if state.end.is_some() => break Poll::Ready(()),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => state.pump.machine_mut().handle_lost(&error),
            }
            state.dispatch(self);
        };
        let congested = state
            .session()
            .is_some_and(|session| session.is_congested());
        if !congested {
            state.tidy();
        }
        let discarded = core::mem::take(&mut state.discarded);
        drop(state);
        drop(discarded);
        if !congested {
            self.room.notify_waiters();
        }
        poll
    }
}

/// Runs a session until it is over and the connection closed. Dropped before, it ends the session.
pub(super) struct Task(pub(super) Arc<Shared>);

impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(cx)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl State {
    /// The session, before its end and once the handshake is over.
    pub(super) fn session(&mut self) -> Option<&mut ClientSession> {
        self.pump.machine_mut().session_mut()
    }

    /// Gives the session a command, and has its task see to the consequences.
    pub(super) fn command<R>(
        &mut self,
        act: impl FnOnce(&mut ClientSession) -> Result<R, CommandError>,
    ) -> Answer<R> {
        if let Some(end) = &self.end {
            return Err(SessionError::Ended(end.clone()));
        }
        let session = self.session().ok_or(CommandError::NotJoined)?;
        let done = act(session)?;
        self.wake();
        Ok(done)
    }

    /// As [`command`](Self::command), for a request that is answered. Takes `waiting` if it was
    /// made.
    pub(super) fn request<R: Copy>(
        &mut self,
        act: impl FnOnce(&mut ClientSession) -> Result<R, CommandError>,
        name: impl FnOnce(R) -> Request,
        waiting: &mut Option<Waiting>,
    ) -> Answer<R> {
        let request = self.command(act)?;
        if let Some(waiting) = waiting.take() {
            self.waiting.insert(name(request), waiting);
        }
        Ok(request)
    }

    /// The time of the session's clock.
    pub(super) fn now(&self) -> Instant {
        self.pump.timer().now()
    }

    /// The handler of this invocation is done with it.
    pub(super) fn finished(&mut self, invocation: Invocation) {
        self.running.remove(&invocation);
    }

    /// Has a subscription given up if nobody listens any more.
    pub(super) fn unsubscribe_idle(&mut self, subscription: Subscription) {
        let Some(topics) = self.topics.get_mut(&subscription) else {
            return;
        };
        topics.retain(|topic| !topic.events.is_closed());
        if topics.is_empty() && !self.idle.contains(&subscription) {
            self.idle.push(subscription);
            self.wake();
        }
    }

    /// Fails an invocation, now or as soon as there is room for the answer.
    pub(super) fn fail(&mut self, invocation: Invocation, error: &'static str) {
        let fail = |session: &mut ClientSession| {
            session.fail(invocation, error, &Dict::new(), &Payload::none())
        };
        if let Err(SessionError::Command(CommandError::Full)) = self.command(fail) {
            self.owed.push((invocation, error));
        }
    }

    /// Says what nobody waits for, now that there is room.
    fn tidy(&mut self) {
        for (invocation, error) in core::mem::take(&mut self.owed) {
            self.fail(invocation, error);
        }
        // A subscription that is being made may turn out to be an idle one.
        let subscribing = |waiting: &Waiting| matches!(waiting, Waiting::Subscribe(..));
        if self.idle.is_empty() || self.waiting.values().any(subscribing) {
            return;
        }
        for subscription in core::mem::take(&mut self.idle) {
            if self
                .topics
                .get(&subscription)
                .is_none_or(|topics| !topics.is_empty())
            {
                continue;
            }
            match self.command(|session| session.unsubscribe(subscription)) {
                Err(SessionError::Command(CommandError::Full)) => self.idle.push(subscription),
                _ => drop(self.topics.remove(&subscription)),
            }
        }
    }

    fn wake(&self) {
        if let Some(task) = &self.task {
            task.wake_by_ref();
        }
    }

    fn finish(&mut self, shared: &Shared, end: End) {
        let ended = || SessionError::Ended(end.clone());
        if let Some(reply) = self.joining.take() {
            drop(reply.send(Err(ended())));
        }
        for (_, waiting) in self.waiting.drain() {
            self.discarded.extend(waiting.fail(ended()));
        }
        for (_, task) in self.running.drain() {
            task.abort();
        }
        self.topics.clear();
        self.idle = Vec::new();
        self.owed = Vec::new();
        let procedures = self.procedures.drain();
        self.discarded
            .extend(procedures.map(|(_, endpoint)| endpoint));
        let now = self.now();
        self.pump.machine_mut().close(now);
        self.end = Some(end.clone());
        shared.end.send_replace(Some(end));
    }

    /// All handles are gone: there is nobody left to leave for.
    pub(super) fn abandon(&mut self) {
        let now = self.now();
        let leaving = self
            .session()
            .is_some_and(|session| session.leave(uris::CLOSE_REALM, now).is_ok());
        if !leaving {
            self.pump.machine_mut().close(now);
        }
        self.wake();
    }
}
