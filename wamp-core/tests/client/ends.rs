//! How sessions end, and what then is left of them.

use core::time::Duration;

use futures_util::future::join as both;
use serde_json::json;
use wamp_rawsocket_core::client::{End, Reconnect, SessionError, SessionState};
use wamp_rawsocket_core::runtime::Runtime as _;
use wamp_rawsocket_core::{Dict, SerializerKind};

use crate::sim::{Fault, Script, Sim};
use crate::world::{PROCEDURE, TOPIC, emptied, join, join_for_good, listening, realm};

#[test]
fn to_leave_again_is_no_error() {
    Sim::test(1, async |sim| {
        let router = listening(&sim);
        let session = join(&sim).await;
        let other = session.clone();
        let (first, second) = futures_util::future::join(session.leave(), other.leave()).await;
        first.unwrap();
        second.unwrap();
        other.leave().await.unwrap();
        emptied(&sim, &router).await;
    });
}

/// Who leaves does not come back, however the connection dies meanwhile.
#[test]
fn a_session_that_leaves_does_not_come_back() {
    for fault in [Fault::Reset, Fault::Eof, Fault::Silence] {
        Sim::test(1, async |sim| {
            let router = listening(&sim);
            let session = join_for_good(&sim).await;
            sim.line().stall(crate::sim::Side::Router, true);
            let mut leave = Box::pin(session.leave());
            assert!(crate::sim::few_polls(3, &mut leave).await.is_none());
            sim.line().kill(fault);
            let left = leave.await;
            assert!(
                matches!(left, Err(SessionError::Ended(End::Failed(_)))),
                "{left:?}"
            );
            sim.sleep(Duration::from_secs(100)).await;
            assert_eq!(sim.lines(), 1, "after {fault:?}");
            drop(router);
        });
    }
}

/// A router that ends the session but not the connection.
#[test]
fn a_connection_that_lingers_does_not_hold_up_the_next() {
    Sim::test(1, async |sim| {
        let listener = sim.listen();
        let accept = async || {
            let end = sim.accept(&listener).await.unwrap();
            let mut script = Script::accept(&sim, end).await;
            script.welcome(1, json!({})).await;
            script
        };
        let join = realm(&sim).serializers([SerializerKind::Json]);
        let join = join.reconnect(Reconnect::new().jitter(0));
        let endpoint = Sim::endpoint();
        let (session, mut lingering) = both(join.connect(&endpoint), accept()).await;
        let session = session.unwrap();
        let mut states = session.states();
        states.next().await;
        let abort = json!([3, {}, "wamp.error.unavailable"]);
        lingering.send(abort).await;
        let state = states.next().await;
        assert!(matches!(state, Some(SessionState::Disconnected { .. })));
        assert_eq!(sim.now().as_secs(), 0, "it is told at once");
        let _second = accept().await;
        assert_eq!(sim.now().as_secs(), 1);
        let state = states.next().await;
        assert!(matches!(state, Some(SessionState::Joined { .. })));
        drop((session, states));
        sim.sleep(Duration::from_secs(60)).await;
        assert_eq!(sim.count(), 0);
    });
}

/// Whoever waits when the runtime is dropped is told, connected or not.
#[test]
fn nobody_waits_for_a_runtime_that_is_gone() {
    for connected in [true, false] {
        Sim::test(1, async |sim| {
            let router = listening(&sim);
            let join = realm(&sim).max_queued(1).reconnect(Reconnect::new());
            let session = join.connect(&Sim::endpoint()).await.unwrap();
            let mut subscription = session.subscribe(TOPIC).await.unwrap();
            sim.line().stall(crate::sim::Side::Router, true);
            let call = session.start_call(PROCEDURE, &Dict::new(), &()).await;
            let call = call.unwrap();
            if !connected {
                sim.line().kill(Fault::Reset);
                sim.settle().await;
            }
            let waits = async {
                let publish = async { session.publish(TOPIC, &()).await };
                let (called, published) = both(call.result(), publish).await;
                let failed = match called {
                    Err(SessionError::Ended(_)) => connected,
                    Err(SessionError::Lost(_)) => !connected,
                    _ => false,
                };
                assert!(failed, "{called:?}");
                // With a connection it may have found room before.
                let ended = matches!(published, Err(SessionError::Ended(_)));
                assert!(ended || connected, "{published:?}");
                assert!(subscription.recv().await.is_none());
                assert!(matches!(session.closed().await, End::Failed(_)));
                session.leave().await.unwrap_err();
            };
            let end = async {
                crate::sim::yield_now().await;
                sim.end();
            };
            both(waits, end).await;
            // What is made of the rest is dropped, not kept.
            let kept = std::sync::Arc::new(());
            let inner = kept.clone();
            let handler = subscription.handle(move |_| {
                let _inner = inner.clone();
                async {}
            });
            handler.detach();
            assert_eq!(std::sync::Arc::strong_count(&kept), 1);
            drop((router, session));
        });
    }
}
