//! A transport that fails at any call, or does not do what it says.

use std::io::ErrorKind;
use std::task::{Context, Poll};

use wamp_rawsocket_proto::driver::Pump;

use crate::support::link::{Told, next};
use crate::support::script::{Fault, Script, Woken};
use crate::support::{filler, frame, hello};
use crate::{Driven, Way, echo, router, script};

const WHOLE: Way = Way {
    polls: usize::MAX,
    flushes: false,
};

/// The calls of an undisturbed run.
fn calls(vectored: bool) -> usize {
    let mut pump = router(script(5, false, vectored));
    drive(&mut pump).unwrap();
    pump.transport().calls
}

/// As `echo`, but the first error ends it.
fn drive(pump: &mut Driven) -> std::io::Result<()> {
    let (_, waker) = Woken::waker();
    let mut cx = Context::from_waker(&waker);
    for _ in 0..100_000 {
        // The peer is done, and that was told: nothing is read again before the close.
        let open = pump.machine().negotiated().is_some();
        let finished = open && !pump.machine().wants_read() && !pump.machine_mut().has_event();
        let poll = if finished {
            pump.poll_close(&mut cx)
        } else {
            pump.poll_ready(&mut cx)
        };
        match poll {
            Poll::Ready(Ok(())) if finished => return Ok(()),
            Poll::Ready(Ok(())) | Poll::Pending => {}
            Poll::Ready(Err(error)) => return Err(error),
        }
        while let Some(told) = next(pump.machine_mut()) {
            match told {
                Told::Requested(_) => {
                    pump.machine_mut().accept().unwrap();
                }
                Told::Message(message) => pump.machine_mut().send_copy(&message).unwrap(),
                _ => {}
            }
        }
    }
    panic!("it never ends");
}

#[test]
fn interruptions_and_spurious_wakes_change_nothing() {
    for vectored in [false, true] {
        let expected = echo(script(5, false, vectored), WHOLE);
        for call in 1..=calls(vectored) {
            for fault in [Fault::Error(ErrorKind::Interrupted), Fault::Spurious] {
                let mut script = script(5, false, vectored);
                script.fault = Some((call, fault));
                let (told, sent) = echo(script, WHOLE);
                assert_eq!(told, expected.0, "{fault:?} at call {call}");
                assert_eq!(crate::by_kind(&sent), crate::by_kind(&expected.1));
            }
        }
    }
}

#[test]
fn an_error_at_any_call_is_reported_and_does_no_harm() {
    for vectored in [false, true] {
        for call in 1..=calls(vectored) {
            for kind in [ErrorKind::ConnectionReset, ErrorKind::Other] {
                let mut script = script(5, false, vectored);
                script.fault = Some((call, Fault::Error(kind)));
                let mut pump = router(script);
                let error = drive(&mut pump).expect_err("an error was given");
                assert_eq!(error.kind(), kind);
                // Whoever goes on all the same does not panic, and loses nothing.
                drive(&mut pump).unwrap();
            }
        }
    }
}

#[test]
fn writes_of_nothing_and_of_too_much() {
    for vectored in [false, true] {
        let mut reported = 0;
        for call in 1..=calls(vectored) {
            for (fault, kind) in [
                (Fault::Zero, ErrorKind::WriteZero),
                (Fault::TooMuch, ErrorKind::Other),
            ] {
                let mut script = script(5, false, vectored);
                script.fault = Some((call, fault));
                let mut pump = router(script);
                // Other calls than writes know no such fault.
                if let Err(error) = drive(&mut pump) {
                    assert_eq!(error.kind(), kind);
                    reported += 1;
                    drive(&mut pump).unwrap();
                }
                let (_, script, _) = pump.into_parts();
                assert_eq!(crate::by_kind(&script.output).len(), 5);
            }
        }
        assert!(reported > 10);
    }
}

/// A pump whose handshake is over, over this script.
fn open(script: Script) -> Driven {
    let endless = script.endless;
    let stream = script.input.clone();
    let mut pump = router(Script {
        input: hello(0xF1).to_vec(),
        endless: false,
        step: 0,
        ..script
    });
    let (_, waker) = Woken::waker();
    let mut cx = Context::from_waker(&waker);
    assert!(pump.poll_ready(&mut cx).is_ready());
    assert!(matches!(next(pump.machine_mut()), Some(Told::Requested(_))));
    pump.machine_mut().accept().unwrap();
    assert!(matches!(
        next(pump.machine_mut()),
        Some(Told::Established(_))
    ));
    assert!(pump.poll_flush(&mut cx).is_ready());
    let (machine, mut transport, timer) = pump.into_parts();
    (transport.input, transport.read) = (stream, 0);
    (transport.endless, transport.step, transport.calls) = (endless, script.step, 0);
    Pump::new(machine, transport, timer)
}

#[test]
fn a_transport_that_is_always_ready_does_not_keep_one_poll() {
    // Frames that lead to no event: PONGs that nobody asked for, PINGs, and octets of a message.
    let streams = [
        frame(2, b"stray"),
        frame(1, b"?"),
        frame(1, &filler(3_000, 1)),
    ];
    for stream in streams {
        for step in [1, 0] {
            let mut pump = open(Script {
                input: stream.repeat(100),
                endless: true,
                step,
                vectored: true,
                ..Script::default()
            });
            let (woken, waker) = Woken::waker();
            let mut cx = Context::from_waker(&waker);
            assert!(pump.poll_ready(&mut cx).is_pending());
            assert!(woken.times() > 0, "it comes back");
            let calls = pump.transport().calls;
            assert!(calls <= 32 * 40, "{calls} calls in one poll");
        }
    }
}

#[test]
fn a_long_queue_does_not_keep_one_poll() {
    for vectored in [false, true] {
        let mut pump = open(Script {
            step: 1,
            vectored,
            ..Script::default()
        });
        pump.machine_mut().send(filler(500_000, 1).into()).unwrap();
        let (woken, waker) = Woken::waker();
        let mut cx = Context::from_waker(&waker);
        assert!(pump.poll_flush(&mut cx).is_pending());
        assert!(woken.times() > 0, "it comes back");
        let calls = pump.transport().calls;
        assert!(calls <= 32 * 40, "{calls} calls in one poll");
    }
}

#[test]
fn polls_without_cause_do_nothing() {
    let mut pump = open(Script::default());
    let (woken, waker) = Woken::waker();
    let mut cx = Context::from_waker(&waker);
    for _ in 0..100 {
        assert!(pump.poll_ready(&mut cx).is_pending());
        assert!(pump.poll_flush(&mut cx).is_ready());
    }
    assert_eq!(woken.times(), 0);
    assert_eq!(pump.transport().calls, 100, "one read each");
    assert_eq!(pump.transport().output, hello(0xF1));
}

#[test]
fn a_refusal_leaves_through_poll_close() {
    let mut pump = router(Script {
        input: vec![0x7F, 0xF1, 1, 1, 9, 9, 9],
        ends: true,
        step: 1,
        hesitates: true,
        ..Script::default()
    });
    while !matches!(next(pump.machine_mut()), Some(Told::Failed(_))) {
        crate::run(&mut pump, 1, Pump::poll_ready);
    }
    crate::run(&mut pump, usize::MAX, Pump::poll_close)
        .unwrap()
        .unwrap();
    assert_eq!(pump.transport().output, [0x7F, 0x30, 0, 0]);
    assert!(pump.transport().shut);
}
