//! A callee that is faster than its caller takes.

mod support;

use support::{bounded, join, router};
use wamp_rawsocket_tokio::wamp_core::Dict;
use wamp_rawsocket_tokio::{Invocation, SessionError, WampError};

#[tokio::test]
async fn progress_that_is_not_taken_ends_the_call_and_not_the_session() {
    let router = router();
    let server = join(&router).await;
    let flood = |invocation: Invocation| async move {
        for step in 0..100_000 {
            let sent = invocation.progress(&(step,)).await;
            sent.map_err(|error| {
                WampError::new("com.example.stopped").with_text(error.to_string())
            })?;
        }
        Ok(())
    };
    server.register("com.example.flood", flood).await.unwrap();
    let quick = |_: Invocation| async { Ok((7,)) };
    server.register("com.example.quick", quick).await.unwrap();

    let caller = join(&router).await;
    let options = Dict::new().with("receive_progress", true);
    let mut call = caller
        .start_call("com.example.flood", &options, &())
        .await
        .unwrap();
    // Other calls are answered meanwhile.
    for _ in 0..10 {
        let result = caller.call("com.example.quick", &()).await.unwrap();
        assert_eq!(result.args::<(i32,)>().unwrap(), (7,));
    }
    // Nothing is taken until the call is over.
    bounded(async {
        while router.stats().pending_calls > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut taken = 0;
    while call.progress().await.is_some() {
        taken += 1;
    }
    assert_eq!(taken, 4096);
    assert!(matches!(call.result().await, Err(SessionError::Overrun)));
    assert_eq!(
        caller
            .call("com.example.quick", &())
            .await
            .unwrap()
            .args::<(i32,)>()
            .unwrap(),
        (7,)
    );
}
