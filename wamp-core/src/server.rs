//! A router served on listeners, on whatever runtime an adapter brings.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use event_listener::Event;
use rawsocket_proto::connection::Config;
use rawsocket_proto::driver::{Pump, Timer, Transport};

use crate::SerializerKind;
use crate::abort::{AbortHandle, abortable};
use crate::router::arena::{Arena, Key};
use crate::router::{RouterConfig, RouterStats};
use crate::runtime::{Adopt, Runtime, sleep, timeout};
use crate::transport::{Link, RouterPeer, SharedRouter};

/// A WAMP router: any number of listeners, one task for each connection.
///
/// Cheap to clone; the clones are one router.
#[derive(Clone, Debug)]
pub struct Router<R> {
    runtime: R,
    shared: SharedRouter,
    config: Arc<Config>,
    serializers: Arc<[SerializerKind]>,
    life: Arc<Life>,
}

/// What all clones of a router share beside the router itself.
#[derive(Debug)]
struct Life {
    stage: AtomicU8,
    changed: Event,
    /// The task that keeps the router's deadlines.
    timer: Mutex<Option<AbortHandle>>,
    /// Whether there is one.
    is_timed: Arc<AtomicBool>,
}

/// Who keeps the router's deadlines. Dropped, as with its runtime, somebody else may.
struct Keeper(Arc<AtomicBool>);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Life {
    const OPEN: u8 = 0;
    /// Nobody is let in any more.
    const CLOSING: u8 = 1;
    /// Who is still there is cut off.
    const CUT: u8 = 2;

    /// Waits until the router is at this stage, or beyond.
    async fn reached(&self, stage: u8) {
        loop {
            let changed = self.changed.listen();
            if self.stage.load(Ordering::Acquire) >= stage {
                return;
            }
            changed.await;
        }
    }

    fn advance(&self, stage: u8) {
        self.stage.fetch_max(stage, Ordering::AcqRel);
        self.changed.notify(usize::MAX);
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if let Some(timer) = lock(&self.timer).take() {
            timer.abort();
        }
    }
}

/// Nothing in there is left half done by a panic elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R: Runtime> Router<R> {
    /// A router with these settings, which serves all serializers that are built in.
    ///
    /// # Errors
    ///
    /// The operating system has no randomness to give, from which ids are made.
    pub fn new(config: RouterConfig) -> io::Result<Self>
    where
        R: Default,
    {
        Self::with_runtime(R::default(), config)
    }

    /// As [`new`](Self::new), on this runtime.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_runtime(runtime: R, config: RouterConfig) -> io::Result<Self> {
        let mut seed = [0; 32];
        runtime.random(&mut seed)?;
        Ok(Self {
            runtime,
            shared: SharedRouter::new(config, seed),
            config: Arc::default(),
            serializers: SerializerKind::ALL.into(),
            life: Arc::new(Life {
                stage: AtomicU8::new(Life::OPEN),
                changed: Event::new(),
                timer: Mutex::new(None),
                is_timed: Arc::default(),
            }),
        })
    }

    /// Uses these settings for the connections that are accepted from now on by this clone.
    #[must_use]
    pub fn with_connections(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.config = config.into();
        self
    }

    /// Serves only these serializers to connections that are accepted from now on by this clone.
    #[must_use]
    pub fn with_serializers(mut self, serializers: &[SerializerKind]) -> Self {
        self.serializers = serializers.into();
        self
    }

    /// Accepts connections and serves them until the router is [shut down](Self::shut_down), or
    /// the future dropped, which ends them all.
    ///
    /// An error of accepting, such as too many open files, does not end it: it waits a little and
    /// goes on.
    pub fn serve(&self, listener: R::Listener) -> impl Future<Output = ()> + Send + 'static {
        let router = self.clone();
        async move {
            let connections = Connections::default();
            let mut pause = router.runtime.timer();
            {
                let mut closing = pin!(router.life.reached(Life::CLOSING));
                loop {
                    let accept = pin!(router.runtime.accept(&listener));
                    match unless(closing.as_mut(), accept).await {
                        None => break,
                        Some(Ok(io)) => router.spawn_connection(io, &connections),
                        Some(Err(_)) => sleep(&mut pause, Self::ACCEPT_PAUSE).await,
                    }
                }
            }
            drop(listener);
            let cut = pin!(router.life.reached(Life::CUT));
            unless(cut, pin!(connections.ended())).await;
        }
    }

    /// The pause after an error of accepting.
    const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

    /// Serves one connection that is open already, until it is closed. Dropped, it ends the
    /// session.
    pub fn serve_connection<S>(&self, stream: S) -> impl Future<Output = ()> + Send + use<R, S>
    where
        R: Adopt<S>,
    {
        let transport = self.runtime.adopt(stream);
        let router = self.clone();
        async move {
            router.keep_time();
            router.connection(transport).await;
        }
    }

    fn spawn_connection(&self, io: R::Io, connections: &Connections) {
        self.keep_time();
        let mut connection = self.connection(io);
        connection.place = connections.add(connection.pump.machine().link());
        if connection.place.is_some() {
            // As it is, for a future around it would double its size.
            self.runtime.spawn(connection);
        }
    }

    fn connection<T: Transport>(&self, transport: T) -> Connection<T, R::Timer> {
        let timer = self.runtime.timer();
        let peer = RouterPeer::new(
            self.config.clone(),
            &self.serializers,
            self.shared.clone(),
            timer.now(),
        );
        Connection {
            pump: Pump::new(peer, transport, timer),
            place: None,
        }
    }

    /// Has a task keep the router's deadlines, for as long as there is a clone of it. If the
    /// runtime drops that task, or has no thread for it, the next connection brings another.
    fn keep_time(&self) {
        if self.life.is_timed.swap(true, Ordering::AcqRel) {
            return;
        }
        let keeper = Keeper(self.life.is_timed.clone());
        let (shared, mut timer) = (self.shared.clone(), self.runtime.timer());
        let keep = poll_fn(move |cx| {
            let _kept = &keeper;
            shared.poll_timer(cx, &mut timer)
        });
        let (abort, keep) = abortable(Box::pin(keep));
        let _gone = lock(&self.life.timer).replace(abort);
        self.runtime.spawn(keep);
    }

    /// Stops accepting, says GOODBYE to every session, and waits until all connections are closed,
    /// but no longer than `within`. Those that [`serve`](Self::serve) has accepted are then cut
    /// off, and it is done.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the sessions still end, but nobody waits, and nobody is cut off.
    pub async fn shut_down(&self, within: Duration) {
        self.life.advance(Life::CLOSING);
        let mut timer = self.runtime.timer();
        self.shared.shut_down(timer.now());
        let closed = poll_fn(|cx| self.shared.poll_empty(cx));
        timeout(&mut timer, within, closed).await;
        self.life.advance(Life::CUT);
    }

    /// What the router holds and did.
    pub fn stats(&self) -> RouterStats {
        self.shared.stats()
    }
}

/// Waits for `work`, unless `stop` comes before it.
async fn unless<T>(
    mut stop: Pin<&mut impl Future<Output = ()>>,
    mut work: Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
    poll_fn(|cx| {
        if stop.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        work.as_mut().poll(cx).map(Some)
    })
    .await
}

/// One connection, until it is closed.
struct Connection<T, C> {
    pump: Pump<RouterPeer, T, C>,
    /// Where a listener knows it. Last, since the connection has ended when it is dropped.
    place: Option<Place>,
}

/// Nothing in it is ever pinned.
impl<T, C> Unpin for Connection<T, C> {}

impl<T: Transport, C: Timer> Future for Connection<T, C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let pump = &mut self.pump;
        pump.machine().register(cx.waker());
        if pump.machine().link().is_cut() {
            return Poll::Ready(());
        }
        // How a connection ended is its client's affair: the session is over either way.
        pump.poll_until(cx, RouterPeer::advance).map(drop)
    }
}

/// The connections of one listener. Dropped, they end.
#[derive(Debug, Default)]
struct Connections(Arc<Places>);

#[derive(Debug, Default)]
struct Places {
    taken: Mutex<Arena<Arc<Link>>>,
    ended: Event,
}

/// One of them. Dropped, it has ended.
struct Place {
    places: Arc<Places>,
    key: Key,
}

impl Connections {
    /// There is none if all 2^32 are taken.
    fn add(&self, link: &Arc<Link>) -> Option<Place> {
        let key = lock(&self.0.taken).insert_with(|_| link.clone())?;
        let places = self.0.clone();
        Some(Place { places, key })
    }

    /// Waits until all have ended.
    async fn ended(&self) {
        loop {
            let ended = self.0.ended.listen();
            if lock(&self.0.taken).len() == 0 {
                return;
            }
            ended.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let last = {
            let mut taken = lock(&self.places.taken);
            taken.remove(self.key);
            taken.len() == 0
        };
        if last {
            self.places.ended.notify(usize::MAX);
        }
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        let taken = core::mem::take(&mut *lock(&self.0.taken));
        taken.values().for_each(|link| link.cut());
    }
}

#[cfg(test)]
mod tests {
    use super::{Connection, Pump, RouterPeer};

    #[test]
    fn a_task_is_small() {
        // Its socket and its clock come on top.
        let task = size_of::<Connection<(), ()>>();
        assert_eq!(task - size_of::<Pump<RouterPeer, (), ()>>(), 16);
    }
}
