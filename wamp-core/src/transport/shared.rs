//! A router that many connections serve at once.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU8, Ordering};
use core::task::{Context, Poll, Waker};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rawsocket_proto::connection::Frame;
use rawsocket_proto::driver::Timer;
use rawsocket_proto::time::{Deadline, Instant};

use crate::message::Message;
use crate::router::{
    Router, RouterConfig, RouterEvent, RouterStats, RouterTimer, SessionKey, TooManyTransports,
    TransportInfo,
};
use crate::table::shrink;
use crate::{DecodeLimits, SerializerKind};

/// A [`Router`] that connections on any number of tasks or threads share. Cheap to clone.
///
/// All inputs must use clocks of one epoch.
///
/// Somebody has to keep the router's own deadlines, such as that of a call. A task does it with
/// [`poll_timer`](Self::poll_timer). An event loop asks [`poll_timeout`](Self::poll_timeout) before
/// it waits, and calls [`handle_timeout`](Self::handle_timeout) then.
#[derive(Clone, Debug)]
pub struct SharedRouter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// On its own, away from what is only read.
    hub: Box<Mutex<Hub>>,
    /// Messages are decoded by whoever received them, while others have the router.
    decode: DecodeLimits,
}

#[derive(Debug)]
struct Hub {
    router: Router,
    links: HashMap<SessionKey, Arc<Link>>,
    /// Wakes whoever keeps the router's deadlines.
    timer: Option<Waker>,
    /// The deadline that it knows of.
    armed: Option<Instant>,
    /// Wake those who wait until there are no connections.
    until_empty: Vec<Waker>,
    /// Nobody is let in any more.
    closing: bool,
}

/// What the router, and who serves the connection, have to say to the one connection that a session
/// lives on.
#[derive(Debug, Default)]
pub(crate) struct Link {
    flags: AtomicU8,
    #[cfg(feature = "runtime")]
    cut: core::sync::atomic::AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Link {
    /// Frames wait in the session's outbox.
    pub(super) const READY: u8 = 1;
    /// The client joined.
    pub(super) const WELCOME: u8 = 2;
    /// The connection is to be closed behind what waits.
    pub(super) const CLOSE: u8 = 4;

    /// What was said since the last call.
    pub(super) fn take(&self) -> u8 {
        self.flags.swap(0, Ordering::Acquire)
    }

    /// Says it again.
    pub(super) fn put(&self, flags: u8) {
        self.flags.fetch_or(flags, Ordering::Release);
    }

    fn say(&self, flags: u8) {
        self.put(flags);
        self.wake();
    }

    /// Cuts the connection off: its task is to end.
    #[cfg(feature = "runtime")]
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.wake();
    }

    #[cfg(feature = "runtime")]
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    fn wake(&self) {
        let waker = lock(&self.waker).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Has `waker` woken at the next word.
    pub(super) fn register(&self, waker: &Waker) {
        let mut slot = lock(&self.waker);
        if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            let replaced = slot.replace(waker.clone());
            // The last of a task may go with it, and whatever that had.
            drop(slot);
            drop(replaced);
        }
    }
}

/// A panic elsewhere does not take the others down: nothing here is left half done by one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SharedRouter {
    /// A router with these settings. For `seed` see [`Router::new`].
    pub fn new(config: RouterConfig, seed: [u8; 32]) -> Self {
        let decode = config.decode.clone();
        let hub = Hub {
            router: Router::new(config, seed),
            links: HashMap::new(),
            timer: None,
            armed: None,
            until_empty: Vec::new(),
            closing: false,
        };
        let hub = Box::new(Mutex::new(hub));
        Self(Arc::new(Shared { hub, decode }))
    }

    /// Ends every session with GOODBYE `wamp.close.system_shutdown`, and lets nobody in any more:
    /// further clients are refused as too many.
    pub fn shut_down(&self, now: Instant) {
        lock(&self.0.hub).closing = true;
        self.with(|router| router.shut_down(now));
    }

    /// What the router holds and did.
    pub fn stats(&self) -> RouterStats {
        lock(&self.0.hub).router.stats()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due, and what for. Any message may change
    /// it: ask again after each turn of the [`RouterPeer`](super::RouterPeer)s.
    pub fn poll_timeout(&self) -> Option<Deadline<RouterTimer>> {
        lock(&self.0.hub).router.poll_timeout()
    }

    /// Takes the time: what is due happens, and the connections that it concerns are woken. Calls
    /// before the deadline change nothing.
    pub fn handle_timeout(&self, now: Instant) {
        self.with(|router| router.handle_timeout(now));
    }

    /// Keeps the router's deadlines. To be polled by one task for as long as the router is in use;
    /// it is never ready.
    pub fn poll_timer(&self, cx: &mut Context<'_>, timer: &mut impl Timer) -> Poll<()> {
        while let Some(at) = self.arm(cx.waker()) {
            if timer.now() < at && timer.poll_until(cx, at).is_pending() {
                break;
            }
            self.handle_timeout(timer.now());
        }
        Poll::Pending
    }

    /// The next deadline, with `waker` to be woken when there is one before it.
    fn arm(&self, waker: &Waker) -> Option<Instant> {
        let mut hub = lock(&self.0.hub);
        let replaced = hub.timer.replace(waker.clone());
        hub.armed = hub.router.poll_timeout().map(|deadline| deadline.at);
        let armed = hub.armed;
        drop(hub);
        drop(replaced);
        armed
    }

    /// Ready once no client is connected.
    pub fn poll_empty(&self, cx: &Context<'_>) -> Poll<()> {
        let mut hub = lock(&self.0.hub);
        if hub.router.stats().transports == 0 {
            return Poll::Ready(());
        }
        let waiting = &mut hub.until_empty;
        if !waiting.iter().any(|known| known.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    pub(super) fn open(
        &self,
        transport: TransportInfo,
        link: Arc<Link>,
        now: Instant,
    ) -> Result<SessionKey, TooManyTransports> {
        let mut hub = lock(&self.0.hub);
        if hub.closing {
            return Err(TooManyTransports);
        }
        let key = hub.router.open_session(transport, now)?;
        hub.links.insert(key, link);
        hub.tell(None);
        Ok(key)
    }

    pub(super) fn close(&self, key: SessionKey, now: Instant) {
        let mut hub = lock(&self.0.hub);
        hub.links.remove(&key);
        shrink(&mut hub.links);
        hub.router.handle_closed(key, now);
        hub.tell(None);
        if hub.router.stats().transports == 0 {
            let waiting = core::mem::take(&mut hub.until_empty);
            drop(hub);
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    /// Takes a message of the session whose connection calls, in the serializer that it was opened
    /// with. The connection then looks at its link by itself.
    pub(super) fn handle_message(
        &self,
        key: SessionKey,
        serializer: SerializerKind,
        message: &[u8],
        now: Instant,
    ) {
        let message = Message::decode(serializer, message, &self.0.decode);
        let mut hub = lock(&self.0.hub);
        hub.router.handle_decoded(key, message, now);
        hub.tell(Some(key));
    }

    /// Gives the frames that wait for a session to `take` until it hands one back.
    pub(super) fn drain(
        &self,
        key: SessionKey,
        mut take: impl FnMut(Frame) -> Result<(), Frame>,
    ) -> Option<Frame> {
        let mut hub = lock(&self.0.hub);
        while let Some(frame) = hub.router.poll_transmit_to(key) {
            if let Err(frame) = take(frame) {
                return Some(frame);
            }
        }
        None
    }

    /// Acts on the router, and says to each connection what came of it.
    fn with(&self, act: impl FnOnce(&mut Router)) {
        let mut hub = lock(&self.0.hub);
        act(&mut hub.router);
        hub.tell(None);
    }
}

impl Hub {
    /// Says to each connection what the router has for it. The one of `caller` needs no waking.
    fn tell(&mut self, caller: Option<SessionKey>) {
        let links = &self.links;
        let say = |key: SessionKey, flags| match links.get(&key) {
            Some(link) if caller == Some(key) => link.put(flags),
            Some(link) => link.say(flags),
            None => {}
        };
        while let Some(key) = self.router.poll_ready() {
            say(key, Link::READY);
        }
        while let Some(event) = self.router.poll_event() {
            match event {
                RouterEvent::Joined { key, .. } => say(key, Link::WELCOME),
                RouterEvent::Close { key, .. } => say(key, Link::CLOSE),
                RouterEvent::Left { .. } => {}
            }
        }
        let next = self.router.poll_timeout().map(|deadline| deadline.at);
        let sooner = next.is_some_and(|next| self.armed.is_none_or(|armed| next < armed));
        if sooner && let Some(timer) = self.timer.take() {
            timer.wake();
        }
    }
}
