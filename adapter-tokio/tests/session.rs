//! The session level where only tokio can test it: with futures that are given up, over streams in
//! memory, or with hours that pass at once. What all adapters do is in `behaviour.rs`.
#![expect(clippy::similar_names, reason = "caller and callee are WAMP's words")]

mod support;

use core::time::Duration;
use std::sync::Arc;

use support::{REALM, emptied, join, open, router, settle};
use tokio::sync::Notify;
use tokio::time::Instant;
use wamp_rawsocket_tokio::rawsocket_proto::connection::Config;
use wamp_rawsocket_tokio::wamp_core::session::SessionError as Cause;
use wamp_rawsocket_tokio::wamp_core::transport::PeerError;
use wamp_rawsocket_tokio::wamp_core::uris;
use wamp_rawsocket_tokio::{
    End, Invocation, Join, Registration, Session, SessionError, Subscription,
};

const TOPIC: &str = "com.example.topic";
const PROCEDURE: &str = "com.example.procedure";

fn uri_of<T: core::fmt::Debug>(answer: Result<T, SessionError>) -> String {
    let error = answer.unwrap_err();
    error
        .wamp()
        .unwrap_or_else(|| panic!("{error:?}"))
        .uri
        .clone()
}

#[tokio::test(start_paused = true)]
async fn a_subscription_made_while_its_twin_ends_is_not_lost() {
    let router = router();
    let (publisher, session) = (join(&router).await, join(&router).await);
    let first = session.subscribe(TOPIC).await.unwrap();
    let mut second = Box::pin(session.subscribe(TOPIC));
    assert!(futures_poll(&mut second).await.is_none());
    drop(first);
    let mut second = second.await.unwrap();
    settle().await;
    publisher.publish(TOPIC, &(1,)).await.unwrap();
    assert!(second.recv().await.is_some());
    drop(second);
    settle().await;
    assert_eq!(router.stats().subscribers, 0);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_nobody_waited_for_is_ended() {
    let router = router();
    let session = join(&router).await;
    let mut asked = Box::pin(session.subscribe(TOPIC));
    assert!(futures_poll(&mut asked).await.is_none());
    drop(asked);
    settle().await;
    assert_eq!(
        router.stats().messages_in,
        3,
        "HELLO, SUBSCRIBE, UNSUBSCRIBE"
    );
    assert_eq!(router.stats().subscribers, 0);
}

/// Polls once.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    core::future::poll_fn(|cx| {
        core::task::Poll::Ready(match core::pin::Pin::new(&mut *future).poll(cx) {
            core::task::Poll::Ready(output) => Some(output),
            core::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_join_is_refused_or_runs_out_of_time() {
    let router = router();
    let error = Join::new("nowhere").on(open(&router)).await.unwrap_err();
    let SessionError::Ended(End::Failed(PeerError::Session(Cause::Aborted {
        reason, joined, ..
    }))) = error
    else {
        panic!("{error:?}")
    };
    assert_eq!((reason.as_str(), joined), (uris::NO_SUCH_REALM, false));

    let (here, mut there) = tokio::io::duplex(1 << 10);
    let start = Instant::now();
    let silent = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let request = there.read_u32().await.unwrap();
        there.write_u32(request).await.unwrap();
        tokio::io::copy(&mut there, &mut tokio::io::sink())
            .await
            .ok();
    });
    let error = Join::new(REALM).on(here).await.unwrap_err();
    let late = End::Failed(PeerError::Session(Cause::JoinTimeout));
    assert!(matches!(error, SessionError::Ended(end) if end == late));
    assert_eq!(start.elapsed().as_secs(), 10);
    silent.await.unwrap();
    emptied(&router).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_little_joins_or_is_told() {
    let router = router();
    let small = Config::new().max_receive(512);
    let joined = Join::new(REALM).connection(small).on(open(&router)).await;
    match joined {
        Ok(session) => {
            let long = session.publish(TOPIC, &("x".repeat(600),)).await;
            long.unwrap();
            session.leave().await.unwrap();
        }
        Err(SessionError::Ended(End::Failed(PeerError::Session(Cause::Aborted {
            reason,
            ..
        })))) => assert_eq!(reason, uris::PAYLOAD_SIZE_EXCEEDED),
        Err(error) => panic!("{error:?}"),
    }
    emptied(&router).await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_while_nothing_can_be_sent_is_answered_later() {
    let router = router();
    let (here, there) = tokio::io::duplex(1 << 16);
    let (near, far) = tokio::io::duplex(1 << 16);
    tokio::spawn(router.serve_connection(far));
    let (gate, opened) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let opening = opened.clone();
    tokio::spawn(async move {
        let (mut near, mut there) = (near, there);
        {
            let relay = tokio::io::copy_bidirectional(&mut near, &mut there);
            tokio::select! { _ = relay => {} () = opening.notified() => {} }
        }
        opening.notified().await;
        tokio::io::copy_bidirectional(&mut near, &mut there)
            .await
            .ok();
    });
    let callee = Join::new(REALM).on(here).await.unwrap();
    let caller = join(&router).await;
    let waits = gate.clone();
    let handler = move |_: Invocation| {
        let gate = waits.clone();
        async move {
            gate.notified().await;
            assert!(callee_is_asked_to_panic());
            Ok(())
        }
    };
    callee.register(PROCEDURE, handler).await.unwrap();
    let call = tokio::spawn(async move { caller.call(PROCEDURE, &()).await });
    settle().await;
    opened.notify_one();
    settle().await;
    let fill = async {
        loop {
            callee.publish(TOPIC, &vec![0_u8; 1 << 14]).await.unwrap();
        }
    };
    let second = Duration::from_secs(1);
    tokio::time::timeout(second, fill).await.unwrap_err();
    gate.notify_one();
    settle().await;
    opened.notify_one();
    assert_eq!(uri_of(call.await.unwrap()), uris::RUNTIME_ERROR);
    callee.leave().await.unwrap();
}

fn callee_is_asked_to_panic() -> bool {
    false
}

#[test]
fn handles_can_be_shared_and_their_futures_sent() {
    fn both<T: Send + Sync>() {}
    fn check<T: Send>(_: &T) {}
    fn futures(session: &Session, subscription: &mut Subscription) {
        check(&session.publish(TOPIC, &()));
        check(&session.call(PROCEDURE, &()));
        check(&session.subscribe(TOPIC));
        check(&session.register(PROCEDURE, |_| async { Ok(()) }));
        check(&session.leave());
        check(&session.closed());
        check(&subscription.recv());
        check(&Join::new(REALM).on(tokio::io::empty()));
    }
    both::<Session>();
    both::<Subscription>();
    both::<Registration>();
    both::<Invocation>();
    both::<wamp_rawsocket_tokio::Call>();
    both::<wamp_rawsocket_tokio::Event>();
    both::<wamp_rawsocket_tokio::Router>();
    both::<SessionError>();
    let _: fn(&Session, &mut Subscription) = futures;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_is_not_taken_for_dead() {
    let watched = Config::new()
        .water_marks(1_000, 1_000)
        .heartbeat_interval(Some(Duration::from_secs(1)))
        .max_pings(core::num::NonZeroU8::new(10).unwrap());
    let router = router().with_connections(watched);
    let (here, there) = tokio::io::duplex(1 << 10);
    let (near, far) = tokio::io::duplex(1 << 10);
    tokio::spawn(router.serve_connection(far));
    // Half a kilobyte a second reaches the client; the other direction is quick.
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut from_router, mut to_router) = tokio::io::split(near);
        let (mut from_client, mut to_client) = tokio::io::split(there);
        let slow = async {
            let mut octets = [0; 512];
            loop {
                let count = from_router.read(&mut octets).await.unwrap();
                if count == 0 || to_client.write_all(&octets[..count]).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let quick = tokio::io::copy(&mut from_client, &mut to_router);
        tokio::join!(slow, quick).1.ok();
    });
    let session = Join::new(REALM).on(here).await.unwrap();
    let mut events = session.subscribe(TOPIC).await.unwrap();
    let publisher = join(&router).await;
    for number in 0..20 {
        let payload = (number, "x".repeat(3_000));
        publisher.publish(TOPIC, &payload).await.unwrap();
    }
    for number in 0..20 {
        let event = events
            .recv()
            .await
            .unwrap_or_else(|| panic!("lost at {number}"));
        assert_eq!(event.args::<(i32, String)>().unwrap().0, number);
    }
}
