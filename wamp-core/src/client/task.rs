//! A session's task: connecting, running, coming back.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::future::{Future as _, poll_fn};
use core::task::Poll;
use core::time::Duration;
use std::io;

use rawsocket_proto::connection::Config;
use rawsocket_proto::driver::{Machine as _, Pump, Timer, Transport};

use super::Session;
use super::backoff::{Backoff, Reconnect};
use super::error::{End, SessionError};
use super::join::Settings;
use super::state::{Answer, Link, Shared, Stop};
use crate::endpoint::Endpoint;
use crate::runtime::{Runtime, sleep, timeout};
use crate::session::{Event, Joined, SessionConfig};
use crate::transport::{ClientPeer, PeerError};

/// Does the handshake and joins. Dropped, it drops the transport.
pub(super) async fn greet<R: Runtime>(
    runtime: &R,
    transport: Box<dyn Transport + Send>,
    connection: Arc<Config>,
    session: SessionConfig,
) -> Answer<(Link, Joined)> {
    let timer: Box<dyn Timer + Send> = Box::new(runtime.timer());
    let peer = ClientPeer::new(connection, session, timer.now());
    let mut link = Box::new(Pump::new(peer, transport, timer));
    let end = loop {
        if let Err(error) = poll_fn(|cx| link.poll_ready(cx)).await {
            link.machine_mut().handle_lost(&error);
        }
        match link.machine_mut().poll_event() {
            Ok(Some(Event::Joined(joined))) => return Ok((link, joined)),
            Ok(Some(Event::Left { reason, by_router })) => break End::Left { reason, by_router },
            // Closed, and nothing more to come.
            Ok(None) if link.machine().is_closed() => break End::Failed(PeerError::Closed),
            Ok(_) => {}
            Err(error) => break End::Failed(error),
        }
    };
    close(runtime, link);
    Err(SessionError::Ended(end))
}

/// Has the runtime close a connection: nobody waits for what is still to be said, such as ABORT.
fn close<R: Runtime>(runtime: &R, mut link: Link) {
    runtime.spawn(async move {
        let _ = poll_fn(|cx| link.poll_close(cx)).await;
    });
}

/// Connects to an endpoint and joins, time and again.
pub(super) struct Dial<R> {
    runtime: R,
    endpoint: Endpoint,
    settings: Settings,
}

impl<R: Runtime> Dial<R> {
    pub(super) const fn new(runtime: R, endpoint: Endpoint, settings: Settings) -> Self {
        Self {
            runtime,
            endpoint,
            settings,
        }
    }

    /// Joins with the first serializer that the router speaks, which is then asked for first.
    pub(super) async fn join(&mut self) -> Answer<(Link, Joined)> {
        let mut refused = None;
        for index in 0..self.settings.serializers.len() {
            let transport = self.connect().await?;
            let mut session = self.settings.session.clone();
            session.serializer = self.settings.serializers[index];
            let connection = self.settings.connection.clone();
            match greet(&self.runtime, transport, connection, session).await {
                Err(SessionError::Ended(end)) if end.is_serializer_refused() => {
                    refused.get_or_insert(SessionError::Ended(end));
                }
                Ok(joined) => {
                    // The others keep their order.
                    if let Some(tried) = self.settings.serializers.get_mut(..=index) {
                        tried.rotate_right(1);
                    }
                    return Ok(joined);
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or(SessionError::Ended(End::Failed(PeerError::Closed))))
    }

    async fn connect(&self) -> Answer<Box<dyn Transport + Send>> {
        let mut timer = self.runtime.timer();
        let within = self.settings.connect_timeout;
        let connected = timeout(&mut timer, within, self.runtime.connect(&self.endpoint)).await;
        let late = || io::Error::new(io::ErrorKind::TimedOut, "connecting took too long");
        Ok(Box::new(connected.ok_or_else(late)??))
    }
}

/// Brings a session back that has lost its connection.
pub(super) struct Comeback<R> {
    dial: Dial<R>,
    backoff: Backoff,
    from_the_start: bool,
}

impl<R: Runtime> Comeback<R> {
    pub(super) const fn new(dial: Dial<R>, reconnect: Reconnect) -> Self {
        let from_the_start = reconnect.is_from_the_start();
        Self {
            dial,
            backoff: Backoff::new(reconnect),
            from_the_start,
        }
    }

    /// Joins for the first time.
    pub(super) async fn begin(&mut self) -> Answer<(Link, Joined)> {
        loop {
            match self.dial.join().await {
                Err(error) if self.from_the_start && is_transient(&error) => {
                    let Some((_, delay)) = self.pause() else {
                        return Err(error);
                    };
                    sleep(&mut self.dial.runtime.timer(), delay).await;
                }
                done => return done,
            }
        }
    }

    /// The number of the next attempt, and the pause before it.
    fn pause(&mut self) -> Option<(u32, Duration)> {
        let mut random = [0; 8];
        // Without randomness all pauses are whole ones.
        let _ = self.dial.runtime.random(&mut random);
        self.backoff.next(u64::from_le_bytes(random))
    }

    /// Tries until the session is back, or over.
    async fn come_back(&mut self, shared: &Arc<Shared>, lost: End) {
        let mut reason = Arc::new(SessionError::Lost(lost.clone()));
        let mut end = lost;
        while let Some((attempt, delay)) = self.pause() {
            shared.disconnected(reason, attempt, delay);
            let timer = &mut self.dial.runtime.timer();
            sleep(timer, delay).await;
            match self.dial.join().await {
                Ok((link, joined)) => {
                    if let Err(link) = shared.revive(link, joined) {
                        close(&self.dial.runtime, link);
                    }
                    return;
                }
                Err(error) if is_transient(&error) => reason = Arc::new(error),
                Err(SessionError::Ended(refusal)) => {
                    end = refusal;
                    break;
                }
                Err(error) => {
                    end = End::Failed(PeerError::Transport(error.to_string()));
                    break;
                }
            }
        }
        shared.give_up(end);
    }
}

/// Whether it may go better another time.
fn is_transient(error: &SessionError) -> bool {
    match error {
        SessionError::Io(_) => true,
        SessionError::Ended(end) => end.is_transient(),
        _ => false,
    }
}

/// Has the runtime run a session that has joined.
pub(super) fn start<R: Runtime>(
    runtime: &R,
    (link, joined): (Link, Joined),
    max_handlers: usize,
    comeback: Option<Box<Comeback<R>>>,
) -> Session {
    let shared = Arc::new(Shared::new(link, joined, max_handlers, comeback.is_some()));
    let session = Session::new(shared.clone());
    let stop = Stop(shared);
    let spawner = runtime.clone();
    runtime.spawn(run(spawner, stop, comeback));
    session
}

/// Runs a session until it is over and the connection closed. Dropped before, it ends the session.
async fn run<R: Runtime>(runtime: R, stop: Stop, mut comeback: Option<Box<Comeback<R>>>) {
    let shared = &stop.0;
    loop {
        let mut timer = comeback.as_ref().map(|it| it.dial.runtime.timer());
        let began = timer.as_ref().map(Timer::now);
        poll_fn(|cx| {
            let poll = shared.poll(cx, |task| runtime.spawn(task));
            if let (Poll::Pending, Some(timer)) = (poll, &mut timer)
                && let Some(at) = shared.retry_at()
                && (timer.now() >= at || timer.poll_until(cx, at).is_ready())
            {
                shared.retry();
                cx.waker().wake_by_ref();
            }
            poll
        })
        .await;
        let (Some(comeback), Some((lost, link))) = (&mut comeback, shared.lost()) else {
            return;
        };
        if let Some(link) = link {
            close(&runtime, link);
        }
        if let (Some(timer), Some(began)) = (timer, began) {
            comeback
                .backoff
                .lasted(timer.now().saturating_duration_since(began));
        }
        // Boxed: sessions that stay connected need no room for it.
        let mut work = Box::pin(comeback.come_back(shared, lost));
        let came = poll_fn(|cx| {
            if shared.poll_offline(cx, |task| runtime.spawn(task)) {
                return Poll::Ready(false);
            }
            work.as_mut().poll(cx).map(|()| true)
        })
        .await;
        if !came {
            return;
        }
    }
}
