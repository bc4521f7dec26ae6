//! Octets from one end to another.

use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::BufMut as _;
use rawsocket_proto::connection::RecvBuf;
use rawsocket_proto::driver::Transport;

use super::executor::Sim;

/// How a line dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Both ends learn of it at once, and what was under way is lost.
    Reset,
    /// Both ends read the end of the stream behind what was under way.
    Eof,
    /// Nobody learns anything: what is written is swallowed.
    Silence,
}

/// Which end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Router,
}

/// How an end reads and writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// Octets in one read or write.
    pub(crate) step: usize,
    /// Is pending every other time.
    pub(crate) dawdles: bool,
    /// Octets under way in one direction.
    pub(crate) capacity: usize,
}

impl Habits {
    pub(crate) const PROMPT: Self = Self {
        step: usize::MAX,
        dawdles: false,
        capacity: 64 << 10,
    };
    /// One octet at a time, alternating with pending.
    pub(crate) const SLOW: Self = Self {
        step: 1,
        dawdles: true,
        capacity: 3,
    };
}

/// The octets of a handshake in each direction.
const HANDSHAKE: usize = 4;

#[derive(Default)]
struct Way {
    octets: VecDeque<u8>,
    /// All that ever was written.
    record: Vec<u8>,
    /// Octets that were read.
    taken: usize,
    ended: bool,
    abandoned: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Nobody reads for the time being.
    stalled: bool,
}

impl Way {
    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()]
            .into_iter()
            .flatten()
        {
            waker.wake();
        }
    }
}

pub(super) struct Wire {
    /// From the client, from the router.
    ways: [Way; 2],
    fault: Option<Fault>,
    /// The line dies once so many octets of this side were written.
    due: Option<(Side, usize, Fault)>,
}

impl Wire {
    pub(super) fn kill(&mut self, fault: Fault) {
        if self.fault.is_some() {
            return;
        }
        self.fault = Some(fault);
        for way in &mut self.ways {
            match fault {
                Fault::Reset => way.octets.clear(),
                Fault::Eof => way.ended = true,
                Fault::Silence => {}
            }
            way.wake();
        }
    }

    pub(super) fn record(&self, side: Side) -> Vec<u8> {
        self.ways[side as usize].record.clone()
    }

    pub(super) fn stall(&mut self, reader: Side, stalled: bool) {
        let way = &mut self.ways[1 - reader as usize];
        way.stalled = stalled;
        way.wake();
    }

    pub(super) fn is_abandoned(&self, side: Side) -> bool {
        self.ways[1 - side as usize].abandoned
    }
}

/// One end of a line.
pub(crate) struct End {
    sim: Sim,
    wire: Arc<Mutex<Wire>>,
    side: Side,
    habits: Habits,
    read: bool,
    write: bool,
}

pub(super) fn line(
    sim: &Sim,
    habits: Habits,
    due: Option<(Side, usize, Fault)>,
) -> (Arc<Mutex<Wire>>, End, End) {
    let wire = Arc::new(Mutex::new(Wire {
        ways: [Way::default(), Way::default()],
        fault: None,
        due,
    }));
    let end = |side| End {
        sim: sim.clone(),
        wire: wire.clone(),
        side,
        habits,
        read: false,
        write: false,
    };
    (wire.clone(), end(Side::Client), end(Side::Router))
}

fn dawdle(habits: Habits, ready: &mut bool, cx: &Context<'_>) -> Poll<()> {
    *ready = !*ready;
    if habits.dawdles && *ready {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    Poll::Ready(())
}

const RESET: io::ErrorKind = io::ErrorKind::ConnectionReset;

impl Transport for End {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut RecvBuf<'_>) -> Poll<io::Result<()>> {
        core::task::ready!(dawdle(self.habits, &mut self.read, cx));
        let mut wire = self.wire.lock().unwrap();
        if wire.fault == Some(Fault::Reset) {
            return Poll::Ready(Err(RESET.into()));
        }
        let silent = wire.fault == Some(Fault::Silence);
        let way = &mut wire.ways[1 - self.side as usize];
        if silent || way.stalled || way.octets.is_empty() && !way.ended {
            way.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = self.habits.step.min(way.octets.len());
        let count = count.min(buf.remaining_mut());
        for octet in way.octets.drain(..count) {
            buf.put_u8(octet);
        }
        let welcomed = way.taken <= HANDSHAKE && way.taken + count > HANDSHAKE;
        way.taken += count;
        if let Some(writer) = way.writer.take() {
            writer.wake();
        }
        drop(wire);
        if welcomed && self.side == Side::Client {
            self.sim.welcomed();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        core::task::ready!(dawdle(self.habits, &mut self.write, cx));
        let mut wire = self.wire.lock().unwrap();
        let all = slices.iter().map(|slice| slice.len()).sum::<usize>();
        match wire.fault {
            Some(Fault::Reset) => return Poll::Ready(Err(RESET.into())),
            Some(Fault::Eof) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            Some(Fault::Silence) => return Poll::Ready(Ok(all)),
            None => {}
        }
        let due = wire.due;
        let way = &mut wire.ways[self.side as usize];
        if way.abandoned {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = self.habits.capacity.saturating_sub(way.octets.len());
        let mut count = self.habits.step.min(room).min(all);
        if count == 0 {
            way.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut dies = None;
        if let Some((side, after, fault)) = due
            && side == self.side
        {
            let left = after.saturating_sub(way.record.len());
            if left <= count {
                count = left;
                dies = Some(fault);
            }
        }
        let octets = slices.iter().flat_map(|slice| slice.iter()).take(count);
        for octet in octets {
            way.octets.push_back(*octet);
            way.record.push(*octet);
        }
        if let Some(reader) = way.reader.take() {
            reader.wake();
        }
        if let Some(fault) = dies {
            wire.kill(fault);
            cx.waker().wake_by_ref();
            if count == 0 {
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        core::task::ready!(dawdle(self.habits, &mut self.write, cx));
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        core::task::ready!(dawdle(self.habits, &mut self.write, cx));
        let mut wire = self.wire.lock().unwrap();
        let way = &mut wire.ways[self.side as usize];
        way.ended = true;
        way.wake();
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        !self.habits.dawdles
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut wire = self.wire.lock().unwrap();
        let side = self.side as usize;
        wire.ways[side].ended = true;
        wire.ways[1 - side].abandoned = true;
        if wire.fault != Some(Fault::Silence) {
            wire.ways.iter_mut().for_each(Way::wake);
        }
    }
}
