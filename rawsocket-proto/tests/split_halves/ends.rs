//! How halves end: by drop, by close, by errors.

use std::io::ErrorKind;
use std::time::Duration;

use wamp_rawsocket_proto::connection::{Config, ConnectionError, SendErrorReason};
use wamp_rawsocket_proto::driver::Error;

use super::pipe::{Habits, lock, pair};
use super::tasks::{Tasks, taken};
use super::{all, message, narrow};
use crate::support::{filler, frame};

#[test]
fn without_a_receiver_senders_go_on_and_backpressure_holds() {
    for habits in Habits::ALL {
        for answers in [true, false] {
            let config = narrow().close_timeout(Duration::from_secs(3));
            let ends = pair(habits, config);
            let mut tasks = Tasks::new(1);
            let (tx, rx) = ends.client.split();
            drop(rx);
            let (peer, peer_rx) = ends.router.split();
            let (flood, other) = (peer.clone(), tx.clone());
            let flooded = tasks.spawn(async move {
                for at in 0..50 {
                    if flood.send(message(2, at, 30)).await.is_err() {
                        return;
                    }
                }
            });
            let received = tasks.spawn(async move {
                let mut rx = peer_rx;
                for at in 0..50 {
                    assert_eq!(rx.recv().await.unwrap().unwrap(), message(1, at, 30));
                }
                if answers {
                    assert_eq!(rx.recv().await.unwrap(), None);
                    peer.close().await.unwrap();
                }
                (rx, peer)
            });
            let sent = tasks.spawn(async move {
                for at in 0..50 {
                    other.send(message(1, at, 30)).await.unwrap();
                }
                other.flush().await.unwrap();
            });
            tasks.run();
            taken(&sent);
            assert!(flooded.borrow().is_none(), "backpressure holds");
            assert!(lock(&ends.down).log.len() < 400);

            let closed = tasks.spawn(async move { tx.close().await });
            tasks.run();
            if !answers {
                assert!(closed.borrow().is_none());
                ends.clock.pass(3_000);
                tasks.run();
            }
            taken(&closed).unwrap();
            drop(taken(&received));
        }
    }
}

#[test]
fn a_receiver_goes_on_without_senders() {
    let ends = pair(Habits::PLAIN, Config::new());
    let (tx, rx) = ends.client.split();
    drop(tx);
    let mut tasks = Tasks::new(1);
    let mut peer = ends.router;
    let got = tasks.spawn(async move {
        let mut rx = rx;
        assert_eq!(rx.recv().await.unwrap().unwrap(), "[1]");
        rx.sender().send("[2]").await.unwrap();
        assert_eq!(rx.recv().await.unwrap(), None);
        assert_eq!(rx.recv().await.unwrap(), None, "from then on");
        rx.sender().close().await.unwrap();
    });
    tasks.spawn(async move {
        peer.send("[1]").await.unwrap();
        assert_eq!(peer.recv().await.unwrap().unwrap(), "[2]");
        peer.close().await.unwrap();
    });
    tasks.finish();
    taken(&got);
}

#[test]
fn the_transport_goes_with_the_last_half() {
    for receiver_last in [false, true] {
        let ends = pair(Habits::PLAIN, Config::new());
        let (tx, rx) = ends.client.split();
        let other = tx.clone();
        drop(tx);
        assert!(!lock(&ends.up).shut);
        if receiver_last {
            drop(other);
            assert!(!lock(&ends.up).shut);
            drop(rx);
        } else {
            drop(rx);
            assert!(!lock(&ends.up).shut);
            drop(other);
        }
        assert!(lock(&ends.up).shut);
    }
}

#[test]
fn a_close_ends_all_that_wait() {
    for habits in Habits::ALL {
        let ends = pair(habits, narrow());
        let mut tasks = Tasks::new(1);
        let (tx, mut rx) = ends.client.split();
        let received = tasks.spawn(async move { rx.recv().await.unwrap() });
        let senders: Vec<_> = (0..3)
            .map(|who| {
                let tx = tx.clone();
                tasks.spawn(async move {
                    loop {
                        if let Err(error) = tx.send(message(who, 0, 50)).await {
                            return error;
                        }
                    }
                })
            })
            .collect();
        tasks.run();
        let other = tx.clone();
        let closed = tasks.spawn(async move { other.close().await });
        tasks.run();
        for sender in &senders {
            assert!(matches!(taken(sender), Error::Closed));
        }
        let refused = tx.try_send("[]").unwrap_err();
        assert_eq!(refused.reason, SendErrorReason::Closed);
        let peer = tasks.spawn(all(ends.router.split().1));
        tasks.run();
        taken(&closed).unwrap();
        assert_eq!(taken(&received), None);
        assert!(!taken(&peer).is_empty());
    }
}

#[test]
fn a_failed_write_is_told_at_once_to_senders_and_after_the_last_words_to_the_receiver() {
    for habits in Habits::ALL {
        let ends = pair(habits, narrow());
        let mut tasks = Tasks::new(1);
        let (tx, rx) = ends.client.split();
        let waits: Vec<_> = (0..3)
            .map(|who| {
                let tx = tx.clone();
                tasks.spawn(async move {
                    loop {
                        if let Err(error) = tx.send(message(who, 0, 50)).await {
                            return error;
                        }
                    }
                })
            })
            .collect();
        tasks.run();
        let other = tx.clone();
        let flushed = tasks.spawn(async move { other.flush().await.unwrap_err() });
        tasks.run();
        {
            let words = [frame(0, b"[3]"), frame(0, b"[4]")].concat();
            lock(&ends.down).put(&words);
            lock(&ends.up).leave();
        }
        tasks.run();
        for error in waits.iter().map(taken).chain([taken(&flushed)]) {
            let Error::Io(error) = error else {
                panic!("another error");
            };
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        }
        let refused = tx.try_send("[]").unwrap_err();
        assert_eq!(refused.reason, SendErrorReason::Closed);
        tasks.spawn(async move {
            let mut rx = rx;
            assert_eq!(rx.recv().await.unwrap().unwrap(), "[3]");
            assert_eq!(rx.recv().await.unwrap().unwrap(), "[4]");
            for _ in 0..3 {
                let Err(Error::Io(error)) = rx.recv().await else {
                    panic!("no error");
                };
                assert_eq!(error.raw_os_error(), Some(32));
                assert!(matches!(tx.flush().await, Err(Error::Io(_))));
                assert!(matches!(tx.close().await, Err(Error::Io(_))));
            }
        });
        tasks.finish();
    }
}

#[test]
fn a_receiver_that_waits_is_told_of_a_failed_write() {
    for habits in Habits::ALL {
        let ends = pair(habits, narrow());
        let mut tasks = Tasks::new(1);
        let (tx, mut rx) = ends.client.split();
        let received = tasks.spawn(async move { rx.recv().await.unwrap_err() });
        tasks.run();
        lock(&ends.up).leave();
        let sent = tasks.spawn(async move {
            let sent = tx.send("[]").await;
            sent.and(tx.flush().await).unwrap_err()
        });
        tasks.run();
        assert!(matches!(taken(&received), Error::Io(_)));
        assert!(matches!(taken(&sent), Error::Io(_)));
    }
}

#[test]
fn a_peer_that_breaks_the_protocol_ends_all() {
    for habits in Habits::ALL {
        let ends = pair(habits, narrow());
        let mut tasks = Tasks::new(1);
        let (tx, mut rx) = ends.client.split();
        let received = tasks.spawn(async move {
            let first = rx.recv().await.unwrap_err();
            (first, rx.recv().await.unwrap_err())
        });
        let sent: Vec<_> = (0..3)
            .map(|who| {
                let tx = tx.clone();
                tasks.spawn(async move {
                    loop {
                        if let Err(error) = tx.send(message(who, 0, 50)).await {
                            return error;
                        }
                    }
                })
            })
            .collect();
        tasks.run();
        lock(&ends.down).put(&[7, 0, 0, 0]);
        tasks.run();
        let is_frame = |error: &Error| {
            assert!(
                matches!(error, Error::Connection(ConnectionError::Frame(_))),
                "{error:?}"
            );
        };
        let (first, second) = taken(&received);
        is_frame(&first);
        is_frame(&second);
        sent.iter().map(taken).for_each(|error| is_frame(&error));
    }
}

#[test]
fn too_long_a_message_is_refused_out_of_turn() {
    let ends = pair(Habits::PLAIN, narrow().max_receive(512));
    let mut tasks = Tasks::new(1);
    let (tx, _rx) = ends.client.split();
    let other = tx.clone();
    tasks.spawn(async move {
        loop {
            other.send(filler(50, 1)).await.unwrap();
        }
    });
    tasks.run();
    let refused = tasks.spawn(async move { tx.send(filler(600, 1)).await });
    tasks.run();
    assert!(matches!(
        taken(&refused),
        Err(Error::TooLong { len: 600, max: 512 })
    ));
    tasks.abort();
}

#[test]
fn halves_are_reunited() {
    let (ends, others) = (
        pair(Habits::PLAIN, Config::new()),
        pair(Habits::PLAIN, Config::new()),
    );
    let (tx, rx) = ends.client.split();
    let (stranger, _stranger_rx) = others.client.split();
    let handed_back = rx.reunite(stranger).unwrap_err();
    let rx = handed_back.receiver;
    let clone = tx.clone();
    let handed_back = rx.reunite(tx).unwrap_err();
    drop(clone);
    assert_eq!(
        handed_back.sender.send_limit(),
        handed_back.receiver.send_limit()
    );
    handed_back.sender.try_send("[1]").unwrap();
    let mut client = handed_back.receiver.reunite(handed_back.sender).unwrap();
    let mut tasks = Tasks::new(1);
    let mut router = ends.router;
    tasks.spawn(async move {
        client.send("[2]").await.unwrap();
        assert_eq!(client.recv().await.unwrap().unwrap(), "[3]");
        client.close().await.unwrap();
    });
    tasks.spawn(async move {
        assert_eq!(router.recv().await.unwrap().unwrap(), "[1]");
        assert_eq!(router.recv().await.unwrap().unwrap(), "[2]");
        router.send("[3]").await.unwrap();
        assert_eq!(router.recv().await.unwrap(), None);
        router.close().await.unwrap();
    });
    tasks.finish();
}
