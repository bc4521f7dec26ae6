//! What only threads need: to wait for a while, and to end the wait of another thread.

mod support;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use support::{bounded, message, pair, raw_router};
use wamp_rawsocket_blocking::Error;
use wamp_rawsocket_blocking::rawsocket_proto::connection::Config;

#[test]
fn recv_timeout_ends_and_loses_nothing() {
    bounded("recv_timeout", |endpoint| {
        let (mut client, mut raw) = raw_router(&endpoint, Config::new())?;
        assert!(client.recv_timeout(Duration::ZERO)?.is_pending());
        let (start, within) = (Instant::now(), Duration::from_millis(20));
        assert!(client.recv_timeout(within)?.is_pending());
        assert!(start.elapsed() >= within);
        // A frame in two halves, a timeout between.
        raw.write_all(b"\0\0\0\x04ab")?;
        assert!(client.recv_timeout(Duration::from_millis(1))?.is_pending());
        raw.write_all(b"cd")?;
        let Poll::Ready(message) = client.recv_timeout(Duration::from_secs(20))? else {
            panic!("the message is there");
        };
        assert_eq!(message.as_deref(), Some(&b"abcd"[..]));
        // PINGs are answered by the way.
        raw.write_all(b"\x01\0\0\x01p")?;
        while client.stats().pings_in == 0 {
            assert!(client.recv_timeout(Duration::from_millis(1))?.is_pending());
        }
        let mut pong = [0; 5];
        raw.read_exact(&mut pong)?;
        assert_eq!(&pong, b"\x02\0\0\x01p");
        raw.shutdown(Shutdown::Write)?;
        assert_eq!(
            client.recv_timeout(Duration::from_secs(20))?,
            Poll::Ready(None)
        );
        Ok(())
    });
}

#[test]
fn a_closer_ends_a_blocked_recv() {
    bounded("closer", |endpoint| {
        let (mut client, mut router) = pair(&endpoint)?;
        client.try_send(&b"last words"[..]).expect("there is room");
        let closer = client.closer();
        let blocked = thread::spawn(move || {
            let ended = client.recv();
            assert!(matches!(ended, Err(Error::Closed)), "{ended:?}");
            assert!(matches!(client.recv(), Err(Error::Closed)));
            // In order all the same.
            client.close()
        });
        // What was queued comes, so the other thread is in its `recv`, or just before.
        assert_eq!(router.recv()?.as_deref(), Some(&b"last words"[..]));
        closer.clone().close();
        closer.close();
        assert_eq!(router.recv()?, None);
        router.close()?;
        blocked.join().expect("no panic")
    });
}

#[test]
fn a_closer_ends_a_blocked_send() {
    bounded("closer_send", |endpoint| {
        let (mut client, router) = pair(&endpoint)?;
        let closer = client.closer();
        let (full, is_full) = std::sync::mpsc::channel();
        let blocked = thread::spawn(move || {
            while client.try_send(message(300_000)).is_ok() {}
            full.send(()).expect("somebody listens");
            // Nobody reads, so in the end one of these waits.
            loop {
                match client.send(message(300_000)) {
                    Ok(()) => {}
                    Err(Error::Closed) => break,
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
        is_full.recv().expect("it fills up");
        closer.close();
        blocked.join().expect("no panic");
        drop(router);
        Ok(())
    });
}
