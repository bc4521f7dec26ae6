//! Random operations of several clients, against a naive model of broker and dealer.
//!
//! After every operation everything is delivered, so that what each client sees next is known. The
//! model keeps plain lists and searches them; it knows nothing of ids, outboxes or timers.

mod reference;
mod system;

use proptest::prelude::*;
use wamp_rawsocket_core::message::CancelMode;

use reference::Model;
use system::System;

/// One of the clients of the model: a slot, in which sessions follow each other.
type Slot = usize;
/// How many clients there are.
const SLOTS: usize = 4;

#[derive(Clone, Debug)]
enum Op {
    Join(Slot),
    Leave(Slot),
    Vanish(Slot),
    Kill(Slot),
    Subscribe(Slot, usize),
    Unsubscribe(Slot, usize),
    Publish {
        slot: Slot,
        topic: usize,
        acknowledge: bool,
        include_me: bool,
    },
    Register(Slot, usize),
    Unregister(Slot, usize),
    Call {
        slot: Slot,
        procedure: usize,
        progress: bool,
        timeout: u64,
    },
    Cancel(Slot, usize, CancelMode),
    Yield(Slot, usize, bool),
    Fail(Slot, usize),
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let slot = || 0..SLOTS;
    let nth = any::<usize>;
    let mode = prop_oneof![
        Just(CancelMode::Skip),
        Just(CancelMode::Kill),
        Just(CancelMode::KillNoWait)
    ];
    prop_oneof![
        4 => slot().prop_map(Op::Join),
        1 => slot().prop_map(Op::Leave),
        1 => slot().prop_map(Op::Vanish),
        1 => slot().prop_map(Op::Kill),
        6 => (slot(), 0..3_usize).prop_map(|(s, t)| Op::Subscribe(s, t)),
        2 => (slot(), nth()).prop_map(|(s, n)| Op::Unsubscribe(s, n)),
        8 => (slot(), 0..3_usize, any::<bool>(), any::<bool>()).prop_map(
            |(slot, topic, acknowledge, include_me)| Op::Publish {
                slot, topic, acknowledge, include_me,
            }
        ),
        6 => (slot(), 0..3_usize).prop_map(|(s, p)| Op::Register(s, p)),
        1 => (slot(), nth()).prop_map(|(s, n)| Op::Unregister(s, n)),
        12 => (slot(), 0..3_usize, any::<bool>(), prop_oneof![Just(0), Just(100), Just(40_000)])
            .prop_map(|(slot, procedure, progress, timeout)| Op::Call {
                slot, procedure, progress, timeout,
            }),
        5 => (slot(), nth(), mode).prop_map(|(s, n, m)| Op::Cancel(s, n, m)),
        10 => (slot(), nth(), any::<bool>()).prop_map(|(s, n, p)| Op::Yield(s, n, p)),
        3 => (slot(), nth()).prop_map(|(s, n)| Op::Fail(s, n)),
        2 => prop_oneof![Just(1), Just(60), Just(29_990), Just(31_000)].prop_map(Op::Wait),
    ]
}

/// What clients are told, in words.
type Seen = Vec<(Slot, String)>;

impl Op {
    /// Who does it.
    const fn slot(&self) -> Slot {
        match *self {
            Self::Join(slot)
            | Self::Leave(slot)
            | Self::Vanish(slot)
            | Self::Kill(slot)
            | Self::Subscribe(slot, _)
            | Self::Unsubscribe(slot, _)
            | Self::Publish { slot, .. }
            | Self::Register(slot, _)
            | Self::Unregister(slot, _)
            | Self::Call { slot, .. }
            | Self::Cancel(slot, ..)
            | Self::Yield(slot, ..)
            | Self::Fail(slot, _) => slot,
            Self::Wait(_) => 0,
        }
    }
}

fn check(ops: &[Op]) {
    let mut model = Model::default();
    let mut system = System::new();
    let joins: Vec<Op> = (0..SLOTS).map(Op::Join).collect();
    for (step, op) in joins.iter().chain(ops).enumerate() {
        let (act, expected) = model.apply(op);
        system.act(&act);
        for slot in 0..SLOTS {
            let mut seen = system.read(slot);
            let mut expected = expected.clone();
            expected.retain(|(s, _)| *s == slot);
            if matches!(op, Op::Wait(_)) {
                // What is due at the same time has no order.
                seen.sort();
                expected.sort();
            }
            assert_eq!(seen, expected, "step {step}: {op:?}");
            if !model.alive[slot] {
                system.peers[slot] = None;
            }
        }
        compare(&model, &mut system, &format!("step {step}: {op:?}"));
    }
    system.world.assert_leaves_nothing();
}

/// What the machines hold is what the model holds.
fn compare(model: &Model, system: &mut System, step: &str) {
    let stats = system.world.router.stats();
    let mut topics: Vec<_> = model.subscribed.iter().map(|(_, topic)| topic).collect();
    topics.sort_unstable();
    topics.dedup();
    let alive = model.alive.iter().filter(|alive| **alive).count();
    let subscribers = model.subscribed.len();
    assert_eq!(
        (
            stats.sessions,
            stats.transports,
            stats.subscriptions,
            stats.subscribers
        ),
        (alive, alive, topics.len(), subscribers),
        "{step}"
    );
    let timed = model.calls.iter().filter(|call| call.deadline.is_some());
    let (registered, pending) = (model.registered.len(), model.calls.len());
    assert_eq!(
        (
            stats.registrations,
            stats.pending_calls,
            stats.timers,
            stats.queued_frames
        ),
        (registered, pending, timed.count(), 0),
        "{step}"
    );
    for slot in 0..SLOTS {
        if let Some(peer) = system.peers[slot] {
            let owed = model.invoked.iter().filter(|(s, ..)| *s == slot).count();
            assert_eq!(
                system.world.session(peer).pending_invocations(),
                owed,
                "{step}"
            );
        }
    }
}

proptest! {
    #[test]
    fn the_machines_do_what_the_model_says(ops in prop::collection::vec(op(), 1..120)) {
        check(&ops);
    }
}
