//! A connection's halves on threads.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use wamp_rawsocket_blocking::rawsocket_proto::connection::Config;
use wamp_rawsocket_blocking::rawsocket_proto::wire::SerializerId;
use wamp_rawsocket_blocking::{Connection, Error, Listener, Socket, Stream};

use crate::support::{bounded, everywhere, pair};

const SENDERS: u8 = 3;
const EACH: u32 = 1_000;

/// Floods with several threads and receives as much, then closes.
fn flood<S: Stream + Send + Sync>(connection: Connection<S>) -> Result<(), Error> {
    let (sender, mut receiver) = connection.split();
    thread::scope(|scope| {
        for who in 0..SENDERS {
            let sender = sender.clone();
            scope.spawn(move || {
                for at in 0..EACH {
                    let len = 5 + usize::try_from(at).expect("small") * 37 % 9_000;
                    let mut message = vec![who; len];
                    message[1..5].copy_from_slice(&at.to_be_bytes());
                    sender.send(message).expect("it goes on");
                }
                sender.flush().expect("it goes on");
            });
        }
        let mut next = [0; SENDERS as usize];
        for _ in 0..EACH * u32::from(SENDERS) {
            let message = receiver.recv()?.expect("there is more");
            let next = &mut next[usize::from(message[0])];
            assert_eq!(message[1..5], u32::to_be_bytes(*next));
            *next += 1;
        }
        Ok::<_, Error>(())
    })?;
    let mut connection = receiver.reunite(sender).expect("the only ones");
    connection.close()
}

#[test]
fn two_ends_flood_each_other_from_many_threads() {
    everywhere(|endpoint| {
        let config = Arc::new(Config::new().water_marks(40_000, 10_000));
        let listener = Listener::bind(endpoint)?;
        let here = Socket::connect(listener.endpoint())?;
        let there = listener.accept()?;
        let peer = thread::spawn({
            let config = config.clone();
            move || {
                let mut router = Connection::router(there, config, |_| Ok(()))?;
                router.welcome();
                flood(router)
            }
        });
        flood(Connection::client(here, config, SerializerId::JSON)?)?;
        peer.join().expect("no panic")
    });
}

#[test]
fn a_closer_ends_both_halves() {
    bounded(|| {
        let (client, _router) = pair(UnixStream::pair()?)?;
        let early = client.closer();
        let (sender, mut receiver) = client.split();
        let closer = receiver.closer();
        let receiving = thread::spawn(move || (receiver.recv().map(drop), receiver));
        let sending = thread::spawn({
            let sender = sender.clone();
            // Nobody reads, so in the end one of these waits.
            move || while sender.send(vec![0; 60_000]).is_ok() {}
        });
        closer.close();
        let (ended, mut receiver) = receiving.join().expect("no panic");
        assert!(matches!(ended, Err(Error::Closed)), "{ended:?}");
        sending.join().expect("no panic");
        assert!(early.is_closed() && sender.closer().is_closed());
        let ended = receiver.recv_timeout(Duration::ZERO);
        assert!(matches!(ended, Err(Error::Closed)), "{ended:?}");
        // And whoever puts them together again has it still.
        let mut client = receiver.reunite(sender).expect("the only ones");
        assert!(matches!(client.recv(), Err(Error::Closed)));
        Ok(())
    });
}

#[test]
fn halves_that_are_not_the_only_ones_stay_apart() {
    bounded(|| {
        let (client, mut router) = pair(UnixStream::pair()?)?;
        let (sender, receiver) = client.split();
        let other = sender.clone();
        let apart = receiver.reunite(sender).expect_err("there is another");
        let (sender, mut receiver) = (apart.sender, apart.receiver);
        assert!(
            receiver
                .recv_timeout(Duration::from_millis(1))?
                .is_pending()
        );
        drop(other);
        router.send(&b"[1]"[..])?;
        let message = receiver.recv_timeout(Duration::from_secs(20))?;
        assert!(matches!(message, Poll::Ready(Some(message)) if message == "[1]"));
        receiver.reunite(sender).expect("the only ones");
        Ok(())
    });
}
