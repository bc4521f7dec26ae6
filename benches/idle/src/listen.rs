//! The process that listens: it has connections opened, answered and closed, and tells what it
//! measured, one `name value` a line.

use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wamp_core::router::RouterStats;

use crate::measure::{Activity, Memory};
use crate::{Kind, Place, on_smol, on_tokio};

/// How long all connections are left alone.
const IDLE: Duration = Duration::from_secs(2);

/// The handshake's and HELLO's deadlines, after which a timer that nobody needs any more would
/// still wake its task.
const DEADLINES: Duration = Duration::from_secs(11);

/// Connections that come and go before anything is counted.
const FIRST: usize = 16;

/// Longer than it takes to notice that the clients are gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// A listener that serves.
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    /// Its router's, or a count in [`Held`].
    pub(crate) stats: Option<Box<dyn Fn() -> RouterStats>>,
    /// Ends it.
    pub(crate) stop: Box<dyn FnOnce() -> Result<(), Box<dyn Error>>>,
}

static HELD: AtomicUsize = AtomicUsize::new(0);

/// Counts one connection, and takes no room in its task.
pub(crate) struct Held(());

impl Held {
    pub(crate) fn new() -> Self {
        HELD.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Serving {
    fn held(&self) -> usize {
        match &self.stats {
            Some(stats) => stats().sessions,
            None => HELD.load(Ordering::Relaxed),
        }
    }

    /// Fails unless as many connections are held.
    fn expect_held(&self, count: usize) -> Result<(), Box<dyn Error>> {
        match self.held() {
            held if held == count => Ok(()),
            held => Err(format!("{held} connections are held, not {count}").into()),
        }
    }

    /// Waits until nothing is held.
    fn until_empty(&self) -> Result<(), Box<dyn Error>> {
        let started = Instant::now();
        while self.held() > 0
            || self
                .stats
                .as_ref()
                .is_some_and(|stats| stats().transports > 0)
        {
            if started.elapsed() > PATIENCE {
                return Err(format!("{} connections are still held", self.held()).into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        let Some(stats) = &self.stats else {
            return Ok(());
        };
        let stats = stats();
        let left = [
            stats.subscriptions,
            stats.subscribers,
            stats.registrations,
            stats.pending_calls,
            stats.timers,
            stats.queued_frames,
        ];
        if left.iter().all(|count| *count == 0) {
            Ok(())
        } else {
            Err(format!("the router still holds something: {stats:?}").into())
        }
    }
}

/// The process of one listener's clients.
struct Clients {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Clients {
    fn start(address: SocketAddr, kind: Kind, count: usize) -> Result<Self, Box<dyn Error>> {
        let mut process = Command::new(env::current_exe()?)
            .args(["connect", &address.to_string(), kind.name()])
            .arg(count.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = process.stdin.take().ok_or("no pipe to the clients")?;
        let answers = process.stdout.take().ok_or("no pipe from the clients")?;
        let answers = BufReader::new(answers);
        let mut clients = Self {
            process,
            orders,
            answers,
        };
        clients.expect("open")?;
        Ok(clients)
    }

    fn order(&mut self, order: &str) -> Result<(), Box<dyn Error>> {
        writeln!(self.orders, "{order}")?;
        self.expect("done")
    }

    fn expect(&mut self, expected: &str) -> Result<(), Box<dyn Error>> {
        let mut word = String::new();
        self.answers.read_line(&mut word)?;
        if word.trim_end() == expected {
            Ok(())
        } else {
            Err(format!("the clients failed: {word:?}").into())
        }
    }

    fn end(self) -> Result<(), Box<dyn Error>> {
        let Self {
            mut process,
            mut orders,
            mut answers,
        } = self;
        writeln!(orders, "close")?;
        drop(orders);
        answers.read_line(&mut String::new())?;
        match process.wait()? {
            status if status.success() => Ok(()),
            status => Err(format!("the clients ended with {status}").into()),
        }
    }
}

pub(crate) fn run(place: Place, kind: Kind, count: usize) -> Result<(), Box<dyn Error>> {
    let mut serving = Vec::new();
    if place != Place::Smol {
        serving.push(on_tokio::serve(kind)?);
    }
    if place != Place::Tokio {
        serving.push(on_smol::serve(kind)?);
    }
    for serving in &serving {
        Clients::start(serving.address, kind, FIRST)?.end()?;
        serving.until_empty()?;
    }

    let before = Memory::now()?;
    let started = Instant::now();
    let mut clients = Vec::new();
    for serving in &serving {
        clients.push(Clients::start(serving.address, kind, count)?);
    }
    tell("opened_ms", started.elapsed().as_millis());
    let started = Instant::now();
    clients.iter_mut().try_for_each(|c| c.order("answer"))?;
    tell("answered_ms", started.elapsed().as_millis());
    for serving in &serving {
        serving.expect_held(count)?;
    }
    tell_memory("held", before)?;

    let windows = match place {
        Place::Both => vec![("deadlines", DEADLINES), ("idle", IDLE)],
        _ => vec![("idle", IDLE)],
    };
    for (name, time) in windows {
        let quiet = Activity::now()?;
        thread::sleep(time);
        let now = Activity::now()?;
        let processor = now.processor.saturating_sub(quiet.processor);
        tell(&format!("{name}_cpu_us"), processor.as_micros());
        tell(&format!("{name}_wakeups"), now.wakeups - quiet.wakeups);
    }
    clients.iter_mut().try_for_each(|c| c.order("answer"))?;
    for serving in &serving {
        serving.expect_held(count)?;
    }
    tell_memory("after", before)?;

    clients.into_iter().try_for_each(Clients::end)?;
    serving.iter().try_for_each(Serving::until_empty)?;
    tell_memory("left", before)?;
    serving.into_iter().try_for_each(|s| (s.stop)())
}

/// What there is more than there was, in all.
fn tell_memory(name: &str, before: Memory) -> Result<(), Box<dyn Error>> {
    let now = Memory::now()?;
    tell(
        &format!("{name}_heap"),
        now.heap.saturating_sub(before.heap),
    );
    let allocations = now.allocations.saturating_sub(before.allocations);
    tell(&format!("{name}_allocations"), allocations);
    let resident = now.resident.saturating_sub(before.resident);
    tell(&format!("{name}_resident"), resident);
    Ok(())
}

fn tell(name: &str, value: impl std::fmt::Display) {
    println!("{name} {value}");
}
