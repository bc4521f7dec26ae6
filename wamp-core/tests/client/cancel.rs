//! Futures that are dropped after any number of polls, over lines that give one octet at a time:
//! the session goes on, the router keeps nothing, and the wire sees whole frames only.

use core::future::Future;
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rawsocket_proto::connection::Config;
use wamp_rawsocket_core::Dict;
use wamp_rawsocket_core::client::{Invocation, Join, Session, SessionState};
use wamp_rawsocket_core::message::CancelMode;
use wamp_rawsocket_core::runtime::Runtime as _;
use wamp_rawsocket_core::server::Router;

use crate::sim::{Side, Sim, few_polls, frames, yield_now};
use crate::world::{PROCEDURE, TOPIC, emptied, join, listening, realm, router};

/// What an operation finds.
struct Stage {
    sim: Sim,
    session: Session,
    callee: Session,
    polls: usize,
}

/// Does something in two sessions of a router, dropping it after so many polls, for every number
/// until it is done. `act` says whether it was.
fn at_each_poll<F: Future<Output = bool>>(act: impl Fn(Stage) -> F) {
    at_each_poll_of(realm, act);
}

/// The same in sessions that queue one message at a time.
fn at_each_poll_without_room<F: Future<Output = bool>>(act: impl Fn(Stage) -> F) {
    let narrow = |sim: &Sim| {
        let marks = Config::new().water_marks(1, 1);
        realm(sim).connection(marks).max_queued(1)
    };
    at_each_poll_of(narrow, act);
}

fn at_each_poll_of<F: Future<Output = bool>>(
    realm: impl Fn(&Sim) -> Join<Sim>,
    act: impl Fn(Stage) -> F,
) {
    for polls in 1.. {
        let done = Sim::test(polls as u64, async |sim| {
            let router = listening(&sim);
            sim.slow();
            let session = realm(&sim).connect(&Sim::endpoint()).await.unwrap();
            let line = sim.line();
            let callee = realm(&sim).connect(&Sim::endpoint()).await.unwrap();
            callee.register(PROCEDURE, answer).await.unwrap();
            let stage = Stage {
                sim: sim.clone(),
                session: session.clone(),
                callee: callee.clone(),
                polls,
            };
            let done = act(stage).await;
            sim.sleep(Duration::from_secs(60)).await;
            usable(&sim, &session, &router).await;
            drop((session, callee));
            gone(&sim, &router).await;
            for side in [Side::Client, Side::Router] {
                frames(&line.record(side));
            }
            done
        });
        if done {
            assert!(polls > 1, "it waits for something");
            return;
        }
        assert!(polls < 10_000, "it is never done");
    }
}

async fn answer(invocation: Invocation) -> Result<(i64,), wamp_rawsocket_core::client::WampError> {
    let (number,): (i64,) = invocation.args()?;
    for part in 0..number {
        invocation.progress(&(part,)).await.ok();
        yield_now().await;
    }
    Ok((number,))
}

/// The session does all that it should, and the router has nothing of it but what it has.
async fn usable(sim: &Sim, session: &Session, router: &Router<Sim>) {
    let stats = router.stats();
    assert_eq!((stats.transports, stats.sessions), (2, 2));
    assert_eq!(
        (stats.subscribers, stats.subscriptions),
        (0, 0),
        "a subscription is left"
    );
    assert!((1..=2).contains(&stats.registrations));
    assert_eq!(stats.pending_calls, 0);
    let mut subscription = session.subscribe("com.example.last").await.unwrap();
    let everybody = Dict::new()
        .with("exclude_me", false)
        .with("acknowledge", true);
    let published = session
        .publish_with("com.example.last", &everybody, &(7,))
        .await;
    assert!(published.unwrap().is_some());
    assert_eq!(
        subscription.recv().await.unwrap().args::<(i64,)>().unwrap(),
        (7,)
    );
    let result = session.call(PROCEDURE, &(3,)).await.unwrap();
    assert_eq!(result.args::<(i64,)>().unwrap(), (3,));
    drop(subscription);
    sim.sleep(Duration::from_secs(1)).await;
    assert_eq!(router.stats().subscribers, 0);
}

/// Nothing is left but the router's own two tasks.
async fn gone(sim: &Sim, router: &Router<Sim>) {
    emptied(sim, router).await;
    sim.sleep(Duration::from_secs(60)).await;
    assert!(sim.count() <= 2, "tasks are left");
    assert_eq!(router.stats().protocol_violations, 0);
}

#[test]
fn connect() {
    let mut polls = 1;
    loop {
        let done = Sim::test(polls as u64, async |sim| {
            let router = listening(&sim);
            sim.slow();
            let endpoint = Sim::endpoint();
            let session = few_polls(polls, realm(&sim).connect(&endpoint)).await;
            let done = session.is_some();
            drop(session);
            gone(&sim, &router).await;
            done
        });
        if done {
            break;
        }
        polls += 1;
    }
    assert!(polls > 10);
}

#[test]
fn join_on_a_stream() {
    let mut polls = 1;
    loop {
        let done = Sim::test(polls as u64, async |sim| {
            let router = router(&sim);
            sim.slow();
            let (here, there) = sim.open();
            sim.spawn(router.serve_connection(there));
            let session = few_polls(polls, realm(&sim).on(here)).await;
            let done = session.is_some();
            drop(session);
            gone(&sim, &router).await;
            done
        });
        if done {
            break;
        }
        polls += 1;
    }
    assert!(polls > 10);
}

#[test]
fn subscribe() {
    at_each_poll(async |stage| {
        few_polls(stage.polls, stage.session.subscribe(TOPIC))
            .await
            .is_some()
    });
}

#[test]
fn unsubscribe_and_recv() {
    at_each_poll(async |stage| {
        let mut subscription = stage.session.subscribe(TOPIC).await.unwrap();
        assert!(few_polls(stage.polls, subscription.recv()).await.is_none());
        stage.callee.publish(TOPIC, &(1,)).await.unwrap();
        let received = few_polls(stage.polls, subscription.recv()).await;
        let done = few_polls(stage.polls, subscription.unsubscribe()).await;
        done.is_some() && received.is_some()
    });
}

#[test]
fn unsubscribe_with_a_handler() {
    at_each_poll(async |stage| {
        let subscription = stage.session.subscribe(TOPIC).await.unwrap();
        let sim = stage.sim.clone();
        let handled = subscription.handle(move |_| {
            let sim = sim.clone();
            async move { sim.sleep(Duration::from_secs(3600)).await }
        });
        stage
            .callee
            .publish_acknowledged(TOPIC, &(1,))
            .await
            .unwrap();
        few_polls(stage.polls, handled.unsubscribe())
            .await
            .is_some()
    });
}

#[test]
fn publish() {
    at_each_poll(async |stage| {
        let published = stage.session.publish_acknowledged(TOPIC, &(1,));
        few_polls(stage.polls, published).await.is_some()
    });
}

#[test]
fn call() {
    at_each_poll(async |stage| {
        let called = few_polls(stage.polls, stage.session.call(PROCEDURE, &(2,))).await;
        called.is_some()
    });
}

/// A message that fills the queue.
async fn fill(session: &Session) {
    session.publish(TOPIC, &("x".repeat(100),)).await.unwrap();
}

#[test]
fn publish_without_room() {
    at_each_poll_without_room(async |stage| {
        fill(&stage.session).await;
        few_polls(stage.polls, stage.session.publish(TOPIC, &(1,)))
            .await
            .is_some()
    });
}

#[test]
fn start_call_without_room() {
    at_each_poll_without_room(async |stage| {
        fill(&stage.session).await;
        let plain = Dict::new();
        let call = stage.session.start_call(PROCEDURE, &plain, &(2,));
        few_polls(stage.polls, call).await.is_some()
    });
}

#[test]
fn cancel_without_room() {
    at_each_poll_without_room(async |stage| {
        let plain = Dict::new();
        let call = stage.session.start_call(PROCEDURE, &plain, &(9,)).await;
        let call = call.unwrap();
        fill(&stage.session).await;
        // It may be over before there is room.
        few_polls(stage.polls, call.cancel(CancelMode::Kill))
            .await
            .is_some()
    });
}

#[test]
fn progress_of_an_invocation_without_room() {
    at_each_poll_without_room(async |stage| {
        let (polls, done) = (stage.polls, Arc::new(AtomicBool::new(false)));
        let inner = done.clone();
        let handler = move |invocation: Invocation| {
            let done = inner.clone();
            async move {
                let text = ("x".repeat(100),);
                invocation.progress(&text).await.unwrap();
                let dropped = few_polls(polls, invocation.progress(&text)).await;
                done.store(dropped.is_some(), Ordering::Relaxed);
                Ok((7,))
            }
        };
        let name = "com.example.progress";
        let registration = stage.callee.register(name, handler).await.unwrap();
        let wanted = Dict::new().with("receive_progress", true);
        let mut call = stage.session.start_call(name, &wanted, &()).await.unwrap();
        let mut count = 0;
        while call.progress().await.is_some() {
            count += 1;
        }
        let done = done.load(Ordering::Relaxed);
        assert_eq!(count, 1 + usize::from(done), "all or nothing");
        let (result,): (i64,) = call.result().await.unwrap().args().unwrap();
        assert_eq!(result, 7);
        registration.unregister().await.unwrap();
        done
    });
}

#[test]
fn states() {
    at_each_poll(async |stage| {
        let mut states = stage.session.states();
        assert!(states.next().await.is_some());
        assert!(few_polls(stage.polls, states.next()).await.is_none());
        let other = realm(&stage.sim).connect(&Sim::endpoint()).await.unwrap();
        let mut states = other.states();
        assert!(states.next().await.is_some());
        let leave = async { drop(other.leave().await) };
        let next = few_polls(stage.polls, states.next());
        let (next, ()) = futures_util::future::join(next, leave).await;
        let done = next.is_some();
        // What was not seen then is seen now.
        let last = match next {
            Some(last) => last,
            None => states.next().await,
        };
        assert!(matches!(last, Some(SessionState::Ended(_))));
        assert!(states.next().await.is_none());
        done
    });
}

#[test]
fn progress_and_result() {
    at_each_poll(async |stage| {
        let progress = Dict::new().with("receive_progress", true);
        let call = stage.session.start_call(PROCEDURE, &progress, &(2,)).await;
        let mut call = call.unwrap();
        let some = few_polls(stage.polls, call.progress()).await;
        few_polls(stage.polls, call.result()).await.is_some() && some.is_some()
    });
}

#[test]
fn cancel() {
    at_each_poll(async |stage| {
        let call = stage
            .session
            .start_call(PROCEDURE, &Dict::new(), &(9,))
            .await;
        let call = call.unwrap();
        few_polls(stage.polls, call.cancel(CancelMode::Kill))
            .await
            .unwrap()
            .unwrap();
        few_polls(stage.polls, call.result()).await.is_some()
    });
}

#[test]
fn register_and_unregister() {
    at_each_poll(async |stage| {
        let other = stage.session.fail_fast();
        let register = other.register("com.example.other", answer);
        let Some(registration) = few_polls(stage.polls, register).await else {
            // It is registered or not, and stays so.
            stage.sim.sleep(Duration::from_secs(10)).await;
            let again = other.register("com.example.other", answer).await;
            if let Ok(registration) = again {
                registration.unregister().await.unwrap();
            } else {
                let called = stage.callee.call("com.example.other", &(1,)).await;
                assert_eq!(called.unwrap().args::<(i64,)>().unwrap(), (1,));
            }
            return false;
        };
        let registration = registration.unwrap();
        let mut done = false;
        if few_polls(stage.polls, registration.unregister())
            .await
            .is_some()
        {
            done = true;
        }
        stage.sim.sleep(Duration::from_secs(10)).await;
        if registration.id().is_some() {
            registration.unregister().await.unwrap();
        }
        done
    });
}

#[test]
fn leave_and_closed() {
    let mut done = false;
    for polls in 1..300 {
        done = Sim::test(polls as u64, async |sim| {
            let router = listening(&sim);
            sim.slow();
            let session = join(&sim).await;
            let line = sim.line();
            assert!(few_polls(polls, session.closed()).await.is_none());
            let left = few_polls(polls, session.leave()).await;
            // It leaves all the same.
            gone(&sim, &router).await;
            let sent = frames(&line.record(Side::Client));
            assert_eq!(sent.len(), 2, "HELLO, GOODBYE");
            session.closed().await;
            left.is_some()
        });
        if done {
            break;
        }
    }
    assert!(done);
}

#[test]
fn shut_down() {
    let mut done = false;
    for polls in 1..600 {
        done = Sim::test(polls as u64, async |sim| {
            let router = listening(&sim);
            sim.slow();
            let session = join(&sim).await;
            let line = sim.line();
            let down = few_polls(polls, router.shut_down(Duration::from_secs(60))).await;
            emptied(&sim, &router).await;
            frames(&line.record(Side::Router));
            session.closed().await;
            sim.sleep(Duration::from_secs(60)).await;
            assert_eq!(
                sim.count(),
                1,
                "serving is over, and only the clock goes on"
            );
            drop(session);
            drop(router);
            sim.settle().await;
            assert_eq!(sim.count(), 0);
            down.is_some()
        });
        if done {
            break;
        }
    }
    assert!(done);
}

#[test]
fn serve_connection() {
    for polls in 1..400 {
        Sim::test(polls as u64, async |sim| {
            let router = router(&sim);
            sim.slow();
            let (here, there) = sim.open();
            let join = realm(&sim).on(here);
            let serve = few_polls(polls, router.serve_connection(there));
            let (joined, _) = futures_util::future::join(join, serve).await;
            if let Ok(session) = joined {
                session.closed().await;
            }
            emptied(&sim, &router).await;
        });
    }
}
