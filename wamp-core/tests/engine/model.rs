//! Random operations of several clients, against a naive model of broker and dealer.
//!
//! After every operation everything is delivered, so that what each client sees next is known. The
//! model keeps plain lists and searches them; it knows nothing of ids, outboxes or timers.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use wamp_rawsocket_core::message::CancelMode;
use wamp_rawsocket_core::session::{
    CallRequest, CommandError, Event, Failed, Failure, Invocation, Outcome, Registration, Request,
    Subscription,
};
use wamp_rawsocket_core::{Dict, Payload, uris};

use crate::world::{KINDS, Peer, World};

/// One of the clients of the model: a slot, in which sessions follow each other.
type Slot = usize;
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

/// What a client is told, in words.
type Seen = Vec<(Slot, String)>;

/// The reference: lists.
#[derive(Default)]
struct Model {
    now: u64,
    alive: [bool; SLOTS],
    subscribed: Vec<(Slot, usize)>,
    registered: Vec<(Slot, usize)>,
    /// In the order in which they were made.
    calls: Vec<ModelCall>,
    /// What each callee has to answer, in its own view: the tag of a call, and whether progress
    /// is wanted. In the order in which they arrived.
    invoked: Vec<(Slot, u32, bool)>,
}

#[derive(Clone)]
struct ModelCall {
    tag: u32,
    caller: Slot,
    callee: Slot,
    timeout: u64,
    deadline: Option<u64>,
    killed: bool,
}

impl Model {
    fn nth<T: Copy>(items: impl Iterator<Item = T>, n: usize) -> Option<T> {
        let items: Vec<T> = items.collect();
        (!items.is_empty()).then(|| items[n % items.len()])
    }

    fn take_call(&mut self, tag: u32) -> Option<ModelCall> {
        let at = self.calls.iter().position(|call| call.tag == tag)?;
        Some(self.calls.remove(at))
    }

    fn interrupt(&mut self, call: &ModelCall, seen: &mut Seen) {
        self.invoked
            .retain(|(slot, tag, _)| (*slot, *tag) != (call.callee, call.tag));
        seen.push((call.callee, format!("interrupted {} false", call.tag)));
    }

    /// A session is over, in whichever way.
    fn end(&mut self, slot: Slot, last_words: &str) -> Seen {
        let mut seen = Seen::new();
        self.alive[slot] = false;
        self.subscribed.retain(|(s, _)| *s != slot);
        self.registered.retain(|(s, _)| *s != slot);
        let (gone, kept): (Vec<_>, Vec<_>) =
            self.calls.drain(..).partition(|call| call.caller == slot);
        self.calls = kept;
        for call in gone {
            seen.push((slot, format!("call {} lost", call.tag)));
            if !call.killed && call.callee != slot {
                self.interrupt(&call, &mut seen);
            }
        }
        let (gone, kept): (Vec<_>, Vec<_>) =
            self.calls.drain(..).partition(|call| call.callee == slot);
        self.calls = kept;
        for call in gone {
            seen.push((
                call.caller,
                format!("call {} failed {}", call.tag, uris::CANCELED),
            ));
        }
        self.invoked.retain(|(s, ..)| *s != slot);
        seen.push((slot, last_words.to_owned()));
        seen
    }
}

/// The machines, and what is needed to read their events.
struct System {
    world: World,
    peers: [Option<Peer>; SLOTS],
    tags: u32,
    calls: HashMap<(Peer, CallRequest), u32>,
    invocations: HashMap<(Peer, Invocation), u32>,
    topics: HashMap<(Peer, Subscription), usize>,
    procedures: HashMap<(Peer, Registration), usize>,
    /// The topic or procedure of the request that is under way.
    asked: usize,
}

impl System {
    fn tag_of(&self, peer: Peer, call: CallRequest) -> u32 {
        self.calls[&(peer, call)]
    }

    /// Everything that a client was told since, in words.
    fn read(&mut self, slot: Slot, peer: Peer, seen: &mut Seen) {
        while let Some(event) = self.world.clients[peer].events.pop_front() {
            let text = self.word(peer, event);
            seen.push((slot, text));
        }
        if self.world.clients[peer].error.take().is_some() {
            seen.push((slot, "vanished".to_owned()));
        }
    }

    fn word(&mut self, peer: Peer, event: Event) -> String {
        match event {
            Event::Done(Outcome::Subscribed { subscription, .. }) => {
                self.topics.insert((peer, subscription), self.asked);
                format!("subscribed {}", self.asked)
            }
            Event::Done(Outcome::Unsubscribed { subscription, .. }) => {
                format!("unsubscribed {}", self.topics[&(peer, subscription)])
            }
            Event::Done(Outcome::Registered { registration, .. }) => {
                self.procedures.insert((peer, registration), self.asked);
                format!("registered {}", self.asked)
            }
            Event::Done(Outcome::Unregistered { registration, .. }) => {
                format!("unregistered {}", self.procedures[&(peer, registration)])
            }
            Event::Done(Outcome::Published { .. }) => "published".to_owned(),
            Event::Done(Outcome::Result {
                request, payload, ..
            }) => {
                let (tag,): (u32,) = payload.args().unwrap();
                assert_eq!(tag, self.tag_of(peer, request));
                format!("call {tag} result")
            }
            Event::Progress {
                request, payload, ..
            } => {
                let (tag,): (u32,) = payload.args().unwrap();
                assert_eq!(tag, self.tag_of(peer, request));
                format!("call {tag} progress")
            }
            Event::Failed(Failed {
                request, reason, ..
            }) => {
                let what = match request {
                    Request::Call(call) => format!("call {}", self.tag_of(peer, call)),
                    Request::Register(_) => "register".to_owned(),
                    other => format!("{other:?}"),
                };
                match reason {
                    Failure::Error { uri, .. } => format!("{what} failed {uri}"),
                    _ => format!("{what} lost"),
                }
            }
            Event::Published(publication) => {
                let (tag,): (u32,) = publication.payload.args().unwrap();
                let topic = self.topics[&(peer, publication.subscription)];
                format!("event {topic} {tag}")
            }
            Event::Invoked(invoked) => {
                let (tag,): (u32,) = invoked.payload.args().unwrap();
                self.invocations.insert((peer, invoked.invocation), tag);
                let procedure = self.procedures[&(peer, invoked.registration)];
                format!("invoked {procedure} {tag} {}", invoked.receive_progress)
            }
            Event::Interrupted {
                invocation,
                answer_expected,
                ..
            } => {
                let tag = self.invocations[&(peer, invocation)];
                format!("interrupted {tag} {answer_expected}")
            }
            Event::Left { by_router, .. } => format!("left {by_router}"),
            other => format!("{other:?}"),
        }
    }

    fn invocation(&self, peer: Peer, tag: u32) -> Invocation {
        let found = self
            .invocations
            .iter()
            .find(|((p, _), t)| (*p, **t) == (peer, tag));
        found.unwrap().0.1
    }

    fn call(&self, peer: Peer, tag: u32) -> CallRequest {
        let found = self
            .calls
            .iter()
            .find(|((p, _), t)| (*p, **t) == (peer, tag));
        found.unwrap().0.1
    }
}

fn topic(index: usize) -> String {
    format!("com.topic{index}")
}

fn procedure(index: usize) -> String {
    format!("com.proc{index}")
}

/// Does an operation with both; says what the model expects to be seen.
fn apply(model: &mut Model, system: &mut System, op: &Op) -> Seen {
    let none = Dict::new();
    let mut seen = Seen::new();
    let slot = match *op {
        Op::Join(slot) => {
            if !model.alive[slot] {
                model.alive[slot] = true;
                system.peers[slot] = Some(system.world.join(KINDS[slot % 2]));
            }
            return seen;
        }
        Op::Wait(millis) => {
            model.now += millis;
            let now = model.now;
            let due = |call: &ModelCall| call.deadline.is_some_and(|at| at <= now);
            let (expired, kept): (Vec<_>, Vec<_>) = model.calls.drain(..).partition(due);
            model.calls = kept;
            for call in expired {
                let uri = if call.killed {
                    uris::CANCELED
                } else {
                    uris::TIMEOUT
                };
                seen.push((call.caller, format!("call {} failed {uri}", call.tag)));
                if !call.killed {
                    model.interrupt(&call, &mut seen);
                }
            }
            system.world.advance(Duration::from_millis(millis));
            return seen;
        }
        Op::Leave(slot) | Op::Vanish(slot) | Op::Kill(slot) => slot,
        Op::Subscribe(slot, _) | Op::Unsubscribe(slot, _) => slot,
        Op::Register(slot, _) | Op::Unregister(slot, _) => slot,
        Op::Publish { slot, .. } | Op::Call { slot, .. } => slot,
        Op::Cancel(slot, ..) | Op::Yield(slot, ..) | Op::Fail(slot, _) => slot,
    };
    let Some(peer) = system.peers[slot].filter(|_| model.alive[slot]) else {
        return seen;
    };
    let now = system.world.now;
    match *op {
        Op::Leave(_) => {
            seen = model.end(slot, "left false");
            system
                .world
                .session(peer)
                .leave(uris::CLOSE_REALM, now)
                .unwrap();
        }
        Op::Kill(_) => {
            seen = model.end(slot, "left true");
            let key = system.world.key(peer);
            system.world.router.close_session(key, uris::KILLED, now);
        }
        Op::Vanish(_) => {
            seen = model.end(slot, "vanished");
            system.world.vanish(peer);
        }
        Op::Subscribe(_, index) => {
            if !model.subscribed.contains(&(slot, index)) {
                model.subscribed.push((slot, index));
            }
            seen.push((slot, format!("subscribed {index}")));
            system.asked = index;
            system
                .world
                .session(peer)
                .subscribe(&topic(index), &none)
                .unwrap();
        }
        Op::Unsubscribe(_, n) => {
            let mine = model.subscribed.iter().filter(|(s, _)| *s == slot);
            let Some(&(_, index)) = Model::nth(mine, n) else {
                return seen;
            };
            model.subscribed.retain(|held| *held != (slot, index));
            seen.push((slot, format!("unsubscribed {index}")));
            // The newest one: a topic has had others before.
            let held = system
                .topics
                .iter()
                .filter(|((p, _), t)| (*p, **t) == (peer, index));
            let subscription = held.map(|((_, held), _)| *held).max().unwrap();
            system
                .world
                .session(peer)
                .unsubscribe(subscription)
                .unwrap();
        }
        Op::Publish {
            topic: index,
            acknowledge,
            include_me,
            ..
        } => {
            system.tags += 1;
            let tag = system.tags;
            for (s, t) in &model.subscribed {
                if *t == index && (*s != slot || include_me) {
                    seen.push((*s, format!("event {index} {tag}")));
                }
            }
            if acknowledge {
                seen.push((slot, "published".to_owned()));
            }
            let options = Dict::new()
                .with("acknowledge", acknowledge)
                .with("exclude_me", !include_me);
            let arguments = (tag,);
            let payload = Payload::typed(&arguments);
            system
                .world
                .session(peer)
                .publish(&topic(index), &options, &payload)
                .unwrap();
        }
        Op::Register(_, index) => {
            if model.registered.iter().any(|(_, p)| *p == index) {
                seen.push((
                    slot,
                    format!("register failed {}", uris::PROCEDURE_ALREADY_EXISTS),
                ));
            } else {
                model.registered.push((slot, index));
                seen.push((slot, format!("registered {index}")));
            }
            system.asked = index;
            system
                .world
                .session(peer)
                .register(&procedure(index), &none)
                .unwrap();
        }
        Op::Unregister(_, n) => {
            let mine = model.registered.iter().filter(|(s, _)| *s == slot);
            let Some(&(_, index)) = Model::nth(mine, n) else {
                return seen;
            };
            model.registered.retain(|held| *held != (slot, index));
            seen.push((slot, format!("unregistered {index}")));
            let held = system
                .procedures
                .iter()
                .filter(|((p, _), t)| (*p, **t) == (peer, index));
            let registration = held.map(|((_, held), _)| *held).max().unwrap();
            system.world.session(peer).unregister(registration).unwrap();
        }
        Op::Call {
            procedure: index,
            progress,
            timeout,
            ..
        } => {
            system.tags += 1;
            let tag = system.tags;
            match model.registered.iter().find(|(_, p)| *p == index) {
                None => {
                    let uri = uris::NO_SUCH_PROCEDURE;
                    seen.push((slot, format!("call {tag} failed {uri}")));
                }
                Some(&(callee, _)) => {
                    seen.push((callee, format!("invoked {index} {tag} {progress}")));
                    model.invoked.push((callee, tag, progress));
                    model.calls.push(ModelCall {
                        tag,
                        caller: slot,
                        callee,
                        timeout,
                        deadline: (timeout > 0).then(|| model.now + timeout),
                        killed: false,
                    });
                }
            }
            let options = Dict::new()
                .with("receive_progress", progress)
                .with("timeout", timeout);
            let arguments = (tag,);
            let payload = Payload::typed(&arguments);
            let session = system.world.session(peer);
            let call = session.call(&procedure(index), &options, &payload).unwrap();
            system.calls.insert((peer, call), tag);
        }
        Op::Cancel(_, n, mode) => {
            let mine = model
                .calls
                .iter()
                .filter(|call| call.caller == slot)
                .map(|call| call.tag);
            let Some(tag) = Model::nth(mine, n) else {
                return seen;
            };
            if mode == CancelMode::Kill {
                let now = model.now;
                let call = model.calls.iter_mut().find(|call| call.tag == tag).unwrap();
                if !call.killed {
                    call.killed = true;
                    call.deadline = Some(now + 30_000);
                    seen.push((call.callee, format!("interrupted {tag} true")));
                }
            } else {
                let call = model.take_call(tag).unwrap();
                if mode == CancelMode::KillNoWait && !call.killed {
                    model.interrupt(&call, &mut seen);
                }
                seen.push((slot, format!("call {tag} failed {}", uris::CANCELED)));
            }
            let call = system.call(peer, tag);
            system.world.session(peer).cancel(call, mode).unwrap();
        }
        Op::Yield(_, n, progress) => {
            let mine = model.invoked.iter().filter(|(s, ..)| *s == slot);
            let Some(&(_, tag, wanted)) = Model::nth(mine, n) else {
                return seen;
            };
            let invocation = system.invocation(peer, tag);
            let options = Dict::new().with("progress", progress);
            let arguments = (tag,);
            let payload = Payload::typed(&arguments);
            let sent = system
                .world
                .session(peer)
                .yield_result(invocation, &options, &payload);
            if progress && !wanted {
                assert_eq!(sent, Err(CommandError::ProgressUnwanted));
                return seen;
            }
            sent.unwrap();
            if progress {
                let now = model.now;
                if let Some(call) = model.calls.iter_mut().find(|call| call.tag == tag) {
                    seen.push((call.caller, format!("call {tag} progress")));
                    if call.timeout > 0 && !call.killed {
                        call.deadline = Some(now + call.timeout);
                    }
                }
            } else {
                model.invoked.retain(|(s, t, _)| (*s, *t) != (slot, tag));
                if let Some(call) = model.take_call(tag) {
                    seen.push((call.caller, format!("call {tag} result")));
                }
            }
        }
        Op::Fail(_, n) => {
            let mine = model.invoked.iter().filter(|(s, ..)| *s == slot);
            let Some(&(_, tag, _)) = Model::nth(mine, n) else {
                return seen;
            };
            model.invoked.retain(|(s, t, _)| (*s, *t) != (slot, tag));
            if let Some(call) = model.take_call(tag) {
                seen.push((call.caller, format!("call {tag} failed com.error.own")));
            }
            let invocation = system.invocation(peer, tag);
            let session = system.world.session(peer);
            session
                .fail(invocation, "com.error.own", &none, &Payload::none())
                .unwrap();
        }
        Op::Join(_) | Op::Wait(_) => {}
    }
    seen
}

fn check(ops: &[Op]) {
    let mut model = Model::default();
    let mut system = System {
        world: World::new(),
        peers: [None; SLOTS],
        tags: 0,
        calls: HashMap::new(),
        invocations: HashMap::new(),
        topics: HashMap::new(),
        procedures: HashMap::new(),
        asked: 0,
    };
    for slot in 0..SLOTS {
        apply(&mut model, &mut system, &Op::Join(slot));
    }
    for (step, op) in ops.iter().enumerate() {
        let before = system.peers;
        let expected = apply(&mut model, &mut system, op);
        system.world.pump();
        for slot in 0..SLOTS {
            let mut seen = Seen::new();
            if let Some(peer) = before[slot] {
                system.read(slot, peer, &mut seen);
            }
            if !model.alive[slot] {
                system.peers[slot] = None;
            }
            let mut expected: Seen = expected
                .iter()
                .filter(|(s, _)| *s == slot)
                .cloned()
                .collect();
            if matches!(op, Op::Wait(_)) {
                // What is due at the same time has no order.
                seen.sort();
                expected.sort();
            }
            assert_eq!(seen, expected, "step {step}: {op:?}");
        }
        let stats = system.world.router.stats();
        let mut topics: Vec<_> = model.subscribed.iter().map(|(_, topic)| topic).collect();
        topics.sort_unstable();
        topics.dedup();
        let alive = model.alive.iter().filter(|alive| **alive).count();
        let timed = model
            .calls
            .iter()
            .filter(|call| call.deadline.is_some())
            .count();
        assert_eq!(
            (
                stats.sessions,
                stats.transports,
                stats.subscriptions,
                stats.subscribers
            ),
            (alive, alive, topics.len(), model.subscribed.len()),
            "step {step}: {op:?}"
        );
        assert_eq!(
            (
                stats.registrations,
                stats.pending_calls,
                stats.timers,
                stats.queued_frames
            ),
            (model.registered.len(), model.calls.len(), timed, 0),
            "step {step}: {op:?}"
        );
        for slot in 0..SLOTS {
            if let Some(peer) = system.peers[slot].filter(|_| model.alive[slot]) {
                let owed = model.invoked.iter().filter(|(s, ..)| *s == slot).count();
                assert_eq!(system.world.session(peer).pending_invocations(), owed);
            }
        }
    }
    system.world.assert_leaves_nothing();
}

proptest! {
    #[test]
    fn the_machines_do_what_the_model_says(ops in prop::collection::vec(op(), 1..120)) {
        check(&ops);
    }
}
