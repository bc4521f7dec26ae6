//! What a session's handles and its task share.

mod dispatch;
mod end;
mod procedures;
mod restore;
mod subscriptions;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use event_listener::Event;
use rawsocket_proto::driver::{Machine as _, Pump, Timer, Transport};
use rawsocket_proto::time::Instant;

use super::error::{End, SessionError};
use super::oneshot;
use super::procedure::Endpoint;
use super::queue::Pusher;
use super::serialized::{Latest, Serialized};
use super::session::Arguments;
use super::states::SessionState;
use crate::message::CancelMode;
use crate::session::{CallRequest, ClientSession, CommandError, Joined, Request};
use crate::transport::{ClientPeer, PeerError};
use crate::{Id, OwnedPayload};

pub(super) use end::Stop;
use procedures::Procedures;
pub(super) use procedures::{Provided, Turn};
use restore::{Restoring, Taken};
pub(super) use subscriptions::Listening;
use subscriptions::Subscriptions;

/// A connection that has joined, with its socket and its clock.
pub(super) type Link = Box<Pump<ClientPeer, Box<dyn Transport + Send>, Box<dyn Timer + Send>>>;

/// Something for the runtime to run.
pub(super) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) type Answer<T> = Result<T, SessionError>;
pub(super) type Reply<T> = oneshot::Sender<Answer<T>>;

/// A session's state. The lock is held for moments only, never over an await.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// There is room for more to send, or there will never be.
    room: Event,
    serializer: Latest,
    /// The session's state is another.
    pub(super) changed: Event,
}

pub(super) struct State {
    /// `None` while there is no connection.
    link: Option<Link>,
    /// Counts the connections: ids of one mean nothing to the next.
    life: Life,
    joined: Arc<Joined>,
    /// How the connection ended, while there is no other.
    lost: Option<End>,
    /// How the session ended.
    end: Option<End>,
    /// It is to come back if its connection is lost: it was not told to leave, and somebody still
    /// has a handle.
    comes_back: bool,
    /// The session's task is gone.
    stopped: bool,
    status: SessionState,
    version: u64,
    /// Whether those who wait for another state have been told of this one.
    told: bool,
    /// The session's task.
    task: Option<Waker>,
    waiting: HashMap<Request, Waiting>,
    subscriptions: Subscriptions,
    procedures: Procedures,
    restoring: Option<Restoring>,
    taken: Taken,
    /// Calls to be cancelled, for which there was no room.
    cancels: VecDeque<(CallRequest, CancelMode)>,
    /// To be run by the runtime, once the lock is not held.
    tasks: Vec<Task>,
    /// Handlers that are not needed any more. They are the application's, and may have handles of
    /// this session: they are dropped when the lock is not held.
    discarded: Vec<Arc<dyn Endpoint>>,
}

impl core::fmt::Debug for State {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("State")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// One connection of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life(u64);

/// Names a subscription or a registration over all connections of a session.
pub(super) type Key = u64;

/// Who waits for the answer to a request, and what is to be done with it at once, so that nothing
/// that comes right behind it is lost.
pub(super) enum Waiting {
    Subscribe(Key, Listening, Reply<()>),
    Unsubscribe(Option<Reply<()>>),
    Publish(Reply<Id>),
    Register(Provided, Reply<Key>),
    Unregister(Key, Reply<()>),
    Call(Option<Pusher<OwnedPayload>>, Reply<OwnedPayload>),
    /// A subscription that was there before the connection was lost.
    Resubscribe(Key, String),
    /// A registration that was there before the connection was lost.
    Reregister(Key),
}

/// Why the session does not take a command.
pub(super) enum Refusal {
    /// It may do so later. The error is for those who do not want to wait.
    Later(SessionError),
    Never(SessionError),
}

impl Refusal {
    pub(super) fn into_error(self) -> SessionError {
        match self {
            Self::Later(error) | Self::Never(error) => error,
        }
    }
}

impl Shared {
    pub(super) fn new(link: Link, joined: Joined, max_handlers: usize, comes_back: bool) -> Self {
        let joined = Arc::new(joined);
        let serializer = link.machine().serializer();
        let status = SessionState::Joined {
            joined: joined.clone(),
            lost: Arc::default(),
        };
        let state = State {
            link: Some(link),
            life: Life(0),
            joined,
            lost: None,
            end: None,
            comes_back,
            stopped: false,
            status,
            version: 1,
            told: true,
            task: None,
            waiting: HashMap::new(),
            subscriptions: Subscriptions::default(),
            procedures: Procedures::new(max_handlers),
            restoring: None,
            taken: Taken::default(),
            cancels: VecDeque::new(),
            tasks: Vec::new(),
            discarded: Vec::new(),
        };
        Self {
            serializer: Latest::new(serializer),
            state: Mutex::new(state),
            room: Event::new(),
            changed: Event::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in there is left half done by a panic elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Arguments, ready to be sent.
    pub(super) fn serialize(&self, arguments: &Arguments<'_>) -> Answer<Serialized> {
        Ok(Serialized::new(self.serializer.get(), arguments)?)
    }

    /// Lets go of the lock, and then of what must not be dropped under it; tells those who wait.
    fn unlock(&self, mut state: MutexGuard<'_, State>) {
        let discarded = core::mem::take(&mut state.discarded);
        let news = !core::mem::replace(&mut state.told, true);
        let room = state.has_room();
        drop(state);
        drop(discarded);
        if news {
            self.changed.notify(usize::MAX);
        }
        // At news, too: who waits for room on a connection that is lost waits no more.
        if room || news {
            self.room.notify(usize::MAX);
        }
    }

    /// Gives the session a command; if `patient`, as soon as there is room for it.
    pub(super) async fn command<R>(
        &self,
        life: Option<Life>,
        patient: bool,
        mut act: impl FnMut(&mut ClientSession) -> Result<R, CommandError>,
    ) -> Answer<R> {
        self.insist(patient, |state| state.command(life, &mut act))
            .await
    }

    /// As [`command`](Self::command), for a request that is answered. Returns what waits for the
    /// answer: the request, and the connection that it was made on.
    pub(super) async fn request<R: Copy>(
        &self,
        patient: bool,
        mut act: impl FnMut(&mut ClientSession) -> Result<R, CommandError>,
        name: impl Fn(R) -> Request,
        waiting: Waiting,
    ) -> Answer<(R, Life)> {
        let mut waiting = Some(waiting);
        self.insist(patient, |state| {
            let request = state.command(None, &mut act)?;
            if let Some(waiting) = waiting.take() {
                state.waiting.insert(name(request), waiting);
            }
            Ok((request, state.life))
        })
        .await
    }

    /// Tries until it is not to be tried again.
    pub(super) async fn insist<R>(
        &self,
        patient: bool,
        mut attempt: impl FnMut(&mut State) -> Result<R, Refusal>,
    ) -> Answer<R> {
        loop {
            // The listener is made under the lock, so that no room is missed.
            let room = {
                let mut state = self.lock();
                match attempt(&mut state) {
                    Ok(done) => return Ok(done),
                    Err(Refusal::Later(_)) if patient => self.room.listen(),
                    Err(refusal) => return Err(refusal.into_error()),
                }
            };
            room.await;
        }
    }

    /// Batches of events within one poll, so that a busy router starves neither the other tasks nor
    /// those that wait for the lock.
    const ROUNDS: usize = 16;

    /// Runs the connection until it is lost; if the session is over with it, until it is closed.
    /// What is to be run meanwhile goes to `spawn`.
    pub(super) fn poll(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        spawn: impl FnMut(Task),
    ) -> Poll<()> {
        let mut state = self.lock();
        state.register(cx.waker());
        let poll = state.run(self, cx);
        if state.has_room() {
            state.tidy();
        }
        let tasks = core::mem::take(&mut state.tasks);
        self.unlock(state);
        tasks.into_iter().for_each(spawn);
        poll
    }

    /// Runs what does not need a connection, and says whether the session is over.
    pub(super) fn poll_offline(&self, cx: &Context<'_>, spawn: impl FnMut(Task)) -> bool {
        let mut state = self.lock();
        state.register(cx.waker());
        let over = state.end.is_some();
        let tasks = core::mem::take(&mut state.tasks);
        self.unlock(state);
        tasks.into_iter().for_each(spawn);
        over
    }
}

impl State {
    fn run(&mut self, shared: &Arc<Shared>, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..Shared::ROUNDS {
            if self.lost.is_some() && self.end.is_none() {
                // Others see to what is left of the connection.
                return Poll::Ready(());
            }
            let alive = self.is_connected();
            let Some(link) = &mut self.link else {
                return Poll::Ready(());
            };
            let ready = if alive {
                link.poll_ready(cx)
            } else {
                link.poll_until(cx, |peer| peer.is_closed())
            };
            match ready {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(_) if !alive => {
                    self.link = None;
                    return Poll::Ready(());
                }
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => link.machine_mut().handle_lost(&error),
            }
            self.dispatch(shared);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn register(&mut self, waker: &Waker) {
        match &mut self.task {
            Some(task) => task.clone_from(waker),
            slot => *slot = Some(waker.clone()),
        }
    }

    pub(super) fn wake(&self) {
        if let Some(task) = &self.task {
            task.wake_by_ref();
        }
    }

    /// Whether there is a connection, as far as is known.
    const fn is_connected(&self) -> bool {
        self.lost.is_none() && self.end.is_none()
    }

    /// Whether commands may be given, or never will be taken again.
    fn has_room(&mut self) -> bool {
        if self.end.is_some() {
            return true;
        }
        self.is_connected()
            && self
                .session()
                .is_some_and(|session| !session.is_congested())
    }

    /// The session, before its end.
    pub(super) fn session(&mut self) -> Option<&mut ClientSession> {
        self.link.as_mut()?.machine_mut().session_mut()
    }

    /// Gives the session a command, and has its task see to the consequences. With `life`, only if
    /// the connection is still that one.
    pub(super) fn command<R>(
        &mut self,
        life: Option<Life>,
        act: impl FnOnce(&mut ClientSession) -> Result<R, CommandError>,
    ) -> Result<R, Refusal> {
        if let Some(end) = &self.end {
            return Err(Refusal::Never(SessionError::Ended(end.clone())));
        }
        if life.is_some_and(|life| life != self.life || self.lost.is_some()) {
            let end = self.lost.clone();
            let end = end.unwrap_or(End::Failed(PeerError::Closed));
            return Err(Refusal::Never(SessionError::Lost(end)));
        }
        if self.lost.is_some() {
            return Err(Refusal::Later(SessionError::Disconnected));
        }
        let session = self.session().ok_or(CommandError::NotJoined);
        match session.and_then(act) {
            Ok(done) => {
                self.wake();
                Ok(done)
            }
            Err(error @ CommandError::Full) => Err(Refusal::Later(error.into())),
            Err(error) => Err(Refusal::Never(error.into())),
        }
    }

    /// As [`command`](Self::command), for a request that nobody repeats: with too many under way it
    /// is to be made later.
    pub(super) fn own_request<R>(
        &mut self,
        act: impl FnOnce(&mut ClientSession) -> Result<R, CommandError>,
    ) -> Result<R, Refusal> {
        match self.command(None, act) {
            Err(Refusal::Never(error @ SessionError::Command(CommandError::TooManyPending))) => {
                Err(Refusal::Later(error))
            }
            done => done,
        }
    }

    /// The time of the connection's clock.
    pub(super) fn now(&self) -> Option<Instant> {
        self.link.as_ref().map(|link| link.timer().now())
    }

    /// The latest WELCOME.
    pub(super) const fn joined(&self) -> &Arc<Joined> {
        &self.joined
    }

    /// Where the session stands, and a number that changes with it.
    pub(super) fn status(&self) -> (u64, SessionState) {
        (self.version, self.status.clone())
    }

    fn set_status(&mut self, status: SessionState) {
        self.status = status;
        self.version = self.version.wrapping_add(1);
        self.told = false;
    }

    /// Has something run by the runtime. Once the session's task is gone it is handed back, to be
    /// dropped when the lock is not held.
    #[must_use]
    pub(super) fn spawn(&mut self, task: Task) -> Option<Task> {
        if self.stopped {
            return Some(task);
        }
        self.tasks.push(task);
        self.wake();
        None
    }

    /// Says what nobody waits for, now that there is room.
    fn tidy(&mut self) {
        while let Some((request, mode)) = self.cancels.pop_front() {
            if !self.cancel(self.life, request, mode) {
                break;
            }
        }
        self.pay();
        self.restore();
        self.unsubscribe_idle();
    }

    /// Cancels a call that nobody waits for any more, now or as soon as there is room. Returns
    /// whether that was now.
    pub(super) fn cancel(&mut self, life: Life, request: CallRequest, mode: CancelMode) -> bool {
        if life != self.life {
            return true;
        }
        let done = self.command(Some(life), |session| session.cancel(request, mode));
        let later = matches!(done, Err(Refusal::Later(_)));
        if later {
            self.cancels.push_front((request, mode));
        }
        !later
    }

    /// Nobody waits for a call any more. A router that cannot cancel calls is not asked to.
    pub(super) fn give_up(&mut self, life: Life, request: CallRequest) {
        if self.joined.announces("dealer", "call_canceling") {
            self.cancel(life, request, CancelMode::KillNoWait);
        }
    }
}
