//! Ending what a thread waits for, from another one.

use core::cell::RefCell;
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Poll;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use rawsocket_proto::driver::Error;

use crate::seat::block_on;

/// Ends what other threads wait for. Cheap to clone; the clones are one closer.
///
/// What is there already has its own: [`Connection::closer`](crate::Connection::closer) and
/// [`Listener::closer`](crate::Listener::closer). A closer that is made first, with
/// [`new`](Self::new), ends all that threads wait for while they are in its [`run`](Self::run):
/// connecting, the handshake, and whatever follows. It is what dropping a future is elsewhere.
///
/// ```
/// use std::thread;
/// use wamp_rawsocket_blocking::rawsocket_proto::{connection::Config, wire::SerializerId};
/// use wamp_rawsocket_blocking::{Closer, Connection, Error, Listener};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // The kernel takes the connection, but nobody answers the handshake.
/// let listener = Listener::bind(&"rs://127.0.0.1:0".parse()?)?;
/// let endpoint = listener.endpoint().clone();
/// let (closer, in_time) = (Closer::new(), Config::new().handshake_timeout(None));
/// let connecting = thread::spawn({
///     let closer = closer.clone();
///     move || closer.run(|| Connection::connect(&endpoint, in_time, SerializerId::JSON))
/// });
/// let _silent = listener.accept()?;
/// closer.close();
/// assert!(matches!(connecting.join().unwrap(), Err(Error::Closed)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Closer(Arc<Inner>);

#[derive(Default)]
struct Inner {
    closed: AtomicBool,
    /// The threads that sleep.
    waiting: Mutex<Vec<Waker>>,
}

impl Closer {
    /// A closer of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends all waits at once, and all later ones before they begin, for good. The methods return
    /// [`Error::Closed`], or what their documentation says. Methods that close in order and within
    /// a time of their own, such as [`Connection::close`](crate::Connection::close), still do: a
    /// peer can be told.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        let waiting = core::mem::take(&mut *self.waiting());
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    /// Does `work`, in which each method of this crate that waits on this thread ends when this
    /// is closed. What `work` makes, such as a connection, is not bound to it afterwards.
    ///
    /// Runs within runs are ended by any of their closers.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let _run = Run::of(self);
        work()
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waker>> {
        // A list of wakers is never half changed.
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Has it wake this waker, unless it is closed already.
    fn enroll(&self, waker: &Waker) {
        let mut waiting = self.waiting();
        // Closed from here on, it finds the waker.
        if !self.is_closed() {
            waiting.push(waker.clone());
        }
    }

    fn withdraw(&self, waker: &Waker) {
        let mut waiting = self.waiting();
        if let Some(at) = waiting.iter().position(|other| other.will_wake(waker)) {
            waiting.swap_remove(at);
        }
    }
}

impl fmt::Debug for Closer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closer")
            .field("closed", &self.is_closed())
            .finish()
    }
}

thread_local! {
    /// The closers of the runs that this thread is in.
    static RUNNING: RefCell<Vec<Closer>> = const { RefCell::new(Vec::new()) };
}

/// A run that this thread is in, the innermost. While the thread ends, it is in none.
struct Run;

impl Run {
    fn of(closer: &Closer) -> Self {
        let _ = RUNNING.try_with(|running| running.borrow_mut().push(closer.clone()));
        Self
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        drop(RUNNING.try_with(|running| running.borrow_mut().pop()));
    }
}

/// A [`Closer`] ended the wait.
#[derive(Debug)]
pub(crate) struct Closed;

impl From<Closed> for Error {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<Closed> for io::Error {
    fn from(_: Closed) -> Self {
        Error::Closed.into()
    }
}

/// Runs a future to its end on this thread, or until `own` is closed or a closer of the runs that
/// the thread is in. All are asked before each poll.
pub(crate) fn wait<F: Future>(own: Option<&Closer>, work: F) -> Result<F::Output, Closed> {
    let mut work = pin!(work);
    let mut closers = Closers { own, waker: None };
    block_on(poll_fn(|cx| {
        if closers.any(Closer::is_closed) {
            return Poll::Ready(Err(Closed));
        }
        if let Poll::Ready(output) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        closers.enroll(cx.waker())
    }))
}

/// The closers that may end a wait.
struct Closers<'a> {
    own: Option<&'a Closer>,
    /// What they wake, from the first sleep on.
    waker: Option<Waker>,
}

impl Closers<'_> {
    /// Asks them, until one says yes.
    fn any(&self, ask: impl Fn(&Closer) -> bool) -> bool {
        self.own.is_some_and(&ask)
            || RUNNING
                .try_with(|running| running.borrow().iter().any(ask))
                .unwrap_or_default()
    }

    fn enroll<T>(&mut self, waker: &Waker) -> Poll<Result<T, Closed>> {
        if self.waker.is_none() && self.any(|_| true) {
            self.any(|closer| {
                closer.enroll(waker);
                false
            });
            self.waker = Some(waker.clone());
            // One may have been closed before it knew the waker.
            if self.any(Closer::is_closed) {
                return Poll::Ready(Err(Closed));
            }
        }
        Poll::Pending
    }
}

impl Drop for Closers<'_> {
    fn drop(&mut self) {
        if let Some(waker) = self.waker.take() {
            self.any(|closer| {
                closer.withdraw(&waker);
                false
            });
        }
    }
}
