//! Calls, and the many ways in which they end.

use std::time::Duration;

use wamp_rawsocket_core::message::CancelMode;
use wamp_rawsocket_core::session::{
    CallRequest, CommandError, Event, Failed, Failure, Invoked, Outcome, Request,
};
use wamp_rawsocket_core::{Dict, Payload, uris};

use crate::world::{KINDS, Peer, World};

/// A caller and a callee, which offers `com.proc`.
fn pair() -> (World, Peer, Peer) {
    let mut world = World::new();
    let (caller, callee) = (world.join(KINDS[0]), world.join(KINDS[1]));
    world.register(callee, "com.proc");
    (world, caller, callee)
}

fn none() -> Dict<'static> {
    Dict::new()
}

fn answer(world: &mut World, callee: Peer, invoked: &Invoked, options: &Dict<'_>, text: &str) {
    let arguments = (text,);
    let payload = Payload::typed(&arguments);
    let session = world.session(callee);
    session
        .yield_result(invoked.invocation, options, &payload)
        .unwrap();
    world.pump();
}

fn fail(world: &mut World, callee: Peer, invoked: &Invoked, uri: &str) {
    let arguments = ("why",);
    let payload = Payload::typed(&arguments);
    let session = world.session(callee);
    session
        .fail(invoked.invocation, uri, &none(), &payload)
        .unwrap();
    world.pump();
}

fn assert_call_failed(world: &mut World, caller: Peer, call: CallRequest, uri: &str) {
    assert_eq!(
        world.next_error(caller),
        (Request::Call(call), uri.to_owned())
    );
}

#[test]
fn a_call_is_answered() {
    let (mut world, caller, callee) = pair();
    let call = world.call(caller, "com.proc", &none(), &("ping", 7));
    let invoked = world.next_invoked(callee);
    let (text, number): (String, i64) = invoked.payload.args().unwrap();
    assert_eq!((text.as_str(), number), ("ping", 7));
    assert!(!invoked.receive_progress);
    assert_eq!(world.router.stats().pending_calls, 1);
    answer(&mut world, callee, &invoked, &none(), "pong");
    assert_eq!(world.next_result(caller), "pong");
    assert_eq!(world.router.stats().pending_calls, 0);
    assert_eq!(world.session(caller).pending_requests(), 0);
    let again = world
        .session(callee)
        .yield_result(invoked.invocation, &none(), &Payload::none());
    assert_eq!(again, Err(CommandError::Unknown));
    let cancel = world.session(caller).cancel(call, CancelMode::Kill);
    assert_eq!(cancel, Err(CommandError::Unknown));
    world.assert_leaves_nothing();
}

#[test]
fn an_error_reaches_the_caller_with_its_payload() {
    let (mut world, caller, callee) = pair();
    let call = world.call(caller, "com.proc", &none(), &("x",));
    let invoked = world.next_invoked(callee);
    fail(&mut world, callee, &invoked, "com.error.sad");
    let Event::Failed(Failed {
        request: Request::Call(request),
        reason: Failure::Error { uri, payload, .. },
        ..
    }) = world.next(caller)
    else {
        panic!("no error")
    };
    let (text,): (String,) = payload.args().unwrap();
    assert_eq!(
        (request, uri.as_str(), text.as_str()),
        (call, "com.error.sad", "why")
    );
    world.assert_leaves_nothing();
}

#[test]
fn an_invocation_right_behind_registered_is_not_lost() {
    let mut world = World::new();
    let (caller, callee) = (world.join(KINDS[0]), world.join(KINDS[1]));
    world.session(callee).register("com.proc", &none()).unwrap();
    // Callers come before callees in the world: let the REGISTER be first.
    let frame = world.session(callee).poll_transmit().unwrap();
    let (key, now) = (world.key(callee), world.now);
    world.router.handle_message(key, frame.payload(), now);
    world
        .session(caller)
        .call("com.proc", &none(), &Payload::none())
        .unwrap();
    world.pump();
    let Event::Done(Outcome::Registered { registration, .. }) = world.next(callee) else {
        panic!("REGISTERED must come first")
    };
    assert_eq!(world.next_invoked(callee).registration, registration);
}

#[test]
fn unknown_and_taken_procedures() {
    let (mut world, caller, callee) = pair();
    let call = world.call(caller, "com.nothing", &none(), &("x",));
    assert_call_failed(&mut world, caller, call, uris::NO_SUCH_PROCEDURE);
    for (procedure, options, uri) in [
        ("com.proc", none(), uris::PROCEDURE_ALREADY_EXISTS),
        ("wamp.session.count", none(), uris::INVALID_URI),
        (
            "com..proc",
            Dict::new().with("match", "wildcard"),
            uris::OPTION_NOT_ALLOWED,
        ),
        (
            "com.proc",
            Dict::new().with("invoke", "roundrobin"),
            uris::OPTION_NOT_ALLOWED,
        ),
    ] {
        for peer in [caller, callee] {
            world.session(peer).register(procedure, &options).unwrap();
            world.pump();
            assert_eq!(world.next_error(peer).1, uri, "{procedure}");
        }
    }
    assert_eq!(world.router.stats().registrations, 1);
    world.assert_leaves_nothing();
}

#[test]
fn unregister_frees_the_name_and_keeps_calls_under_way() {
    let (mut world, caller, callee) = pair();
    world.call(caller, "com.proc", &none(), &("x",));
    let invoked = world.next_invoked(callee);
    world
        .session(callee)
        .unregister(invoked.registration)
        .unwrap();
    world.pump();
    assert!(matches!(
        world.next(callee),
        Event::Done(Outcome::Unregistered { .. })
    ));
    let call = world.call(caller, "com.proc", &none(), &("y",));
    assert_call_failed(&mut world, caller, call, uris::NO_SUCH_PROCEDURE);
    answer(&mut world, callee, &invoked, &none(), "still here");
    assert_eq!(world.next_result(caller), "still here");
    let again = world.session(callee).unregister(invoked.registration);
    assert_eq!(again, Err(CommandError::Unknown));
    world.register(caller, "com.proc");
    world.assert_leaves_nothing();
}

#[test]
fn an_invocation_that_crosses_unregister_is_answered_for_the_application() {
    let (mut world, caller, callee) = pair();
    world.call(caller, "com.proc", &none(), &("x",));
    let registration = world.next_invoked(callee).registration;
    world.clients[callee].stalled = true;
    let second = world.call(caller, "com.proc", &none(), &("y",));
    world.session(callee).unregister(registration).unwrap();
    let (key, now) = (world.key(callee), world.now);
    while let Some(frame) = world.router.poll_transmit_to(key) {
        let frame = crate::world::message(frame);
        world.clients[callee].session.handle_message(&frame, now);
    }
    world.clients[callee].stalled = false;
    world.pump();
    assert!(matches!(
        world.next(callee),
        Event::Done(Outcome::Unregistered { .. })
    ));
    assert_call_failed(&mut world, caller, second, uris::NO_SUCH_PROCEDURE);
    world.assert_quiet();
    world.assert_leaves_nothing();
}

#[test]
fn progressive_results_come_in_order_and_only_if_wanted() {
    let (mut world, caller, callee) = pair();
    let progress = Dict::new().with("progress", true);
    let wanted = Dict::new().with("receive_progress", true);
    let call = world.call(caller, "com.proc", &wanted, &("x",));
    let invoked = world.next_invoked(callee);
    assert!(invoked.receive_progress);
    for text in ["a", "b", "c"] {
        answer(&mut world, callee, &invoked, &progress, text);
        let Event::Progress {
            request, payload, ..
        } = world.next(caller)
        else {
            panic!("no progress")
        };
        let (part,): (String,) = payload.args().unwrap();
        assert_eq!((request, part.as_str()), (call, text));
    }
    answer(&mut world, callee, &invoked, &none(), "end");
    assert_eq!(world.next_result(caller), "end");

    world.call(caller, "com.proc", &none(), &("x",));
    let invoked = world.next_invoked(callee);
    assert!(!invoked.receive_progress);
    let refused =
        world
            .session(callee)
            .yield_result(invoked.invocation, &progress, &Payload::none());
    assert_eq!(refused, Err(CommandError::ProgressUnwanted));
    answer(&mut world, callee, &invoked, &none(), "whole");
    assert_eq!(world.next_result(caller), "whole");
    world.assert_leaves_nothing();
}

#[test]
fn cancel_with_skip_leaves_the_callee_in_peace() {
    let (mut world, caller, callee) = pair();
    let call = world.call(caller, "com.proc", &none(), &("x",));
    let invoked = world.next_invoked(callee);
    world
        .session(caller)
        .cancel(call, CancelMode::Skip)
        .unwrap();
    world.pump();
    assert_call_failed(&mut world, caller, call, uris::CANCELED);
    assert_eq!(world.router.stats().pending_calls, 0);
    // The answer comes too late, and is no offence.
    answer(&mut world, callee, &invoked, &none(), "late");
    world.assert_quiet();
    assert_eq!(world.router.stats().late_answers, 1);
    assert_eq!(world.clients[callee].error, None);
    world.assert_leaves_nothing();
}

#[test]
fn cancel_with_killnowait_tells_the_callee_and_waits_for_nothing() {
    let (mut world, caller, callee) = pair();
    // A callee that never answers costs nothing.
    for _ in 0..1_000 {
        let call = world.call(caller, "com.proc", &none(), &("x",));
        let invoked = world.next_invoked(callee);
        world
            .session(caller)
            .cancel(call, CancelMode::KillNoWait)
            .unwrap();
        world.pump();
        assert_call_failed(&mut world, caller, call, uris::CANCELED);
        assert!(matches!(
            world.next(callee),
            Event::Interrupted { invocation, answer_expected: false, .. }
                if invocation == invoked.invocation
        ));
    }
    assert_eq!(world.router.stats().pending_calls, 0);
    assert_eq!(world.session(callee).pending_invocations(), 0);
    world.assert_quiet();
    world.assert_leaves_nothing();
}

#[test]
fn cancel_with_kill_waits_for_the_callee_but_not_for_ever() {
    let (mut world, caller, callee) = pair();
    let kill = |world: &mut World| {
        let call = world.call(caller, "com.proc", &none(), &("x",));
        let invoked = world.next_invoked(callee);
        world
            .session(caller)
            .cancel(call, CancelMode::Kill)
            .unwrap();
        world
            .session(caller)
            .cancel(call, CancelMode::Kill)
            .unwrap();
        world.pump();
        assert!(matches!(
            world.next(callee),
            Event::Interrupted {
                answer_expected: true,
                ..
            }
        ));
        world.assert_quiet();
        (call, invoked)
    };
    let (call, invoked) = kill(&mut world);
    fail(&mut world, callee, &invoked, "com.error.interrupted");
    assert_call_failed(&mut world, caller, call, "com.error.interrupted");

    let (_, invoked) = kill(&mut world);
    answer(&mut world, callee, &invoked, &none(), "faster");
    assert_eq!(world.next_result(caller), "faster");

    // Who does not want to wait any longer says so.
    let (call, _) = kill(&mut world);
    world
        .session(caller)
        .cancel(call, CancelMode::KillNoWait)
        .unwrap();
    world.pump();
    assert_call_failed(&mut world, caller, call, uris::CANCELED);

    let (call, _) = kill(&mut world);
    world.advance(Duration::from_secs(29));
    world.assert_quiet();
    world.advance(Duration::from_secs(1));
    assert_call_failed(&mut world, caller, call, uris::CANCELED);
    world.assert_quiet();
    assert_eq!(world.router.stats().timers, 0);
    world.assert_leaves_nothing();
}

#[test]
fn progress_does_not_put_off_the_end_of_a_killed_call() {
    let (mut world, caller, callee) = pair();
    let options = Dict::new()
        .with("timeout", 60_000_u64)
        .with("receive_progress", true);
    let call = world.call(caller, "com.proc", &options, &("x",));
    let invoked = world.next_invoked(callee);
    world
        .session(caller)
        .cancel(call, CancelMode::Kill)
        .unwrap();
    world.pump();
    assert!(matches!(world.next(callee), Event::Interrupted { .. }));
    world.advance(Duration::from_secs(20));
    let progress = Dict::new().with("progress", true);
    answer(&mut world, callee, &invoked, &progress, "still at it");
    assert!(matches!(world.next(caller), Event::Progress { .. }));
    world.advance(Duration::from_secs(10));
    assert_call_failed(&mut world, caller, call, uris::CANCELED);
    world.assert_leaves_nothing();
}

#[test]
fn a_call_times_out() {
    let (mut world, caller, callee) = pair();
    let options = Dict::new()
        .with("timeout", 500_u64)
        .with("receive_progress", true);
    let call = world.call(caller, "com.proc", &options, &("x",));
    let invoked = world.next_invoked(callee);
    // Progress starts the time anew.
    world.advance(Duration::from_millis(400));
    let progress = Dict::new().with("progress", true);
    answer(&mut world, callee, &invoked, &progress, "part");
    assert!(matches!(world.next(caller), Event::Progress { .. }));
    world.advance(Duration::from_millis(499));
    world.assert_quiet();
    world.advance(Duration::from_millis(1));
    assert_call_failed(&mut world, caller, call, uris::TIMEOUT);
    let Event::Interrupted {
        answer_expected: false,
        options,
        ..
    } = world.next(callee)
    else {
        panic!("not interrupted")
    };
    assert_eq!(options.get_str("reason").as_deref(), Some(uris::TIMEOUT));
    assert_eq!(world.router.stats().calls_timed_out, 1);

    // One that is answered in time leaves no timer behind; zero is no timeout; the largest is
    // never.
    for timeout in [500, 0, (1_u64 << 53)] {
        world.call(
            caller,
            "com.proc",
            &Dict::new().with("timeout", timeout),
            &("x",),
        );
        let invoked = world.next_invoked(callee);
        answer(&mut world, callee, &invoked, &none(), "ok");
        assert_eq!(world.next_result(caller), "ok");
        assert_eq!(world.router.stats().timers, 0);
    }
    world.assert_leaves_nothing();
}

#[test]
fn a_callee_that_leaves_fails_its_calls() {
    for gentle in [true, false] {
        let (mut world, caller, callee) = pair();
        let calls: Vec<_> = (0..3)
            .map(|_| world.call(caller, "com.proc", &none(), &("x",)))
            .collect();
        if gentle {
            let now = world.now;
            world.session(callee).leave(uris::CLOSE_REALM, now).unwrap();
            world.pump();
        } else {
            world.vanish(callee);
        }
        for call in calls {
            assert_call_failed(&mut world, caller, call, uris::CANCELED);
        }
        let call = world.call(caller, "com.proc", &none(), &("x",));
        assert_call_failed(&mut world, caller, call, uris::NO_SUCH_PROCEDURE);
        assert_eq!(world.router.stats().registrations, 0);
        world.assert_leaves_nothing();
    }
}

#[test]
fn a_session_can_call_itself_and_leave_meanwhile() {
    for finish in [true, false] {
        let mut world = World::new();
        let peer = world.join(KINDS[0]);
        world.register(peer, "com.proc");
        world.call(peer, "com.proc", &none(), &("x",));
        let invoked = world.next_invoked(peer);
        if finish {
            answer(&mut world, peer, &invoked, &none(), "me");
            assert_eq!(world.next_result(peer), "me");
        } else {
            let now = world.now;
            world.session(peer).leave(uris::CLOSE_REALM, now).unwrap();
            world.pump();
            assert!(matches!(
                world.next(peer),
                Event::Failed(Failed {
                    reason: Failure::SessionEnded,
                    ..
                })
            ));
            assert!(matches!(world.next(peer), Event::Left { .. }));
        }
        world.assert_quiet();
        world.assert_leaves_nothing();
    }
}

#[test]
fn a_thousand_calls_at_once_come_back_each_with_its_own_answer() {
    let (mut world, caller, callee) = pair();
    let mut calls = Vec::new();
    for index in 0..1_000_u32 {
        let arguments = (index,);
        let payload = Payload::typed(&arguments);
        calls.push(
            world
                .session(caller)
                .call("com.proc", &none(), &payload)
                .unwrap(),
        );
    }
    world.pump();
    // Answered from the last to the first.
    let invoked: Vec<_> = (0..1_000).map(|_| world.next_invoked(callee)).collect();
    for (index, invoked) in invoked.iter().enumerate().rev() {
        let (sent,): (u32,) = invoked.payload.args().unwrap();
        assert_eq!(
            sent as usize, index,
            "invocations come in the order of the calls"
        );
        let arguments = (sent * 2,);
        let payload = Payload::typed(&arguments);
        let session = world.session(callee);
        session
            .yield_result(invoked.invocation, &none(), &payload)
            .unwrap();
    }
    world.pump();
    for index in (0..1_000_usize).rev() {
        let Event::Done(Outcome::Result {
            request, payload, ..
        }) = world.next(caller)
        else {
            panic!("no result")
        };
        let (doubled,): (usize,) = payload.args().unwrap();
        assert_eq!((request, doubled), (calls[index], index * 2));
    }
    world.assert_leaves_nothing();
}
