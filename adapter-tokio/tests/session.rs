//! The session level, against the router.
#![expect(clippy::similar_names, reason = "caller and callee are WAMP's words")]

mod support;

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::{REALM, emptied, holds_nothing, join, open, router, settle};
use tokio::sync::Notify;
use tokio::time::Instant;
use wamp_rawsocket_tokio::rawsocket_proto::connection::Config;
use wamp_rawsocket_tokio::wamp_core::message::CancelMode;
use wamp_rawsocket_tokio::wamp_core::session::SessionError as Cause;
use wamp_rawsocket_tokio::wamp_core::transport::PeerError;
use wamp_rawsocket_tokio::wamp_core::{Dict, SerializerKind, uris};
use wamp_rawsocket_tokio::{
    End, Invocation, Join, Registration, Session, SessionError, Subscription, WampError,
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
async fn events_reach_their_subscribers() {
    let router = router();
    let (here, there) = (join(&router).await, join(&router).await);
    let mut own = here.subscribe(TOPIC).await.unwrap();
    let mut others = there.subscribe(TOPIC).await.unwrap();
    let acknowledge = Dict::new().with("acknowledge", true);
    let id = here.publish_with(TOPIC, &acknowledge, &(1,)).await.unwrap();
    let event = others.recv().await.unwrap();
    assert_eq!(Some(event.publication()), id);
    assert_eq!(event.args::<(i64,)>().unwrap(), (1,));
    let everybody = Dict::new().with("exclude_me", false);
    here.publish_with(TOPIC, &everybody, &(2,)).await.unwrap();
    assert_eq!(own.recv().await.unwrap().args::<(i64,)>().unwrap(), (2,));
    assert_eq!(others.recv().await.unwrap().args::<(i64,)>().unwrap(), (2,));
    others.unsubscribe().await.unwrap();
    assert_eq!(router.stats().subscribers, 1);
    drop((own, here, there));
    emptied(&router).await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_subscription_is_ended_but_not_its_twin() {
    let router = router();
    let (publisher, session) = (join(&router).await, join(&router).await);
    let first = session.subscribe(TOPIC).await.unwrap();
    let mut second = session.subscribe(TOPIC).await.unwrap();
    drop(first);
    settle().await;
    publisher.publish(TOPIC, &(1,)).await.unwrap();
    second.recv().await.unwrap();
    drop(second);
    settle().await;
    assert_eq!(router.stats().subscribers, 0);
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
async fn calls_are_answered_failed_and_refused() {
    let router = router();
    let (callee, caller) = (join(&router).await, join(&router).await);
    let handler = |invocation: Invocation| async move {
        let (what,): (String,) = invocation.args()?;
        match what.as_str() {
            "fail" => Err(WampError::new("com.example.failed").with_text("as asked")),
            "panic" => panic!("as asked"),
            "large" => Ok(("x".repeat(1 << 24),)),
            _ => Ok((what,)),
        }
    };
    let registration = callee.register(PROCEDURE, handler).await.unwrap();
    let call = async |what: &'static str| caller.call(PROCEDURE, &(what,)).await;
    let (said,): (String,) = call("hello").await.unwrap().args().unwrap();
    assert_eq!(said, "hello");
    let error = call("fail").await.unwrap_err();
    assert_eq!(error.to_string(), "com.example.failed: as asked");
    assert_eq!(uri_of(call("panic").await), uris::RUNTIME_ERROR);
    assert_eq!(uri_of(call("large").await), uris::PAYLOAD_SIZE_EXCEEDED);
    let wrong = caller.call(PROCEDURE, &(1,)).await;
    assert_eq!(uri_of(wrong), uris::INVALID_ARGUMENT);
    let twice = caller.register(PROCEDURE, |_| async { Ok(()) }).await;
    assert_eq!(uri_of(twice), uris::PROCEDURE_ALREADY_EXISTS);
    registration.unregister().await.unwrap();
    assert_eq!(uri_of(call("hello").await), uris::NO_SUCH_PROCEDURE);
    let too_long = caller.call(PROCEDURE, &("x".repeat(1 << 24),)).await;
    assert!(matches!(too_long, Err(SessionError::Command(_))));
    drop((registration, callee, caller));
    emptied(&router).await;
}

#[tokio::test(start_paused = true)]
async fn calls_bring_progress_are_cancelled_and_run_out_of_time() {
    let router = router();
    let (callee, caller) = (join(&router).await, join(&router).await);
    let dropped = Arc::new(AtomicUsize::new(0));
    let counted = dropped.clone();
    let handler = move |invocation: Invocation| {
        struct Count(Arc<AtomicUsize>);
        impl Drop for Count {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let count = Count(counted.clone());
        async move {
            let _count = count;
            for step in 0..3 {
                invocation.progress(&(step,)).await.unwrap();
            }
            if invocation.args::<(bool,)>()?.0 {
                core::future::pending::<()>().await;
            }
            Ok((3,))
        }
    };
    callee.register(PROCEDURE, handler).await.unwrap();
    let options = Dict::new().with("receive_progress", true);
    let mut call = caller
        .start_call(PROCEDURE, &options, &(false,))
        .await
        .unwrap();
    for step in 0..3 {
        let progress = call.progress().await.unwrap();
        assert_eq!(progress.args::<(i32,)>().unwrap(), (step,));
    }
    assert!(call.progress().await.is_none());
    assert_eq!(call.result().await.unwrap().args::<(i32,)>().unwrap(), (3,));

    for (count, mode) in [CancelMode::Kill, CancelMode::KillNoWait, CancelMode::Skip]
        .into_iter()
        .enumerate()
    {
        let call = caller
            .start_call(PROCEDURE, &Dict::new(), &(true,))
            .await
            .unwrap();
        settle().await;
        call.cancel(mode).await.unwrap();
        assert_eq!(uri_of(call.result().await), uris::CANCELED);
        settle().await;
        let expected = if mode == CancelMode::Skip {
            3
        } else {
            count + 2
        };
        assert_eq!(dropped.load(Ordering::SeqCst), expected, "{mode:?}");
    }
    let start = Instant::now();
    let options = Dict::new().with("timeout", 1500);
    let late = caller.start_call(PROCEDURE, &options, &(true,)).await;
    assert_eq!(uri_of(late.unwrap().result().await), uris::TIMEOUT);
    assert_eq!(start.elapsed().as_millis(), 1500);
    drop((callee, caller));
    emptied(&router).await;
    assert!(holds_nothing(&router.stats()));
}

#[tokio::test(start_paused = true)]
async fn handlers_are_bounded_in_number() {
    let router = router();
    let callee = Join::new(REALM)
        .max_invocations(3)
        .on(open(&router))
        .await
        .unwrap();
    let caller = join(&router).await;
    let gate = Arc::new(Notify::new());
    let opened = gate.clone();
    let handler = move |_: Invocation| {
        let gate = opened.clone();
        async move {
            gate.notified().await;
            Ok(())
        }
    };
    callee.register(PROCEDURE, handler).await.unwrap();
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.push(
            caller
                .start_call(PROCEDURE, &Dict::new(), &())
                .await
                .unwrap(),
        );
    }
    assert_eq!(uri_of(caller.call(PROCEDURE, &()).await), uris::UNAVAILABLE);
    gate.notify_waiters();
    for call in calls {
        call.result().await.unwrap();
    }
    gate.notify_one();
    caller.call(PROCEDURE, &()).await.unwrap();
}

#[tokio::test]
async fn a_thousand_calls_at_once_are_each_answered() {
    support::bounded(async {
        let router = router();
        let (endpoint, _served) = support::listening(&router).await;
        for serializer in SerializerKind::ALL {
            let join = || {
                Join::new(REALM)
                    .serializers([*serializer])
                    .connect(&endpoint)
            };
            let (callee, caller) = (join().await.unwrap(), join().await.unwrap());
            let echo = |invocation: Invocation| async move { Ok(invocation.args::<(i64,)>()?) };
            callee.register(PROCEDURE, echo).await.unwrap();
            let mut calls = tokio::task::JoinSet::new();
            for number in 0..1000_i64 {
                let caller = caller.clone();
                calls.spawn(async move {
                    let answer = caller.call(PROCEDURE, &(number,)).await.unwrap();
                    assert_eq!(answer.args::<(i64,)>().unwrap(), (number,));
                });
            }
            while let Some(call) = calls.join_next().await {
                call.unwrap();
            }
        }
        emptied(&router).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_misses_events_but_no_answers() {
    let router = router();
    let (publisher, session) = (join(&router).await, join(&router).await);
    let mut subscription = session.subscribe(TOPIC).await.unwrap();
    let extra = 100;
    for number in 0..Subscription::CAPACITY + extra {
        publisher.publish(TOPIC, &(number,)).await.unwrap();
        if number % 100 == 0 {
            settle().await;
        }
    }
    settle().await;
    let none = session.call(PROCEDURE, &()).await;
    assert_eq!(uri_of(none), uris::NO_SUCH_PROCEDURE);
    assert_eq!(subscription.missed(), extra as u64);
    for number in 0..Subscription::CAPACITY {
        let event = subscription.recv().await.unwrap();
        assert_eq!(event.args::<(usize,)>().unwrap(), (number,));
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_leaves() {
    let router = router();
    let session = join(&router).await;
    let (clone, subscription) = (session.clone(), session.subscribe(TOPIC).await.unwrap());
    drop((session, clone));
    settle().await;
    assert_eq!(router.stats().sessions, 1);
    drop(subscription);
    settle().await;
    assert!(holds_nothing(&router.stats()), "{:?}", router.stats());
}

#[tokio::test(start_paused = true)]
async fn leaving_is_answered_and_final() {
    let router = router();
    let session = join(&router).await;
    session.leave().await.unwrap();
    let End::Left { reason, by_router } = session.closed().await else {
        panic!("not left")
    };
    assert_eq!((reason.as_str(), by_router), (uris::GOODBYE_AND_OUT, false));
    let late = session.publish(TOPIC, &()).await;
    assert!(matches!(late, Err(SessionError::Ended(End::Left { .. }))));
    emptied(&router).await;
}

#[tokio::test(start_paused = true)]
async fn a_router_that_shuts_down_says_goodbye() {
    let router = router();
    let session = join(&router).await;
    let waiting = session.clone();
    session
        .register(PROCEDURE, |_| {
            core::future::pending::<Result<(), WampError>>()
        })
        .await
        .unwrap();
    let call = tokio::spawn(async move { waiting.call(PROCEDURE, &()).await });
    settle().await;
    let start = Instant::now();
    router.shut_down(Duration::from_secs(60)).await;
    assert!(start.elapsed() < Duration::from_secs(1));
    let left = End::Left {
        reason: uris::SYSTEM_SHUTDOWN.to_owned(),
        by_router: true,
    };
    assert_eq!(session.closed().await, left);
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error, SessionError::Ended(end) if end == left));
    assert!(holds_nothing(&router.stats()));
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
async fn a_router_that_does_not_read_makes_publishers_wait() {
    let router = router();
    let (here, there) = tokio::io::duplex(1 << 12);
    let (near, far) = tokio::io::duplex(1 << 12);
    tokio::spawn(router.serve_connection(far));
    let gate = Arc::new(Notify::new());
    let opened = gate.clone();
    tokio::spawn(async move {
        let (mut near, mut there) = (near, there);
        {
            let relay = tokio::io::copy_bidirectional(&mut near, &mut there);
            tokio::select! { _ = relay => {} () = opened.notified() => {} }
        }
        opened.notified().await;
        tokio::io::copy_bidirectional(&mut near, &mut there)
            .await
            .ok();
    });
    let session = Join::new(REALM).on(here).await.unwrap();
    gate.notify_one();
    settle().await;
    let second = Duration::from_secs(1);
    let publish = async |number: u32| {
        let payload = vec![number; 1 << 14];
        session.publish(TOPIC, &payload).await.unwrap();
    };
    let mut published = 0;
    while tokio::time::timeout(second, publish(published))
        .await
        .is_ok()
    {
        published += 1;
        assert!(published < 1000, "nothing is bounded");
    }
    assert!(published > 50);
    gate.notify_one();
    publish(published).await;
    session.leave().await.unwrap();
    assert_eq!(router.stats().publications, u64::from(published) + 1);
    emptied(&router).await;
}

#[tokio::test(start_paused = true)]
async fn a_router_that_vanishes_fails_all_that_is_pending() {
    let router = router();
    let (here, there) = tokio::io::duplex(1 << 16);
    let served = tokio::spawn(router.serve_connection(there));
    let session = Join::new(REALM).on(here).await.unwrap();
    let never = |_: Invocation| core::future::pending::<Result<(), WampError>>();
    session.register(PROCEDURE, never).await.unwrap();
    let mut subscription = session.subscribe(TOPIC).await.unwrap();
    let mut calls = Vec::new();
    for _ in 0..10 {
        calls.push(
            session
                .start_call(PROCEDURE, &Dict::new(), &())
                .await
                .unwrap(),
        );
    }
    settle().await;
    served.abort();
    for call in calls {
        let error = call.result().await.unwrap_err();
        assert!(matches!(
            error,
            SessionError::Ended(End::Failed(PeerError::Closed))
        ));
    }
    assert!(subscription.recv().await.is_none());
    assert_eq!(session.closed().await, End::Failed(PeerError::Closed));
    assert!(matches!(
        session.leave().await,
        Err(SessionError::Ended(End::Failed(PeerError::Closed)))
    ));
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
