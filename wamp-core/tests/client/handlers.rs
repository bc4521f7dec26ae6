//! Handlers of calls and events: their number, their ends, what they leave behind.

use core::future::pending;
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use wamp_rawsocket_core::client::{Invocation, Subscription};
use wamp_rawsocket_core::{EncodeError, PayloadWriter, ToPayload, uris};

use crate::sim::{Fault, Sim};
use crate::world::{
    PROCEDURE, REALM, SEEDS, TOPIC, cancelling, emptied, join, join_for_good, listening, realm,
    scripted, uri_of,
};

/// Counts how many there are of it, and how many there ever were at once.
#[derive(Clone, Default)]
struct Gauge(Arc<[AtomicUsize; 2]>);

struct Counted(Gauge);

impl Gauge {
    fn enter(&self) -> Counted {
        let now = self.0[0].fetch_add(1, Ordering::Relaxed) + 1;
        self.0[1].fetch_max(now, Ordering::Relaxed);
        Counted(self.clone())
    }

    fn now(&self) -> usize {
        self.0[0].load(Ordering::Relaxed)
    }

    fn most(&self) -> usize {
        self.0[1].load(Ordering::Relaxed)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0[0].fetch_sub(1, Ordering::Relaxed);
    }
}

/// Calls that are interrupted before their handler has begun take no place for ever.
#[test]
fn an_invocation_that_is_interrupted_at_once_leaves_its_place() {
    for seed in 0..SEEDS {
        Sim::test(seed, async |sim| {
            let join = realm(&sim).max_handlers(1);
            let (session, mut router) = scripted(&sim, join, cancelling()).await;
            let register = session.register(PROCEDURE, |_| async { Ok(("done",)) });
            let answer = async {
                let register = router.expect(64).await;
                router.send(json!([65, register[1], 7])).await;
                for id in 1..5 {
                    router.queue(json!([68, id, 7, {}]));
                    router.send(json!([69, id, {"mode": "killnowait"}])).await;
                }
                router.send(json!([68, 9, 7, {}])).await;
                loop {
                    // What was faster than its INTERRUPT was answered.
                    let answer = router.expect(70).await;
                    if answer[1] == 9 {
                        assert_eq!(answer, json!([70, 9, {}, ["done"]]));
                        break;
                    }
                }
            };
            let (registered, ()) = futures_util::future::join(register, answer).await;
            registered.unwrap();
        });
    }
}

/// Whatever ids a router uses again, and however it interrupts.
#[test]
fn there_are_never_more_handlers_than_allowed() {
    for seed in 0..SEEDS {
        Sim::test(seed, async |sim| {
            let gauge = Gauge::default();
            let join = realm(&sim).max_handlers(2);
            let (session, mut router) = scripted(&sim, join, cancelling()).await;
            let inner = gauge.clone();
            let register = session.register(PROCEDURE, move |_| {
                let counted = inner.enter();
                async move {
                    pending::<()>().await;
                    drop(counted);
                    Ok(())
                }
            });
            let answer = async {
                let register = router.expect(64).await;
                router.send(json!([65, register[1], 7])).await;
                for _ in 0..20 {
                    // Handlers that are under way, and their ids for new ones.
                    router.send(json!([68, 1, 7, {}])).await;
                    router.send(json!([68, 2, 7, {}])).await;
                    for id in [1, 2] {
                        router.queue(json!([69, id, {"mode": "killnowait"}]));
                        router.queue(json!([68, id, 7, {}]));
                    }
                    router.queue(json!([69, 1, {"mode": "killnowait"}]));
                    router.send(json!([69, 2, {"mode": "killnowait"}])).await;
                }
                for id in 10..20 {
                    router.send(json!([68, id, 7, {}])).await;
                }
                sim.sleep(Duration::from_secs(1)).await;
            };
            let (registered, ()) = futures_util::future::join(register, answer).await;
            assert_eq!((gauge.now(), gauge.most()), (2, 2));
            drop((registered.unwrap(), session));
            router.close().await;
            sim.sleep(Duration::from_secs(60)).await;
            assert_eq!((gauge.now(), sim.count()), (0, 0));
        });
    }
}

struct Unserializable;

impl ToPayload for Unserializable {
    fn write(&self, _: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
        panic!("as asked");
    }
}

/// On some runtimes a panic of a task ends all others.
#[test]
fn a_panic_while_a_result_is_serialized_stays_with_the_call() {
    Sim::test(1, async |sim| {
        let router = listening(&sim);
        let (callee, caller) = (join(&sim).await, join(&sim).await);
        let handler = |_: Invocation| async { Ok(Unserializable) };
        callee.register(PROCEDURE, handler).await.unwrap();
        for _ in 0..3 {
            assert_eq!(
                uri_of(caller.call(PROCEDURE, &()).await),
                uris::RUNTIME_ERROR
            );
        }
        drop((callee, caller));
        emptied(&sim, &router).await;
    });
}

/// What is handed to a session whose task is gone is dropped, not kept.
#[test]
fn a_handler_given_to_a_session_that_is_over_is_dropped() {
    let gauge = Gauge::default();
    Sim::test(1, async |sim| {
        listening(&sim);
        let session = join(&sim).await;
        let subscription = session.subscribe(TOPIC).await.unwrap();
        session.leave().await.unwrap();
        sim.sleep(Duration::from_secs(60)).await;
        let counted = gauge.enter();
        let handled = handle(subscription, counted);
        drop(session);
        sim.settle().await;
        drop(handled);
        sim.settle().await;
        assert_eq!(gauge.now(), 0);
    });
    assert_eq!(gauge.now(), 0);
}

fn handle(subscription: Subscription, counted: Counted) -> wamp_rawsocket_core::client::Handled {
    let counted = Arc::new(counted);
    subscription.handle(move |_| {
        let counted = counted.clone();
        async move { drop(counted) }
    })
}

/// A handler can be given to a subscription at any moment of a session's coming back.
#[test]
fn a_handler_given_while_the_session_comes_back_is_run() {
    Sim::test(1, async |sim| {
        listening(&sim);
        let session = join_for_good(&sim).await;
        let subscription = session.subscribe(TOPIC).await.unwrap();
        sim.line().kill(Fault::Reset);
        sim.sleep(Duration::from_millis(999)).await;
        let seen = Arc::new(AtomicUsize::new(0));
        let here = seen.clone();
        // Within the poll in which it comes back.
        sim.on_welcome(move || {
            let handled = subscription.handle(move |_| {
                let here = here.clone();
                async move {
                    here.fetch_add(1, Ordering::Relaxed);
                }
            });
            handled.detach();
        });
        sim.sleep(Duration::from_secs(5)).await;
        let publisher = join(&sim).await;
        publisher.publish_acknowledged(TOPIC, &(1,)).await.unwrap();
        sim.settle().await;
        assert_eq!(seen.load(Ordering::Relaxed), 1);
        assert_eq!(session.joined().realm, REALM);
    });
}
