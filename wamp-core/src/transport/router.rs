//! A router's end: a connection and the session that the shared router keeps for it.

use alloc::sync::Arc;
use core::task::Waker;
use core::time::Duration;
use std::io;

use rawsocket_proto::connection::{
    Config, Connection, ConnectionError, Event, Frame, RecvBuf, SendErrorReason,
};
use rawsocket_proto::driver::Machine;
use rawsocket_proto::time::Instant;
use rawsocket_proto::wire::{RefusalCode, Request};

use crate::SerializerKind;
use crate::router::{SessionKey, TransportInfo};

use super::shared::{Link, SharedRouter};

/// A router's end of one RawSocket connection.
///
/// It refuses a client whose serializer is not served (code 1), or when there are as many
/// connections as the router may have (code 4). What a client sends goes to the router; what the
/// router has for it is taken only as fast as its socket does. A client that does not take what it
/// is owed is not listened to.
///
/// Other connections' messages make this one's, so [`register`](Self::register) a waker before each
/// turn. A turn calls [`advance`](Self::advance), which does what is to be done, around the reads
/// and the writes. Dropped, it ends the session.
#[derive(Debug)]
pub struct RouterPeer {
    connection: Connection,
    router: SharedRouter,
    serializers: Served,
    session: Option<(SessionKey, SerializerKind)>,
    /// What the router says to this connection. It is there before the session is, so that no word
    /// finds nobody to wake.
    link: Arc<Link>,
    /// A frame that the connection had no room for.
    held: Option<Box<Frame>>,
    /// The router wants the connection closed, behind what waits.
    closing: Option<Closing>,
    error: Option<ConnectionError>,
    now: Instant,
}

/// The router's wish to have the connection closed.
#[derive(Clone, Copy, Debug)]
enum Closing {
    /// It was just said, in a call that did not tell the time.
    Said,
    /// It is to be done no later than this.
    Until(Instant),
}

/// A set of serializers.
#[derive(Clone, Copy, Debug)]
struct Served(u16);

impl Served {
    fn new(serializers: &[SerializerKind]) -> Self {
        let bits = serializers.iter().map(|kind| Self::bit(*kind));
        Self(bits.fold(0, |all, bit| all | bit))
    }

    /// Ids of serializers have four bits.
    const fn bit(serializer: SerializerKind) -> u16 {
        1 << (serializer.id().get() & 0xf)
    }

    const fn contains(self, serializer: SerializerKind) -> bool {
        self.0 & Self::bit(serializer) != 0
    }
}

impl RouterPeer {
    /// How long a client may take to make room for the last that it is owed.
    const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

    /// A connection that a listening transport accepted, which serves these serializers.
    pub fn new(
        config: Arc<Config>,
        serializers: &[SerializerKind],
        router: SharedRouter,
        now: Instant,
    ) -> Self {
        Self {
            connection: Connection::router(config, now),
            router,
            serializers: Served::new(serializers),
            session: None,
            link: Arc::default(),
            held: None,
            closing: None,
            error: None,
            now,
        }
    }

    /// Where the connection is told things.
    #[cfg(feature = "runtime")]
    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Has `waker` woken, once, when the router has something for this connection. Only the latest
    /// one counts.
    ///
    /// It is woken by whoever gives the router a message, on any thread, while the router is
    /// locked: it must not use the router itself. A task's waker does not. An event loop's is a
    /// [`Wake`](std::task::Wake) that notes which connection to give a turn, and ends the loop's
    /// wait if that may be on another thread.
    pub fn register(&self, waker: &Waker) {
        self.link.register(waker);
    }

    /// What the client did wrong, or why it was given up, if it was.
    pub fn error(&self) -> Option<ConnectionError> {
        self.error
    }

    /// The connection underneath.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Takes what the router and the client have to say, as far as it comes, and says whether the
    /// connection is over. All that polls does so first; an event loop does it for a connection
    /// that was [woken](Self::register).
    pub fn advance(&mut self) -> bool {
        self.listen();
        while self.held.is_none() && self.step() {
            // What the client said may have been answered at once.
            self.listen();
        }
        self.connection.is_closed()
    }

    /// Takes the router's word.
    fn listen(&mut self) {
        let Some((key, _)) = self.session else {
            return;
        };
        let said = self.link.take();
        if said & Link::WELCOME != 0 {
            self.connection.welcome();
        }
        if said & Link::CLOSE != 0 {
            self.closing = Some(Closing::Said);
        }
        if let Some(frame) = self.held.take() {
            self.held = send(&mut self.connection, *frame).err().map(Box::new);
        }
        if said & Link::READY != 0 {
            if self.held.is_none() {
                let connection = &mut self.connection;
                let left = self.router.drain(key, |frame| send(connection, frame));
                self.held = left.map(Box::new);
            }
            if self.held.is_some() {
                // More may wait behind the one that there is no room for.
                self.link.put(Link::READY);
            }
        }
    }

    /// When the router's wish to close is to be looked at. It takes the time, from which the close
    /// then has its own deadline.
    fn close_due(&self) -> Option<Instant> {
        match self.closing? {
            Closing::Until(at) if self.held.is_some() => Some(at),
            _ => Some(Instant::ZERO),
        }
    }

    /// Does what the router wishes, once nothing is held or time is up.
    fn close_on_demand(&mut self, now: Instant) {
        let until = match self.closing {
            None => return,
            Some(Closing::Said) => now.saturating_add(Self::CLOSE_TIMEOUT),
            Some(Closing::Until(at)) => at,
        };
        self.closing = Some(Closing::Until(until));
        if self.held.is_none() || until <= now {
            self.closing = None;
            self.held = None;
            self.connection.close(now);
        }
    }

    /// Takes one event of the connection's. Returns whether there was one.
    fn step(&mut self) -> bool {
        match self.connection.poll_event() {
            Ok(Some(Event::Message(message))) => {
                if let Some((key, serializer)) = self.session {
                    let now = self.now;
                    self.router.handle_message(key, serializer, &message, now);
                }
            }
            Ok(Some(Event::Requested(request))) => self.decide(request),
            Ok(Some(Event::PeerFinished)) => {
                self.part();
                self.connection.close(self.now);
            }
            Ok(Some(Event::Closed(_))) => self.part(),
            Ok(Some(_)) => {}
            Ok(None) => return false,
            Err(error) => {
                self.error.get_or_insert(error);
                self.part();
                return false;
            }
        }
        true
    }

    fn decide(&mut self, request: Request) {
        let kind = SerializerKind::from_id(request.serializer);
        let decision = match kind.filter(|kind| self.serializers.contains(*kind)) {
            None => self.connection.refuse(RefusalCode::SERIALIZER_UNSUPPORTED),
            Some(serializer) => {
                let limit = self.connection.send_limit() as usize;
                let transport = TransportInfo::new(serializer, limit);
                match self.router.open(transport, self.link.clone(), self.now) {
                    Ok(session) => {
                        self.session = Some((session, serializer));
                        self.connection.accept().map(|_| ())
                    }
                    Err(_) => self.connection.refuse(RefusalCode::TOO_MANY_CONNECTIONS),
                }
            }
        };
        if decision.is_err() {
            // The client was gone before its request was looked at.
            self.part();
        }
    }

    /// The client is gone, as far as the router is concerned.
    fn part(&mut self) {
        self.held = None;
        if let Some((key, _)) = self.session.take() {
            self.router.close(key, self.now);
        }
    }
}

/// Queues a frame, or hands it back for want of room. On a closed connection it is dropped.
fn send(connection: &mut Connection, frame: Frame) -> Result<(), Frame> {
    match connection.send_frame(frame) {
        Err(refused) if refused.reason == SendErrorReason::Full => Err(refused.message),
        _ => Ok(()),
    }
}

impl Drop for RouterPeer {
    fn drop(&mut self) {
        self.part();
    }
}

impl Machine for RouterPeer {
    fn handle_read<R>(&mut self, now: Instant, read: impl FnOnce(&mut RecvBuf<'_>) -> R) -> R {
        self.now = self.now.max(now);
        self.connection.handle_read(now, read)
    }

    fn handle_eof(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.connection.handle_eof(now);
    }

    fn handle_transmitted(&mut self, count: usize) {
        self.connection.handle_transmitted(count);
    }

    fn handle_shutdown(&mut self, now: Instant) {
        self.connection.handle_shutdown(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.held.is_some() {
            self.connection.defer(now);
        }
        self.connection.handle_timeout(now);
        self.close_on_demand(now);
    }

    fn close(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.connection.close(now);
    }

    fn poll_transmit(&mut self) -> Option<&[u8]> {
        self.advance();
        self.connection.poll_transmit()
    }

    fn poll_transmit_vectored<'m>(&'m mut self, slices: &mut [io::IoSlice<'m>]) -> usize {
        self.advance();
        self.connection.poll_transmit_vectored(slices)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let connection = self.connection.poll_timeout().map(|deadline| deadline.at);
        match (connection, self.close_due()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Never: the router has them.
    fn has_event(&mut self) -> bool {
        self.advance();
        false
    }

    fn wants_read(&self) -> bool {
        self.held.is_none() && self.connection.wants_read()
    }

    fn wants_shutdown(&self) -> bool {
        self.connection.wants_shutdown()
    }

    fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }
}
