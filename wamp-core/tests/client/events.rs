//! Subscriptions: twins, handlers, order.

use core::time::Duration;
use std::sync::{Arc, Mutex};

use wamp_rawsocket_core::client::{Event, Session};

use crate::sim::{Sim, yield_now};
use crate::world::{SEEDS, TOPIC, emptied, join, listening};

type Seen = Arc<Mutex<Vec<i64>>>;

/// Notes the numbers of events, after a while each.
fn note(sim: &Sim, seen: &Seen) -> impl FnMut(Event) -> BoxFuture + Send + 'static {
    let (sim, seen) = (sim.clone(), seen.clone());
    move |event| {
        let (sim, seen) = (sim.clone(), seen.clone());
        Box::pin(async move {
            let (number,): (i64,) = event.args().unwrap();
            sim.sleep(Duration::from_millis(
                u64::try_from(10 - number % 10).unwrap(),
            ))
            .await;
            assert!(number % 7 != 3, "as asked");
            seen.lock().unwrap().push(number);
        })
    }
}

type BoxFuture = core::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

async fn publish(session: &Session, numbers: core::ops::Range<i64>) {
    for number in numbers {
        session.publish(TOPIC, &(number,)).await.unwrap();
        yield_now().await;
    }
}

#[test]
fn a_handler_takes_events_one_after_the_other_and_survives_its_panics() {
    for seed in 0..SEEDS / 5 {
        Sim::test(seed, async |sim| {
            let router = listening(&sim);
            let (session, publisher) = (join(&sim).await, join(&sim).await);
            let seen = Seen::default();
            let handled = session
                .subscribe(TOPIC)
                .await
                .unwrap()
                .handle(note(&sim, &seen));
            publish(&publisher, 0..20).await;
            sim.sleep(Duration::from_secs(1)).await;
            let expected: Vec<_> = (0..20).filter(|number| number % 7 != 3).collect();
            assert_eq!(*seen.lock().unwrap(), expected);
            // Its handler keeps the session, which leaves once it is dropped.
            drop(session);
            sim.settle().await;
            assert_eq!(router.stats().sessions, 2);
            drop((handled, publisher));
            emptied(&sim, &router).await;
        });
    }
}

#[test]
fn a_handler_that_is_dropped_stops_at_once_and_one_that_is_left_goes_on() {
    Sim::test(1, async |sim| {
        let router = listening(&sim);
        let (session, publisher) = (join(&sim).await, join(&sim).await);
        let (dropped, left) = (Seen::default(), Seen::default());
        let handled = session
            .subscribe(TOPIC)
            .await
            .unwrap()
            .handle(note(&sim, &dropped));
        session
            .subscribe(TOPIC)
            .await
            .unwrap()
            .handle(note(&sim, &left))
            .detach();
        publish(&publisher, 0..3).await;
        sim.sleep(Duration::from_millis(5)).await;
        drop((handled, session));
        publish(&publisher, 4..6).await;
        sim.sleep(Duration::from_secs(1)).await;
        assert!(dropped.lock().unwrap().is_empty());
        assert_eq!(*left.lock().unwrap(), [0, 1, 2, 4, 5]);
        assert_eq!(
            (router.stats().subscribers, router.stats().sessions),
            (1, 2)
        );
    });
}

/// Each twin gets every event once from when it is there, whatever becomes of the others.
#[test]
fn twins_come_and_go_without_harm_to_each_other() {
    for seed in 0..SEEDS {
        Sim::test(seed, async |sim| {
            let router = listening(&sim);
            let (session, publisher) = (join(&sim).await, join(&sim).await);
            let publishing = async {
                publish(&publisher, 0..30).await;
                publisher.publish_acknowledged(TOPIC, &(30,)).await.unwrap();
            };
            let twins = async {
                let mut twins = Vec::new();
                for _ in 0..20 {
                    match sim.below(4) {
                        0 | 1 => twins.push(session.subscribe(TOPIC).await.unwrap()),
                        2 if !twins.is_empty() => {
                            drop(twins.swap_remove(sim.below(twins.len())));
                        }
                        3 if !twins.is_empty() => {
                            let twin = twins.swap_remove(sim.below(twins.len()));
                            twin.unsubscribe().await.unwrap();
                        }
                        _ => yield_now().await,
                    }
                }
                twins
            };
            let ((), mut twins) = futures_util::future::join(publishing, twins).await;
            publisher.publish_acknowledged(TOPIC, &(31,)).await.unwrap();
            sim.settle().await;
            assert_eq!(router.stats().subscribers, usize::from(!twins.is_empty()));
            for twin in &mut twins {
                let mut numbers = Vec::new();
                while let Some(Some(event)) = futures_util::FutureExt::now_or_never(twin.recv()) {
                    numbers.push(event.args::<(i64,)>().unwrap().0);
                }
                assert_eq!(numbers.last(), Some(&31));
                assert!(
                    numbers.windows(2).all(|pair| pair[1] == pair[0] + 1),
                    "{numbers:?}"
                );
            }
            drop((twins, session, publisher));
            emptied(&sim, &router).await;
        });
    }
}
