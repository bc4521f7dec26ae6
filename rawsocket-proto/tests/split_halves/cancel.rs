//! Futures that are dropped after any number of polls.

use std::pin::pin;
use std::sync::Arc;
use std::task::Context;

use proptest::prelude::*;
use wamp_rawsocket_proto::connection::SendErrorReason;

use super::pipe::{Habits, lock, pair};
use super::tasks::{Tasks, pause, taken, within};
use super::{Rx, Tx, all, full, message, narrow, of};
use crate::support::script::Woken;
use crate::support::{filler, frame};

/// Sends with futures that are dropped after so many polls, and loses nothing.
async fn send(tx: &Tx, polls: usize, message: &[u8]) {
    let mut message = message.to_vec();
    loop {
        while within(polls, tx.ready(message.len())).await.is_none() {}
        match tx.try_send(message) {
            Ok(()) => return,
            Err(refused) => {
                assert_eq!(refused.reason, SendErrorReason::Full);
                message = refused.message.to_vec();
            }
        }
        pause().await;
    }
}

#[test]
fn the_peer_sees_the_same_octets() {
    let messages: Vec<_> = (0..20).map(|at| message(7, at, usize::from(at))).collect();
    let expected: Vec<u8> = messages.iter().flat_map(|m| frame(0, m)).collect();
    for habits in Habits::ALL {
        for polls in 1..40 {
            let ends = pair(habits, narrow());
            let mut tasks = Tasks::new(polls as u64);
            let (tx, mut rx) = ends.client.split();
            let (up, down) = (messages.clone(), messages.clone());
            tasks.spawn(async move {
                for message in up {
                    send(&tx, polls, &message).await;
                    if message.len() % 3 == 0 {
                        while within(polls, tx.flush()).await.is_none() {}
                    }
                }
                while within(polls, tx.flush()).await.is_none() {}
            });
            let here = tasks.spawn(async move {
                let mut got = Vec::new();
                while got.len() < 20 {
                    if let Some(message) = within(polls, rx.recv()).await {
                        got.push(message.unwrap().unwrap().to_vec());
                    }
                }
                (got, rx)
            });
            let (peer, mut peer_rx) = ends.router.split();
            tasks.spawn(async move {
                for message in down {
                    peer.send(message).await.unwrap();
                }
                peer.flush().await.unwrap();
            });
            let there = tasks.spawn(async move {
                let mut got = Vec::new();
                while got.len() < 20 {
                    got.push(peer_rx.recv().await.unwrap().unwrap().to_vec());
                }
                (got, peer_rx)
            });
            tasks.finish();
            assert_eq!(taken(&here).0, messages, "{habits:?} {polls}");
            assert_eq!(taken(&there).0, messages);
            assert!(lock(&ends.up).log == expected, "{habits:?} {polls}");
        }
    }
}

#[test]
fn a_close_is_dropped_and_called_again() {
    for habits in Habits::ALL {
        for polls in 1..20 {
            let ends = pair(habits, narrow());
            let mut tasks = Tasks::new(polls as u64);
            let (tx, mut rx) = ends.client.split();
            let closed = tasks.spawn(async move {
                tx.send(filler(50, 1)).await.unwrap();
                loop {
                    if let Some(result) = within(polls, tx.close()).await {
                        return result.is_ok();
                    }
                }
            });
            let end = tasks.spawn(async move { rx.recv().await.unwrap() });
            let peer = tasks.spawn(all(ends.router.split().1));
            tasks.finish();
            assert!(taken(&closed));
            assert_eq!(taken(&end), None);
            assert_eq!(taken(&peer), [filler(50, 1)]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// What was sent comes, in order; what was dropped before does not.
    #[test]
    fn a_send_is_done_or_never_was(
        seed: u64,
        habit in 0..Habits::ALL.len(),
        senders in prop::collection::vec(
            prop::collection::vec((0_usize..70, 1_usize..20), 0..12), 1..5),
        receiver in 1_usize..10,
        flusher in 1_usize..10,
    ) {
        let ends = pair(Habits::ALL[habit], narrow());
        let mut tasks = Tasks::new(seed);
        let (tx, rx) = ends.client.split();
        let sent: Vec<_> = (0..).zip(senders).map(|(who, plan)| {
            let tx: Tx = tx.clone();
            tasks.spawn(async move {
                let mut sent = Vec::new();
                for (at, (len, polls)) in (0..).zip(plan) {
                    let message = message(who, at, len);
                    if within(polls, tx.send(message.clone())).await.is_some() {
                        sent.push(message);
                    }
                }
                sent
            })
        }).collect();
        let other = tx.clone();
        tasks.spawn(async move {
            for _ in 0..5 {
                within(flusher, other.flush()).await;
            }
        });
        let mut peer: Rx = ends.router.split().1;
        let got = tasks.spawn(async move {
            let mut got = Vec::new();
            loop {
                match within(receiver, peer.recv()).await {
                    Some(Ok(Some(message))) => got.push(message.to_vec()),
                    Some(end) => {
                        end.unwrap();
                        return got;
                    }
                    // Asleep until there is something: not to be woken by itself alone.
                    None => pause().await,
                }
                if got.last().is_some_and(|last| last == b"end") {
                    return got;
                }
            }
        });
        let sent_all = tasks.spawn(async move {
            // Behind all others, whenever they are done.
            for _ in 0..3_000 {
                pause().await;
            }
            tx.send("end").await.unwrap();
            tx.flush().await.unwrap();
            (tx, rx)
        });
        tasks.finish();
        taken(&sent_all);
        let got = taken(&got);
        for (who, sent) in (0..).zip(sent) {
            prop_assert_eq!(of(who, &got), taken(&sent));
        }
    }
}

#[test]
fn futures_that_are_dropped_leave_no_trace() {
    let ends = pair(Habits::PLAIN, narrow());
    let (tx, mut rx) = ends.client.split();
    full(&tx);
    let (woken, waker) = Woken::waker();
    let mut cx = Context::from_waker(&waker);
    let held = Arc::strong_count(&woken);
    {
        let mut waits = pin!(tx.send(filler(50, 1)));
        let mut others = [
            Box::pin(tx.send(filler(50, 2))),
            Box::pin(tx.send(filler(9, 2))),
        ];
        let mut flush = pin!(tx.flush());
        let mut recv = pin!(rx.recv());
        for _ in 0..10 {
            assert!(waits.as_mut().poll(&mut cx).is_pending());
            assert!(flush.as_mut().poll(&mut cx).is_pending());
            assert!(recv.as_mut().poll(&mut cx).is_pending());
            for other in &mut others {
                assert!(other.as_mut().poll(&mut cx).is_pending());
            }
        }
        assert_eq!(Arc::strong_count(&woken), held + 5, "one for each");
    }
    assert_eq!(Arc::strong_count(&woken), held);
    for _ in 0..10_000 {
        assert!(pin!(tx.send("x")).poll(&mut cx).is_pending());
        assert!(pin!(tx.ready(1)).poll(&mut cx).is_pending());
        assert!(pin!(tx.flush()).poll(&mut cx).is_pending());
        assert!(pin!(rx.recv()).poll(&mut cx).is_pending());
    }
    assert_eq!(Arc::strong_count(&woken), held);
    assert_eq!(woken.times(), 0, "nothing happened");
}
