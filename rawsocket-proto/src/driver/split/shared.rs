//! What the halves share.

use alloc::sync::Arc;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::io;
use std::sync::{Mutex, MutexGuard};

use super::waiters::{Bell, Interest, Need, Turn, Wakes};
use crate::connection::{Connection as Machine, SendErrorReason};
use crate::driver::{Connection, Error, Pump, Timer, Transport};
use crate::wire::FrameHeader;

/// The connection behind its lock, which is held for one poll at a time, never across an await.
///
/// The pump knows one waker, the bell. After each poll by one half, the others are woken that have
/// what they wait for, or that would sleep through something: what a thread waits for in its own
/// poll(2) is what the pump wanted when that thread polled it.
#[derive(Debug)]
pub(super) struct Shared<T, C> {
    inner: Mutex<Inner<T, C>>,
    bell: Arc<Bell>,
    waker: Waker,
}

#[derive(Debug)]
pub(super) struct Inner<T, C> {
    pub(super) pump: Pump<Machine, T, C>,
    /// The peer's last message was received.
    pub(super) finished: bool,
    /// Octets of messages that were queued, headers included.
    pub(super) queued: u64,
    /// The transport's error, after which it is left alone.
    pub(super) failed: Option<io::Error>,
}

/// What a future got by being polled.
pub(super) enum Step<R> {
    Done(R),
    Wait(Need),
    /// As `Wait`, after those before it in the queue had their chance.
    Offer(Need),
}

impl<T, C> Shared<T, C> {
    pub(super) fn into_connection(self) -> Connection<T, C> {
        let mut inner = match self.inner.into_inner() {
            Ok(inner) => inner,
            Err(poison) => {
                let mut inner = poison.into_inner();
                inner.failed.get_or_insert_with(panicked);
                inner
            }
        };
        if let Some(error) = inner.failed {
            inner.pump.broken = Some(error);
        }
        Connection {
            pump: inner.pump,
            finished: inner.finished,
            left: 0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T, C>> {
        self.inner.lock().unwrap_or_else(|poison| {
            let mut inner = poison.into_inner();
            inner.failed.get_or_insert_with(panicked);
            inner
        })
    }

    /// Looks, and changes nothing.
    pub(super) fn look<R>(&self, look: impl FnOnce(&Pump<Machine, T, C>) -> R) -> R {
        look(&self.lock().pump)
    }
}

fn panicked() -> io::Error {
    io::Error::other("the transport or the clock panicked")
}

impl<T: Transport, C: Timer> Shared<T, C> {
    pub(super) fn new(connection: Connection<T, C>) -> Self {
        let Connection { pump, finished, .. } = connection;
        let bell = Arc::new(Bell::default());
        Self {
            inner: Mutex::new(Inner {
                queued: pump.machine().pending_messages() as u64,
                pump,
                finished,
                failed: None,
            }),
            waker: bell.clone().into(),
            bell,
        }
    }

    /// Acts on the connection at once, and wakes those that this concerns.
    pub(super) fn act<R>(&self, work: impl FnOnce(&mut Inner<T, C>, &mut Context<'_>) -> R) -> R {
        let mut inner = self.lock();
        let polling = Polling(&self.bell);
        self.bell.waiters().begin();
        let result = work(&mut inner, &mut Context::from_waker(&self.waker));
        let mut wakes = Wakes::default();
        inner.settle(&self.bell, &mut wakes);
        drop(polling);
        drop(inner);
        wakes.perform();
        result
    }

    /// Waits for what `work` finds, one turn after another.
    pub(super) fn wait<R, W>(&self, queues: bool, work: W) -> Wait<'_, T, C, W>
    where
        W: FnMut(&mut Inner<T, C>, Turn, &mut Context<'_>) -> Step<R> + Unpin,
    {
        Wait {
            shared: self,
            queues,
            ticket: None,
            work,
        }
    }
}

/// Tells the others if the transport panics, so that none sleeps for ever.
struct Polling<'b>(&'b Bell);

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut wakes = Wakes::default();
            self.0.waiters().end_in_panic(&mut wakes);
            wakes.perform();
        }
    }
}

/// A future that waits with the others. Dropped, it leaves no trace.
#[derive(Debug)]
pub(super) struct Wait<'s, T, C, W> {
    shared: &'s Shared<T, C>,
    /// It wants room, and takes its turn.
    queues: bool,
    ticket: Option<u64>,
    work: W,
}

impl<T, C, R, W> Future for Wait<'_, T, C, W>
where
    T: Transport,
    C: Timer,
    W: FnMut(&mut Inner<T, C>, Turn, &mut Context<'_>) -> Step<R> + Unpin,
{
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let this = &mut *self;
        let bell = &this.shared.bell;
        let mut inner = this.shared.lock();
        let polling = Polling(bell);
        let turn = {
            let mut waiters = bell.waiters();
            waiters.begin();
            if this.queues {
                waiters.turn(this.ticket, cx.waker())
            } else {
                Turn::First
            }
        };
        let mut bell_cx = Context::from_waker(&this.shared.waker);
        let mut step = (this.work)(&mut inner, turn, &mut bell_cx);
        // Once more before all others are woken for it: a transport that merely hesitates, or that
        // became ready meanwhile, is no news to them. Who waits behind others did not poll the
        // pump: what rang then is not its to take.
        let polled = !matches!(turn, Turn::Behind);
        if polled && matches!(step, Step::Wait(_)) && bell.waiters().take_ring() {
            step = (this.work)(&mut inner, turn, &mut bell_cx);
        }

        let mut wakes = Wakes::default();
        let armed = match turn {
            Turn::Behind => None,
            Turn::First | Turn::Passing { .. } => Some(inner.interest()),
        };
        let mut waiters = bell.waiters();
        let poll = match step {
            Step::Done(result) => {
                if let Some(ticket) = this.ticket.take() {
                    waiters.leave(ticket, &mut wakes);
                }
                Poll::Ready(result)
            }
            Step::Wait(need) => {
                this.ticket = Some(waiters.note(this.ticket, cx.waker(), need, armed, &mut wakes));
                Poll::Pending
            }
            Step::Offer(need) => {
                let ticket = waiters.note(this.ticket, cx.waker(), need, armed, &mut wakes);
                waiters.offer(ticket);
                waiters.wake(ticket, &mut wakes);
                this.ticket = Some(ticket);
                Poll::Pending
            }
        };
        drop(waiters);
        inner.settle(bell, &mut wakes);
        drop(polling);
        drop(inner);
        wakes.perform();
        poll
    }
}

impl<T, C, W> Drop for Wait<'_, T, C, W> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let mut wakes = Wakes::default();
            self.shared.bell.waiters().leave(ticket, &mut wakes);
            wakes.perform();
        }
    }
}

impl<T: Transport, C: Timer> Inner<T, C> {
    /// Wakes those whom what was just done concerns.
    fn settle(&mut self, bell: &Bell, wakes: &mut Wakes) {
        let mut waiters = bell.waiters();
        if !waiters.is_empty() {
            let (wanted, over) = (self.interest(), self.is_over());
            let now = self.pump.timer().now();
            waiters.settle(&wanted, now, over, |need| self.has(need), wakes);
        }
        waiters.end(wakes);
    }

    /// What the pump waits for now.
    fn interest(&mut self) -> Interest {
        if self.failed.is_some() {
            return Interest {
                reads: None,
                writes: false,
                until: None,
            };
        }
        // A PING may lie behind the message that was received last.
        self.pump.machine_mut().skip_pongs();
        let unsent = self.pump.has_unsent() || self.pump.machine().wants_shutdown();
        let machine = self.pump.machine();
        let reads = machine.wants_read().then(|| machine.stats().octets_in);
        Interest {
            reads,
            writes: unsent && self.pump.broken.is_none(),
            until: machine.poll_timeout().map(|deadline| deadline.at),
        }
    }

    /// Whether nothing will be sent any more.
    fn is_over(&self) -> bool {
        self.failed.is_some()
            || self.pump.broken.is_some()
            || self.pump.machine().can_send(0) == Err(SendErrorReason::Closed)
    }

    /// Whether who waits for this would be done, or get on, if polled.
    fn has(&mut self, need: Need) -> bool {
        if self.failed.is_some() || self.pump.broken.is_some() {
            return true;
        }
        let machine = self.pump.machine_mut();
        match need {
            Need::Message => machine.has_event() || machine.is_closed(),
            Need::Room(_) => !lacks_room(machine, need),
            Need::Written(target) => self.queued - machine.pending_messages() as u64 >= target,
            Need::Flushed(target) => self.pump.flushed >= target || self.pump.machine().is_closed(),
            Need::Closed => machine.is_closed(),
        }
    }

    /// A message of so many octets was queued.
    pub(super) const fn count(&mut self, len: usize) {
        self.queued += (FrameHeader::LEN + len) as u64;
    }

    /// Waits until a message of `len` octets would be taken, and it is its turn.
    pub(super) fn poll_room(
        &mut self,
        turn: Turn,
        cx: &mut Context<'_>,
        len: usize,
    ) -> Step<Result<(), Error>> {
        let own = Need::Room(len);
        let goes_on = |machine: &Machine| match turn {
            Turn::First => lacks_room(machine, own),
            Turn::Behind => false,
            Turn::Passing { first, offered } => {
                lacks_room(machine, first) || offered && lacks_room(machine, own)
            }
        };
        let refused = |machine: &Machine| match machine.can_send(len) {
            Ok(()) | Err(SendErrorReason::Full) => None,
            Err(reason) => Some(reason),
        };
        let machine = self.pump.machine();
        if refused(machine).is_none() && goes_on(machine) {
            let until = |pump: &mut Pump<Machine, T, C>| {
                refused(pump.machine()).is_none() && goes_on(pump.machine())
            };
            match self.drive(cx, until) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Step::Done(Err(error)),
                Poll::Pending => return Step::Wait(own),
            }
        }
        if let Err(error) = self.check_transport() {
            return Step::Done(Err(error));
        }
        if let Some(reason) = refused(self.pump.machine()) {
            return Step::Done(Err(self.refusal(reason)));
        }
        match turn {
            Turn::Behind => Step::Wait(own),
            Turn::Passing { offered: false, .. } => Step::Offer(own),
            Turn::First | Turn::Passing { .. } => Step::Done(Ok(())),
        }
    }

    /// Runs as long as `goes_on` says so, for who has nothing to receive. A failed write ends
    /// that, and is left for the receiver, who reads first what the peer had to say.
    pub(super) fn drive(
        &mut self,
        cx: &mut Context<'_>,
        mut goes_on: impl FnMut(&mut Pump<Machine, T, C>) -> bool,
    ) -> Poll<Result<(), Error>> {
        self.check_transport()?;
        let poll = self.pump.poll_while(cx, |pump| {
            pump.machine_mut().skip_pongs();
            pump.broken.is_none() && goes_on(pump)
        });
        match poll {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => Poll::Ready(self.check_transport()),
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.fail(error))),
        }
    }

    /// Keeps the first error, and gives a copy of it.
    pub(super) fn fail(&mut self, error: io::Error) -> Error {
        let (kept, given) = twins(self.failed.take().unwrap_or(error));
        self.failed = Some(kept);
        given.into()
    }

    /// The error of the transport, if it had one.
    pub(super) fn check_transport(&mut self) -> Result<(), Error> {
        for error in [&mut self.failed, &mut self.pump.broken] {
            if let Some(first) = error.take() {
                let (kept, given) = twins(first);
                *error = Some(kept);
                return Err(given.into());
            }
        }
        Ok(())
    }

    /// Why a message was not taken: if the connection failed, how.
    pub(super) fn refusal(&self, reason: SendErrorReason) -> Error {
        match self.pump.machine().error() {
            Some(error) if reason == SendErrorReason::Closed => error.into(),
            _ => reason.into(),
        }
    }
}

/// Whether somebody waits for room that is not there yet.
fn lacks_room(machine: &Machine, need: Need) -> bool {
    matches!(need, Need::Room(len) if machine.can_send(len) == Err(SendErrorReason::Full))
}

/// Two of one error. One of the operating system's is known by its number; any other is shared,
/// and prints as it did.
fn twins(error: io::Error) -> (io::Error, io::Error) {
    if let Some(code) = error.raw_os_error() {
        return (error, io::Error::from_raw_os_error(code));
    }
    let kind = error.kind();
    let shared = error.downcast::<Arc<io::Error>>();
    let shared = shared.unwrap_or_else(Arc::new);
    let twin = io::Error::new(kind, shared.clone());
    (twin, io::Error::new(kind, shared))
}
