//! Who waits for room takes its turn.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::pipe::{Habits, lock, pair};
use super::tasks::{Tasks, pause, taken};
use super::{Tx, full, message, narrow};
use crate::support::frame;

/// Sends many small messages.
async fn chatter(tx: Tx, who: u8) {
    for at in 0..200 {
        tx.send(message(who, at, 3)).await.unwrap();
    }
    tx.flush().await.unwrap();
}

/// Both at once on one task, the second one always first.
async fn both(first: impl Future<Output = ()>, second: impl Future<Output = ()>) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let mut done = [false; 2];
    poll_fn(|cx| {
        done[1] = done[1] || second.as_mut().poll(cx).is_ready();
        done[0] = done[0] || first.as_mut().poll(cx).is_ready();
        if done == [true; 2] {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

#[test]
fn a_large_message_is_not_overtaken_for_ever() {
    for habits in Habits::ALL {
        for seed in 0..10 {
            for together in [false, true] {
                let ends = pair(habits, narrow());
                let mut tasks = Tasks::new(seed);
                let (tx, _rx) = ends.client.split();
                // More than the mark: it needs an empty queue.
                let large = message(9, 0, 100);
                let other = tx.clone();
                let send = async move {
                    for _ in 0..5 {
                        pause().await;
                    }
                    other.send(large).await.unwrap();
                };
                if together {
                    tasks.spawn(both(send, chatter(tx.clone(), 0)));
                } else {
                    tasks.spawn(send);
                    tasks.spawn(chatter(tx.clone(), 0));
                }
                for who in 1..4 {
                    tasks.spawn(chatter(tx.clone(), who));
                }
                let mut peer = ends.router.split().1;
                let place = tasks.spawn(async move {
                    let mut place = None;
                    for at in 0..801 {
                        let message = peer.recv().await.unwrap().unwrap();
                        if message[0] == 9 {
                            place = Some(at);
                        }
                    }
                    place
                });
                tasks.run();
                let place = taken(&place).expect("it came");
                assert!(place < 150, "{place} came before it: {habits:?} {seed}");
            }
        }
    }
}

#[test]
fn a_future_that_its_task_neglects_is_passed_by_that_task() {
    for habits in Habits::ALL {
        let ends = pair(habits, narrow());
        let (tx, _rx) = ends.client.split();
        full(&tx);
        let mut tasks = Tasks::new(3);
        tasks.spawn(async move {
            // As an arm of a `select!` does whose handler sends.
            let mut neglected = pin!(tx.send(message(1, 0, 30)));
            let mut second = pin!(tx.send(message(1, 1, 90)));
            poll_fn(|cx| {
                assert!(neglected.as_mut().poll(cx).is_pending());
                assert!(second.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            for at in 2..30 {
                tx.send(message(1, at, 50)).await.unwrap();
            }
            neglected.await.unwrap();
            second.await.unwrap();
            tx.flush().await.unwrap();
        });
        tasks.run();
        let mut peer = ends.router;
        let got = tasks.spawn(async move {
            let mut got = Vec::new();
            while got.len() < 30 {
                let message = peer.recv().await.unwrap().unwrap();
                if message.first() == Some(&1) {
                    got.push(message[1]);
                }
            }
            got
        });
        tasks.finish();
        let mut expected: Vec<u8> = (2..30).collect();
        expected.extend([0, 1]);
        assert_eq!(taken(&got), expected);
    }
}

#[test]
fn a_sender_that_gives_up_lets_the_next_one_on() {
    for habits in Habits::ALL {
        let ends = pair(habits, narrow());
        let (tx, _rx) = ends.client.split();
        full(&tx);
        let mut tasks = Tasks::new(3);
        let mut first = Box::pin(tx.send(message(1, 0, 100)));
        let mut cx = Context::from_waker(Waker::noop());
        if !habits.threads {
            assert!(first.as_mut().poll(&mut cx).is_pending());
        }
        let other = tx.clone();
        let sent = tasks.spawn(async move {
            other.send(message(1, 1, 3)).await?;
            other.flush().await
        });
        tasks.run();
        // There is room for the second, but the first one's turn.
        lock(&ends.up).take();
        tasks.run();
        drop(first);
        for _ in 0..20 {
            lock(&ends.up).take();
            tasks.run();
        }
        taken(&sent).unwrap();
        let last = frame(0, &message(1, 1, 3));
        assert!(lock(&ends.up).log.ends_with(&last));
    }
}

#[test]
fn who_waits_for_room_is_woken_by_whoever_makes_it() {
    for habits in Habits::ALL {
        let ends = pair(habits, narrow());
        let (tx, mut rx) = ends.client.split();
        full(&tx);
        let mut tasks = Tasks::new(3);
        let sent = tasks.spawn(async move { tx.send(message(1, 0, 50)).await });
        tasks.run();
        assert!(sent.borrow().is_none());
        // The sender has not heard of the room yet when the receiver uses it.
        lock(&ends.up).drain();
        tasks.spawn(async move { rx.recv().await });
        tasks.run();
        taken(&sent).unwrap();
        tasks.abort();
    }
}

#[test]
fn who_waits_does_not_keep_the_others_awake() {
    let ends = pair(Habits::PLAIN, narrow());
    let (tx, mut rx) = ends.client.split();
    full(&tx);
    let mut tasks = Tasks::new(3);
    for who in 0..100 {
        let tx = tx.clone();
        tasks.spawn(async move { tx.send(message(who, 0, 3)).await });
    }
    tasks.spawn(async move { rx.recv().await });
    tasks.run();
    assert!(tasks.polls <= 110, "{} polls to fall asleep", tasks.polls);
    let before = tasks.polls;
    lock(&ends.down).put(&frame(1, b"ping"));
    tasks.run();
    assert!(tasks.polls - before <= 6, "a PING wakes who drives");
    let before = tasks.polls;
    for _ in 0..100 {
        lock(&ends.up).take();
        tasks.run();
    }
    let polls = tasks.polls - before;
    assert!(polls < 1_000, "{polls} polls for 100 messages");
    tasks.abort();
}
