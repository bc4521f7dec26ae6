//! What a half that waits does for the connection, whatever it waits for itself.

use std::num::NonZeroU8;
use std::time::Duration;

use wamp_rawsocket_proto::connection::Config;

use super::pipe::{Habits, Pair, lock, pair};
use super::tasks::Tasks;
use super::{Tx, narrow};
use crate::support::{filler, frame, parse};

/// What the client sent, by kind.
fn sent(ends: &Pair, kind: u8) -> Vec<Vec<u8>> {
    let (frames, _) = parse(&lock(&ends.up).log);
    let of_kind = frames.into_iter().filter(|frame| frame.0 == kind);
    of_kind.map(|frame| frame.1).collect()
}

/// The same with the pair's client taken out of it.
fn parted(habits: Habits, config: Config) -> (Tx, super::Rx, Pair) {
    let other = pair(habits, Config::new());
    let mut ends = pair(habits, config);
    let client = std::mem::replace(&mut ends.client, other.client);
    let (tx, rx) = client.split();
    (tx, rx, ends)
}

/// Runs until nothing changes, while the peer takes all that comes.
fn take_all(tasks: &mut Tasks, ends: &Pair) {
    for _ in 0..2_000 {
        tasks.run();
        if lock(&ends.up).take().is_empty() {
            return;
        }
    }
    panic!("it never ends");
}

#[test]
fn whoever_waits_answers_pings() {
    for habits in Habits::ALL {
        for way in 0..3 {
            let (tx, _rx, ends) = parted(habits, narrow());
            let mut tasks = Tasks::new(way);
            tasks.spawn(async move {
                for _ in 0..3 {
                    tx.send(filler(100, 1)).await.unwrap();
                }
                match way {
                    0 => tx.send(filler(100, 1)).await.unwrap(),
                    1 => tx.ready(100).await.unwrap(),
                    _ => tx.flush().await.unwrap(),
                }
            });
            tasks.run();
            lock(&ends.down).put(&frame(1, b"here?"));
            take_all(&mut tasks, &ends);
            assert_eq!(sent(&ends, 2), [b"here?"], "{habits:?} {way}");
            assert!(sent(&ends, 0).len() >= 3);
        }
    }
}

#[test]
fn who_waits_for_room_reads_on_once_the_message_in_the_way_is_received() {
    for habits in Habits::ALL {
        let (tx, mut rx, ends) = parted(habits, narrow());
        let mut tasks = Tasks::new(1);
        tasks.spawn(async move {
            for _ in 0..5 {
                tx.send(filler(100, 1)).await.unwrap();
            }
        });
        tasks.run();
        lock(&ends.down).put(&[frame(0, b"[1]"), frame(0, b"[2]"), frame(1, b"?")].concat());
        tasks.run();
        assert_eq!(sent(&ends, 2).len(), 0, "it is behind a message");
        // The receiver takes both and looks after other things.
        tasks.spawn(async move {
            assert_eq!(rx.recv().await.unwrap().unwrap(), "[1]");
            assert_eq!(rx.recv().await.unwrap().unwrap(), "[2]");
            std::future::pending::<()>().await;
            drop(rx);
        });
        tasks.run();
        for _ in 0..3 {
            lock(&ends.up).take();
            tasks.run();
        }
        // The second comes while the receiver does not wait.
        lock(&ends.down).put(&frame(1, b"!"));
        take_all(&mut tasks, &ends);
        let pongs = sent(&ends, 2);
        assert_eq!(pongs.first().map(Vec::as_slice), Some(&b"?"[..]));
        tasks.abort();
    }
}

#[test]
fn who_receives_writes_what_others_queued() {
    for habits in Habits::ALL {
        let (tx, mut rx, ends) = parted(habits, Config::new());
        let mut tasks = Tasks::new(1);
        tasks.spawn(async move { rx.recv().await });
        tasks.run();
        // Nobody awaits but the receiver.
        tx.try_send(filler(10, 1)).unwrap();
        take_all(&mut tasks, &ends);
        assert_eq!(sent(&ends, 0), [filler(10, 1)]);
        // More than the pipe holds: the rest is the receiver's to write.
        let other = tx.clone();
        let done = tasks.spawn(async move { other.send(filler(500, 2)).await.unwrap() });
        tasks.run();
        super::taken(&done);
        take_all(&mut tasks, &ends);
        assert_eq!(sent(&ends, 0)[1..], [filler(500, 2)]);
        tasks.abort();
    }
}

#[test]
fn whoever_waits_sends_heartbeats() {
    for habits in Habits::ALL {
        for receives in [true, false] {
            let beat = narrow().heartbeat_interval(Some(Duration::from_secs(1)));
            let (tx, mut rx, ends) = parted(habits, beat.max_pings(NonZeroU8::MIN));
            let mut tasks = Tasks::new(1);
            if receives {
                tasks.spawn(async move { rx.recv().await });
                tasks.run();
                drop(tx);
            } else {
                let sent = tasks.spawn(async move {
                    loop {
                        if let Err(error) = tx.send(filler(40, 1)).await {
                            return error;
                        }
                    }
                });
                tasks.run();
                assert!(sent.borrow().is_none());
            }
            for beats in 1..5 {
                // There is room for the PING and little else.
                lock(&ends.up).take();
                tasks.run();
                ends.clock.pass(1_000);
                tasks.run();
                lock(&ends.up).take();
                tasks.run();
                let pings = sent(&ends, 1);
                assert_eq!(pings.len(), beats, "{habits:?} {receives}");
                lock(&ends.down).put(&frame(2, pings.last().unwrap()));
                tasks.run();
            }
            tasks.abort();
        }
    }
}

#[test]
fn a_deadline_that_comes_nearer_is_kept_by_who_sleeps_already() {
    for habits in Habits::ALL {
        let config = Config::new().close_timeout(Duration::from_secs(3));
        let (tx, mut rx, ends) = parted(habits, config);
        let mut tasks = Tasks::new(1);
        let end = tasks.spawn(async move { rx.recv().await.unwrap() });
        tasks.run();
        // The close is begun, and nobody waits for it but the receiver.
        let began = tasks.spawn(async move { super::tasks::within(1, tx.close()).await.is_none() });
        tasks.run();
        assert!(super::taken(&began));
        assert!(end.borrow().is_none(), "the peer does not close");
        ends.clock.pass(3_000);
        tasks.run();
        assert_eq!(super::taken(&end), None);
    }
}
