//! The loop: waits, then gives turns.

use std::error::Error;
use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::time::Duration;

use mio::net::UnixStream;
use mio::{Events, Token};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;
use wamp_rawsocket_core::SerializerKind;
use wamp_rawsocket_core::endpoint::Endpoint;

use super::clients::{Application, Clients};
use super::reactor::Reactor;
use super::server::Server;

const REALM: &str = "realm1";

/// A router and clients on one thread.
pub(crate) struct EventLoop {
    reactor: Reactor,
    server: Server,
    clients: Clients,
    /// Becomes readable with a signal.
    signals: Option<(Token, UnixStream)>,
    interrupted: bool,
}

impl EventLoop {
    pub(crate) fn new() -> io::Result<Self> {
        let mut reactor = Reactor::new()?;
        Ok(Self {
            server: Server::new(REALM, &mut reactor)?,
            clients: Clients::new(),
            reactor,
            signals: None,
            interrupted: false,
        })
    }

    /// Serves the realm there, and returns where that really is.
    pub(crate) fn listen(&mut self, endpoint: &Endpoint) -> io::Result<Endpoint> {
        self.server.listen(endpoint, &mut self.reactor)
    }

    /// Lets an application join the realm.
    pub(crate) fn connect(
        &mut self,
        endpoint: &Endpoint,
        serializer: SerializerKind,
        application: impl Application + 'static,
    ) -> Result<(), Box<dyn Error>> {
        let reactor = &mut self.reactor;
        self.clients
            .connect(endpoint, REALM, serializer, application, reactor)
    }

    /// Lets signals interrupt the loop, not the process.
    pub(crate) fn watch_signals(&mut self) -> io::Result<()> {
        let (reader, writer) = StdUnixStream::pair()?;
        reader.set_nonblocking(true)?;
        pipe::register(SIGINT, writer.try_clone()?)?;
        pipe::register(SIGTERM, writer)?;
        let mut reader = UnixStream::from_std(reader);
        let token = self.reactor.add_listener(&mut reader)?;
        self.signals = Some((token, reader));
        Ok(())
    }

    /// Listens no more, says GOODBYE to all, and runs until they have gone, but no longer than
    /// `within`.
    pub(crate) fn shut_down(&mut self, within: Duration) -> Result<(), Box<dyn Error>> {
        self.server.shut_down(&mut self.reactor);
        let until = self.reactor.now().saturating_add(within);
        // Nobody's deadline: it only ends the wait.
        let token = self.reactor.token();
        self.reactor.set_deadline(token, Some(until));
        self.run_while(|event_loop| {
            event_loop.connections() > 0 && event_loop.reactor.now() < until
        })
    }

    pub(crate) fn clients(&self) -> usize {
        self.clients.len()
    }

    pub(crate) fn connections(&self) -> usize {
        self.server.connections()
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// Runs as long as `goes_on` says so, and no client fails.
    pub(crate) fn run_while(
        &mut self,
        goes_on: impl Fn(&Self) -> bool,
    ) -> Result<(), Box<dyn Error>> {
        let mut events = Events::with_capacity(256);
        while goes_on(self) {
            self.reactor.wait(&mut events)?;
            self.round(&events)?;
        }
        Ok(())
    }

    /// Gives a turn to whom it is due. Sockets come before deadlines: what has arrived in time is
    /// not late because we are.
    fn round(&mut self, events: &Events) -> Result<(), Box<dyn Error>> {
        let reactor = &mut self.reactor;
        for event in events {
            let token = event.token();
            self.interrupted |= self.signals.as_ref().is_some_and(|(own, _)| *own == token);
            self.server.handle_event(event, reactor);
            self.clients.handle_event(event, reactor)?;
        }
        for token in reactor.take_turns() {
            self.server.turn(token, reactor);
            self.clients.turn(token, reactor)?;
        }
        let now = reactor.now();
        while let Some(token) = reactor.take_due(now) {
            self.server.handle_timeout(token, reactor);
            self.clients.handle_timeout(token, reactor)?;
        }
        Ok(())
    }
}
