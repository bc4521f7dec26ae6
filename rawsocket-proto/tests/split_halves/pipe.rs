//! A transport in memory and a clock, both as forgetful as their contracts allow.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BufMut;
use wamp_rawsocket_proto::connection::{Config, RecvBuf};
use wamp_rawsocket_proto::driver::{Connection, Timer, Transport};
use wamp_rawsocket_proto::time::Instant;
use wamp_rawsocket_proto::wire::SerializerId;

use super::tasks::{Seat, Tasks, polled, taken};

/// What a pipe is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// Octets under way in one direction at most.
    pub(crate) capacity: usize,
    /// Octets in one read or write at most.
    pub(crate) step: usize,
    /// Before each call that does something there is one that is `Pending`, and woken at once.
    pub(crate) hesitates: bool,
    /// Whoever was told `Pending` is woken, as by its own poll(2), until it polls again; no waker
    /// is used. Else the waker of the latest call is.
    pub(crate) threads: bool,
    /// What is written is held back until it is flushed.
    pub(crate) holds: bool,
}

impl Habits {
    pub(crate) const PLAIN: Self = Self {
        capacity: 64,
        step: usize::MAX,
        hesitates: false,
        threads: false,
        holds: false,
    };
    pub(crate) const SLOW: Self = Self {
        step: 1,
        hesitates: true,
        ..Self::PLAIN
    };
    /// All kinds.
    pub(crate) const ALL: [Self; 4] = [
        Self::PLAIN,
        Self::SLOW,
        Self {
            threads: true,
            ..Self::PLAIN
        },
        Self {
            holds: true,
            ..Self::SLOW
        },
    ];
}

#[derive(Debug)]
enum Call {
    Waker(Waker),
    Seat(Arc<Seat>, u64),
}

/// Who is to be called.
#[derive(Debug, Default)]
struct Calls(Vec<Call>);

impl Calls {
    fn note(&mut self, threads: bool, cx: &Context<'_>) {
        if threads {
            self.0
                .extend(polled().map(|(seat, turn)| Call::Seat(seat, turn)));
        } else {
            // The latest call alone counts.
            self.0 = vec![Call::Waker(cx.waker().clone())];
        }
    }

    /// A call that was not `Pending`: the waker of an earlier one is owed nothing.
    fn forget(&mut self) {
        self.0.retain(|call| matches!(call, Call::Seat(..)));
    }

    fn call(&mut self) {
        for call in self.0.drain(..) {
            match call {
                Call::Waker(waker) => waker.wake(),
                Call::Seat(seat, turn) => seat.wake_in(turn),
            }
        }
    }
}

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    octets: VecDeque<u8>,
    /// All that was ever written.
    pub(crate) log: Vec<u8>,
    /// No more octets come.
    pub(crate) shut: bool,
    /// Nobody reads any more.
    gone: bool,
    readers: Calls,
    writers: Calls,
}

impl Lane {
    /// The octets come as from the other end.
    pub(crate) fn put(&mut self, octets: &[u8]) {
        self.octets.extend(octets);
        self.readers.call();
    }

    pub(crate) fn shut(&mut self) {
        self.shut = true;
        self.readers.call();
    }

    /// Nobody will read what is written.
    pub(crate) fn leave(&mut self) {
        self.gone = true;
        self.writers.call();
    }

    /// Drops what is under way, and lets nobody know yet.
    pub(crate) fn drain(&mut self) {
        self.octets.clear();
    }

    /// Takes what is under way, as the other end would.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.writers.call();
        self.octets.drain(..).collect()
    }
}

pub(crate) type Shared = Arc<Mutex<Lane>>;

pub(crate) fn lock(lane: &Shared) -> MutexGuard<'_, Lane> {
    lane.lock().expect("no panic")
}

#[derive(Debug)]
pub(crate) struct End {
    read: Shared,
    write: Shared,
    held: Vec<u8>,
    /// The next call of each kind is done, if it can be.
    settled: [bool; 4],
    habits: Habits,
}

impl End {
    fn hesitates(&mut self, kind: usize, cx: &Context<'_>) -> bool {
        let hesitates = self.habits.hesitates && !self.settled[kind];
        self.settled[kind] = true;
        if hesitates {
            cx.waker().wake_by_ref();
        }
        hesitates
    }
}

impl Drop for End {
    fn drop(&mut self) {
        lock(&self.write).shut();
        lock(&self.read).leave();
    }
}

impl Transport for End {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut RecvBuf<'_>) -> Poll<io::Result<()>> {
        if self.hesitates(0, cx) {
            return Poll::Pending;
        }
        let mut lane = lock(&self.read);
        if lane.octets.is_empty() && !lane.shut {
            lane.readers.note(self.habits.threads, cx);
            return Poll::Pending;
        }
        lane.readers.forget();
        self.settled[0] = false;
        let count = lane.octets.len().min(self.habits.step);
        let count = count.min(buf.remaining_mut());
        let octets: Vec<u8> = lane.octets.drain(..count).collect();
        buf.put_slice(&octets);
        lane.writers.call();
        Poll::Ready(Ok(()))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.hesitates(1, cx) {
            return Poll::Pending;
        }
        let mut lane = lock(&self.write);
        assert!(!lane.shut, "nothing is written behind the end");
        if lane.gone {
            return Poll::Ready(Err(io::Error::from_raw_os_error(32)));
        }
        let room = self.habits.capacity;
        let room = room.saturating_sub(lane.octets.len() + self.held.len());
        if room == 0 {
            lane.writers.note(self.habits.threads, cx);
            return Poll::Pending;
        }
        lane.writers.forget();
        self.settled[1] = false;
        let octets = slices.iter().flat_map(|slice| slice.iter().copied());
        let octets: Vec<u8> = octets.take(room.min(self.habits.step)).collect();
        lane.log.extend(&octets);
        if self.habits.holds {
            self.held.extend(&octets);
        } else {
            lane.put(&octets);
        }
        if self.held.len() == self.habits.capacity {
            lane.put(&std::mem::take(&mut self.held));
        }
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.hesitates(2, cx) {
            return Poll::Pending;
        }
        self.settled[2] = false;
        let held = std::mem::take(&mut self.held);
        lock(&self.write).put(&held);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.hesitates(3, cx) {
            return Poll::Pending;
        }
        assert!(self.held.is_empty(), "what was held back is flushed first");
        lock(&self.write).shut();
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

/// The time, in milliseconds, and who waits for which.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock(Arc<Mutex<Time>>);

#[derive(Debug, Default)]
struct Time {
    millis: u64,
    /// By timer.
    alarms: BTreeMap<usize, (u64, Calls)>,
}

impl Clock {
    /// So many milliseconds pass.
    pub(crate) fn pass(&self, millis: u64) {
        let mut time = self.0.lock().expect("no panic");
        time.millis += millis;
        let now = time.millis;
        for (at, calls) in time.alarms.values_mut() {
            if *at <= now {
                calls.call();
            }
        }
    }

    fn millis(&self) -> u64 {
        self.0.lock().expect("no panic").millis
    }
}

#[derive(Debug)]
pub(crate) struct Alarm {
    clock: Clock,
    id: usize,
    threads: bool,
}

impl Timer for Alarm {
    fn now(&self) -> Instant {
        Instant::from_epoch(Duration::from_millis(self.clock.millis()))
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        if self.now() >= at {
            return Poll::Ready(());
        }
        let at = u64::try_from(at.since_epoch().as_millis()).expect("a near time");
        let mut time = self.clock.0.lock().expect("no panic");
        let (set, calls) = time.alarms.entry(self.id).or_default();
        *set = if self.threads { at.min(*set) } else { at };
        if calls.0.is_empty() {
            *set = at;
        }
        calls.note(self.threads, cx);
        Poll::Pending
    }
}

pub(crate) type Conn = Connection<End, Alarm>;

/// Two connected ends, a client's and a router's, and what lies between them.
pub(crate) struct Pair {
    pub(crate) client: Conn,
    pub(crate) router: Conn,
    /// From the client to the router.
    pub(crate) up: Shared,
    pub(crate) down: Shared,
    pub(crate) clock: Clock,
}

pub(crate) fn pair(habits: Habits, config: Config) -> Pair {
    let (up, down) = (Shared::default(), Shared::default());
    let clock = Clock::default();
    let config = Arc::new(config);
    let end = |read: &Shared, write: &Shared| End {
        read: read.clone(),
        write: write.clone(),
        held: Vec::new(),
        settled: [false; 4],
        habits,
    };
    let alarm = |id| Alarm {
        clock: clock.clone(),
        id,
        threads: habits.threads,
    };
    let mut tasks = Tasks::new(1);
    let client = Connection::client(
        end(&down, &up),
        alarm(0),
        config.clone(),
        SerializerId::JSON,
    );
    let router = Connection::router(end(&up, &down), alarm(1), config, |_| Ok(()));
    let (client, router) = (tasks.spawn(client), tasks.spawn(router));
    tasks.finish();
    let (client, mut router) = (taken(&client).unwrap(), taken(&router).unwrap());
    router.welcome();
    for lane in [&up, &down] {
        lock(lane).log.clear();
    }
    Pair {
        client,
        router,
        up,
        down,
        clock,
    }
}
