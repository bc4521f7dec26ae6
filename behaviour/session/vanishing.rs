//! A router that goes away in each phase: whatever is pending fails, and says why.

use std::num::NonZeroU8;
use std::time::{Duration, Instant};

use super::{PROCEDURE, TOPIC, assert_failed, bare_join, end_of};
use crate::adapter::rawsocket_proto::connection::{Config, ConnectionError};
use crate::adapter::rawsocket_proto::time::TimerKind;
use crate::adapter::wamp_core::Dict;
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::adapter::wamp_core::session::SessionError as Cause;
use crate::adapter::wamp_core::transport::PeerError;
use crate::adapter::{End, WampError};
use crate::behaviour::bare::{self, Bare, HELLO};
use crate::{case, join, spawn};

/// How the router goes away.
#[derive(Clone, Copy, Debug)]
enum Exit {
    Close,
    /// In the middle of a frame.
    Tear,
    /// In the middle of what the client says.
    Reset,
}

const EXITS: [Exit; 3] = [Exit::Close, Exit::Tear, Exit::Reset];

/// Goes away. For a reset the client has to say something more.
fn leave(mut bare: Bare, exit: Exit) {
    match exit {
        Exit::Close => {}
        Exit::Tear => bare.say(&[0, 0, 0, 9, b'[']),
        Exit::Reset => bare.reset(),
    }
}

#[track_caller]
fn assert_gone(end: &End, exit: Exit) {
    let End::Failed(error) = end else {
        panic!("{end:?}")
    };
    let torn = PeerError::Connection(ConnectionError::Truncated { missing: 8 });
    match exit {
        Exit::Close => assert_eq!(*error, PeerError::Closed),
        Exit::Tear => assert_eq!(*error, torn),
        Exit::Reset => assert!(matches!(error, PeerError::Transport(_)), "{error:?}"),
    }
    assert!(end.is_transient());
}

#[case]
async fn in_the_handshake(endpoint: &Endpoint) {
    let closed = PeerError::Connection(ConnectionError::ClosedInHandshake);
    for resets in [false, true] {
        for said in 0..4 {
            let (endpoint, router) = bare::router(endpoint, move |mut bare| {
                if resets {
                    bare.say(&HELLO[..said]);
                    bare.reset();
                } else {
                    assert_eq!(bare.hear(), HELLO);
                    bare.say(&HELLO[..said]);
                }
            });
            assert_failed(bare_join().connect(&endpoint).await, &closed);
            router.join().unwrap();
        }
    }
}

#[case]
async fn at_hello(endpoint: &Endpoint) {
    for exit in EXITS {
        let (endpoint, router) = bare::router(endpoint, move |mut bare| {
            match exit {
                Exit::Close | Exit::Tear => bare.let_in(),
                // HELLO is what is reset.
                Exit::Reset => {
                    assert_eq!(bare.hear(), HELLO);
                    bare.say(&HELLO);
                }
            }
            leave(bare, exit);
        });
        assert_gone(&end_of(bare_join().connect(&endpoint).await), exit);
        router.join().unwrap();
    }
}

#[case]
async fn silence_has_a_deadline_in_each_phase(endpoint: &Endpoint) {
    let within = Duration::from_millis(50);
    let (endpoint_, router) = bare::router(endpoint, |mut bare| bare.hear_all());
    let start = Instant::now();
    let impatient = Config::new().handshake_timeout(Some(within));
    let joined = bare_join().connection(impatient).connect(&endpoint_).await;
    let late = ConnectionError::Timeout(TimerKind::Handshake);
    assert_failed(joined, &PeerError::Connection(late));
    assert!(start.elapsed() >= within);
    router.join().unwrap();

    let (endpoint_, router) = bare::router(endpoint, |mut bare| {
        bare.let_in();
        bare.hear_all()
    });
    let start = Instant::now();
    let joined = bare_join().join_timeout(within).connect(&endpoint_).await;
    assert_failed(joined, &PeerError::Session(Cause::JoinTimeout));
    assert!(start.elapsed() >= within);
    router.join().unwrap();

    let (endpoint_, router) = bare::router(endpoint, |mut bare| {
        bare.welcome(1);
        bare.hear_all()
    });
    let watched = Config::new()
        .heartbeat_interval(Some(Duration::from_millis(10)))
        .max_pings(NonZeroU8::new(3).unwrap());
    let session = bare_join().connection(watched).connect(&endpoint_).await;
    let session = session.unwrap();
    let lost = PeerError::Connection(ConnectionError::Unresponsive { pings: 3 });
    assert_failed(session.call(PROCEDURE, &()).await, &lost);
    assert_eq!(session.closed().await, End::Failed(lost));
    router.join().unwrap();
}

/// Each sort of request is under way, and a subscription made.
#[case]
async fn while_requests_are_under_way(endpoint: &Endpoint) {
    for exit in EXITS {
        let (endpoint, router) = bare::router(endpoint, move |mut bare| {
            bare.welcome(1);
            bare.expect("[32,1,{},\"com.example.topic\"");
            bare.say_message("[33,1,9]");
            bare.expect("[64,2,{},\"com.example.procedure\"");
            bare.say_message("[65,2,8]");
            let mut kinds: Vec<_> = (0..12).map(|_| bare.hear_message()).collect();
            kinds.sort();
            let count = |kind: &str| kinds.iter().filter(|it| it.starts_with(kind)).count();
            assert_eq!(
                ["[16,", "[32,", "[48,", "[64,", "[66,"].map(count),
                [1, 1, 8, 1, 1]
            );
            if matches!(exit, Exit::Reset) {
                // It is answered, and the answer reset.
                bare.say_message("[68,1,8,{},[]]");
            }
            leave(bare, exit);
        });
        let session = bare_join().connect(&endpoint).await.unwrap();
        let mut events = session.subscribe(TOPIC).await.unwrap();
        let handler = async |_: crate::adapter::Invocation| Ok::<_, WampError>(("answer",));
        let registration = session.register(PROCEDURE, handler).await.unwrap();
        let mut calls = Vec::new();
        for _ in 0..8 {
            let call = session.start_call(PROCEDURE, &Dict::new(), &()).await;
            calls.push(call.unwrap());
        }
        let asking = session.clone();
        let publishing = spawn(async move { asking.publish_acknowledged(TOPIC, &()).await });
        let asking = session.clone();
        let subscribing = spawn(async move { asking.subscribe("com.example.other").await });
        let asking = session.clone();
        let registering = spawn(async move {
            let handler = async |_: crate::adapter::Invocation| Ok::<_, WampError>(());
            asking.register("com.example.other", handler).await
        });
        let unregistering = spawn(async move { registration.unregister().await });

        for call in calls {
            assert_gone(&end_of(call.result().await), exit);
        }
        assert_gone(&end_of(join(publishing).await), exit);
        assert_gone(&end_of(join(subscribing).await), exit);
        assert_gone(&end_of(join(registering).await), exit);
        assert_gone(&end_of(join(unregistering).await), exit);
        assert!(events.recv().await.is_none());
        assert_gone(&session.closed().await, exit);
        assert_gone(&end_of(session.leave().await), exit);
        assert_gone(&end_of(session.publish(TOPIC, &()).await), exit);
        router.join().unwrap();
    }
}

#[case]
async fn at_goodbye(endpoint: &Endpoint) {
    for exit in EXITS {
        let (endpoint, router) = bare::router(endpoint, move |mut bare| {
            bare.welcome(1);
            match exit {
                Exit::Close | Exit::Tear => drop(bare.expect("[6,{}")),
                // GOODBYE is what is reset.
                Exit::Reset => {}
            }
            leave(bare, exit);
        });
        let session = bare_join().connect(&endpoint).await.unwrap();
        assert_gone(&end_of(session.leave().await), exit);
        assert_gone(&session.closed().await, exit);
        router.join().unwrap();
    }
}

/// ABORT is an end as well, and gives its reason to all that waits.
#[case]
async fn by_abort(endpoint: &Endpoint) {
    for joined in [false, true] {
        let (endpoint, router) = bare::router(endpoint, move |mut bare| {
            if joined {
                bare.welcome(1);
                bare.expect("[48,1,{},\"com.example.procedure\"");
            } else {
                bare.let_in();
            }
            bare.say_message("[3,{\"message\":\"no more\"},\"com.example.because\"]");
            bare.hear_all()
        });
        let session = bare_join().connect(&endpoint).await;
        let outcome = match session {
            Ok(session) => session.call(PROCEDURE, &()).await.map(drop),
            Err(error) => Err(error),
        };
        let aborted = Cause::Aborted {
            reason: "com.example.because".to_owned(),
            message: Some("no more".to_owned()),
            joined,
        };
        assert_failed(outcome, &PeerError::Session(aborted));
        router.join().unwrap();
    }
}

/// The peer speaks RawSocket, but no WAMP: it is told so.
#[case]
async fn by_nonsense(endpoint: &Endpoint) {
    for nonsense in ["", "[", "{}", "[2]", "[36,1,1,{}]", "[50,77,{}]"] {
        let (endpoint, router) = bare::router(endpoint, move |mut bare| {
            bare.welcome(1);
            bare.say_message(nonsense);
            bare.expect("[3,{");
            bare.hear_all()
        });
        let session = bare_join().connect(&endpoint).await.unwrap();
        let End::Failed(PeerError::Session(Cause::Protocol(_))) = session.closed().await else {
            panic!("{nonsense} was taken")
        };
        router.join().unwrap();
    }
}
