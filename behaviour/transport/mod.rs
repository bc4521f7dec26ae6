//! The transport level: whole messages over sockets.

mod backpressure;
mod deadlines;
mod ends;
mod handshake;
mod limits;
mod messages;

use crate::adapter::rawsocket_proto::connection::{Config, ConnectionError};
use crate::adapter::rawsocket_proto::wire::SerializerId;
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::adapter::{Connection, Error, Listener, Socket};
use crate::{both, either};

/// A client and its router, connected.
#[either]
pub(crate) async fn pair(
    endpoint: &Endpoint,
    config: &Config,
) -> (Connection<Socket>, Connection<Socket>) {
    let listener = Listener::bind(endpoint).await.unwrap();
    let (client, router) = both(
        async {
            Connection::connect(listener.endpoint(), config.clone(), SerializerId::JSON).await
        },
        async {
            let socket = listener.accept().await?;
            Connection::router(socket, config.clone(), |_| Ok(())).await
        },
    )
    .await;
    let mut router = router.unwrap();
    router.welcome();
    (client.unwrap(), router)
}

/// A message that is not the same octet all over.
fn message(len: usize) -> Vec<u8> {
    let pattern: Vec<u8> = (0..251).collect();
    let mut message = pattern.repeat(len / pattern.len() + 1);
    message.truncate(len);
    message
}

/// As it stands on the wire.
fn frame(message: &[u8]) -> Vec<u8> {
    let len = u32::try_from(message.len()).unwrap();
    [&len.to_be_bytes()[..], message].concat()
}

#[track_caller]
fn assert_fails<T: std::fmt::Debug>(
    outcome: Result<T, Error>,
    expected: impl Into<ConnectionError>,
) {
    let (outcome, expected) = (outcome.unwrap_err(), expected.into());
    assert!(
        matches!(outcome, Error::Connection(error) if error == expected),
        "{outcome:?} instead of {expected:?}"
    );
}
