//! The pump over a transport that does as it likes.

use std::cell::{Cell, RefCell};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::BufMut;
use rawsocket_proto::connection::{Connection, Event, RecvBuf};
use rawsocket_proto::driver::{Pump, Timer, Transport};
use rawsocket_proto::time::Instant;
use rawsocket_proto::wire::FrameKind;

use crate::choices::{Choices, pattern};
use crate::ledger::Ledger;
use crate::reference;
use crate::settings::{self, Start};

/// A pump on a transport that reads and writes short, is not ready, fails, or claims to have
/// written nothing or too much, at any call. No octet is lost or sent twice, a lie is an error,
/// and whoever is told to wait is woken.
pub fn driver_io(data: &[u8]) {
    let mut choices = Choices::new(data);
    let start = choices.one_of([Start::Established, Start::Router, Start::Client]);
    let config = settings::config(&mut choices);
    let connection = settings::connection(start, config, &mut choices);
    let handshake = if start == Start::Established { 0 } else { 4 };
    let world = World {
        vectored: choices.flag(),
        incoming: incoming(start, &mut choices),
        choices: RefCell::new(choices),
        ledger: RefCell::new(Ledger::new(handshake)),
        read: Cell::new(0),
        now: Cell::new(Instant::ZERO),
        owed: Cell::new(false),
        seen: Cell::new(Calls::default()),
    };
    let mut pump = Pump::new(connection, Lying(&world), Clock(&world));
    for number in 0..300 {
        if world.choices.borrow().is_empty() {
            break;
        }
        match world.below(8) {
            0..=2 => {
                if let Poll::Ready(Ok(())) = watch(&world, &mut pump, Pump::poll_ready) {
                    assert!(pump.machine_mut().has_event() || pump.machine().is_closed());
                }
            }
            3 => {
                if let Poll::Ready(Ok(())) = watch(&world, &mut pump, Pump::poll_flush) {
                    assert!(pump.machine().pending() == 0 || pump.machine().is_closed());
                }
            }
            4 if world.below(16) == 0 => {
                if let Poll::Ready(Ok(())) = watch(&world, &mut pump, Pump::poll_close) {
                    assert!(pump.machine().is_closed());
                }
            }
            4 | 5 => {
                let message = pattern(number, world.choices.borrow_mut().size());
                if pump.machine_mut().send_copy(&message).is_ok() {
                    world.ledger.borrow_mut().queued(message);
                }
            }
            6 => {
                let millis = world.choices.borrow_mut().one_of([0, 1, 10, 5_000]);
                let time = Duration::from_millis(millis);
                world.now.set(world.now.get().saturating_add(time));
            }
            _ => poll_event(&world, pump.machine_mut()),
        }
    }
}

type LyingPump<'w> = Pump<Connection, Lying<'w>, Clock<'w>>;

fn poll_event(world: &World<'_>, connection: &mut Connection) {
    let mut ledger = world.ledger.borrow_mut();
    let polled = match connection.poll_event() {
        Ok(Some(Event::Message(payload))) => {
            let (due, end) = ledger.due().expect("a message only if one came");
            assert!(due == &payload[..], "messages come in order and whole");
            Some(end)
        }
        Ok(Some(Event::Requested(_))) => {
            // Not any more, if it timed out meanwhile.
            let _ = connection.accept();
            None
        }
        Ok(_) | Err(_) => None,
    };
    if let Some(end) = polled {
        ledger.polled(end);
    }
}

/// Polls once, and checks that whoever has to wait will be woken.
fn watch<'w>(
    world: &World<'_>,
    pump: &mut LyingPump<'w>,
    poll: impl FnOnce(&mut LyingPump<'w>, &mut Context<'_>) -> Poll<io::Result<()>>,
) -> Poll<io::Result<()>> {
    let woken = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&woken));
    world.seen.set(Calls::default());
    let outcome = poll(pump, &mut Context::from_waker(&waker));
    let seen = world.seen.get();
    assert!(seen.count < 5_000, "{} calls in one poll", seen.count);
    match &outcome {
        Poll::Ready(Ok(())) => assert!(!seen.failed, "an error went by"),
        Poll::Ready(Err(_)) => {
            let owed = world.owed.replace(false);
            assert!(seen.failed || owed, "an error without a cause");
        }
        Poll::Pending => {
            assert!(!seen.failed, "an error went by");
            // One of writing waits for what there is to read, and for no longer.
            assert!(!world.owed.get() || woken.0.load(Ordering::Relaxed) > 0);
            if woken.0.load(Ordering::Relaxed) == 0 {
                let machine = pump.machine_mut();
                assert!(!machine.wants_read() || seen.reads);
                assert!(machine.is_closed() || machine.poll_transmit().is_none() || seen.writes);
                assert!(!machine.wants_shutdown() || seen.writes);
                // A timer that is not needed any more may still be set.
                let due = machine.poll_timeout().map(|deadline| deadline.at);
                assert!(due.is_none() || due == seen.armed);
            }
        }
    }
    outcome
}

/// What the transport and the clock share with the test.
struct World<'d> {
    choices: RefCell<Choices<'d>>,
    ledger: RefCell<Ledger>,
    vectored: bool,
    incoming: Vec<u8>,
    /// Octets of `incoming` that were read.
    read: Cell<usize>,
    now: Cell<Instant>,
    /// Writing failed, and that was not told yet.
    owed: Cell<bool>,
    /// The calls since the poll began.
    seen: Cell<Calls>,
}

/// What happened during one poll.
#[derive(Clone, Copy, Default)]
struct Calls {
    count: u32,
    /// The last read was not ready.
    reads: bool,
    /// The last write, flush or shutdown was not ready.
    writes: bool,
    /// The time that the clock was last asked to wake at.
    armed: Option<Instant>,
    failed: bool,
}

impl World<'_> {
    fn below(&self, end: u8) -> u8 {
        self.choices.borrow_mut().below(end)
    }

    fn note(&self, note: impl FnOnce(&mut Calls)) {
        let mut seen = self.seen.get();
        seen.count += 1;
        note(&mut seen);
        self.seen.set(seen);
    }

    /// An error of writing.
    fn break_down<T>(&self) -> Poll<io::Result<T>> {
        self.owed.set(true);
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    /// An error that ends the poll.
    fn fail<T>(&self, kind: io::ErrorKind) -> Poll<io::Result<T>> {
        self.note(|seen| seen.failed = true);
        Poll::Ready(Err(kind.into()))
    }

    /// How a flush or a shutdown ends.
    fn simple(&self) -> Poll<io::Result<()>> {
        assert!(!self.owed.get(), "behind a write that failed");
        match self.below(8) {
            0 => {
                self.note(|seen| seen.writes = true);
                Poll::Pending
            }
            1 => self.break_down(),
            _ => {
                self.note(|seen| seen.writes = false);
                Poll::Ready(Ok(()))
            }
        }
    }
}

/// The transport.
struct Lying<'w>(&'w World<'w>);

impl Transport for Lying<'_> {
    fn poll_read(&mut self, _: &mut Context<'_>, buf: &mut RecvBuf<'_>) -> Poll<io::Result<()>> {
        let world = self.0;
        assert!(buf.remaining_mut() > 0, "a read without room");
        world.note(|seen| seen.reads = false);
        let left = &world.incoming[world.read.get()..];
        let count = match world.below(16) {
            0 => 0,
            1 => return Poll::Ready(Err(io::ErrorKind::Interrupted.into())),
            2 => return world.fail(io::ErrorKind::ConnectionReset),
            3 if left.is_empty() => return Poll::Ready(Ok(())),
            _ => world.choices.borrow_mut().size(),
        };
        let count = count.min(left.len()).min(buf.remaining_mut());
        if count == 0 {
            world.note(|seen| seen.reads = true);
            return Poll::Pending;
        }
        buf.put_slice(&left[..count]);
        world.ledger.borrow_mut().came(&left[..count]);
        world.read.set(world.read.get() + count);
        Poll::Ready(Ok(()))
    }

    fn poll_write(
        &mut self,
        _: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let world = self.0;
        assert!(!slices.is_empty() && slices.iter().all(|slice| !slice.is_empty()));
        assert!(world.vectored || slices.len() == 1);
        assert!(!world.owed.get(), "a write behind one that failed");
        let octets: Vec<u8> = slices
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .collect();
        world.note(|seen| seen.writes = false);
        let written = match world.below(16) {
            0 => {
                world.note(|seen| seen.writes = true);
                return Poll::Pending;
            }
            1 => return Poll::Ready(Err(io::ErrorKind::Interrupted.into())),
            2 => return world.break_down(),
            lie @ 3..=5 => {
                world.owed.set(true);
                let lies = [0, octets.len() + 1, usize::MAX];
                return Poll::Ready(Ok(lies[usize::from(lie - 3)]));
            }
            6..=10 => (1 + world.choices.borrow_mut().size()).min(octets.len()),
            _ => octets.len(),
        };
        world.ledger.borrow_mut().left(&octets[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.simple()
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.simple()
    }

    fn is_write_vectored(&self) -> bool {
        self.0.vectored
    }
}

/// The clock: it stands still during a poll.
struct Clock<'w>(&'w World<'w>);

impl Timer for Clock<'_> {
    fn now(&self) -> Instant {
        self.0.now.get()
    }

    fn poll_until(&mut self, _: &mut Context<'_>, at: Instant) -> Poll<()> {
        self.0.note(|seen| seen.armed = Some(at));
        if self.0.now.get() < at {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the peer sends.
fn incoming(start: Start, choices: &mut Choices<'_>) -> Vec<u8> {
    let mut octets = match start {
        Start::Established => Vec::new(),
        Start::Client | Start::Router => vec![0x7F, 0xF1, 0, 0],
    };
    for number in 0..u32::from(choices.below(8)) {
        let (kind, payload) = match choices.below(8) {
            0..=3 => (FrameKind::Message, pattern(number, choices.size())),
            4..=6 => (FrameKind::Ping, pattern(number, choices.size())),
            _ => {
                let count = usize::from(choices.below(16));
                octets.extend_from_slice(choices.octets(count));
                continue;
            }
        };
        octets.extend(reference::encode(kind, &payload));
    }
    octets
}
