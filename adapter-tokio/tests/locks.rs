//! Handles that are dropped wherever an application may drop them: nothing blocks for ever.

mod support;

use core::time::Duration;

use support::{REALM, bounded_thread, emptied, join, open, router};
use wamp_rawsocket_tokio::{End, Invocation, Join, Session, SessionError};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Registers a procedure whose handler has the only handles of the session.
async fn keep_in_handler(session: Session) {
    let (kept, shared) = (session.clone(), std::sync::Arc::new(session));
    let handler = move |_: Invocation| {
        let session = shared.clone();
        async move { Ok((session.id().get(),)) }
    };
    kept.register("com.example.kept", handler).await.unwrap();
}

#[test]
fn the_last_session_in_a_handler_is_dropped_with_the_connection() {
    bounded_thread(|| {
        runtime().block_on(async {
            let router = router();
            let (here, there) = tokio::io::duplex(1 << 16);
            let served = tokio::spawn(router.serve_connection(there));
            let session = Join::new(REALM).on(here).await.unwrap();
            keep_in_handler(session).await;
            served.abort();
            emptied(&router).await;
            support::settle().await;
        });
    });
}

#[test]
fn the_last_session_in_a_handler_is_dropped_when_it_is_unregistered() {
    bounded_thread(|| {
        runtime().block_on(async {
            let router = router();
            let session = join(&router).await;
            let inner = session.clone();
            let handler = move |_: Invocation| {
                let session = inner.clone();
                async move { Ok((session.id().get(),)) }
            };
            let registration = session.register("com.example.kept", handler).await.unwrap();
            drop(session);
            // Dropped as soon as it was asked for.
            let mut unregister = Box::pin(async move { registration.unregister().await });
            let once = core::future::poll_fn(|cx| {
                drop(unregister.as_mut().poll(cx));
                core::task::Poll::Ready(())
            });
            once.await;
            drop(unregister);
            emptied(&router).await;
        });
    });
}

#[test]
fn the_last_session_in_a_handler_is_dropped_when_its_registration_is_lost() {
    bounded_thread(|| {
        runtime().block_on(async {
            // A router that says nothing after WELCOME, and then goes.
            let router = router();
            let (here, mut there) = tokio::io::duplex(1 << 16);
            let (near, far) = tokio::io::duplex(1 << 16);
            tokio::spawn(router.serve_connection(far));
            let relay = tokio::spawn(async move {
                let mut near = near;
                tokio::io::copy_bidirectional(&mut near, &mut there)
                    .await
                    .ok();
            });
            let session = Join::new(REALM).on(here).await.unwrap();
            relay.abort();
            relay.await.unwrap_err();
            let inner = session.clone();
            let handler = move |_: Invocation| {
                let session = inner.clone();
                async move { Ok((session.id().get(),)) }
            };
            let error = session.register("com.example.kept", handler).await;
            assert!(matches!(error.unwrap_err(), SessionError::Ended(_)));
            drop(session);
            emptied(&router).await;
        });
    });
}

#[test]
fn a_runtime_that_goes_takes_its_sessions_along() {
    bounded_thread(|| {
        let theirs = runtime();
        let session = theirs.block_on(async { join(&router()).await });
        let ours = runtime();
        ours.block_on(async {
            let call = session.clone();
            let call = tokio::spawn(async move { call.call("com.example.none", &()).await });
            support::settle().await;
            drop(std::thread::spawn(move || drop(theirs)).join());
            let failed = call.await.unwrap().unwrap_err();
            assert!(matches!(failed, SessionError::Ended(End::Failed(_))));
            assert!(matches!(session.closed().await, End::Failed(_)));
            let late = session.publish("com.example.topic", &()).await;
            assert!(matches!(late.unwrap_err(), SessionError::Ended(_)));
        });
    });
}

#[test]
fn a_runtime_that_goes_drops_handlers_at_work() {
    bounded_thread(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let session = runtime.block_on(async {
            let router = router();
            let callee = Join::new(REALM).on(open(&router)).await.unwrap();
            let inner = callee.clone();
            let handler = move |_: Invocation| {
                let session = inner.clone();
                async move {
                    session.closed().await;
                    Ok(())
                }
            };
            callee.register("com.example.wait", handler).await.unwrap();
            let client = join(&router).await;
            for _ in 0..10 {
                let client = client.clone();
                tokio::spawn(async move { client.call("com.example.wait", &()).await });
            }
            while router.stats().pending_calls < 10 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            callee
        });
        drop(runtime);
        drop(session);
    });
}
