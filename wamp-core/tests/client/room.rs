//! Sessions whose messages find no room, and ends that flood each other.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt as _;
use futures_util::future::{join as both, join_all};
use futures_util::stream::FuturesUnordered;
use rawsocket_proto::connection::Config;
use wamp_rawsocket_core::Dict;
use wamp_rawsocket_core::client::{End, Invocation, Join, SessionError};
use wamp_rawsocket_core::message::CancelMode;
use wamp_rawsocket_core::session::CommandError;

use crate::sim::{Fault, Side, Sim};
use crate::world::{PROCEDURE, TOPIC, emptied, join_for_good, listening, realm};

/// Connections that hold little.
fn narrow(sim: &Sim) -> Join<Sim> {
    sim.narrow(512);
    realm(sim).connection(Config::new().water_marks(1000, 500))
}

#[test]
fn all_who_wait_for_room_get_it() {
    for seed in 0..2 {
        Sim::test(seed, async |sim| {
            let router = listening(&sim);
            let session = narrow(&sim)
                .max_queued(1)
                .connect(&Sim::endpoint())
                .await
                .unwrap();
            sim.line().stall(Side::Router, true);
            let publish = |_| {
                let session = session.clone();
                async move { session.publish(TOPIC, &("x".repeat(100),)).await }
            };
            let thousand = join_all((0..1000).map(publish));
            let free = async {
                sim.sleep(Duration::from_secs(1)).await;
                let hasty = session.fail_fast().publish(TOPIC, &()).await;
                assert!(matches!(
                    hasty,
                    Err(SessionError::Command(CommandError::Full))
                ));
                sim.line().stall(Side::Router, false);
            };
            let (published, ()) = both(thousand, free).await;
            assert!(published.iter().all(Result::is_ok));
            session.leave().await.unwrap();
            assert_eq!(router.stats().publications, 1000);
        });
    }
}

#[test]
fn who_waits_for_room_fails_with_the_session() {
    for fault in [Fault::Reset, Fault::Eof] {
        Sim::test(1, async |sim| {
            listening(&sim);
            let session = narrow(&sim)
                .max_queued(1)
                .connect(&Sim::endpoint())
                .await
                .unwrap();
            sim.line().stall(Side::Router, true);
            let publish = |_| async { session.publish(TOPIC, &("x".repeat(100),)).await };
            let kill = async {
                sim.sleep(Duration::from_secs(1)).await;
                sim.line().kill(fault);
            };
            let (published, ()) = both(join_all((0..100).map(publish)), kill).await;
            let failed = published
                .iter()
                .filter(|it| matches!(it, Err(SessionError::Ended(_))));
            assert!(failed.count() > 50);
        });
    }
}

/// What belongs to one connection does not wait for the next.
#[test]
fn a_cancel_that_waits_for_room_fails_with_its_connection() {
    Sim::test(1, async |sim| {
        let router = listening(&sim);
        let session = join_for_good(&sim).await;
        let small = narrow(&sim).max_queued(1);
        drop(session);
        let reconnect =
            wamp_rawsocket_core::client::Reconnect::new().first_delay(Duration::from_secs(50));
        let session = small
            .reconnect(reconnect)
            .connect(&Sim::endpoint())
            .await
            .unwrap();
        let call = session
            .start_call(PROCEDURE, &Dict::new(), &())
            .await
            .unwrap();
        sim.line().stall(Side::Router, true);
        sim.settle().await;
        let full = loop {
            match session
                .fail_fast()
                .publish(TOPIC, &("x".repeat(100),))
                .await
            {
                Ok(()) => sim.settle().await,
                Err(error) => break error,
            }
        };
        assert!(
            matches!(full, SessionError::Command(CommandError::Full)),
            "{full:?}"
        );
        let kill = async {
            sim.sleep(Duration::from_secs(1)).await;
            sim.line().kill(Fault::Reset);
        };
        let (cancelled, ()) = both(call.cancel(CancelMode::Kill), kill).await;
        assert!(
            matches!(cancelled, Err(SessionError::Lost(End::Failed(_)))),
            "{cancelled:?}"
        );
        assert!(sim.now() < Duration::from_secs(20));
        drop((call, session));
        emptied(&sim, &router).await;
    });
}

/// Small calls with large results, more than either end holds: neither waits for the other.
#[test]
fn ends_that_flood_each_other_do_not_wait_for_each_other() {
    for seed in 0..3 {
        Sim::test(seed, async |sim| {
            let router = listening(&sim);
            let callee = realm(&sim).max_invocations(5000);
            let callee = callee.connect(&Sim::endpoint()).await.unwrap();
            let handler = |_: Invocation| async { Ok(("x".repeat(6000),)) };
            callee.register(PROCEDURE, handler).await.unwrap();
            let session = narrow(&sim)
                .max_queued(1000)
                .connect(&Sim::endpoint())
                .await
                .unwrap();
            let calls: FuturesUnordered<_> = (0..400)
                .map(|_| async { session.call(PROCEDURE, &("y".repeat(400),)).await })
                .collect();
            let done = Arc::new(AtomicUsize::new(0));
            let all = calls.for_each(|result| {
                done.fetch_add(usize::from(result.is_ok()), Ordering::Relaxed);
                core::future::ready(())
            });
            all.await;
            assert_eq!(done.load(Ordering::Relaxed), 400, "{:?}", router.stats());
        });
    }
}

/// The same with events, both ways.
#[test]
fn publishers_who_subscribe_to_each_other_do_not_wait_for_each_other() {
    Sim::test(1, async |sim| {
        let router = listening(&sim);
        let connect = async || {
            let join = narrow(&sim).max_queued(2000);
            join.connect(&Sim::endpoint()).await.unwrap()
        };
        let (one, other) = (connect().await, connect().await);
        let (_a, _b) = (
            one.subscribe("one").await.unwrap(),
            other.subscribe("other").await.unwrap(),
        );
        let flood = async |session: &wamp_rawsocket_core::client::Session, topic: &str| {
            for _ in 0..500 {
                session.publish(topic, &("x".repeat(3000),)).await.unwrap();
            }
            session.publish_acknowledged(topic, &()).await.unwrap();
        };
        both(flood(&one, "other"), flood(&other, "one")).await;
        assert_eq!(router.stats().publications, 1002);
    });
}
