//! Routers that serve and stop.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wamp_rawsocket_core::client::End;
use wamp_rawsocket_core::runtime::Runtime as _;
use wamp_rawsocket_core::uris;

use crate::sim::{Side, Sim};
use crate::world::{
    PROCEDURE, SEEDS, TOPIC, emptied, holds_nothing, join, listening, realm, router,
};

#[test]
fn sessions_are_told_and_connections_closed() {
    for seed in 0..SEEDS {
        Sim::test(seed, async |sim| {
            let router = router(&sim);
            let serving = router.serve(sim.listen());
            let over = Arc::new(AtomicBool::new(false));
            let done = over.clone();
            sim.spawn(async move {
                serving.await;
                over.store(true, Ordering::Relaxed);
            });
            let sessions = [join(&sim).await, join(&sim).await];
            router.shut_down(Duration::from_secs(20)).await;
            assert!(sim.now() < Duration::from_secs(1));
            sim.settle().await;
            assert!(done.load(Ordering::Relaxed), "serving is over");
            assert!(holds_nothing(&router.stats()));
            for session in sessions {
                let End::Left {
                    reason,
                    by_router: true,
                } = session.closed().await
                else {
                    panic!("GOODBYE")
                };
                assert_eq!(reason, uris::SYSTEM_SHUTDOWN);
            }
            let late = realm(&sim).connect(&Sim::endpoint()).await;
            assert!(late.is_err(), "nobody listens");
        });
    }
}

#[test]
fn who_does_not_go_is_cut_off() {
    Sim::test(1, async |sim| {
        let router = listening(&sim);
        let session = join(&sim).await;
        let line = sim.line();
        line.stall(Side::Client, true);
        let call = session.call(PROCEDURE, &());
        let down = async {
            router.shut_down(Duration::from_secs(2)).await;
            sim.settle().await;
            line.stall(Side::Client, false);
        };
        let (called, ()) = futures_util::future::join(call, down).await;
        assert!(called.is_err());
        assert!(sim.now() <= Duration::from_secs(3), "{:?}", sim.now());
        sim.settle().await;
        assert!(line.is_abandoned(Side::Router));
        assert!(holds_nothing(&router.stats()));
    });
}

/// A client that was accepted just before is not let in any more.
#[test]
fn nobody_joins_a_router_that_is_shutting_down() {
    for seed in 0..SEEDS {
        let steps = usize::try_from(seed).unwrap() / 4;
        Sim::test(seed, async |sim| {
            let router = listening(&sim);
            let stubborn = join(&sim).await;
            sim.line().stall(Side::Client, true);
            let late = async {
                let endpoint = Sim::endpoint();
                realm(&sim).connect(&endpoint).await
            };
            let down = async {
                for _ in 0..steps {
                    crate::sim::yield_now().await;
                }
                router.shut_down(Duration::from_secs(30)).await;
            };
            let began = sim.now();
            let (late, ()) = futures_util::future::join(late, down).await;
            if let Ok(session) = late {
                // It was let in before.
                let end = session.closed().await;
                assert!(
                    matches!(
                        end,
                        End::Left {
                            by_router: true,
                            ..
                        }
                    ),
                    "{end:?} at {steps}"
                );
            }
            drop((stubborn, began));
        });
    }
}

#[test]
fn an_error_of_accepting_pauses_it() {
    Sim::test(1, async |sim| {
        let router = router(&sim);
        sim.fail_accept();
        sim.spawn(router.serve(sim.listen()));
        join(&sim).await.publish(TOPIC, &()).await.unwrap();
        assert!(sim.now() >= Duration::from_millis(50));
    });
}

#[test]
fn serving_that_is_dropped_ends_its_connections_and_the_last_clone_the_clock() {
    Sim::test(1, async |sim| {
        let router = router(&sim);
        let (abort, handle) = futures_util::future::AbortHandle::new_pair();
        let serve = futures_util::future::Abortable::new(router.serve(sim.listen()), handle);
        sim.spawn(async move {
            let _ = serve.await;
        });
        let session = join(&sim).await;
        let (here, there) = sim.open();
        sim.spawn(router.serve_connection(there));
        let other = realm(&sim).on(here).await.unwrap();
        abort.abort();
        assert!(matches!(session.closed().await, End::Failed(_)));
        other.publish_acknowledged(TOPIC, &()).await.unwrap();
        drop((other, session));
        emptied(&sim, &router).await;
        drop(router);
        sim.settle().await;
        assert_eq!(sim.count(), 0);
    });
}
