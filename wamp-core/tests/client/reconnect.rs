//! Sessions that come back, wherever their connection died.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::join as both;
use rawsocket_proto::connection::Config;
use wamp_rawsocket_core::client::{
    End, Invocation, Join, Reconnect, Session, SessionError, SessionState, States,
};
use wamp_rawsocket_core::runtime::Runtime as _;
use wamp_rawsocket_core::{Dict, uris};

use crate::sim::{Fault, Plan, Side, Sim};
use crate::world::{
    PROCEDURE, TOPIC, emptied, join, join_for_good, listening, realm, router, uri_of,
};

const FAULTS: [Fault; 3] = [Fault::Reset, Fault::Eof, Fault::Silence];

/// Notices silence after a few seconds.
fn watchful(sim: &Sim) -> Join<Sim> {
    let beat = Config::new().heartbeat_interval(Some(Duration::from_secs(2)));
    realm(sim)
        .connection(beat)
        .reconnect(Reconnect::new().jitter(0).from_the_start(true))
}

/// What was seen of a session's states, in words.
fn watch(sim: &Sim, mut states: States) -> Arc<std::sync::Mutex<Vec<String>>> {
    let seen = Arc::<std::sync::Mutex<Vec<String>>>::default();
    let here = seen.clone();
    sim.spawn(async move {
        while let Some(state) = states.next().await {
            let word = match state {
                SessionState::Joined { joined, lost } => {
                    format!("joined {} lost {}", joined.realm, lost.len())
                }
                SessionState::Disconnected { attempt, delay, .. } => {
                    format!("attempt {attempt} in {delay:?}")
                }
                SessionState::Ended(_) => "ended".into(),
                _ => "?".into(),
            };
            here.lock().unwrap().push(word);
        }
    });
    seen
}

async fn echo(invocation: Invocation) -> Result<(i64,), wamp_rawsocket_core::client::WampError> {
    Ok(invocation.args()?)
}

/// Subscribes, registers, and then has all that works.
async fn settled_in(session: &Session) -> wamp_rawsocket_core::client::Subscription {
    session.register(PROCEDURE, echo).await.unwrap();
    session.subscribe(TOPIC).await.unwrap()
}

/// The connection dies after each possible number of octets, in either direction, from the
/// handshake of the second life to the end of its restoring.
#[test]
fn it_comes_back_wherever_the_connection_dies() {
    for fault in FAULTS {
        for side in [Side::Client, Side::Router] {
            let mut octets = 0;
            loop {
                let through = Sim::test(octets as u64, async |sim| {
                    let beat = Config::new().heartbeat_interval(Some(Duration::from_millis(300)));
                    let router = router(&sim).with_connections(beat);
                    sim.spawn(router.serve(sim.listen()));
                    let session = watchful(&sim).connect(&Sim::endpoint()).await.unwrap();
                    let mut subscription = settled_in(&session).await;
                    let (mut states, first) = (session.states(), session.id());
                    let seen = watch(&sim, session.states());
                    states.next().await.unwrap();
                    sim.settle().await;
                    sim.plan([Plan::Dies(side, octets, fault)]);
                    sim.line().kill(Fault::Reset);
                    sim.sleep(Duration::from_secs(120)).await;
                    assert_ne!(session.id(), first);
                    let whole = "joined realm1 lost 0";
                    if seen.lock().unwrap()[2] == whole {
                        return true;
                    }
                    let other = join(&sim).await;
                    other.publish_acknowledged(TOPIC, &(1,)).await.unwrap();
                    let called = other.call(PROCEDURE, &(4,)).await.unwrap();
                    assert_eq!(called.args::<(i64,)>().unwrap(), (4,));
                    assert_eq!(
                        subscription.recv().await.unwrap().args::<(i64,)>().unwrap(),
                        (1,)
                    );
                    assert!(subscription.recv().now_or_never().is_none(), "twice");
                    let seen = seen.lock().unwrap().clone();
                    assert_eq!(seen[0], whole);
                    assert_eq!(seen[1], "attempt 1 in 1s");
                    assert_eq!(seen.last().unwrap(), whole, "{seen:?}");
                    assert_eq!(router.stats().registrations, 1);
                    assert_eq!(router.stats().subscribers, 1);
                    drop((session, other, subscription));
                    emptied(&sim, &router).await;
                    false
                });
                // It was whole again before it died.
                if through {
                    break;
                }
                octets += if octets < 12 { 1 } else { 9 };
                assert!(octets < 5000);
            }
            assert!(octets > 20, "{octets}");
        }
    }
}

/// Each request of the life that ended fails once, with the reason, and none is sent again.
#[test]
fn what_was_under_way_fails_and_is_not_repeated() {
    for fault in FAULTS {
        Sim::test(1, async |sim| {
            let router = listening(&sim);
            let session = watchful(&sim).connect(&Sim::endpoint()).await.unwrap();
            let line = sim.line();
            // Nothing is answered any more.
            line.stall(Side::Router, true);
            let calls = async { session.call(PROCEDURE, &()).await.map(drop) };
            let subscribes = async { session.subscribe(TOPIC).await.map(drop) };
            let registers = async { session.register(PROCEDURE, echo).await.map(drop) };
            let publishes = async { session.publish_acknowledged(TOPIC, &()).await.map(drop) };
            let all = both(both(calls, subscribes), both(registers, publishes));
            let kill = async {
                sim.sleep(Duration::from_millis(10)).await;
                line.kill(fault);
            };
            let (((a, b), (c, d)), ()) = both(all, kill).await;
            for answer in [a, b, c, d] {
                assert!(
                    matches!(answer, Err(SessionError::Lost(End::Failed(_)))),
                    "{answer:?}"
                );
            }
            sim.sleep(Duration::from_secs(100)).await;
            let stats = router.stats();
            assert_eq!(sim.lines(), 2);
            let held = (
                stats.subscribers,
                stats.registrations,
                stats.calls,
                stats.publications,
            );
            assert_eq!(held, (0, 0, 0, 0), "after {fault:?}");
        });
    }
}

#[test]
fn handlers_of_one_life_answer_nothing_of_the_next() {
    Sim::test(1, async |sim| {
        let router = listening(&sim);
        let (callee, caller) = (join_for_good(&sim).await, join(&sim).await);
        let first_line = sim.lines() - 2;
        assert_eq!(first_line, 0);
        let (inner, ended) = (sim.clone(), Arc::new(AtomicUsize::new(0)));
        let count = ended.clone();
        let register = callee.register(PROCEDURE, move |invocation: Invocation| {
            let (sim, count) = (inner.clone(), count.clone());
            async move {
                let (number,): (u64,) = invocation.args()?;
                sim.sleep(Duration::from_secs(number)).await;
                count.fetch_add(1, Ordering::Relaxed);
                invocation.progress(&(number,)).await.ok();
                Ok((number,))
            }
        });
        register.await.unwrap();
        let long = async { uri_of(caller.call(PROCEDURE, &(5,)).await) };
        let kill = async {
            sim.sleep(Duration::from_secs(1)).await;
            sim.nth(0).kill(Fault::Reset);
        };
        let (answer, ()) = both(long, kill).await;
        assert_eq!(answer, uris::CANCELED);
        sim.sleep(Duration::from_secs(2)).await;
        let answer = caller.call(PROCEDURE, &(7,)).await.unwrap();
        assert_eq!(answer.args::<(u64,)>().unwrap(), (7,));
        assert_eq!(ended.load(Ordering::Relaxed), 1, "the first was dropped");
        assert_eq!(router.stats().protocol_violations, 0);
    });
}

#[test]
fn pauses_double_and_attempts_end() {
    Sim::test(1, async |sim| {
        listening(&sim);
        let reconnect = Reconnect::new()
            .jitter(0)
            .attempts(4)
            .max_delay(Duration::from_secs(3));
        let session = realm(&sim)
            .reconnect(reconnect)
            .connect(&Sim::endpoint())
            .await
            .unwrap();
        let seen = watch(&sim, session.states());
        sim.sleep(Duration::from_secs(60)).await;
        let waiter = session.call(PROCEDURE, &());
        sim.plan([Plan::Refuse(std::io::ErrorKind::ConnectionRefused); 9]);
        sim.line().kill(Fault::Reset);
        let began = sim.now();
        sim.settle().await;
        let hasty = session.fail_fast().call(PROCEDURE, &()).await;
        assert!(matches!(hasty, Err(SessionError::Disconnected)));
        let answer = waiter.await;
        assert!(matches!(answer, Err(SessionError::Ended(_))));
        let pauses: Vec<_> = sim.attempts()[1..]
            .iter()
            .map(|at| at.saturating_sub(began).as_secs())
            .collect();
        assert_eq!(pauses, [1, 3, 6, 9]);
        sim.settle().await;
        let seen = seen.lock().unwrap().join(", ");
        assert_eq!(
            seen,
            "joined realm1 lost 0, attempt 1 in 1s, attempt 2 in 2s, attempt 3 in 3s, \
             attempt 4 in 3s, ended"
        );
    });
}

#[test]
fn connecting_that_hangs_is_given_up() {
    Sim::test(1, async |sim| {
        listening(&sim);
        sim.plan([Plan::Hang]);
        let late = realm(&sim).connect_timeout(Duration::from_secs(3));
        let error = late.connect(&Sim::endpoint()).await.unwrap_err();
        let SessionError::Io(error) = error else {
            panic!("{error}")
        };
        assert_eq!(
            (error.kind(), sim.now().as_secs()),
            (std::io::ErrorKind::TimedOut, 3)
        );
        let session = join_for_good(&sim).await;
        sim.plan([Plan::Hang]);
        sim.line().kill(Fault::Reset);
        sim.sleep(Duration::from_secs(30)).await;
        assert!(session.fail_fast().publish(TOPIC, &()).await.is_ok());
    });
}

#[test]
fn to_leave_or_to_let_go_without_a_connection_takes_no_time() {
    for by_drop in [false, true] {
        for pause in [0, 500, 1500] {
            Sim::test(1, async |sim| {
                let router = listening(&sim);
                let session = join_for_good(&sim).await;
                sim.plan([
                    Plan::Refuse(std::io::ErrorKind::ConnectionRefused),
                    Plan::Hang,
                ]);
                sim.line().kill(Fault::Reset);
                sim.sleep(Duration::from_millis(pause)).await;
                sim.settle().await;
                let (before, mut states) = (sim.now(), session.states());
                if by_drop {
                    drop(session);
                    let mut last = None;
                    while let Some(state) = states.next().await {
                        last = Some(state);
                    }
                    assert!(matches!(last, Some(SessionState::Ended(End::Left { .. }))));
                } else {
                    let waiter = session.publish(TOPIC, &());
                    let (left, published) = both(session.leave(), waiter).await;
                    left.unwrap();
                    assert!(matches!(published, Err(SessionError::Ended(_))));
                }
                assert!(sim.now().saturating_sub(before) < Duration::from_millis(1));
                emptied(&sim, &router).await;
                sim.settle().await;
                assert_eq!(sim.count(), 2);
            });
        }
    }
}

#[test]
fn a_procedure_that_is_taken_is_told_and_asked_for_again() {
    Sim::test(1, async |sim| {
        listening(&sim);
        let session = join_for_good(&sim).await;
        let mut subscription = settled_in(&session).await;
        let mut states = session.states();
        states.next().await;
        sim.line().kill(Fault::Reset);
        let thief = join(&sim).await;
        let stolen = thief.register(PROCEDURE, echo).await.unwrap();
        assert!(matches!(
            states.next().await,
            Some(SessionState::Disconnected { .. })
        ));
        let Some(SessionState::Joined { lost, .. }) = states.next().await else {
            panic!("it comes back")
        };
        assert_eq!((lost.len(), lost[0].uri.as_str()), (1, PROCEDURE));
        assert_eq!(
            lost[0].error.wamp().unwrap().uri,
            uris::PROCEDURE_ALREADY_EXISTS
        );
        assert!(lost[0].is_retried);
        thief.publish_acknowledged(TOPIC, &(1,)).await.unwrap();
        subscription.recv().await.unwrap();
        // Asked for after 1, 2 and 4 seconds in vain, and granted after another 8.
        sim.sleep(Duration::from_secs(8)).await;
        stolen.unregister().await.unwrap();
        let began = sim.now();
        let Some(SessionState::Joined { lost, .. }) = states.next().await else {
            panic!("it is told")
        };
        assert!(lost.is_empty(), "{lost:?}");
        let took = sim.now().checked_sub(began).unwrap().as_secs();
        assert!((5..=8).contains(&took), "{took} seconds");
        thief.call(PROCEDURE, &(1,)).await.unwrap();
    });
}

#[test]
fn a_procedure_that_is_taken_may_be_given_up() {
    Sim::test(1, async |sim| {
        listening(&sim);
        let session = join_for_good(&sim).await;
        let registration = session.register(PROCEDURE, echo).await.unwrap();
        let mut states = session.states();
        states.next().await;
        sim.line().kill(Fault::Reset);
        let thief = join(&sim).await;
        let stolen = thief.register(PROCEDURE, echo).await.unwrap();
        states.next().await;
        states.next().await;
        registration.unregister().await.unwrap();
        stolen.unregister().await.unwrap();
        sim.sleep(Duration::from_secs(100)).await;
        thief.register(PROCEDURE, echo).await.unwrap();
    });
}

/// More than may be asked for at once.
#[test]
fn all_is_restored_however_few_requests_may_be_under_way() {
    Sim::test(1, async |sim| {
        let router = listening(&sim);
        let few = realm(&sim).max_pending(2).max_queued(1);
        let few = few.reconnect(Reconnect::new());
        let session = few.connect(&Sim::endpoint()).await.unwrap();
        let mut held = Vec::new();
        for number in 0..20 {
            held.push(
                session
                    .subscribe(&format!("com.example.topic{number}"))
                    .await
                    .unwrap(),
            );
            let procedure = format!("com.example.procedure{number}");
            session.register(&procedure, echo).await.unwrap();
        }
        sim.line().kill(Fault::Reset);
        sim.sleep(Duration::from_secs(10)).await;
        let stats = router.stats();
        assert_eq!((stats.subscribers, stats.registrations), (20, 20));
        // Nor are those forgotten that nobody listens to any more.
        let call = async || {
            session
                .start_call("com.example.none", &Dict::new(), &())
                .await
        };
        let calls = [call().await.unwrap(), call().await.unwrap()];
        drop(held);
        for call in calls {
            assert_eq!(uri_of(call.result().await), uris::NO_SUCH_PROCEDURE);
        }
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(router.stats().subscribers, 0);
    });
}

/// Whoever unregisters while the registration is being restored waits for that.
#[test]
fn a_registration_can_be_ended_while_it_is_restored() {
    for polls in 0..200 {
        Sim::test(polls, async |sim| {
            let router = listening(&sim);
            sim.slow();
            let session = join_for_good(&sim).await;
            let registration = session.register(PROCEDURE, echo).await.unwrap();
            let subscription = session.subscribe(TOPIC).await.unwrap();
            sim.line().kill(Fault::Reset);
            sim.sleep(Duration::from_secs(1)).await;
            for _ in 0..polls * 5 {
                crate::sim::yield_now().await;
            }
            let (one, other) = both(registration.unregister(), subscription.unsubscribe()).await;
            one.unwrap();
            other.unwrap();
            sim.sleep(Duration::from_secs(5)).await;
            let stats = router.stats();
            assert_eq!(
                (stats.sessions, stats.registrations, stats.subscribers),
                (1, 0, 0)
            );
            let all = Dict::new().with("acknowledge", true);
            session.publish_with(TOPIC, &all, &()).await.unwrap();
        });
    }
}
