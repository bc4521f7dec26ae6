//! Calls: arguments, answers, errors, progress, cancellation, many at once.
#![expect(clippy::similar_names, reason = "caller and callee are WAMP's words")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use super::{PROCEDURE, REALM, serve, until, uri_of};
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::adapter::wamp_core::message::CancelMode;
use crate::adapter::wamp_core::session::CommandError;
use crate::adapter::wamp_core::{ArgsKwargs, Dict, Kwargs, SerializerKind, uris};
use crate::adapter::{Invocation, SessionError, WampError};
use crate::{case, joining, later, pause};

/// Keyword arguments.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Rectangle {
    width: u64,
    height: u64,
    label: Option<String>,
}

/// Each sort of arguments, there and back, with each serializer on each side.
#[case]
async fn arguments_are_typed(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    for (callee, caller) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let join = |index: usize| joining(REALM).serializers([SerializerKind::ALL[index]]);
        let callee = join(callee).connect(&served.endpoint).await.unwrap();
        let caller = join(caller).connect(&served.endpoint).await.unwrap();

        let swap = async |invocation: Invocation| {
            let (number, text): (i64, String) = invocation.args()?;
            Ok::<_, WampError>((text, number, [0.5, -1.5]))
        };
        callee.register("com.example.swap", swap).await.unwrap();
        let answer = caller
            .call("com.example.swap", &(-7, "sept"))
            .await
            .unwrap();
        let answer: (String, i64, Vec<f64>) = answer.args().unwrap();
        assert_eq!(answer, ("sept".to_owned(), -7, vec![0.5, -1.5]));

        let turn = async |invocation: Invocation| {
            let rectangle: Rectangle = invocation.kwargs()?;
            let area = rectangle.width * rectangle.height;
            Ok::<_, WampError>(ArgsKwargs((area,), rectangle))
        };
        callee.register("com.example.turn", turn).await.unwrap();
        let rectangle = Rectangle {
            width: 1 << 20,
            height: 3,
            label: Some("long".to_owned()),
        };
        let answer = caller
            .call("com.example.turn", &Kwargs(&rectangle))
            .await
            .unwrap();
        assert_eq!(answer.args::<(u64,)>().unwrap(), (3 << 20,));
        assert_eq!(answer.kwargs::<Rectangle>().unwrap(), rectangle);

        let nothing = async |invocation: Invocation| {
            assert!(invocation.payload().is_none());
            Ok::<_, WampError>(())
        };
        callee
            .register("com.example.nothing", nothing)
            .await
            .unwrap();
        assert!(
            caller
                .call("com.example.nothing", &())
                .await
                .unwrap()
                .is_none()
        );
        callee.leave().await.unwrap();
    }
    served.end().await;
}

#[case]
async fn calls_fail_with_what_the_callee_or_the_router_says(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    let callee = served.join().await;
    let caller = served.join().await;
    let handler = async |invocation: Invocation| {
        let (what,): (String,) = invocation.args()?;
        match what.as_str() {
            "fail" => Err(WampError::new("com.example.failed").with_text("as asked")),
            "panic" => panic!("as asked"),
            "large" => Ok(("x".repeat(1 << 24),)),
            _ => Ok((what,)),
        }
    };
    let registration = callee.register(PROCEDURE, handler).await.unwrap();
    let answer = caller.call(PROCEDURE, &("hello",)).await.unwrap();
    assert_eq!(answer.args::<(String,)>().unwrap().0, "hello");
    let error = caller.call(PROCEDURE, &("fail",)).await.unwrap_err();
    assert_eq!(error.to_string(), "com.example.failed: as asked");
    let error = caller.call(PROCEDURE, &("panic",)).await;
    assert_eq!(uri_of(error), uris::RUNTIME_ERROR);
    let error = caller.call(PROCEDURE, &("large",)).await;
    assert_eq!(uri_of(error), uris::PAYLOAD_SIZE_EXCEEDED);
    let error = caller.call(PROCEDURE, &(1,)).await;
    assert_eq!(uri_of(error), uris::INVALID_ARGUMENT);
    let error = caller.register(PROCEDURE, handler).await;
    assert_eq!(uri_of(error), uris::PROCEDURE_ALREADY_EXISTS);
    registration.unregister().await.unwrap();
    let error = caller.call(PROCEDURE, &("hello",)).await;
    assert_eq!(uri_of(error), uris::NO_SUCH_PROCEDURE);
    let error = caller.call(PROCEDURE, &("x".repeat(1 << 24),)).await;
    assert!(
        matches!(
            error,
            Err(SessionError::Command(CommandError::TooLong { .. }))
        ),
        "{error:?}"
    );
    let error = caller.call("not a uri", &()).await;
    assert!(
        matches!(error, Err(SessionError::Command(CommandError::InvalidUri))),
        "{error:?}"
    );
    served.end().await;
}

#[case]
async fn a_thousand_calls_on_one_session_are_each_answered(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    for serializer in SerializerKind::ALL {
        let join = || joining(REALM).serializers([*serializer]);
        let session = join().connect(&served.endpoint).await.unwrap();
        let echo = async |invocation: Invocation| {
            let (number,): (i64,) = invocation.args()?;
            Ok::<_, WampError>((number,))
        };
        let registration = session.register(PROCEDURE, echo).await.unwrap();
        let mut calls = Vec::new();
        for number in 0..1000_i64 {
            let call = session
                .start_call(PROCEDURE, &Dict::new(), &(number,))
                .await;
            calls.push((number, call.unwrap()));
        }
        // The last first: none waits for another.
        for (number, call) in calls.into_iter().rev() {
            let answer = call.result().await.unwrap();
            assert_eq!(answer.args::<(i64,)>().unwrap(), (number,));
        }
        registration.unregister().await.unwrap();
    }
    served.end().await;
}

/// From nothing to the largest message that there is, less what surrounds the text.
#[case]
async fn each_size_is_echoed_through_the_router(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    for serializer in SerializerKind::ALL {
        let join = || joining(REALM).serializers([*serializer]);
        let callee = join().connect(&served.endpoint).await.unwrap();
        let caller = join().connect(&served.endpoint).await.unwrap();
        let echo = async |invocation: Invocation| Ok::<_, WampError>(invocation.payload().clone());
        callee.register(PROCEDURE, echo).await.unwrap();
        for size in [0, 1, 125, 65_535, 65_536, 1 << 20, (1 << 24) - 200] {
            let text = "x".repeat(size);
            let echoed = caller.call(PROCEDURE, &(&text,)).await.unwrap();
            assert!(
                echoed.args::<(String,)>().unwrap().0 == text,
                "{size} octets"
            );
        }
        callee.leave().await.unwrap();
    }
    served.end().await;
}

/// Who waits for one callee does not keep the session from anything else.
#[case]
async fn a_slow_callee_holds_nobody_else_up(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    let session = served.join().await;
    let gate = Arc::new(AtomicBool::new(false));
    let opened = gate.clone();
    let slow = move |_: Invocation| {
        let gate = opened.clone();
        later(async move {
            until(|| gate.load(Ordering::Acquire)).await;
            Ok::<_, WampError>(("late",))
        })
    };
    session.register("com.example.slow", slow).await.unwrap();
    let quick = async |_: Invocation| Ok::<_, WampError>(("soon",));
    session.register("com.example.quick", quick).await.unwrap();
    let none = Dict::new();
    let call = session.start_call("com.example.slow", &none, &()).await;
    let call = call.unwrap();
    for _ in 0..100 {
        session.call("com.example.quick", &()).await.unwrap();
    }
    gate.store(true, Ordering::Release);
    let answer = call.result().await.unwrap();
    assert_eq!(answer.args::<(String,)>().unwrap().0, "late");
    served.end().await;
}

#[case]
async fn handlers_are_bounded_in_number(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    let callee = joining(REALM).max_handlers(3).max_invocations(5);
    let callee = callee.connect(&served.endpoint).await.unwrap();
    let caller = served.join().await;
    let (gate, running) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (opened, counted) = (gate.clone(), running.clone());
    let handler = move |_: Invocation| {
        let (gate, running) = (opened.clone(), counted.clone());
        later(async move {
            assert!(running.fetch_add(1, Ordering::AcqRel) < 3);
            until(|| gate.load(Ordering::Acquire)).await;
            running.fetch_sub(1, Ordering::AcqRel);
            Ok::<_, WampError>(())
        })
    };
    callee.register(PROCEDURE, handler).await.unwrap();
    let mut calls = Vec::new();
    for _ in 0..5 {
        let call = caller.start_call(PROCEDURE, &Dict::new(), &()).await;
        calls.push(call.unwrap());
    }
    // The sixth is one too many.
    assert_eq!(uri_of(caller.call(PROCEDURE, &()).await), uris::UNAVAILABLE);
    until(|| running.load(Ordering::Acquire) == 3).await;
    gate.store(true, Ordering::Release);
    for call in calls {
        call.result().await.unwrap();
    }
    caller.call(PROCEDURE, &()).await.unwrap();
    served.end().await;
}

#[case]
async fn progressive_results_come_before_the_last(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    let callee = served.join().await;
    let caller = served.join().await;
    let handler = async |invocation: Invocation| {
        for step in 0..100 {
            invocation.progress(&(step,)).await.unwrap();
        }
        Ok::<_, WampError>((invocation.wants_progress(),))
    };
    callee.register(PROCEDURE, handler).await.unwrap();
    let wanted = Dict::new().with("receive_progress", true);
    let mut call = caller.start_call(PROCEDURE, &wanted, &()).await.unwrap();
    for step in 0..100 {
        let progress = call.progress().await.unwrap();
        assert_eq!(progress.args::<(i32,)>().unwrap(), (step,));
    }
    assert!(call.progress().await.is_none());
    assert!(call.result().await.unwrap().args::<(bool,)>().unwrap().0);
    // Who does not ask gets none.
    let mut call = caller
        .start_call(PROCEDURE, &Dict::new(), &())
        .await
        .unwrap();
    assert!(call.progress().await.is_none());
    assert!(!call.result().await.unwrap().args::<(bool,)>().unwrap().0);
    served.end().await;
}

/// Counts the invocations that are under way.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Cancelled by each mode, by drop, and by time: the caller hears of it, and the callee's handler
/// goes away at what it does next, unless it is not told.
#[case]
async fn calls_are_cancelled_and_run_out_of_time(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    let callee = served.join().await;
    let caller = served.join().await;
    let (count, gate) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (counted, opened) = (count.clone(), gate.clone());
    let handler = move |invocation: Invocation| {
        let (under_way, gate) = (UnderWay::new(&counted), opened.clone());
        later(async move {
            let _under_way = under_way;
            let (quiet,): (bool,) = invocation.args()?;
            if quiet {
                until(|| gate.load(Ordering::Acquire)).await;
            }
            while !gate.load(Ordering::Acquire) {
                pause().await;
                let told = invocation.progress(&()).await;
                told.map_err(|_| WampError::new(uris::CANCELED))?;
            }
            Ok::<_, WampError>(())
        })
    };
    callee.register(PROCEDURE, handler).await.unwrap();
    let running = |expected: usize| {
        let count = count.clone();
        move || count.load(Ordering::Acquire) == expected
    };
    let wanted = Dict::new().with("receive_progress", true);
    for mode in [CancelMode::Kill, CancelMode::KillNoWait] {
        let mut call = caller
            .start_call(PROCEDURE, &wanted, &(false,))
            .await
            .unwrap();
        call.progress().await.unwrap();
        call.cancel(mode).await.unwrap();
        assert_eq!(uri_of(call.result().await), uris::CANCELED);
        until(running(0)).await;
    }
    let mut call = caller
        .start_call(PROCEDURE, &wanted, &(false,))
        .await
        .unwrap();
    call.progress().await.unwrap();
    drop(call);
    until(running(0)).await;
    until(|| served.router.stats().pending_calls == 0).await;

    // Nobody tells the callee.
    let mut call = caller
        .start_call(PROCEDURE, &wanted, &(false,))
        .await
        .unwrap();
    call.progress().await.unwrap();
    call.cancel(CancelMode::Skip).await.unwrap();
    assert_eq!(uri_of(call.result().await), uris::CANCELED);
    assert!(running(1)());
    gate.store(true, Ordering::Release);
    until(running(0)).await;
    gate.store(false, Ordering::Release);

    // Nobody waits for it, and it goes on.
    let mut call = caller
        .start_call(PROCEDURE, &wanted, &(false,))
        .await
        .unwrap();
    call.progress().await.unwrap();
    call.detach();
    caller.publish_acknowledged(PROCEDURE, &()).await.unwrap();
    assert_eq!(served.router.stats().pending_calls, 1);
    assert!(running(1)());
    gate.store(true, Ordering::Release);
    until(running(0)).await;
    gate.store(false, Ordering::Release);

    // Progress starts the time anew, so this one makes none.
    let short = Dict::new().with("timeout", 20);
    let late = caller
        .start_call(PROCEDURE, &short, &(true,))
        .await
        .unwrap();
    assert_eq!(uri_of(late.result().await), uris::TIMEOUT);
    gate.store(true, Ordering::Release);
    until(running(0)).await;
    served.end().await;
}

/// Work that a handler has given to a thread learns that nobody waits for it.
#[case]
async fn work_on_a_thread_learns_that_its_call_is_over(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    let callee = served.join().await;
    let caller = served.join().await;
    let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (starts, ends) = (begun.clone(), ended.clone());
    let handler = move |invocation: Invocation| {
        let (starts, ends, over) = (starts.clone(), ends.clone(), ends.clone());
        later(async move {
            let (answers,): (bool,) = invocation.args()?;
            let before = over.load(Ordering::Acquire);
            let work = std::thread::spawn(move || {
                if !invocation.is_cancelled() {
                    starts.fetch_add(1, Ordering::AcqRel);
                }
                while !invocation.is_cancelled() {
                    std::thread::yield_now();
                }
                ends.fetch_add(1, Ordering::AcqRel);
            });
            drop(work);
            if !answers {
                until(|| over.load(Ordering::Acquire) > before).await;
            }
            Ok::<_, WampError>(())
        })
    };
    callee.register(PROCEDURE, handler).await.unwrap();
    let calls = [CancelMode::Kill, CancelMode::KillNoWait];
    for (count, mode) in (1..).zip(calls) {
        let call = caller.start_call(PROCEDURE, &Dict::new(), &(false,)).await;
        let call = call.unwrap();
        until(|| begun.load(Ordering::Acquire) == count).await;
        assert_eq!(ended.load(Ordering::Acquire), count - 1);
        call.cancel(mode).await.unwrap();
        assert_eq!(uri_of(call.result().await), uris::CANCELED);
        until(|| ended.load(Ordering::Acquire) == count).await;
    }
    // Dropped, it is cancelled too.
    let call = caller.start_call(PROCEDURE, &Dict::new(), &(false,)).await;
    until(|| begun.load(Ordering::Acquire) == 3).await;
    drop(call.unwrap());
    until(|| ended.load(Ordering::Acquire) == 3).await;
    // So does that of a call that is answered.
    caller.call(PROCEDURE, &(true,)).await.unwrap();
    until(|| ended.load(Ordering::Acquire) == 4).await;
    served.end().await;
}
