//! The connecting side: sessions of applications.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::sync::Arc;

use mio::Token;
use mio::event::Event as Readiness;
use rawsocket_proto::connection::Config;
use rawsocket_proto::driver::Machine as _;
use rawsocket_proto::time::Instant;
use wamp_rawsocket_core::SerializerKind;
use wamp_rawsocket_core::endpoint::Endpoint;
use wamp_rawsocket_core::session::{ClientSession, Event, SessionConfig};
use wamp_rawsocket_core::transport::ClientPeer;

use super::driver::Driver;
use super::reactor::Reactor;
use super::socket::Socket;

/// What a session is for.
pub(crate) trait Application {
    /// Who it is to the reader of its errors.
    fn name(&self) -> String;

    /// Takes an event of the session, and gives it commands. An error ends the session.
    fn handle_event(
        &mut self,
        event: Event,
        session: &mut ClientSession,
        now: Instant,
    ) -> Result<(), Box<dyn Error>>;
}

/// Any number of clients.
pub(crate) struct Clients {
    config: Arc<Config>,
    clients: HashMap<Token, Client>,
}

struct Client {
    driver: Driver<ClientPeer>,
    application: Box<dyn Application>,
    /// Why the session failed. The connection may still have last words to say.
    error: Option<Box<dyn Error>>,
}

impl Clients {
    pub(crate) fn new() -> Self {
        Self {
            config: Arc::new(Config::new()),
            clients: HashMap::new(),
        }
    }

    /// Begins to connect and to join the realm.
    pub(crate) fn connect(
        &mut self,
        endpoint: &Endpoint,
        realm: &str,
        serializer: SerializerKind,
        application: impl Application + 'static,
        reactor: &mut Reactor,
    ) -> Result<(), Box<dyn Error>> {
        let socket = Socket::connect(endpoint)?;
        let session = SessionConfig::new(realm, serializer);
        let peer = ClientPeer::new(self.config.clone(), session, reactor.now());
        let client = Client {
            driver: Driver::new(peer, socket, reactor)?,
            application: Box::new(application),
            error: None,
        };
        let token = client.driver.token();
        self.clients.insert(token, client);
        self.turn(token, reactor)
    }

    /// Clients that have not left.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// A socket became ready. Does nothing if it is no client's.
    pub(crate) fn handle_event(
        &mut self,
        event: &Readiness,
        reactor: &mut Reactor,
    ) -> Result<(), Box<dyn Error>> {
        if let Some(client) = self.clients.get_mut(&event.token()) {
            client.driver.handle_event(event);
        }
        self.turn(event.token(), reactor)
    }

    /// A deadline has come. Does nothing if it is no client's.
    pub(crate) fn handle_timeout(
        &mut self,
        token: Token,
        reactor: &mut Reactor,
    ) -> Result<(), Box<dyn Error>> {
        if let Some(client) = self.clients.get_mut(&token) {
            let peer = client.driver.machine_mut();
            peer.handle_timeout(reactor.now());
        }
        self.turn(token, reactor)
    }

    /// Lets a client go on. Returns how it ended, if it failed.
    pub(crate) fn turn(
        &mut self,
        token: Token,
        reactor: &mut Reactor,
    ) -> Result<(), Box<dyn Error>> {
        let Some(client) = self.clients.get_mut(&token) else {
            return Ok(());
        };
        if client.turn(reactor) {
            return Ok(());
        }
        client.driver.end(reactor);
        let ended = self.clients.remove(&token);
        match ended.and_then(Client::into_error) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Client {
    /// Returns whether there is more to come.
    fn turn(&mut self, reactor: &mut Reactor) -> bool {
        let (application, error) = (&mut *self.application, &mut self.error);
        let turned = self
            .driver
            .turn(reactor, |peer| converse(peer, application, error));
        turned.unwrap_or_else(|error| {
            self.lose(&error);
            false
        })
    }

    /// The socket failed: the session hears of it, and its pending requests fail.
    fn lose(&mut self, error: &io::Error) {
        let peer = self.driver.machine_mut();
        peer.handle_lost(error);
        converse(peer, &mut *self.application, &mut self.error);
    }

    fn into_error(self) -> Option<Box<dyn Error>> {
        let error = self.error?;
        Some(format!("{}: {error}", self.application.name()).into())
    }
}

/// Hands the session's events to the application. After an error there are none.
fn converse(
    peer: &mut ClientPeer,
    application: &mut dyn Application,
    error: &mut Option<Box<dyn Error>>,
) {
    if error.is_none()
        && let Err(reason) = try_converse(peer, application)
    {
        *error = Some(reason);
        peer.close(peer.now());
    }
}

fn try_converse(
    peer: &mut ClientPeer,
    application: &mut dyn Application,
) -> Result<(), Box<dyn Error>> {
    while let Some(event) = peer.poll_event()? {
        let now = peer.now();
        if let Some(session) = peer.session_mut() {
            application.handle_event(event, session, now)?;
        }
    }
    Ok(())
}
