//! A transport and a clock that do as they are told, and lie if told so.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::BufMut;
use wamp_rawsocket_proto::connection::RecvBuf;
use wamp_rawsocket_proto::driver::{Timer, Transport};
use wamp_rawsocket_proto::time::Instant;

/// What one call does other than it should.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Error(io::ErrorKind),
    /// A write of nothing.
    Zero,
    /// A write of more than was given.
    TooMuch,
    /// `Pending`, and woken at once.
    Spurious,
}

/// A transport in memory.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
pub(crate) struct Script {
    pub(crate) input: Vec<u8>,
    pub(crate) read: usize,
    /// The stream ends behind the input; else more may come.
    pub(crate) ends: bool,
    /// Again and again from the start.
    pub(crate) endless: bool,
    pub(crate) output: Vec<u8>,
    /// For each write what was offered, slice by slice.
    pub(crate) offers: Vec<Vec<usize>>,
    pub(crate) unflushed: bool,
    pub(crate) shut: bool,
    pub(crate) vectored: bool,
    /// Octets in one read or write at most; 0: any number.
    pub(crate) step: usize,
    /// Each third call is `Pending`, and woken at once.
    pub(crate) hesitates: bool,
    pub(crate) calls: usize,
    pub(crate) fault: Option<(usize, Fault)>,
}

impl Script {
    /// What is to be done instead of the call.
    fn begin(&mut self, cx: &Context<'_>) -> Option<Fault> {
        self.calls += 1;
        if let Some((at, fault)) = self.fault
            && at == self.calls
        {
            if fault == Fault::Spurious {
                cx.waker().wake_by_ref();
            }
            return Some(fault);
        }
        if self.hesitates && self.calls % 3 == 1 {
            cx.waker().wake_by_ref();
            return Some(Fault::Spurious);
        }
        None
    }

    fn step(&self, len: usize) -> usize {
        if self.step == 0 {
            len
        } else {
            len.min(self.step)
        }
    }
}

impl Transport for Script {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut RecvBuf<'_>) -> Poll<io::Result<()>> {
        match self.begin(cx) {
            Some(Fault::Error(kind)) => return Poll::Ready(Err(kind.into())),
            Some(Fault::Spurious) => return Poll::Pending,
            _ => {}
        }
        if self.endless && self.read == self.input.len() {
            self.read = 0;
        }
        let rest = &self.input[self.read..];
        if rest.is_empty() && !self.ends {
            return Poll::Pending;
        }
        let count = self.step(rest.len()).min(buf.remaining_mut());
        buf.put_slice(&rest[..count]);
        self.read += count;
        Poll::Ready(Ok(()))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        assert!(!self.shut, "nothing is written behind the end");
        assert!(slices.iter().all(|slice| !slice.is_empty()) && !slices.is_empty());
        assert!(self.vectored || slices.len() == 1);
        let lens: Vec<usize> = slices.iter().map(|slice| slice.len()).collect();
        let all: usize = lens.iter().sum();
        match self.begin(cx) {
            Some(Fault::Error(kind)) => return Poll::Ready(Err(kind.into())),
            Some(Fault::Spurious) => return Poll::Pending,
            Some(Fault::Zero) => return Poll::Ready(Ok(0)),
            Some(Fault::TooMuch) => return Poll::Ready(Ok(all + 1)),
            None => {}
        }
        self.offers.push(lens);
        let mut left = self.step(all);
        let count = left;
        for slice in slices {
            let part = left.min(slice.len());
            self.output.extend_from_slice(&slice[..part]);
            left -= part;
        }
        self.unflushed = true;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.begin(cx) {
            Some(Fault::Error(kind)) => return Poll::Ready(Err(kind.into())),
            Some(Fault::Spurious) => return Poll::Pending,
            _ => {}
        }
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        assert!(!self.shut, "once is enough");
        match self.begin(cx) {
            Some(Fault::Error(kind)) => return Poll::Ready(Err(kind.into())),
            Some(Fault::Spurious) => return Poll::Pending,
            _ => {}
        }
        self.shut = true;
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        self.vectored
    }
}

/// How a timer stands to its clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wakes {
    InTime,
    /// `Ready` whatever the time.
    Early,
    Never,
}

/// A clock that is set by hand, in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    pub(crate) millis: Rc<Cell<u64>>,
    pub(crate) wakes: Wakes,
}

impl Clock {
    pub(crate) fn new(wakes: Wakes) -> Self {
        let millis = Rc::new(Cell::new(0));
        Self { millis, wakes }
    }
}

impl Timer for Clock {
    fn now(&self) -> Instant {
        Instant::from_epoch(Duration::from_millis(self.millis.get()))
    }

    fn poll_until(&mut self, _cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        match self.wakes {
            Wakes::InTime if self.now() >= at => Poll::Ready(()),
            Wakes::Early => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }
}

/// Counts how often it is woken.
#[derive(Debug, Default)]
pub(crate) struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Woken {
    pub(crate) fn waker() -> (Arc<Self>, Waker) {
        let woken = Arc::new(Self::default());
        (woken.clone(), woken.into())
    }

    pub(crate) fn times(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}
