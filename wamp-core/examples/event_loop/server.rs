//! The listening side: listeners, connections, and the router that they share.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use mio::Token;
use mio::event::Event;
use rawsocket_proto::connection::Config;
use rawsocket_proto::driver::Machine as _;
use wamp_rawsocket_core::SerializerKind;
use wamp_rawsocket_core::endpoint::Endpoint;
use wamp_rawsocket_core::router::RouterConfig;
use wamp_rawsocket_core::transport::{RouterPeer, SharedRouter};

use super::driver::Driver;
use super::reactor::Reactor;
use super::socket::{Listener, Socket};

/// A router, where it listens, and whom it serves.
pub(crate) struct Server {
    router: SharedRouter,
    /// Stands for the router's own deadlines.
    router_token: Token,
    config: Arc<Config>,
    listeners: HashMap<Token, Listener>,
    connections: HashMap<Token, Connection>,
}

struct Connection {
    driver: Driver<RouterPeer>,
    /// Gives this connection a turn when another one's message made something to send here.
    waker: Waker,
}

impl Server {
    /// The pause after an error of accepting, such as too many open files.
    const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

    pub(crate) fn new(realm: &str, reactor: &mut Reactor) -> io::Result<Self> {
        // The ids of sessions and publications must not be guessed.
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        Ok(Self {
            router: SharedRouter::new(RouterConfig::new([realm]), seed),
            router_token: reactor.token(),
            config: Arc::new(Config::new()),
            listeners: HashMap::new(),
            connections: HashMap::new(),
        })
    }

    /// Listens there, and returns where that really is.
    pub(crate) fn listen(
        &mut self,
        endpoint: &Endpoint,
        reactor: &mut Reactor,
    ) -> io::Result<Endpoint> {
        let mut listener = Listener::bind(endpoint)?;
        let token = reactor.add_listener(listener.as_source())?;
        let endpoint = listener.endpoint().clone();
        self.listeners.insert(token, listener);
        Ok(endpoint)
    }

    /// Listens no more, and ends every session with GOODBYE.
    pub(crate) fn shut_down(&mut self, reactor: &mut Reactor) {
        for (token, mut listener) in self.listeners.drain() {
            reactor.remove(token, listener.as_source());
        }
        self.router.shut_down(reactor.now());
        self.keep_time(reactor);
    }

    /// Connections that are not over.
    pub(crate) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// A socket became ready. Does nothing if it is none of the server's.
    pub(crate) fn handle_event(&mut self, event: &Event, reactor: &mut Reactor) {
        if let Some(connection) = self.connections.get_mut(&event.token()) {
            connection.driver.handle_event(event);
        }
        self.turn(event.token(), reactor);
    }

    /// A deadline has come. Does nothing if it is none of the server's.
    pub(crate) fn handle_timeout(&mut self, token: Token, reactor: &mut Reactor) {
        if token == self.router_token {
            // Whom it concerns is given a turn by its waker.
            self.router.handle_timeout(reactor.now());
            self.keep_time(reactor);
        }
        if let Some(connection) = self.connections.get_mut(&token) {
            let peer = connection.driver.machine_mut();
            peer.handle_timeout(reactor.now());
        }
        self.turn(token, reactor);
    }

    /// Lets a listener accept, or a connection go on.
    pub(crate) fn turn(&mut self, token: Token, reactor: &mut Reactor) {
        if self.listeners.contains_key(&token) {
            self.accept(token, reactor);
        } else if let Some(connection) = self.connections.get_mut(&token) {
            if !connection.turn(reactor) {
                connection.driver.end(reactor);
                // Dropped, the peer ends its session.
                self.connections.remove(&token);
            }
            self.keep_time(reactor);
        }
    }

    /// Accepts until there is nobody left: mio does not tell of the same client again.
    fn accept(&mut self, token: Token, reactor: &mut Reactor) {
        while let Some(listener) = self.listeners.get(&token) {
            match listener.accept() {
                Ok(socket) => self.serve(socket, reactor),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    let later = reactor.now().saturating_add(Self::ACCEPT_PAUSE);
                    return reactor.set_deadline(token, Some(later));
                }
            }
        }
    }

    fn serve(&mut self, socket: Socket, reactor: &mut Reactor) {
        let (config, router) = (self.config.clone(), self.router.clone());
        let peer = RouterPeer::new(config, SerializerKind::ALL, router, reactor.now());
        // If it cannot be watched, the client reads the end of the stream.
        if let Ok(driver) = Driver::new(peer, socket, reactor) {
            let token = driver.token();
            let waker = reactor.waker(token);
            self.connections.insert(token, Connection { driver, waker });
            self.turn(token, reactor);
        }
    }

    /// Any message may have moved the router's own deadline.
    fn keep_time(&self, reactor: &mut Reactor) {
        let deadline = self.router.poll_timeout();
        reactor.set_deadline(self.router_token, deadline.map(|deadline| deadline.at));
    }
}

impl Connection {
    /// Returns whether there is more to come. How a connection ended is its client's affair:
    /// [`RouterPeer::error`] would tell.
    fn turn(&mut self, reactor: &mut Reactor) -> bool {
        self.driver.machine_mut().register(&self.waker);
        // The router takes all events. There is nothing else to act on.
        let turned = self.driver.turn(reactor, |peer| {
            peer.advance();
        });
        turned.unwrap_or(false)
    }
}
