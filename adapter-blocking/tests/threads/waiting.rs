//! What a thread waits for ends its sleep, and nothing else does.

use core::future::{Future, poll_fn};
use core::task::{Context, Poll, Waker};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Wake;
use std::thread;
use std::time::{Duration, Instant};

use rawsocket_proto::connection::Connection as Machine;
use rawsocket_proto::driver::{Pump, Timer, Transport};
use rawsocket_proto::wire::SerializerId;
use wamp_rawsocket_blocking::wamp_core::runtime::Runtime;
use wamp_rawsocket_blocking::{BlockingIo, Threads, rawsocket_proto};

use crate::support::{bounded, config, pair, raw_router};

/// Runs a task on a thread of its own, to its end.
fn run<R: Send + 'static>(task: impl Future<Output = R> + Send + 'static) -> R {
    let (done, result) = mpsc::channel();
    Threads::new().spawn(async move {
        let output = task.await;
        done.send(output).expect("somebody waits");
    });
    result.recv().expect("no panic")
}

/// The thread waits for octets that do not come, as a reader of them would.
struct Silence(Pump<Machine, BlockingIo<UnixStream>, <Threads as Runtime>::Timer>);

impl Silence {
    fn on(stream: UnixStream) -> Self {
        let timer = Threads::new().timer();
        let config = config().into();
        let machine = Machine::client(config, SerializerId::JSON, timer.now());
        let pump = Pump::new(machine, BlockingIo::new(stream), timer);
        Self(pump)
    }

    /// Ready once something came, be it the end.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_ready(cx).map(drop)
    }
}

fn deadline(after: Duration) -> impl Future<Output = ()> + Send {
    let mut timer = Threads::new().timer();
    let at = timer.now().saturating_add(after);
    poll_fn(move |cx| timer.poll_until(cx, at))
}

fn ready_if(ready: bool) -> Poll<()> {
    if ready {
        Poll::Ready(())
    } else {
        Poll::Pending
    }
}

#[test]
fn a_wake_reaches_a_thread_that_waits_for_a_socket() {
    bounded(|| {
        // Many, so that some come before the sleep, some during it, and some on the way.
        let (mut silence, _peers): (Vec<_>, Vec<_>) = (0..6)
            .map(|_| UnixStream::pair().expect("a pair"))
            .map(|(here, there)| (Silence::on(here), there))
            .unzip();
        let (hand, waker) = mpsc::channel::<Waker>();
        let woken = Arc::new(AtomicUsize::new(0));
        let count = woken.clone();
        let alarm = thread::spawn(move || {
            for waker in waker {
                count.fetch_add(1, Ordering::Relaxed);
                waker.wake();
            }
        });
        run(async move {
            for round in 1..=5000 {
                hand.send(poll_fn(|cx| Poll::Ready(cx.waker().clone())).await)
                    .expect("somebody wakes");
                // With no descriptor, with few, and with many.
                let sockets = silence.iter_mut().take(round % 7);
                let mut sockets: Vec<_> = sockets.collect();
                poll_fn(|cx| {
                    for socket in &mut sockets {
                        assert!(socket.poll(cx).is_pending());
                    }
                    ready_if(woken.load(Ordering::Relaxed) == round)
                })
                .await;
            }
        });
        alarm.join().expect("no panic");
        Ok(())
    });
}

/// Two threads that wake each other, both asleep in `poll(2)`.
#[test]
fn no_wake_is_lost_between_threads() {
    bounded(|| {
        struct Turn {
            number: usize,
            wakers: [Option<Waker>; 2],
        }
        let turn = Arc::new(Mutex::new(Turn {
            number: 0,
            wakers: [None, None],
        }));
        let (done, are_done) = mpsc::channel();
        let mut peers = Vec::new();
        for me in 0..2 {
            let (here, there) = UnixStream::pair()?;
            peers.push(there);
            let mut silence = Silence::on(here);
            let (turn, done) = (turn.clone(), done.clone());
            Threads::new().spawn(async move {
                poll_fn(|cx| {
                    assert!(silence.poll(cx).is_pending());
                    let mut turn = turn.lock().expect("no panic");
                    if turn.number >= 20_000 {
                        return Poll::Ready(());
                    }
                    turn.wakers[me] = Some(cx.waker().clone());
                    if turn.number % 2 == me {
                        turn.number += 1;
                        if let Some(other) = turn.wakers[1 - me].take() {
                            other.wake();
                        }
                    }
                    Poll::Pending
                })
                .await;
                let other = turn.lock().expect("no panic").wakers[1 - me].take();
                other.into_iter().for_each(Waker::wake);
                done.send(()).expect("somebody waits");
            });
        }
        for _ in 0..2 {
            are_done.recv().expect("no panic");
        }
        Ok(())
    });
}

/// A peer that is gone keeps its descriptor ready for ever. Who wants nothing of it sleeps.
#[test]
fn a_hangup_that_nobody_waits_for_does_not_spin() {
    bounded(|| {
        let (here, there) = UnixStream::pair()?;
        let mut silence = Silence::on(here);
        let polls = run(async move {
            let (mut polls, mut there) = (0_u32, Some(there));
            let mut late = Box::pin(deadline(Duration::from_millis(100)));
            poll_fn(|cx| {
                polls += 1;
                if let Some(there) = there.take() {
                    assert!(silence.poll(cx).is_pending());
                    drop(there);
                }
                late.as_mut().poll(cx)
            })
            .await;
            polls
        });
        // The first, the one that the hangup brings, the last; and one to spare for the clock.
        assert!(polls <= 4, "{polls} polls");
        Ok(())
    });
}

#[test]
fn a_deadline_alone_is_slept_through() {
    bounded(|| {
        let polls = run(async {
            let mut polls = 0_u32;
            let mut late = Box::pin(deadline(Duration::from_millis(50)));
            poll_fn(|cx| {
                polls += 1;
                late.as_mut().poll(cx)
            })
            .await;
            polls
        });
        assert!(polls <= 3, "{polls} polls");
        Ok(())
    });
}

#[test]
fn the_first_of_several_deadlines_counts() {
    bounded(|| {
        let start = Instant::now();
        run(async {
            let far = Box::pin(deadline(Duration::from_secs(3600)));
            let near = Box::pin(deadline(Duration::from_millis(10)));
            let mut all: [Pin<Box<dyn Future<Output = ()> + Send>>; 2] = [near, far];
            poll_fn(|cx| {
                let ready = all.iter_mut().any(|one| one.as_mut().poll(cx).is_ready());
                ready_if(ready)
            })
            .await;
        });
        assert!(start.elapsed() >= Duration::from_millis(10));
        Ok(())
    });
}

/// A wait within a wait, on one thread: what the outer one waits for comes during the inner one.
#[test]
fn a_method_that_waits_within_a_task() {
    bounded(|| {
        let (mut near, mut far) = pair(UnixStream::pair()?)?;
        let (here, there) = UnixStream::pair()?;
        let mut silence = Silence::on(here);
        let (hand, waker) = mpsc::channel::<Waker>();
        let peer = thread::spawn(move || {
            let waker = waker.recv().expect("it waits");
            // Wakes the outer wait while the inner one goes on; nobody loses either.
            waker.wake();
            drop(there);
            far.send(&b"inner"[..])?;
            far.recv().map(drop)
        });
        let received = run(async move {
            let (mut received, mut silent) = (None, true);
            poll_fn(|cx| {
                if silent {
                    silent = silence.poll(cx).is_pending();
                }
                if received.is_none() {
                    hand.send(cx.waker().clone()).expect("somebody wakes");
                    received = near.recv().expect("no error");
                    near.send(&b"seen"[..]).expect("no error");
                    near.flush().expect("no error");
                }
                ready_if(!silent)
            })
            .await;
            received
        });
        assert_eq!(received.as_deref(), Some(&b"inner"[..]));
        peer.join().expect("no panic")
    });
}

/// The outer wait is woken in the inner one, and for nothing else.
#[test]
fn a_wake_within_a_wait_is_not_lost() {
    bounded(|| {
        for _ in 0..200 {
            let (mut near, mut far) = pair(UnixStream::pair()?)?;
            let (hand, waker) = mpsc::channel::<Waker>();
            let peer = thread::spawn(move || {
                waker.recv().expect("it waits").wake();
                far.send(&b"inner"[..])
            });
            let polls = run(async move {
                let mut polls = 0;
                poll_fn(|cx| {
                    polls += 1;
                    if polls > 1 {
                        return Poll::Ready(polls);
                    }
                    hand.send(cx.waker().clone()).expect("somebody wakes");
                    near.recv().expect("no error");
                    Poll::Pending
                })
                .await
            });
            assert_eq!(polls, 2);
            peer.join().expect("no panic")?;
        }
        Ok(())
    });
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_transport_that_others_poll_asks_again() {
    let (here, _there) = UnixStream::pair().expect("a pair");
    let mut silence = Silence::on(here);
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(count.clone());
    assert!(silence.poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(count.0.load(Ordering::Relaxed) > 0);
    assert!(silence.0.transport().is_write_vectored());
}

#[test]
fn recv_timeout_ends_and_loses_nothing() {
    bounded(|| {
        let (mut client, mut raw) = raw_router(UnixStream::pair()?)?;
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
fn no_time_at_all_is_enough_for_what_is_there() {
    bounded(|| {
        let (mut client, mut router) = pair(UnixStream::pair()?)?;
        for _ in 0..3 {
            // Each leaves the socket empty, which the next call must not take for granted.
            router.send(&b"[1]"[..])?;
            let received = client.recv_timeout(Duration::ZERO)?;
            assert_eq!(received, Poll::Ready(Some("[1]".into())));
        }
        assert_eq!(client.recv_timeout(Duration::ZERO)?, Poll::Pending);
        Ok(())
    });
}
