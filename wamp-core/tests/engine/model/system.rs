//! The machines under test, and what they say in the model's words.

use std::collections::HashMap;
use std::time::Duration;

use wamp_rawsocket_core::session::{
    CallRequest, CommandError, Event, Failed, Failure, Invocation, Outcome, Registration, Request,
    Subscription,
};
use wamp_rawsocket_core::{Dict, Payload, uris};

use super::reference::Act;
use super::{SLOTS, Seen, Slot};
use crate::world::{KINDS, Peer, World};

pub(super) struct System {
    pub(super) world: World,
    pub(super) peers: [Option<Peer>; SLOTS],
    calls: HashMap<(Peer, CallRequest), u32>,
    invocations: HashMap<(Peer, Invocation), u32>,
    topics: HashMap<(Peer, Subscription), usize>,
    procedures: HashMap<(Peer, Registration), usize>,
    /// The topic or procedure of the request that is under way.
    asked: usize,
}

impl System {
    pub(super) fn new() -> Self {
        Self {
            world: World::new(),
            peers: [None; SLOTS],
            calls: HashMap::new(),
            invocations: HashMap::new(),
            topics: HashMap::new(),
            procedures: HashMap::new(),
            asked: 0,
        }
    }

    /// Does it, and delivers everything.
    pub(super) fn act(&mut self, act: &Act) {
        match *act {
            Act::Nothing => {}
            Act::Join(slot) => self.peers[slot] = Some(self.world.join(KINDS[slot % 2])),
            Act::Wait(millis) => self.world.advance(Duration::from_millis(millis)),
            Act::Leave(_) | Act::Kill(_) | Act::Vanish(_) => self.act_end(act),
            Act::Subscribe(..) | Act::Unsubscribe(..) | Act::Publish { .. } => self.act_topic(act),
            _ => self.act_procedure(act),
        }
        self.world.pump();
    }

    fn act_end(&mut self, act: &Act) {
        let now = self.world.now;
        match *act {
            Act::Leave(slot) => {
                let peer = self.peer(slot);
                let session = self.world.session(peer);
                session.leave(uris::CLOSE_REALM, now).unwrap();
            }
            Act::Kill(slot) => {
                let key = self.world.key(self.peer(slot));
                assert!(self.world.router.close_session(key, uris::KILLED, now));
            }
            Act::Vanish(slot) => self.world.vanish(self.peer(slot)),
            _ => {}
        }
    }

    fn act_topic(&mut self, act: &Act) {
        let none = Dict::new();
        match *act {
            Act::Subscribe(slot, index) => {
                self.asked = index;
                let peer = self.peer(slot);
                let session = self.world.session(peer);
                session.subscribe(&topic(index), &none).unwrap();
            }
            Act::Unsubscribe(slot, index) => {
                let peer = self.peer(slot);
                // The newest one: the topic may have had others before.
                let subscription = newest(&self.topics, peer, &index);
                let session = self.world.session(peer);
                session.unsubscribe(subscription).unwrap();
            }
            Act::Publish {
                slot,
                topic: index,
                tag,
                acknowledge,
                include_me,
            } => {
                let options = Dict::new()
                    .with("acknowledge", acknowledge)
                    .with("exclude_me", !include_me);
                let arguments = (tag,);
                let payload = Payload::typed(&arguments);
                let peer = self.peer(slot);
                let session = self.world.session(peer);
                session.publish(&topic(index), &options, &payload).unwrap();
            }
            _ => {}
        }
    }

    fn act_procedure(&mut self, act: &Act) {
        let none = Dict::new();
        match *act {
            Act::Register(slot, index) => {
                self.asked = index;
                let peer = self.peer(slot);
                let session = self.world.session(peer);
                session.register(&procedure(index), &none).unwrap();
            }
            Act::Unregister(slot, index) => {
                let peer = self.peer(slot);
                let registration = newest(&self.procedures, peer, &index);
                let session = self.world.session(peer);
                session.unregister(registration).unwrap();
            }
            Act::Call {
                slot,
                procedure: index,
                tag,
                progress,
                timeout,
            } => {
                let options = Dict::new()
                    .with("receive_progress", progress)
                    .with("timeout", timeout);
                let arguments = (tag,);
                let payload = Payload::typed(&arguments);
                let peer = self.peer(slot);
                let session = self.world.session(peer);
                let call = session.call(&procedure(index), &options, &payload).unwrap();
                self.calls.insert((peer, call), tag);
            }
            Act::Cancel(slot, tag, mode) => {
                let peer = self.peer(slot);
                let call = newest(&self.calls, peer, &tag);
                self.world.session(peer).cancel(call, mode).unwrap();
            }
            Act::Yield {
                slot,
                tag,
                progress,
                refused,
            } => {
                let peer = self.peer(slot);
                let invocation = newest(&self.invocations, peer, &tag);
                let options = Dict::new().with("progress", progress);
                let arguments = (tag,);
                let payload = Payload::typed(&arguments);
                let session = self.world.session(peer);
                let sent = session.yield_result(invocation, &options, &payload);
                let unwanted = Err(CommandError::ProgressUnwanted);
                assert_eq!(sent, if refused { unwanted } else { Ok(()) });
            }
            Act::Fail(slot, tag) => {
                let peer = self.peer(slot);
                let invocation = newest(&self.invocations, peer, &tag);
                let session = self.world.session(peer);
                let payload = Payload::none();
                session
                    .fail(invocation, "com.error.own", &none, &payload)
                    .unwrap();
            }
            _ => {}
        }
    }

    fn peer(&self, slot: Slot) -> Peer {
        self.peers[slot].unwrap()
    }

    /// Everything that a client was told since, in words.
    pub(super) fn read(&mut self, slot: Slot) -> Seen {
        let mut seen = Seen::new();
        let Some(peer) = self.peers[slot] else {
            return seen;
        };
        while let Some(event) = self.world.clients[peer].events.pop_front() {
            seen.push((slot, self.word(peer, event)));
        }
        if self.world.clients[peer].error.take().is_some() {
            seen.push((slot, "vanished".to_owned()));
        }
        seen
    }

    fn word(&mut self, peer: Peer, event: Event) -> String {
        match event {
            Event::Done(outcome) => self.outcome(peer, outcome),
            Event::Progress {
                request, payload, ..
            } => {
                let (tag,): (u32,) = payload.args().unwrap();
                assert_eq!(tag, self.calls[&(peer, request)]);
                format!("call {tag} progress")
            }
            Event::Failed(Failed {
                request, reason, ..
            }) => {
                let what = match request {
                    Request::Call(call) => format!("call {}", self.calls[&(peer, call)]),
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

    fn outcome(&mut self, peer: Peer, outcome: Outcome) -> String {
        match outcome {
            Outcome::Subscribed { subscription, .. } => {
                self.topics.insert((peer, subscription), self.asked);
                format!("subscribed {}", self.asked)
            }
            Outcome::Unsubscribed { subscription, .. } => {
                format!("unsubscribed {}", self.topics[&(peer, subscription)])
            }
            Outcome::Registered { registration, .. } => {
                self.procedures.insert((peer, registration), self.asked);
                format!("registered {}", self.asked)
            }
            Outcome::Unregistered { registration, .. } => {
                format!("unregistered {}", self.procedures[&(peer, registration)])
            }
            Outcome::Published { .. } => "published".to_owned(),
            Outcome::Result {
                request, payload, ..
            } => {
                let (tag,): (u32,) = payload.args().unwrap();
                assert_eq!(tag, self.calls[&(peer, request)]);
                format!("call {tag} result")
            }
            other => format!("{other:?}"),
        }
    }
}

/// The latest handle of a client's that stands for this.
fn newest<H: Copy + Ord, T: PartialEq>(map: &HashMap<(Peer, H), T>, peer: Peer, of: &T) -> H {
    let all = map.iter().filter(|((p, _), t)| *p == peer && *t == of);
    all.map(|((_, handle), _)| *handle).max().unwrap()
}

fn topic(index: usize) -> String {
    format!("com.topic{index}")
}

fn procedure(index: usize) -> String {
    format!("com.proc{index}")
}
