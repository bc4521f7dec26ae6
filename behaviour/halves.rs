//! The halves of a connection, each in a task of its own.

use crate::adapter::rawsocket_proto::connection::Config;
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::adapter::{Connection, ReuniteError, Socket};
use crate::behaviour::transport::pair;
use crate::{both, case, either, join, spawn};

const SENDERS: u8 = 3;
const EACH: u32 = 1000;

/// Floods from several tasks and receives as much in another, then closes.
#[either]
async fn flood(connection: Connection<Socket>) {
    let (tx, mut rx) = connection.split();
    let mut senders = Vec::new();
    for who in 0..SENDERS {
        let tx = tx.clone();
        senders.push(spawn(async move {
            for at in 0..EACH {
                let len = 5 + usize::try_from(at).unwrap() * 37 % 9000;
                let mut message = vec![who; len];
                message[1..5].copy_from_slice(&at.to_be_bytes());
                tx.send(message).await.unwrap();
            }
            tx.flush().await.unwrap();
        }));
    }
    let receiver = spawn(async move {
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
        join(sender).await;
    }
    let rx = join(receiver).await;
    let mut connection: Connection<Socket> = rx.reunite(tx).unwrap();
    let stats = connection.stats();
    assert_eq!(stats.messages_in, stats.messages_out);
    connection.close().await.unwrap();
}

/// What each end sends is far more than the sockets and the queues hold.
#[case]
async fn both_ends_flood_each_other(endpoint: &Endpoint) {
    let marks = Config::new().water_marks(40_000, 10_000);
    let (client, router) = pair(endpoint, &marks).await;
    both(
        async move {
            flood(client).await;
        },
        async move {
            flood(router).await;
        },
    )
    .await;
}

#[case]
async fn only_the_two_halves_of_one_connection_are_put_together(endpoint: &Endpoint) {
    let (client, router) = pair(endpoint, &Config::new()).await;
    let (tx, rx) = client.split();
    let (stranger, peer) = router.split();

    let apart: ReuniteError<Socket> = rx.reunite(stranger).unwrap_err();
    let (stranger, rx) = (apart.sender, apart.receiver);
    let other = rx.sender();
    let apart = rx.reunite(tx).unwrap_err();
    drop(other);
    let mut client: Connection<Socket> = apart.receiver.reunite(apart.sender).unwrap();
    let mut router = peer.reunite(stranger).unwrap();

    client.send("whole").await.unwrap();
    client.flush().await.unwrap();
    assert_eq!(router.recv().await.unwrap().unwrap(), "whole");
}
