//! A connection's halves on tasks of their own, over real sockets.

mod support;

use std::sync::Arc;

use support::bounded;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use wamp_rawsocket_tokio::rawsocket_proto::connection::Config;
use wamp_rawsocket_tokio::rawsocket_proto::wire::SerializerId;
use wamp_rawsocket_tokio::{Connection, Listener, Socket};

async fn pair<T: AsyncRead + AsyncWrite + Unpin>(
    here: T,
    there: T,
) -> (Connection<T>, Connection<T>) {
    let config = Arc::new(Config::new().water_marks(40_000, 10_000));
    let client = Connection::client(here, config.clone(), SerializerId::JSON);
    let router = Connection::router(there, config, |_| Ok(()));
    let (client, mut router) = tokio::try_join!(client, router).unwrap();
    router.welcome();
    (client, router)
}

const SENDERS: u8 = 3;
const EACH: u32 = 1_000;

/// Floods with several tasks and receives as much, then closes.
async fn flood<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(connection: Connection<T>) {
    let (tx, mut rx) = connection.split();
    let senders: Vec<_> = (0..SENDERS)
        .map(|who| {
            let tx = tx.clone();
            tokio::spawn(async move {
                for at in 0..EACH {
                    let len = 5 + usize::try_from(at).unwrap() * 37 % 9_000;
                    let mut message = vec![who; len];
                    message[1..5].copy_from_slice(&at.to_be_bytes());
                    tx.send(message).await.unwrap();
                }
                tx.flush().await.unwrap();
            })
        })
        .collect();
    let received = tokio::spawn(async move {
        let mut next = [0; SENDERS as usize];
        for _ in 0..EACH * u32::from(SENDERS) {
            let message = rx.recv().await.unwrap().unwrap();
            let next = &mut next[usize::from(message[0])];
            assert_eq!(message[1..5], u32::to_be_bytes(*next));
            *next += 1;
        }
        rx
    });
    for sender in senders {
        sender.await.unwrap();
    }
    let rx = received.await.unwrap();
    let mut connection = Connection::from(rx.reunite(tx).unwrap());
    assert_eq!(
        connection.stats().messages_in,
        connection.stats().messages_out
    );
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_ends_flood_each_other_from_many_tasks() {
    bounded(async {
        let (here, there) = UnixStream::pair().unwrap();
        let (client, router) = pair(here, there).await;
        tokio::join!(flood(client), flood(router));

        let any = "rs://127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(&any).await.unwrap();
        let connecting = Socket::connect(listener.endpoint());
        let (here, there) = tokio::try_join!(connecting, listener.accept()).unwrap();
        let (client, router) = pair(here, there).await;
        tokio::join!(flood(client), flood(router));
    })
    .await;
}
