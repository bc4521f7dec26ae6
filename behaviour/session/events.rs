//! Publishing and subscribing.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::{PROCEDURE, TOPIC, serve, until, uri_of};
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::adapter::wamp_core::{Dict, Kwargs, uris};
use crate::adapter::{Event, Session, Subscription};
use crate::{both, case, later};

#[case]
async fn events_reach_their_subscribers(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    let here = served.join().await;
    let there = served.join().await;
    let mut own = here.subscribe(TOPIC).await.unwrap();
    let mut others = there.subscribe(TOPIC).await.unwrap();
    let id = here.publish_acknowledged(TOPIC, &(1, "one")).await.unwrap();
    let event = others.recv().await.unwrap();
    assert_eq!(event.publication(), id);
    assert_eq!(
        event.args::<(i64, String)>().unwrap(),
        (1, "one".to_owned())
    );
    let everybody = Dict::new().with("exclude_me", false);
    let names = std::collections::BTreeMap::from([("two".to_owned(), 2)]);
    let none = here.publish_with(TOPIC, &everybody, &Kwargs(&names)).await;
    assert_eq!(none.unwrap(), None);
    for subscription in [&mut own, &mut others] {
        let event = subscription.recv().await.unwrap();
        assert_eq!(
            event
                .kwargs::<std::collections::BTreeMap<String, i32>>()
                .unwrap(),
            names
        );
    }
    others.unsubscribe().await.unwrap();
    assert_eq!(served.router.stats().subscribers, 1);
    drop((own, here, there));
    served.end_empty().await;
}

#[case]
async fn a_dropped_subscription_is_ended_but_not_its_twin(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    let publisher = served.join().await;
    let session = served.join().await;
    let first = session.subscribe(TOPIC).await.unwrap();
    let mut second = session.subscribe(TOPIC).await.unwrap();
    drop(first);
    publisher.publish(TOPIC, &(1,)).await.unwrap();
    assert_eq!(second.recv().await.unwrap().args::<(i32,)>().unwrap(), (1,));
    drop(second);
    until(|| served.router.stats().subscribers == 0).await;
    served.end().await;
}

#[case]
async fn a_handler_takes_events_one_after_the_other(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    let publisher = served.join().await;
    let session = served.join().await;
    let latest = Arc::new(AtomicI64::new(-1));
    let seen = latest.clone();
    let handler = move |event: Event| {
        let latest = seen.clone();
        later(async move {
            let (number,): (i64,) = event.args().unwrap();
            assert_eq!(latest.swap(number, Ordering::AcqRel), number - 1);
            assert_ne!(number, 50, "a panic loses one event");
        })
    };
    let listening = session.subscribe(TOPIC).await.unwrap().handle(handler);
    for number in 0..100_i64 {
        publisher.publish(TOPIC, &(number,)).await.unwrap();
    }
    until(|| latest.load(Ordering::Acquire) == 99).await;
    listening.unsubscribe().await.unwrap();
    assert_eq!(served.router.stats().subscribers, 0);
    served.end().await;
}

/// Events that nobody takes are counted and dropped; answers come all the same.
#[case]
async fn a_slow_subscriber_misses_events_but_no_answers(endpoint: &Endpoint) {
    const EXTRA: usize = 100;
    let served = serve(endpoint).await;
    let publisher = served.join().await;
    let session = served.join().await;
    let mut subscription = session.subscribe(TOPIC).await.unwrap();
    for number in 0..Subscription::CAPACITY + EXTRA {
        publisher.publish(TOPIC, &(number,)).await.unwrap();
        if number % 100 == 0 {
            // Not faster than the session hears of it.
            session.call(PROCEDURE, &()).await.unwrap_err();
        }
    }
    until(|| subscription.missed() == EXTRA as u64).await;
    let none = session.call(PROCEDURE, &()).await;
    assert_eq!(uri_of(none), uris::NO_SUCH_PROCEDURE);
    for number in 0..Subscription::CAPACITY {
        let event = subscription.recv().await.unwrap();
        assert_eq!(event.args::<(usize,)>().unwrap(), (number,));
    }
    served.end().await;
}

/// Both publish far more than their connections hold, and neither takes an event meanwhile.
#[case]
async fn two_sessions_that_flood_each_other_get_all_that_is_not_counted_as_lost(
    endpoint: &Endpoint,
) {
    const COUNT: u64 = 1000;
    let served = serve(endpoint).await;
    let one = served.join().await;
    let other = served.join().await;
    let mut events = [
        one.subscribe(TOPIC).await.unwrap(),
        other.subscribe(TOPIC).await.unwrap(),
    ];
    let flood = async |session: Session| {
        let text = "x".repeat(16 << 10);
        for number in 1..COUNT {
            session.publish(TOPIC, &(number, &text)).await.unwrap();
        }
        session
            .publish_acknowledged(TOPIC, &(COUNT, &text))
            .await
            .unwrap();
    };
    both(
        async {
            flood(one.clone()).await;
        },
        async {
            flood(other.clone()).await;
        },
    )
    .await;
    assert_eq!(served.router.stats().publications, 2 * COUNT);
    // An answer comes behind all events that were there before it.
    one.call(PROCEDURE, &()).await.unwrap_err();
    other.call(PROCEDURE, &()).await.unwrap_err();
    one.leave().await.unwrap();
    other.leave().await.unwrap();
    let mut received = 0;
    for events in &mut events {
        let mut latest = 0;
        while let Some(event) = events.recv().await {
            let (number, text): (u64, String) = event.args().unwrap();
            assert!(number > latest && text.len() == 16 << 10);
            latest = number;
            received += 1;
        }
        received += events.missed();
    }
    assert_eq!(received + served.router.stats().events_dropped, 2 * COUNT);
    served.end().await;
}
