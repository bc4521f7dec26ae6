//! Joining: serializers that are refused, routers that are silent, refusals that are final.

use core::time::Duration;

use rawsocket_proto::connection::ConnectionError;
use rawsocket_proto::error::HandshakeError;
use rawsocket_proto::wire::{RefusalCode, SerializerId};
use serde_json::json;
use wamp_rawsocket_core::SerializerKind;
use wamp_rawsocket_core::client::{End, Reconnect, SessionError, SessionState};
use wamp_rawsocket_core::runtime::Runtime as _;
use wamp_rawsocket_core::session::SessionError as Cause;
use wamp_rawsocket_core::transport::PeerError;

use crate::sim::{Fault, Listener, Script, Side, Sim};
use crate::world::{TOPIC, emptied, listening, realm, router};

use SerializerKind::{Json, MessagePack};

/// A refusal of the handshake.
fn refused(error: &SessionError) -> Option<RefusalCode> {
    match error {
        SessionError::Ended(End::Failed(PeerError::Connection(ConnectionError::Handshake(
            HandshakeError::Refused(code),
        )))) => Some(*code),
        _ => None,
    }
}

#[test]
fn serializers_are_tried_in_their_order() {
    for (asked, served, lines) in [
        (vec![Json, MessagePack], &[MessagePack][..], 2),
        (vec![MessagePack, Json], &[MessagePack], 1),
        (vec![MessagePack, Json], &[Json], 2),
        (vec![Json], &[Json], 1),
        (vec![], &[Json], 2),
    ] {
        Sim::test(1, async |sim| {
            let router = router(&sim).with_serializers(served);
            sim.spawn(router.serve(sim.listen()));
            let reconnect = Reconnect::new().jitter(0);
            let join = realm(&sim).serializers(asked).reconnect(reconnect);
            let session = join.connect(&Sim::endpoint()).await.unwrap();
            assert_eq!(sim.lines(), lines);
            // The one that was taken is asked for first from then on.
            sim.line().kill(Fault::Reset);
            sim.sleep(Duration::from_secs(5)).await;
            session.fail_fast().publish(TOPIC, &()).await.unwrap();
            assert_eq!(sim.lines(), lines + 1);
        });
    }
}

/// Those that were refused keep their order, when the router has changed.
#[test]
fn serializers_keep_their_order_among_themselves() {
    Sim::test(1, async |sim| {
        let listener = sim.listen();
        let wishes = [Json, MessagePack, Json];
        let join = realm(&sim)
            .serializers(wishes)
            .reconnect(Reconnect::new().jitter(0));
        let asked = async {
            let mut asked = Vec::new();
            for grants in [2, 3] {
                for time in 0..3 {
                    let end = sim.accept(&listener).await.unwrap();
                    let decide = |id| {
                        asked.push(id);
                        if time == grants {
                            Ok(())
                        } else {
                            Err(RefusalCode::SERIALIZER_UNSUPPORTED)
                        }
                    };
                    if let Some(script) = Script::decide(&sim, end, decide).await {
                        // Gone at once.
                        let mut script = script;
                        script.welcome(1, json!({})).await;
                        sim.sleep(Duration::from_secs(60)).await;
                        sim.line().kill(Fault::Reset);
                    }
                }
            }
            asked
        };
        let endpoint = Sim::endpoint();
        let (session, asked) = futures_util::future::join(join.connect(&endpoint), asked).await;
        session.unwrap();
        let (json, packed) = (SerializerId::JSON, SerializerId::MSGPACK);
        // Of the three the last was granted, and is the first of the second round.
        assert_eq!(asked, [json, packed, json, json, json, packed]);
    });
}

#[test]
fn the_first_refusal_tells_if_all_are_refused() {
    for code in [
        RefusalCode::SERIALIZER_UNSUPPORTED,
        RefusalCode::TOO_MANY_CONNECTIONS,
    ] {
        Sim::test(1, async |sim| {
            let listener = sim.listen();
            sim.spawn(refuse_all(sim.clone(), listener, code));
            // Of all refusals but one it is known that they would be repeated.
            let reconnect = Reconnect::new().jitter(0).from_the_start(true).attempts(2);
            let join = realm(&sim).reconnect(reconnect);
            let error = join.connect(&Sim::endpoint()).await.unwrap_err();
            assert_eq!(refused(&error), Some(code));
            let lines = if code == RefusalCode::TOO_MANY_CONNECTIONS {
                3
            } else {
                2
            };
            assert_eq!(sim.lines(), lines, "{code:?}");
            sim.sleep(Duration::from_secs(60)).await;
            assert_eq!(sim.count(), 1, "no task is left but the router's");
        });
    }
}

async fn refuse_all(sim: Sim, listener: Listener, code: RefusalCode) {
    loop {
        let end = sim.accept(&listener).await.unwrap();
        Script::decide(&sim, end, |_| Err(code)).await;
    }
}

#[test]
fn a_silent_router_does_not_hold_up_joining_or_leaving() {
    Sim::test(1, async |sim| {
        let (here, there) = sim.open();
        // Says nothing at all.
        let error = realm(&sim).on(here).await.unwrap_err();
        assert!(matches!(
            error,
            SessionError::Ended(End::Failed(PeerError::Connection(
                ConnectionError::Timeout(_)
            )))
        ));
        assert_eq!(sim.now().as_secs(), 5);
        drop(there);
        // Says nothing after the handshake.
        let (here, there) = sim.open();
        let join = realm(&sim)
            .join_timeout(Duration::from_secs(3))
            .serializers([Json])
            .on(here);
        let (joined, mut silent) =
            futures_util::future::join(join, Script::accept(&sim, there)).await;
        let error = joined.unwrap_err();
        assert!(matches!(
            error,
            SessionError::Ended(End::Failed(PeerError::Session(Cause::JoinTimeout)))
        ));
        assert_eq!(sim.now().as_secs(), 8);
        silent.expect(1).await;
        // Says nothing after GOODBYE.
        let join = realm(&sim).leave_timeout(Duration::from_secs(3));
        let (session, _silent) = crate::world::scripted(&sim, join, json!({})).await;
        let error = session.leave().await.unwrap_err();
        assert!(matches!(
            error,
            SessionError::Ended(End::Failed(PeerError::Session(Cause::LeaveTimeout)))
        ));
        assert_eq!(sim.now().as_secs(), 11);
        drop(session);
        sim.sleep(Duration::from_secs(60)).await;
        assert_eq!(sim.count(), 0);
        assert!(sim.line().is_abandoned(Side::Client));
    });
}

/// How a router ends a session says whether it is worth to come back.
#[test]
fn only_what_may_pass_is_tried_again() {
    let goodbye = |reason: &str| json!([6, {}, reason]);
    let abort = |reason: &str| json!([3, {}, reason]);
    for (message, again) in [
        (goodbye("wamp.close.system_shutdown"), true),
        (goodbye("wamp.close.killed"), false),
        (goodbye("wamp.close.close_realm"), false),
        (abort("wamp.close.system_shutdown"), true),
        (abort("wamp.error.unavailable"), true),
        (abort("wamp.error.network_failure"), true),
        (abort("wamp.error.no_such_realm"), false),
        (abort("wamp.error.authentication_failed"), false),
        (abort("wamp.error.protocol_violation"), false),
        // What breaks the protocol would do so again.
        (json!([36, 9, 9, {}]), false),
    ] {
        Sim::test(1, async |sim| {
            let listener = sim.listen();
            let reconnect = Reconnect::new().jitter(0).attempts(1);
            let join = realm(&sim).serializers([Json]).reconnect(reconnect);
            let endpoint = Sim::endpoint();
            let accept = async {
                let end = sim.accept(&listener).await.unwrap();
                let mut script = Script::accept(&sim, end).await;
                script.welcome(1, json!({})).await;
                script.send(message.clone()).await;
                script
            };
            let (session, script) =
                futures_util::future::join(join.connect(&endpoint), accept).await;
            let session = session.unwrap();
            sim.spawn(script.close());
            let (mut states, mut told) = (session.states(), false);
            while let Some(state) = states.next().await {
                told |= matches!(state, SessionState::Disconnected { .. });
                if told {
                    break;
                }
            }
            assert_eq!(told, again, "{message}");
        });
    }
}

#[test]
fn a_refused_hello_is_final() {
    Sim::test(1, async |sim| {
        let router = listening(&sim);
        let join = wamp_rawsocket_core::client::Join::with_runtime(sim.clone(), "com.example.none");
        let join = join.reconnect(Reconnect::new().from_the_start(true));
        let error = join.connect(&Sim::endpoint()).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("wamp.error.no_such_realm"), "{text}");
        assert_eq!(sim.lines(), 1);
        emptied(&sim, &router).await;
    });
}
