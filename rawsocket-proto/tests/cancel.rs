//! The pump over a transport that gives one octet at a time, hesitates and lies: futures that are
//! dropped after any number of polls change nothing, and no lie does harm.
#![cfg(feature = "driver")]

#[expect(
    clippy::allow_attributes,
    reason = "which of it is used differs from test to test"
)]
#[allow(dead_code, reason = "shared by several tests")]
mod support;

#[path = "cancel/clock.rs"]
mod clock;
#[path = "cancel/lies.rs"]
mod lies;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use support::link::{Told, at, next};
use support::script::{Clock, Script, Wakes, Woken};
use support::{filler, frame, hello, parse};
use wamp_rawsocket_proto::connection::{CloseReason, Config, Connection};
use wamp_rawsocket_proto::driver::Pump;

type Driven = Pump<Connection, Script, Clock>;

/// A router's pump, with what its client sends.
fn router(script: Script) -> Driven {
    let clock = Clock::new(Wakes::InTime);
    Pump::new(
        Connection::router(Arc::new(Config::new()), at(0)),
        script,
        clock,
    )
}

/// What a client sends: frames of all kinds and sizes.
fn client_stream() -> Vec<u8> {
    [
        &hello(0xF1)[..],
        &frame(0, b"[1]"),
        &frame(1, b"ping"),
        &frame(0, &filler(300, 1)),
        &frame(2, b"stray"),
        &frame(1, b""),
        &frame(0, &filler(20, 2)),
    ]
    .concat()
}

/// Drives a future for up to `polls` polls, each after a wake, then drops it.
fn run(
    pump: &mut Driven,
    polls: usize,
    mut poll: impl FnMut(&mut Driven, &mut Context<'_>) -> Poll<io::Result<()>>,
) -> Option<io::Result<()>> {
    let (woken, waker) = Woken::waker();
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(poll_fn(|cx| poll(pump, cx)));
    for _ in 0..polls {
        let before = woken.times();
        if let Poll::Ready(result) = future.as_mut().poll(&mut cx) {
            return Some(result);
        }
        assert!(
            woken.times() > before,
            "a lost wake: it would sleep for ever"
        );
    }
    None
}

/// How the application behaves.
#[derive(Clone, Copy, Debug)]
struct Way {
    /// Futures are dropped after so many polls.
    polls: usize,
    /// Each other future is one that flushes.
    flushes: bool,
}

/// A router that echoes all messages until its client is done, then closes. Returns what it was
/// told and what it sent.
fn echo(script: Script, way: Way) -> (Vec<Told>, Vec<u8>) {
    let mut pump = router(script);
    let mut all = Vec::new();
    for turn in 0..200_000 {
        let flush = way.flushes && turn % 2 == 1;
        let result = run(&mut pump, way.polls, |pump, cx| {
            if flush {
                pump.poll_flush(cx)
            } else {
                pump.poll_ready(cx)
            }
        });
        assert!(matches!(result, None | Some(Ok(()))), "{result:?}");
        if flush && result.is_some() {
            assert!(!pump.transport().unflushed);
            assert_eq!(pump.machine().pending(), 0, "flushed is flushed");
        }
        while let Some(told) = next(pump.machine_mut()) {
            all.push(told.clone());
            match told {
                Told::Requested(_) => {
                    pump.machine_mut().accept().unwrap();
                }
                Told::Message(message) => pump.machine_mut().send_copy(&message).unwrap(),
                _ => {}
            }
        }
        if all.last() == Some(&Told::PeerFinished) {
            break;
        }
    }
    for _ in 0..200_000 {
        if let Some(result) = run(&mut pump, way.polls, Pump::poll_close) {
            result.unwrap();
            all.extend(next(pump.machine_mut()));
            break;
        }
    }
    let (_, script, _) = pump.into_parts();
    assert!(script.shut && !script.unflushed);
    (all, script.output)
}

fn script(step: usize, hesitates: bool, vectored: bool) -> Script {
    Script {
        input: client_stream(),
        ends: true,
        step,
        hesitates,
        vectored,
        ..Script::default()
    }
}

#[test]
fn futures_dropped_after_any_number_of_polls() {
    for vectored in [false, true] {
        for step in [1, 2, 7, 0] {
            for hesitates in [false, true] {
                let whole = Way {
                    polls: usize::MAX,
                    flushes: false,
                };
                let (told, sent) = echo(script(step, hesitates, vectored), whole);
                assert_eq!(told.len(), 7);
                assert_eq!(
                    told[5..],
                    [Told::PeerFinished, Told::Closed(CloseReason::Peer)]
                );
                assert_eq!(parse(&sent[4..]).1, sent.len() - 4);
                for polls in 1..40 {
                    let way = Way {
                        polls,
                        flushes: false,
                    };
                    let outcome = echo(script(step, hesitates, vectored), way);
                    assert_eq!(outcome, (told.clone(), sent.clone()), "{polls} {step}");

                    // Another mixture of futures moves PONGs, and nothing else.
                    let way = Way {
                        polls,
                        flushes: true,
                    };
                    let (other, mixed) = echo(script(step, hesitates, vectored), way);
                    assert_eq!(other, told);
                    assert_eq!(by_kind(&mixed), by_kind(&sent));
                }
            }
        }
    }
}

/// Frames in order, each kind for itself.
fn by_kind(sent: &[u8]) -> Vec<(u8, Vec<u8>)> {
    assert_eq!(sent[..4], hello(0xF1));
    let (mut frames, used) = parse(&sent[4..]);
    assert_eq!(used, sent.len() - 4, "no frame is torn");
    frames.sort_by_key(|frame| frame.0);
    frames
}

#[test]
fn a_partly_written_frame_survives_a_change_of_futures() {
    // A vectored write stops in the middle of a large payload, then a flush goes on.
    let large = filler(100_000, 3);
    for step in [5, 1_000, 16_388, 16_389, 30_000] {
        for vectored in [false, true] {
            let mut pump = router(Script {
                input: hello(0xF1).to_vec(),
                step,
                vectored,
                hesitates: true,
                ..Script::default()
            });
            while pump.machine().negotiated().is_none() {
                run(&mut pump, 1, Pump::poll_ready);
                if let Some(Told::Requested(_)) = next(pump.machine_mut()) {
                    pump.machine_mut().accept().unwrap();
                }
            }
            while next(pump.machine_mut()).is_some() {}
            pump.machine_mut().send(large.clone().into()).unwrap();
            for turn in 0..200_000 {
                if turn % 2 == 0 {
                    let done = run(&mut pump, 1, Pump::poll_flush);
                    if let Some(result) = done {
                        result.unwrap();
                        break;
                    }
                } else {
                    let (_, waker) = Woken::waker();
                    let _ = pump.poll_ready(&mut Context::from_waker(&waker));
                }
            }
            assert_eq!(pump.machine().pending(), 0);
            assert!(pump.transport().output[4..] == frame(0, &large));
        }
    }
}

#[test]
fn no_write_is_a_header_alone() {
    for vectored in [false, true] {
        let mut pump = router(Script {
            input: hello(0xF1).to_vec(),
            vectored,
            ..Script::default()
        });
        run(&mut pump, 1, Pump::poll_ready).unwrap().unwrap();
        assert!(matches!(next(pump.machine_mut()), Some(Told::Requested(_))));
        pump.machine_mut().accept().unwrap();
        while next(pump.machine_mut()).is_some() {}
        run(&mut pump, 1, Pump::poll_flush).unwrap().unwrap();
        let mut expected = hello(0xF1).to_vec();
        for len in [1, 100, 4096, 4097, 5000, 16_384, 16_385, 100_000, 0, 3].repeat(3) {
            pump.machine_mut().send(filler(len, len).into()).unwrap();
            expected.extend(frame(0, &filler(len, len)));
        }
        for len in [4097; 40] {
            pump.machine_mut().send(filler(len, len).into()).unwrap();
            expected.extend(frame(0, &filler(len, len)));
        }
        run(&mut pump, usize::MAX, Pump::poll_flush)
            .unwrap()
            .unwrap();
        let (_, script, _) = pump.into_parts();
        assert!(script.output == expected);

        // Where frames start, and where writes end.
        let mut starts = vec![4];
        while let Some(at) = starts.last().copied().filter(|at| *at < expected.len()) {
            let (frames, _) = parse(&expected[at..]);
            starts.clear();
            let ends = frames.iter().scan(at, |end, frame| {
                *end += 4 + frame.1.len();
                Some(*end)
            });
            starts.extend([at].into_iter().chain(ends));
        }
        let mut end = 0;
        for offer in &script.offers {
            end += offer.iter().sum::<usize>();
            let header = starts.iter().any(|start| {
                start + 4 == end && expected.get(*start..end).is_some_and(|h| h != [0; 4])
            });
            assert!(!header || end == 4, "a write ends with a header at {end}");
        }
    }
}
