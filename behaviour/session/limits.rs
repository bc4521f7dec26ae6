//! A router that does not read: who sends waits, or is told at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::{PROCEDURE, TOPIC, bare_join};
use crate::adapter::rawsocket_proto::connection::Config;
use crate::adapter::wamp_core::Dict;
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::adapter::wamp_core::session::CommandError;
use crate::adapter::{Join, SessionError};
use crate::behaviour::bare::{self, Bare};
use crate::{case, join, pause, spawn};

/// More than the operating system holds for both directions of a socket.
const KERNEL: u64 = 16 << 20;
const QUEUED: usize = 256 << 10;
const TEXT: usize = 64 << 10;

fn modest() -> Join {
    let marks = Config::new().water_marks(64 << 10, 16 << 10);
    bare_join().connection(marks).max_queued(QUEUED)
}

/// Reads all that was published, up to GOODBYE, which it answers; and tells how much it was.
fn take(mut bare: Bare) -> u64 {
    let mut count = 0;
    loop {
        let message = bare.hear_message();
        if message.starts_with("[6,") {
            bare.say_message("[6,{},\"wamp.close.goodbye_and_out\"]");
            return count;
        }
        assert!(message.starts_with("[16,") && message.len() > TEXT);
        count += 1;
    }
}

#[case]
async fn a_full_outbox_fails_fast_where_that_is_asked_for(endpoint: &Endpoint) {
    let gate = Arc::new(AtomicBool::new(false));
    let opened = gate.clone();
    let (endpoint, router) = bare::router(endpoint, move |mut bare| {
        bare.welcome(1);
        while !opened.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        take(bare)
    });
    let session = modest().connect(&endpoint).await.unwrap();
    let hasty = session.fail_fast();
    let (text, mut published) = ("x".repeat(TEXT), 0);
    let start = Instant::now();
    // The system takes as much as it does; it is full when room does not come back.
    let mut refused = 0;
    while refused < 100 {
        match hasty.publish(TOPIC, &(&text,)).await {
            Ok(()) => (published, refused) = (published + 1, 0),
            Err(SessionError::Command(CommandError::Full)) => {
                refused += 1;
                pause().await;
            }
            Err(error) => panic!("{error:?}"),
        }
        let bound = KERNEL + (QUEUED + 3 * TEXT) as u64;
        assert!(published * (TEXT as u64) < bound, "nothing is bounded");
        assert!(start.elapsed().as_secs() < 30);
    }
    let waiting = session.clone();
    let patient = spawn(async move { waiting.publish(TOPIC, &(text,)).await });
    gate.store(true, Ordering::Release);
    join(patient).await.unwrap();
    session.leave().await.unwrap();
    assert_eq!(router.join().unwrap(), published + 1);
}

/// At no time are more octets under way than the queues and the system hold.
#[case]
async fn a_slow_router_makes_publishers_wait(endpoint: &Endpoint) {
    const COUNT: u64 = 640;
    let published = Arc::new(AtomicU64::new(0));
    let seen = published.clone();
    let (endpoint, router) = bare::router(endpoint, move |mut bare| {
        bare.welcome(1);
        while seen.load(Ordering::Acquire) < 4 {
            std::thread::yield_now();
        }
        for read in 1..=COUNT {
            assert!(bare.hear_message().starts_with("[16,"));
            let ahead = seen.load(Ordering::Acquire).saturating_sub(read) * TEXT as u64;
            assert!(
                ahead < KERNEL + (QUEUED + 3 * TEXT) as u64,
                "{ahead} octets ahead"
            );
        }
        take(bare)
    });
    let session = modest().connect(&endpoint).await.unwrap();
    let text = "x".repeat(TEXT);
    for count in 1..=COUNT {
        session.publish(TOPIC, &(&text,)).await.unwrap();
        published.store(count, Ordering::Release);
    }
    session.leave().await.unwrap();
    assert_eq!(router.join().unwrap(), 0);
}

#[case]
async fn requests_that_await_an_answer_are_bounded(endpoint: &Endpoint) {
    let (refused, was_refused) = std::sync::mpsc::channel();
    let (endpoint, router) = bare::router(endpoint, move |mut bare| {
        bare.welcome(1);
        bare.expect("[48,1,");
        bare.expect("[48,2,");
        was_refused.recv().unwrap();
        bare.say_message("[50,1,{}]");
        bare.expect("[48,3,");
        bare.say_message("[50,3,{}]");
        bare.hear_all()
    });
    let session = bare_join().max_pending(2).connect(&endpoint).await.unwrap();
    let none = Dict::new();
    let first = session.start_call(PROCEDURE, &none, &()).await.unwrap();
    let second = session.start_call(PROCEDURE, &none, &()).await.unwrap();
    let third = session.start_call(PROCEDURE, &none, &()).await;
    assert!(matches!(
        third,
        Err(SessionError::Command(CommandError::TooManyPending))
    ));
    refused.send(()).unwrap();
    first.result().await.unwrap();
    session.call(PROCEDURE, &()).await.unwrap();
    second.detach();
    drop(session);
    router.join().unwrap();
}
