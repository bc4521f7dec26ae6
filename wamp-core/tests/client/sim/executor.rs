//! The tasks and the clock.

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Wake;

use rawsocket_proto::driver::{Timer, Transport};
use rawsocket_proto::time::Instant;
use wamp_rawsocket_core::endpoint::Endpoint;
use wamp_rawsocket_core::runtime::{Adopt, Runtime};

use super::net::{self, Listener, Net};
use super::pipe::End;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
type Number = u64;

/// The runtime. The clones are one.
#[derive(Clone)]
pub(crate) struct Sim(Arc<Inner>);

pub(super) struct Inner {
    tasks: Mutex<HashMap<Number, Option<Task>>>,
    ready: Arc<Ready>,
    clock: Mutex<Clock>,
    random: Mutex<u64>,
    pub(super) net: Mutex<Net>,
}

#[derive(Default)]
struct Clock {
    now: Duration,
    latest: Number,
    timers: BTreeMap<(Duration, Number), Waker>,
}

#[derive(Default)]
struct Ready(Mutex<Vec<Number>>);

struct Woken {
    ready: Arc<Ready>,
    number: Number,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        let mut ready = self.ready.0.lock().unwrap();
        if !ready.contains(&self.number) {
            ready.push(self.number);
        }
    }
}

/// The task of [`Sim::run`].
const MAIN: Number = 0;

impl Sim {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Inner {
            tasks: Mutex::default(),
            ready: Arc::default(),
            clock: Mutex::default(),
            random: Mutex::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            net: Mutex::new(Net::new()),
        }))
    }

    /// Runs a test on the runtime of this seed, which is dropped then.
    pub(crate) fn test<F: Future>(seed: u64, test: impl FnOnce(Self) -> F) -> F::Output {
        struct End(Sim);
        impl Drop for End {
            fn drop(&mut self) {
                self.0.end();
            }
        }
        let sim = End(Self::new(seed));
        sim.0.run(test(sim.0.clone()))
    }

    /// Runs a future to its end. Panics if nothing can happen any more.
    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let waker = |number| {
            Waker::from(Arc::new(Woken {
                ready: self.0.ready.clone(),
                number,
            }))
        };
        let main = waker(MAIN);
        main.wake_by_ref();
        for _ in 0..20_000_000 {
            let Some(number) = self.draw() else {
                self.advance();
                continue;
            };
            if number == MAIN {
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&main)) {
                    return output;
                }
                continue;
            }
            let task = self.tasks().get_mut(&number).and_then(Option::take);
            let Some(mut task) = task else { continue };
            let mine = waker(number);
            let done = task.as_mut().poll(&mut Context::from_waker(&mine));
            if done.is_pending() {
                if let Some(slot) = self.tasks().get_mut(&number) {
                    *slot = Some(task);
                }
            } else {
                self.tasks().remove(&number);
                drop(task);
            }
        }
        panic!("it goes round in circles");
    }

    fn tasks(&self) -> MutexGuard<'_, HashMap<Number, Option<Task>>> {
        self.0.tasks.lock().unwrap()
    }

    /// One of those that are ready.
    fn draw(&self) -> Option<Number> {
        let len = self.0.ready.0.lock().unwrap().len();
        let index = self.below(len.max(1));
        let mut ready = self.0.ready.0.lock().unwrap();
        (index < ready.len()).then(|| ready.remove(index))
    }

    /// A number below this one.
    pub(crate) fn below(&self, bound: usize) -> usize {
        let mut state = self.0.random.lock().unwrap();
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        usize::try_from((*state >> 32) % bound as u64).unwrap()
    }

    /// Nothing can go on: lets time pass until something can.
    fn advance(&self) {
        let mut clock = self.0.clock.lock().unwrap();
        let Some(((at, _), waker)) = clock.timers.pop_first() else {
            drop(clock);
            panic!("nothing will ever happen again");
        };
        assert!(at < Duration::from_secs(24 * 3600), "waits for ever");
        clock.now = clock.now.max(at);
        drop(clock);
        waker.wake();
    }

    /// The time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.0.clock.lock().unwrap().now
    }

    pub(crate) async fn sleep(&self, time: Duration) {
        let mut timer = self.timer();
        let until = timer.now().saturating_add(time);
        core::future::poll_fn(|cx| timer.poll_until(cx, until)).await;
    }

    /// Lets all that can happen without time passing happen.
    pub(crate) async fn settle(&self) {
        self.sleep(Duration::from_nanos(1)).await;
    }

    /// How many tasks there are.
    pub(crate) fn count(&self) -> usize {
        self.tasks().len()
    }

    /// Drops all tasks.
    pub(crate) fn end(&self) {
        loop {
            let tasks = core::mem::take(&mut *self.tasks());
            if tasks.is_empty() {
                break;
            }
            drop(tasks);
        }
        self.0.clock.lock().unwrap().timers.clear();
    }

    pub(super) fn net(&self) -> MutexGuard<'_, Net> {
        self.0.net.lock().unwrap()
    }
}

impl Runtime for Sim {
    type Io = End;
    type Listener = Listener;
    type Timer = SimTimer;

    fn timer(&self) -> SimTimer {
        SimTimer {
            sim: self.clone(),
            set: None,
        }
    }

    async fn connect(&self, endpoint: &Endpoint) -> io::Result<End> {
        net::connect(self, endpoint).await
    }

    async fn accept(&self, listener: &Listener) -> io::Result<End> {
        listener.accept().await
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let number = {
            let mut clock = self.0.clock.lock().unwrap();
            clock.latest += 1;
            clock.latest
        };
        self.tasks().insert(number, Some(Box::pin(task)));
        self.0.ready.0.lock().unwrap().push(number);
    }

    fn random(&self, octets: &mut [u8]) -> io::Result<()> {
        octets.fill_with(|| u8::try_from(self.below(256)).unwrap());
        Ok(())
    }
}

impl<T: Transport + Send + 'static> Adopt<T> for Sim {
    type Adopted = T;

    fn adopt(&self, stream: T) -> T {
        stream
    }
}

pub(crate) struct SimTimer {
    sim: Sim,
    set: Option<(Duration, Number)>,
}

impl Timer for SimTimer {
    fn now(&self) -> Instant {
        Instant::from_epoch(self.sim.now())
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        let mut clock = self.sim.0.clock.lock().unwrap();
        if let Some(set) = self.set.take() {
            clock.timers.remove(&set);
        }
        let at = at.since_epoch();
        if clock.now >= at {
            return Poll::Ready(());
        }
        clock.latest += 1;
        let set = (at, clock.latest);
        clock.timers.insert(set, cx.waker().clone());
        self.set = Some(set);
        Poll::Pending
    }
}

impl Drop for SimTimer {
    fn drop(&mut self) {
        if let Some(set) = self.set.take() {
            let waker = self.sim.0.clock.lock().unwrap().timers.remove(&set);
            drop(waker);
        }
    }
}

/// Polls a future at most so many times, whenever it is woken, and drops it.
pub(crate) async fn few_polls<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    core::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        let poll = future.as_mut().poll(cx).map(Some);
        // Were it not woken, the count would not go on.
        cx.waker().wake_by_ref();
        poll
    })
    .await
}

/// Gives the others a turn, or not, as it is drawn.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    core::future::poll_fn(|cx| {
        if core::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
