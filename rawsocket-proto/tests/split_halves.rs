//! The halves of a connection: nothing is lost, torn or overtaken, nobody sleeps for ever, and
//! nobody keeps the others awake.
#![cfg(feature = "driver")]

#[expect(
    clippy::allow_attributes,
    reason = "which of it is used differs from test to test"
)]
#[allow(dead_code, reason = "shared by several tests")]
mod support;

#[path = "split_halves/cancel.rs"]
mod cancel;
#[path = "split_halves/duties.rs"]
mod duties;
#[path = "split_halves/ends.rs"]
mod ends;
#[path = "split_halves/pipe.rs"]
mod pipe;
#[path = "split_halves/tasks.rs"]
mod tasks;
#[path = "split_halves/threads.rs"]
mod threads;
#[path = "split_halves/turns.rs"]
mod turns;

use std::pin::pin;
use std::task::{Context, Waker};

use support::filler;
use wamp_rawsocket_proto::connection::Config;
use wamp_rawsocket_proto::driver::{Receiver, Sender};

use pipe::{Alarm, End, Habits, pair};
use tasks::{Tasks, taken};

type Tx = Sender<End, Alarm>;
type Rx = Receiver<End, Alarm>;

/// A send queue of few octets.
fn narrow() -> Config {
    Config::new().water_marks(60, 20)
}

/// Fills the pipe and the queue to the last octet.
fn full(tx: &Tx) {
    let mut cx = Context::from_waker(Waker::noop());
    for len in [40, 0] {
        // However slow the pipe is, it is full after so many.
        for _ in 0..300 {
            let _ = pin!(tx.flush()).poll(&mut cx);
            let _ = tx.try_send(filler(len, 1));
        }
    }
}

/// Receives until the peer is finished.
async fn all(mut rx: Rx) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(message) = rx.recv().await.unwrap() {
        all.push(message.to_vec());
    }
    all
}

/// What sender number `who` sends as its `at`-th message.
fn message(who: u8, at: u8, len: usize) -> Vec<u8> {
    [&[who, at][..], &filler(len, usize::from(at))].concat()
}

/// The messages of one sender, of those that came.
fn of(who: u8, all: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let of = all.iter().filter(|message| message[0] == who);
    of.cloned().collect()
}

#[test]
fn two_floods_do_not_hold_each_other_up() {
    for habits in Habits::ALL {
        for seed in 0..5 {
            let ends = pair(habits, narrow());
            let mut tasks = Tasks::new(seed);
            let mut expected = Vec::new();
            let mut received = Vec::new();
            for (connection, who) in [(ends.client, 1), (ends.router, 2)] {
                let (tx, rx) = connection.split();
                let messages: Vec<_> = (0..100)
                    .map(|at| message(who, at, usize::from(at)))
                    .collect();
                expected.push(messages.clone());
                tasks.spawn(async move {
                    for message in messages {
                        tx.send(message).await.unwrap();
                    }
                    tx.flush().await.unwrap();
                });
                let slot = tasks.spawn(async move {
                    let mut rx: Rx = rx;
                    let mut got = Vec::new();
                    while got.len() < 100 {
                        got.push(rx.recv().await.unwrap().unwrap().to_vec());
                    }
                    (got, rx)
                });
                received.push(slot);
            }
            tasks.finish();
            assert_eq!(taken(&received[0]).0, expected[1]);
            assert_eq!(taken(&received[1]).0, expected[0]);
        }
    }
}

#[test]
fn many_senders_each_keep_their_order() {
    for habits in Habits::ALL {
        for seed in 0..5 {
            let ends = pair(habits, narrow());
            let mut tasks = Tasks::new(seed);
            let (tx, rx) = ends.client.split();
            let senders: Vec<_> = (0..8)
                .map(|who| {
                    let tx: Tx = tx.clone();
                    tasks.spawn(async move {
                        for at in 0..20 {
                            tx.send(message(who, at, usize::from(at) * 5))
                                .await
                                .unwrap();
                        }
                        tx.flush().await.unwrap();
                    })
                })
                .collect();
            let receiver = tasks.spawn(all(ends.router.split().1));
            tasks.run();
            for sender in senders {
                taken(&sender);
            }
            drop((tx, rx));
            tasks.finish();
            let got = taken(&receiver);
            for who in 0..8 {
                let expected: Vec<_> = (0..20)
                    .map(|at| message(who, at, usize::from(at) * 5))
                    .collect();
                assert_eq!(of(who, &got), expected);
            }
        }
    }
}

#[test]
fn halves_are_sent_and_shared_between_threads() {
    fn is_shared<T: Send + Sync>(_: &T) {}
    fn is_send<T: Send>(_: &T) {}
    let (tx, mut rx) = pair(Habits::PLAIN, Config::new()).client.split();
    is_shared(&tx);
    is_shared(&rx);
    is_send(&tx.send("[]"));
    is_send(&tx.flush());
    is_send(&tx.close());
    is_send(&rx.recv());
}
