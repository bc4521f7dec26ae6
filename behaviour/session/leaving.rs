//! Sessions that end in order, and those that try to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{PROCEDURE, REALM, TOPIC, assert_failed, bare_join, end_of, serve, until};
use crate::adapter::rawsocket_proto::connection::Config;
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::adapter::wamp_core::session::SessionError as Cause;
use crate::adapter::wamp_core::transport::PeerError;
use crate::adapter::wamp_core::{Dict, uris};
use crate::adapter::{End, Invocation, WampError};
use crate::behaviour::bare;
use crate::{case, join, joining, later, spawn};

#[case]
async fn leaving_is_answered_and_final(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    let session = served.join().await;
    let mut subscription = session.subscribe(TOPIC).await.unwrap();
    session.leave().await.unwrap();
    let End::Left { reason, by_router } = session.closed().await else {
        panic!("not left")
    };
    assert_eq!((reason.as_str(), by_router), (uris::GOODBYE_AND_OUT, false));
    assert!(matches!(
        end_of(session.publish(TOPIC, &()).await),
        End::Left { .. }
    ));
    assert!(matches!(
        end_of(session.call(PROCEDURE, &()).await),
        End::Left { .. }
    ));
    assert!(subscription.recv().await.is_none());
    session.leave().await.unwrap();
    served.end_empty().await;
}

#[case]
async fn the_last_handle_leaves(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    let session = served.join().await;
    let clone = session.clone();
    let subscription = session.subscribe(TOPIC).await.unwrap();
    drop((session, clone));
    // A subscription is a handle as well: it still gets its events.
    let publisher = served.join().await;
    let mut subscription = subscription;
    publisher.publish(TOPIC, &(1,)).await.unwrap();
    assert!(subscription.recv().await.is_some());
    drop(subscription);
    until(|| served.router.stats().sessions == 1).await;
    drop(publisher);
    served.end_empty().await;
}

#[case]
async fn a_router_that_shuts_down_says_goodbye(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    let session = served.join().await;
    let gate = Arc::new(AtomicBool::new(false));
    let opened = gate.clone();
    let slow = move |_: Invocation| {
        let gate = opened.clone();
        later(async move {
            until(|| gate.load(Ordering::Acquire)).await;
            Ok::<_, WampError>(())
        })
    };
    session.register(PROCEDURE, slow).await.unwrap();
    let call = session.start_call(PROCEDURE, &Dict::new(), &()).await;
    let call = call.unwrap();
    let start = Instant::now();
    served.end().await;
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "nobody was cut off"
    );
    let left = End::Left {
        reason: uris::SYSTEM_SHUTDOWN.to_owned(),
        by_router: true,
    };
    assert_eq!(end_of(call.result().await), left);
    assert_eq!(session.closed().await, left);
    gate.store(true, Ordering::Release);
}

/// GOODBYE is the last that is said, behind all that was asked before.
#[case]
async fn what_was_published_is_sent_before_goodbye(endpoint: &Endpoint) {
    let (endpoint, router) = bare::router(endpoint, |mut bare| {
        bare.welcome(1);
        for number in 1..=100 {
            bare.expect(&format!("[16,{number},{{}},\"{TOPIC}\",[{number}]"));
        }
        bare.expect("[6,{},\"wamp.close.close_realm\"");
        bare.say_message("[6,{},\"wamp.close.goodbye_and_out\"]");
        assert_eq!(bare.hear_all(), b"");
    });
    let session = bare_join().connect(&endpoint).await.unwrap();
    for number in 1..=100 {
        session.publish(TOPIC, &(number,)).await.unwrap();
    }
    session.leave().await.unwrap();
    router.join().unwrap();
}

#[case]
async fn a_router_that_does_not_answer_goodbye_has_a_deadline(endpoint: &Endpoint) {
    let (endpoint, router) = bare::router(endpoint, |mut bare| {
        bare.welcome(1);
        bare.expect("[6,{},\"wamp.close.close_realm\"");
        // Silent until the client gives up.
        assert_eq!(bare.hear_all(), b"");
    });
    let within = Duration::from_millis(50);
    let session = bare_join().leave_timeout(within);
    let session = session.connect(&endpoint).await.unwrap();
    let start = Instant::now();
    let late = PeerError::Session(Cause::LeaveTimeout);
    assert_failed(session.leave().await, &late);
    assert!(start.elapsed() >= within);
    assert_eq!(session.closed().await, End::Failed(late));
    router.join().unwrap();
}

/// Both say it at once.
#[case]
async fn goodbyes_may_cross(endpoint: &Endpoint) {
    let (endpoint, router) = bare::router(endpoint, |mut bare| {
        bare.welcome(1);
        bare.expect("[6,{},\"wamp.close.close_realm\"");
        bare.say_message("[6,{},\"wamp.close.system_shutdown\"]");
        bare.hear_all()
    });
    let session = bare_join().connect(&endpoint).await.unwrap();
    let leaving = session.clone();
    let leaving = spawn(async move { leaving.leave().await });
    join(leaving).await.unwrap();
    assert!(matches!(session.closed().await, End::Left { .. }));
    router.join().unwrap();
}

/// A time that no clock can tell is as good as none.
#[case]
async fn all_the_time_in_the_world_is_a_timeout(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    let connection = Config::new()
        .handshake_timeout(Some(Duration::MAX))
        .close_timeout(Duration::MAX)
        .heartbeat_interval(Some(Duration::MAX));
    let session = joining(REALM)
        .connection(connection)
        .connect_timeout(Duration::MAX)
        .join_timeout(Duration::MAX)
        .leave_timeout(Duration::MAX)
        .connect(&served.endpoint)
        .await
        .unwrap();
    let _subscription = session.subscribe(TOPIC).await.unwrap();
    session.leave().await.unwrap();
    served.router.shut_down(Duration::MAX).await;
    join(served.task).await;
}
