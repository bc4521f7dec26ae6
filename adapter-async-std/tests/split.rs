//! A connection's halves, each polled by a thread of its own, over a real socket.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use async_io::Async;
use smol::block_on;
use smol::future::try_zip;
use wamp_rawsocket_async_std::Connection;
use wamp_rawsocket_async_std::rawsocket_proto::connection::Config;
use wamp_rawsocket_async_std::rawsocket_proto::wire::SerializerId;

const SENDERS: u8 = 3;
const EACH: u32 = 1_000;

/// Floods from several threads and receives as much on another, then closes.
fn flood(connection: Connection<Async<UnixStream>>) {
    let (tx, mut rx) = connection.split();
    let rx = thread::scope(|scope| {
        for who in 0..SENDERS {
            let tx = tx.clone();
            scope.spawn(move || {
                for at in 0..EACH {
                    let len = 5 + usize::try_from(at).unwrap() * 37 % 9_000;
                    let mut message = vec![who; len];
                    message[1..5].copy_from_slice(&at.to_be_bytes());
                    block_on(tx.send(message)).unwrap();
                }
                block_on(tx.flush()).unwrap();
            });
        }
        let received = scope.spawn(move || {
            let mut next = [0; SENDERS as usize];
            for _ in 0..EACH * u32::from(SENDERS) {
                let message = block_on(rx.recv()).unwrap().unwrap();
                let next = &mut next[usize::from(message[0])];
                assert_eq!(message[1..5], u32::to_be_bytes(*next));
                *next += 1;
            }
            rx
        });
        received.join().unwrap()
    });
    let mut connection = rx.reunite(tx).unwrap();
    block_on(connection.close()).unwrap();
}

#[test]
fn two_ends_flood_each_other_from_many_threads() {
    let (here, there) = Async::<UnixStream>::pair().unwrap();
    let config = Arc::new(Config::new().water_marks(40_000, 10_000));
    let client = Connection::client(here, config.clone(), SerializerId::JSON);
    let router = Connection::router(there, config, |_| Ok(()));
    let (client, mut router) = block_on(try_zip(client, router)).unwrap();
    router.welcome();
    let (done, over) = channel();
    for connection in [client, router] {
        let done = done.clone();
        thread::spawn(move || {
            flood(connection);
            done.send(()).unwrap();
        });
    }
    drop(done);
    for _ in 0..2 {
        over.recv_timeout(Duration::from_secs(60)).expect("in time");
    }
}
