//! Who listens where, and what becomes of attempts to connect.

use core::future::poll_fn;
use core::task::{Poll, Waker};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use wamp_rawsocket_core::endpoint::Endpoint;

use super::executor::Sim;
use super::pipe::{End, Fault, Habits, Side, Wire, line};

/// What becomes of one attempt to connect.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plan {
    /// It fails.
    Refuse(io::ErrorKind),
    /// It takes for ever.
    Hang,
    /// It is connected, and the line dies once this side has written so many octets.
    Dies(Side, usize, Fault),
    Lives,
}

pub(super) struct Net {
    heard: Option<Arc<Mutex<Heard>>>,
    plans: VecDeque<Plan>,
    habits: Habits,
    lines: Vec<Line>,
    attempts: Vec<core::time::Duration>,
    failing: usize,
    /// What is done within the read that brings WELCOME.
    hook: Option<Box<dyn FnOnce() + Send>>,
}

#[derive(Default)]
struct Heard {
    waiting: VecDeque<End>,
    listener: Option<Waker>,
    closed: bool,
}

pub(crate) struct Listener {
    heard: Arc<Mutex<Heard>>,
    sim: Sim,
}

impl Listener {
    pub(super) async fn accept(&self) -> io::Result<End> {
        if core::mem::take(&mut self.sim.net().failing) > 0 {
            return Err(io::Error::other("too many open files"));
        }
        poll_fn(|cx| {
            let mut heard = self.heard.lock().unwrap();
            if let Some(end) = heard.waiting.pop_front() {
                return Poll::Ready(Ok(end));
            }
            heard.listener = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut heard = self.heard.lock().unwrap();
        heard.closed = true;
        heard.waiting.clear();
    }
}

/// A connection that was made, from outside.
#[derive(Clone)]
pub(crate) struct Line(Arc<Mutex<Wire>>);

impl Line {
    pub(crate) fn kill(&self, fault: Fault) {
        self.0.lock().unwrap().kill(fault);
    }

    /// All that this side has written.
    pub(crate) fn record(&self, side: Side) -> Vec<u8> {
        self.0.lock().unwrap().record(side)
    }

    /// Whether this side has let go of it.
    pub(crate) fn is_abandoned(&self, side: Side) -> bool {
        self.0.lock().unwrap().is_abandoned(side)
    }

    /// Has this side find nothing to read, or again what there is.
    pub(crate) fn stall(&self, reader: Side, stalled: bool) {
        self.0.lock().unwrap().stall(reader, stalled);
    }
}

impl Net {
    pub(super) fn new() -> Self {
        Self {
            heard: None,
            plans: VecDeque::new(),
            habits: Habits::PROMPT,
            lines: Vec::new(),
            attempts: Vec::new(),
            failing: 0,
            hook: None,
        }
    }
}

pub(super) async fn connect(sim: &Sim, _endpoint: &Endpoint) -> io::Result<End> {
    let plan = {
        let mut net = sim.net();
        let now = sim.now();
        net.attempts.push(now);
        net.plans.pop_front().unwrap_or(Plan::Lives)
    };
    let due = match plan {
        Plan::Refuse(kind) => return Err(kind.into()),
        Plan::Hang => core::future::pending().await,
        Plan::Dies(side, after, fault) => Some((side, after, fault)),
        Plan::Lives => None,
    };
    super::yield_now().await;
    let heard = sim.net().heard.clone();
    let refused = io::ErrorKind::ConnectionRefused;
    let heard = heard.ok_or(refused)?;
    let mut heard = heard.lock().unwrap();
    if heard.closed {
        return Err(refused.into());
    }
    let (client, router) = sim.open_due(due);
    heard.waiting.push_back(router);
    if let Some(waker) = heard.listener.take() {
        waker.wake();
    }
    Ok(client)
}

impl Sim {
    /// Where everybody listens and connects.
    pub(crate) fn endpoint() -> Endpoint {
        "rs://router:1".parse().unwrap()
    }

    pub(crate) fn listen(&self) -> Listener {
        let heard = Arc::<Mutex<Heard>>::default();
        self.net().heard = Some(heard.clone());
        Listener {
            heard,
            sim: self.clone(),
        }
    }

    /// What becomes of the next attempts to connect, one after the other.
    pub(crate) fn plan(&self, plans: impl IntoIterator<Item = Plan>) {
        self.net().plans.extend(plans);
    }

    /// Has new lines give one octet at a time, and alternate with pending.
    pub(crate) fn slow(&self) {
        self.net().habits = Habits::SLOW;
    }

    /// Has new lines hold no more than so many octets.
    pub(crate) fn narrow(&self, capacity: usize) {
        self.net().habits.capacity = capacity;
    }

    /// Has the next attempt to accept fail.
    pub(crate) fn fail_accept(&self) {
        self.net().failing = 1;
    }

    /// Has a client do something within the read that brings WELCOME.
    pub(crate) fn on_welcome(&self, hook: impl FnOnce() + Send + 'static) {
        self.net().hook = Some(Box::new(hook));
    }

    pub(super) fn welcomed(&self) {
        let hook = self.net().hook.take();
        if let Some(hook) = hook {
            hook();
        }
    }

    /// The latest line.
    pub(crate) fn line(&self) -> Line {
        self.net().lines.last().unwrap().clone()
    }

    /// The line of this number, from zero on.
    pub(crate) fn nth(&self, number: usize) -> Line {
        self.net().lines[number].clone()
    }

    /// How many lines there were.
    pub(crate) fn lines(&self) -> usize {
        self.net().lines.len()
    }

    /// When attempts to connect were made.
    pub(crate) fn attempts(&self) -> Vec<core::time::Duration> {
        self.net().attempts.clone()
    }

    /// A line that needs no listener: the client's end, the router's.
    pub(crate) fn open(&self) -> (End, End) {
        self.open_due(None)
    }

    fn open_due(&self, due: Option<(Side, usize, Fault)>) -> (End, End) {
        let mut net = self.net();
        let (wire, client, router) = line(self, net.habits, due);
        net.lines.push(Line(wire));
        (client, router)
    }
}
