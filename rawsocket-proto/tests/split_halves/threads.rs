//! Halves on threads of their own.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::pipe::{Habits, pair};
use super::{Rx, message, narrow, of};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls on this thread, which sleeps meanwhile; too long a sleep is a lost wake.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let limit = Instant::now() + Duration::from_secs(20);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut cx) {
            return result;
        }
        thread::park_timeout(Duration::from_secs(20));
        assert!(Instant::now() < limit, "it sleeps for ever");
    }
}

#[test]
fn two_floods_on_eight_threads() {
    const EACH: u8 = 250;
    for habits in [
        Habits::PLAIN,
        Habits {
            step: 7,
            hesitates: true,
            ..Habits::PLAIN
        },
    ] {
        let ends = pair(habits, narrow());
        thread::scope(|scope| {
            for connection in [ends.client, ends.router] {
                let (tx, rx) = connection.split();
                for who in 0..3 {
                    let tx = tx.clone();
                    scope.spawn(move || {
                        for at in 0..EACH {
                            block_on(tx.send(message(who, at, usize::from(at)))).unwrap();
                        }
                        block_on(tx.flush()).unwrap();
                    });
                }
                scope.spawn(move || {
                    let mut rx: Rx = rx;
                    let mut got = Vec::new();
                    while got.len() < 3 * usize::from(EACH) {
                        got.push(block_on(rx.recv()).unwrap().unwrap().to_vec());
                    }
                    for who in 0..3 {
                        let of = of(who, &got);
                        assert!(of.iter().map(|message| message[1]).eq(0..EACH));
                    }
                });
                drop(tx);
            }
        });
    }
}
