//! Connections in tests: what they tell, as values of its own, and what they send.

use std::sync::Arc;
use std::time::Duration;

use wamp_rawsocket_proto::connection::{CloseReason, Config, Connection, ConnectionError, Event};
use wamp_rawsocket_proto::handshake::Negotiated;
use wamp_rawsocket_proto::time::Instant;
use wamp_rawsocket_proto::wire::{Request, SerializerId};

use super::hello;

/// What a connection told, without a borrow of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Requested(Request),
    Established(Negotiated),
    Message(Vec<u8>),
    Pong(Duration),
    Writable,
    PeerFinished,
    Closed(CloseReason),
    Failed(ConnectionError),
}

pub(crate) fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// The next thing that the connection tells.
pub(crate) fn next(connection: &mut Connection) -> Option<Told> {
    let before = connection.has_event();
    let told = match connection.poll_event() {
        Ok(None) => None,
        Ok(Some(Event::Requested(request))) => Some(Told::Requested(request)),
        Ok(Some(Event::Established(negotiated))) => Some(Told::Established(negotiated)),
        Ok(Some(Event::Message(payload))) => Some(Told::Message(payload.to_vec())),
        Ok(Some(Event::Pong { rtt })) => Some(Told::Pong(rtt)),
        Ok(Some(Event::Writable)) => Some(Told::Writable),
        Ok(Some(Event::PeerFinished)) => Some(Told::PeerFinished),
        Ok(Some(Event::Closed(reason))) => Some(Told::Closed(reason)),
        Ok(Some(other)) => panic!("an event that the tests do not know: {other:?}"),
        Err(error) => Some(Told::Failed(error)),
    };
    assert_eq!(before, told.is_some(), "has_event and poll_event disagree");
    told
}

/// All that the connection tells now; an error, which is told for ever, once.
pub(crate) fn told(connection: &mut Connection) -> Vec<Told> {
    let mut all = Vec::new();
    while let Some(told) = next(connection) {
        let last = matches!(told, Told::Failed(_));
        all.push(told);
        if last {
            assert_eq!(next(connection).as_ref(), all.last(), "errors are final");
            break;
        }
    }
    all
}

/// Takes all that the connection wants to send now.
pub(crate) fn sent(connection: &mut Connection) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(octets) = connection.poll_transmit() {
        let count = octets.len();
        all.extend_from_slice(octets);
        connection.handle_transmitted(count);
    }
    assert_eq!(connection.pending(), 0);
    all
}

/// Feeds octets and polls in turn, until all is taken or no more is wanted. Accepts as a router.
pub(crate) fn feed(connection: &mut Connection, mut input: &[u8], now: Instant) -> Vec<Told> {
    let mut all = Vec::new();
    loop {
        let before = input.len();
        connection.handle_input(&mut input, now);
        for told in told(connection) {
            if let Told::Requested(_) = told {
                connection.accept().expect("a request waits");
            }
            all.push(told);
        }
        let more = connection.has_event() && !matches!(all.last(), Some(Told::Failed(_)));
        if !more && (input.is_empty() || input.len() == before) {
            return all;
        }
    }
}

/// A router's end that has accepted a client with this second octet, its reply sent and told.
pub(crate) fn router(config: Config, second: u8) -> Connection {
    let mut router = Connection::router(Arc::new(config), at(0));
    let events = feed(&mut router, &hello(second), at(0));
    assert!(
        matches!(events[..], [Told::Requested(_), Told::Established(_)]),
        "{events:?}"
    );
    assert_eq!(sent(&mut router).len(), 4);
    router
}

/// A client for JSON whose router replied with this second octet, all sent and told.
pub(crate) fn client(config: Config, second: u8) -> Connection {
    let mut client = Connection::client(Arc::new(config), SerializerId::JSON, at(0));
    assert_eq!(sent(&mut client).len(), 4);
    let events = feed(&mut client, &hello(second), at(0));
    assert!(matches!(events[..], [Told::Established(_)]), "{events:?}");
    client
}
