//! Calls that are given up, let go, or overrun; and routers that cannot cancel.

use core::panic::AssertUnwindSafe;
use core::time::Duration;

use futures_util::future::join as both;
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};
use wamp_rawsocket_core::client::{Session, SessionError};
use wamp_rawsocket_core::message::CancelMode;
use wamp_rawsocket_core::{Dict, EncodeError, PayloadWriter, ToPayload};

use crate::sim::{Script, Sim, few_polls};
use crate::world::{PROCEDURE, cancelling, realm, scripted, uri_of};

fn progressive() -> Dict<'static> {
    Dict::new().with("receive_progress", true)
}

/// What the router reads until GOODBYE, which it answers.
async fn until_goodbye(router: &mut Script) -> Vec<Value> {
    let mut messages = Vec::new();
    loop {
        let message = router.recv().await.expect("GOODBYE");
        if message[0] == 6 {
            router
                .send(json!([6, {}, "wamp.close.goodbye_and_out"]))
                .await;
            return messages;
        }
        messages.push(message);
    }
}

async fn leave(session: &Session, router: &mut Script) -> Vec<Value> {
    let (left, messages) = both(session.leave(), until_goodbye(router)).await;
    left.unwrap();
    messages
}

#[test]
fn who_drops_a_call_cancels_it_if_the_router_can() {
    for feature in [true, false] {
        Sim::test(1, async |sim| {
            let dealer = json!({"call_canceling": feature});
            let (session, mut router) = scripted(&sim, realm(&sim), dealer).await;
            assert!(few_polls(3, session.call(PROCEDURE, &())).await.is_none());
            let call = session
                .start_call(PROCEDURE, &Dict::new(), &())
                .await
                .unwrap();
            drop(call);
            let detached = session
                .start_call(PROCEDURE, &Dict::new(), &())
                .await
                .unwrap();
            detached.detach();
            let messages = leave(&session, &mut router).await;
            let kinds: Vec<_> = messages.iter().filter_map(|it| it[0].as_u64()).collect();
            if feature {
                assert_eq!(kinds, [48, 49, 48, 49, 48]);
                assert_eq!(messages[1], json!([49, 1, {"mode": "killnowait"}]));
                assert_eq!(messages[3], json!([49, 2, {"mode": "killnowait"}]));
            } else {
                assert_eq!(kinds, [48, 48, 48]);
            }
        });
    }
}

#[test]
fn a_result_that_nobody_waits_for_hurts_nobody() {
    Sim::test(1, async |sim| {
        let (session, mut router) = scripted(&sim, realm(&sim), cancelling()).await;
        let call = session
            .start_call(PROCEDURE, &progressive(), &())
            .await
            .unwrap();
        router.expect(48).await;
        drop(call);
        router.send(json!([50, 1, {"progress": true}, [1]])).await;
        router.send(json!([50, 1, {}, [1]])).await;
        router.expect(49).await;
        // The result came, and was not looked at: there is nothing to cancel.
        let call = session
            .start_call(PROCEDURE, &progressive(), &())
            .await
            .unwrap();
        router.expect(48).await;
        router.send(json!([50, 2, {}, [1]])).await;
        sim.sleep(Duration::from_secs(1)).await;
        drop(call);
        assert!(leave(&session, &mut router).await.is_empty());
    });
}

#[test]
fn progress_is_a_stream_that_ends_with_the_call() {
    Sim::test(1, async |sim| {
        let (session, mut router) = scripted(&sim, realm(&sim), cancelling()).await;
        let mut call = session
            .start_call(PROCEDURE, &progressive(), &())
            .await
            .unwrap();
        router.expect(48).await;
        for number in 0..3 {
            router.queue(json!([50, 1, {"progress": true}, [number]]));
        }
        router
            .send(json!([8, 48, 1, {}, "com.example.failed"]))
            .await;
        let mut numbers = Vec::new();
        while let Some(payload) = call.next().await {
            numbers.push(payload.args::<(i64,)>().unwrap().0);
        }
        assert_eq!(numbers, [0, 1, 2]);
        assert!(matches!(
            call.cancel(CancelMode::Skip).await,
            Err(SessionError::Command(_))
        ));
        assert_eq!(uri_of(call.result().await), "com.example.failed");
    });
}

/// A flood of progress ends its call, and nothing else; a router that cannot cancel is not asked.
#[test]
fn a_call_that_is_overrun_is_given_up() {
    for feature in [true, false] {
        for congested in [true, false] {
            Sim::test(1, async |sim| {
                let dealer = json!({"call_canceling": feature});
                sim.narrow(64);
                let join = realm(&sim).max_queued(1);
                let (session, mut router) = scripted(&sim, join, dealer).await;
                let call = session
                    .start_call(PROCEDURE, &progressive(), &())
                    .await
                    .unwrap();
                router.expect(48).await;
                let flood = async {
                    for number in 0..5000 {
                        if congested && number == 4090 {
                            // No room for CANCEL, for a while.
                            let text = "x".repeat(100_000);
                            session.publish("com.example.long", &(text,)).await.unwrap();
                        }
                        router
                            .send(json!([50, 1, {"progress": true}, [number]]))
                            .await;
                    }
                };
                flood.await;
                let over = call.result().await;
                assert!(matches!(over, Err(SessionError::Overrun)), "{over:?}");
                let messages = leave(&session, &mut router).await;
                let cancels = messages.iter().filter(|it| it[0] == 49).count();
                assert_eq!(cancels, usize::from(feature), "{feature} {congested}");
            });
        }
    }
}

/// Arguments that publish while they are serialized, and then fail or panic if asked to.
struct Talkative(Session, u8);

impl ToPayload for Talkative {
    fn write(&self, out: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
        let inner = self.0.publish("com.example.inner", &(1,));
        inner.now_or_never().unwrap().unwrap();
        match self.1 {
            0 => out.args(&(self.0.id(), 2)),
            1 => Err(EncodeError::ArgsNotAList),
            _ => panic!("as asked"),
        }
    }
}

#[test]
fn arguments_may_use_the_session_that_sends_them() {
    Sim::test(1, async |sim| {
        let (session, mut router) = scripted(&sim, realm(&sim), cancelling()).await;
        let talk = |how| Talkative(session.clone(), how);
        session
            .publish("com.example.outer", &talk(0))
            .await
            .unwrap();
        let refused = session.call(PROCEDURE, &talk(1)).await;
        assert!(matches!(refused, Err(SessionError::Command(_))));
        let words = talk(2);
        let panic = AssertUnwindSafe(session.call(PROCEDURE, &words)).catch_unwind();
        assert!(panic.await.is_err());
        drop(words);
        let messages = leave(&session, &mut router).await;
        let topics: Vec<_> = messages.iter().map(|it| it[3].as_str().unwrap()).collect();
        let [inner, outer] = ["com.example.inner", "com.example.outer"];
        assert_eq!(topics, [inner, outer, inner, inner]);
        assert_eq!(messages[1], json!([16, 2, {}, outer, [1, 2]]));
    });
}
