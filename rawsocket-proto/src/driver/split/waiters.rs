//! Who waits for what, and who is woken when.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::task::Waker;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Wake;

use crate::time::Instant;

/// What a future waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Need {
    /// Something to receive, or the end.
    Message,
    /// Room for a message of this length, and its turn.
    Room(usize),
    /// This many octets of messages were written since the split.
    Written(u64),
    /// This many octets were flushed.
    Flushed(u64),
    /// The end.
    Closed,
}

/// What the pump waits for, and so does who polled it last and went to sleep.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interest {
    /// Octets, with the number of those that came before: a transport may forget the waker of an
    /// earlier poll once it gave some to a later one.
    pub(super) reads: Option<u64>,
    /// That the transport takes more.
    pub(super) writes: bool,
    /// A time.
    pub(super) until: Option<Instant>,
}

impl Interest {
    /// Whether who waits for this is woken by all that `wanted` names.
    fn covers(&self, wanted: &Self, now: Instant) -> bool {
        (wanted.reads.is_none() || wanted.reads == self.reads)
            && (self.writes || !wanted.writes)
            // A timer that went off is set for nobody any more.
            && wanted.until.is_none_or(|at| self.until.is_some_and(|own| now < own && own <= at))
    }
}

/// How a future that wants room stands to the others that do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    /// It is the first.
    First,
    /// Others come first.
    Behind,
    /// Others come first, but they are of the same task, which may be polling this future alone:
    /// an arm of a `select!` that sends while another arm does. The first of them is passed if it
    /// was offered its room and did not take it.
    Passing { first: Need, offered: bool },
}

/// A future that was polled and not dropped since.
#[derive(Debug)]
struct Waiter {
    waker: Waker,
    need: Need,
    /// What the pump waited for when this future polled it last; `None` if it did not, because
    /// others do.
    armed: Option<Interest>,
    /// It was woken since it was polled last.
    woken: bool,
    /// It was its turn, and it did not come.
    offered: bool,
}

impl Waiter {
    fn wake(&mut self, wakes: &mut Wakes) {
        if !self.woken {
            self.woken = true;
            wakes.wake.push(self.waker.clone());
        }
    }
}

/// What is to be done once no lock is held: a waker may run, or drop, whatever it likes.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    wake: Vec<Waker>,
    drop: Vec<Waker>,
}

impl Wakes {
    pub(super) fn perform(self) {
        drop(self.drop);
        self.wake.into_iter().for_each(Waker::wake);
    }
}

/// All that wait. Of those that want room only the first few drive the connection.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    /// The pump is being polled: who does that wakes the others afterwards.
    busy: bool,
    /// The transport or the timer woke somebody meanwhile.
    rung: bool,
    /// The next ticket.
    next: u64,
    /// Those that want room, in order.
    queue: BTreeMap<u64, Waiter>,
    others: BTreeMap<u64, Waiter>,
}

impl Waiters {
    /// How many of the queue drive the connection: the first, and those of its task behind it.
    fn leading(&self) -> usize {
        let Some((_, first)) = self.queue.first_key_value() else {
            return 0;
        };
        let waiters = self.queue.values();
        waiters
            .take_while(|waiter| waiter.waker.will_wake(&first.waker))
            .count()
    }

    /// Whose turn it is, seen from who has this ticket or none yet.
    pub(super) fn turn(&self, ticket: Option<u64>, waker: &Waker) -> Turn {
        let mut ahead = self.queue.range(..ticket.unwrap_or(u64::MAX));
        let Some((_, first)) = ahead.next() else {
            return Turn::First;
        };
        let same = |waiter: &Waiter| waiter.waker.will_wake(waker);
        let mut offered = first.offered;
        let need = first.need;
        let all_same = same(first)
            && ahead.all(|(_, waiter)| {
                offered &= waiter.offered;
                same(waiter)
            });
        if all_same {
            Turn::Passing {
                first: need,
                offered,
            }
        } else {
            Turn::Behind
        }
    }

    /// Those before this one in the queue had their chance.
    pub(super) fn offer(&mut self, ticket: u64) {
        for (_, waiter) in self.queue.range_mut(..ticket) {
            waiter.offered = true;
        }
    }

    /// Notes that a future waits, under its ticket or a new one.
    pub(super) fn note(
        &mut self,
        ticket: Option<u64>,
        waker: &Waker,
        need: Need,
        armed: Option<Interest>,
        later: &mut Wakes,
    ) -> u64 {
        let ticket = ticket.unwrap_or_else(|| {
            self.next += 1;
            self.next
        });
        let waiters = match need {
            Need::Room(_) => &mut self.queue,
            _ => &mut self.others,
        };
        let waiter = waiters.entry(ticket).or_insert_with(|| Waiter {
            waker: waker.clone(),
            need,
            armed,
            woken: false,
            offered: false,
        });
        if !waiter.waker.will_wake(waker) {
            later
                .drop
                .push(core::mem::replace(&mut waiter.waker, waker.clone()));
        }
        (waiter.need, waiter.armed) = (need, armed);
        (waiter.woken, waiter.offered) = (false, false);
        ticket
    }

    /// Wakes one that waits, for whatever reason.
    pub(super) fn wake(&mut self, ticket: u64, wakes: &mut Wakes) {
        let waiter = self.queue.get_mut(&ticket);
        if let Some(waiter) = waiter.or_else(|| self.others.get_mut(&ticket)) {
            waiter.wake(wakes);
        }
    }

    /// Forgets a future. Who leads the queue instead drives the connection from now on.
    pub(super) fn leave(&mut self, ticket: u64, wakes: &mut Wakes) {
        if let Some(waiter) = self.others.remove(&ticket) {
            wakes.drop.push(waiter.waker);
        }
        if let Some(waiter) = self.queue.remove(&ticket) {
            wakes.drop.push(waiter.waker);
            let leading = self.leading();
            for waiter in self.queue.values_mut().take(leading) {
                if waiter.armed.is_none() {
                    waiter.wake(wakes);
                }
            }
        }
    }

    /// The pump is about to be polled.
    pub(super) fn begin(&mut self) {
        self.busy = true;
    }

    /// Whether somebody was woken since the pump is being polled.
    pub(super) const fn take_ring(&mut self) -> bool {
        core::mem::replace(&mut self.rung, false)
    }

    /// The pump was polled, and all is noted.
    pub(super) fn end(&mut self, wakes: &mut Wakes) {
        self.busy = false;
        if self.take_ring() {
            self.wake_drivers(wakes);
        }
    }

    /// The pump panicked. All that wait are to see that.
    pub(super) fn end_in_panic(&mut self, wakes: &mut Wakes) {
        (self.busy, self.rung) = (false, false);
        for waiter in self.others.values_mut().chain(self.queue.values_mut()) {
            waiter.wake(wakes);
        }
    }

    fn wake_drivers(&mut self, wakes: &mut Wakes) {
        let leading = self.leading();
        let leaders = self.queue.values_mut().take(leading);
        for waiter in self.others.values_mut().chain(leaders) {
            waiter.wake(wakes);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.others.is_empty()
    }

    /// Wakes those that have what they need, and those that would sleep through something that
    /// the pump waits for now. Who is woken by neither changes nothing for the others by looking,
    /// so that no two wake each other for ever.
    pub(super) fn settle(
        &mut self,
        wanted: &Interest,
        now: Instant,
        over: bool,
        mut has: impl FnMut(Need) -> bool,
        wakes: &mut Wakes,
    ) {
        let sleeps_through = |waiter: &Waiter| {
            let covers = |armed: &Interest| armed.covers(wanted, now);
            !waiter.armed.as_ref().is_some_and(covers)
        };
        for waiter in self.others.values_mut() {
            if has(waiter.need) || sleeps_through(waiter) {
                waiter.wake(wakes);
            }
        }
        let leading = if over {
            self.queue.len()
        } else {
            self.leading()
        };
        let (mut first, mut offered) = (None, true);
        for waiter in self.queue.values_mut().take(leading) {
            let fits = has(waiter.need);
            let turn = match first {
                None => fits,
                Some(first) => first && (fits || !offered),
            };
            first = first.or(Some(fits));
            offered &= waiter.offered;
            if over || turn || sleeps_through(waiter) {
                waiter.wake(wakes);
            }
        }
    }
}

/// The waker that the pump is polled with: it wakes all that drive the connection.
#[derive(Debug, Default)]
pub(super) struct Bell(Mutex<Waiters>);

impl Bell {
    pub(super) fn waiters(&self) -> MutexGuard<'_, Waiters> {
        // Each change of them is whole before anything could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        let mut wakes = Wakes::default();
        let mut waiters = self.waiters();
        if waiters.busy {
            waiters.rung = true;
        } else {
            waiters.wake_drivers(&mut wakes);
        }
        drop(waiters);
        wakes.perform();
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
