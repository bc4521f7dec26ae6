//! The reference: lists, searched from end to end.

use wamp_rawsocket_core::message::CancelMode;
use wamp_rawsocket_core::uris;

use super::{Op, SLOTS, Seen, Slot};

/// What an operation comes down to, for the machines. Calls and publications go by tags.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Nothing,
    Join(Slot),
    Leave(Slot),
    Vanish(Slot),
    Kill(Slot),
    Subscribe(Slot, usize),
    Unsubscribe(Slot, usize),
    Publish {
        slot: Slot,
        topic: usize,
        tag: u32,
        acknowledge: bool,
        include_me: bool,
    },
    Register(Slot, usize),
    Unregister(Slot, usize),
    Call {
        slot: Slot,
        procedure: usize,
        tag: u32,
        progress: bool,
        timeout: u64,
    },
    Cancel(Slot, u32, CancelMode),
    Yield {
        slot: Slot,
        tag: u32,
        progress: bool,
        refused: bool,
    },
    Fail(Slot, u32),
    Wait(u64),
}

#[derive(Default)]
pub(super) struct Model {
    now: u64,
    tags: u32,
    pub(super) alive: [bool; SLOTS],
    pub(super) subscribed: Vec<(Slot, usize)>,
    pub(super) registered: Vec<(Slot, usize)>,
    /// In the order in which they were made.
    pub(super) calls: Vec<Call>,
    /// What each callee has to answer, in its own view: the tag of a call, and whether progress
    /// is wanted. In the order in which they arrived.
    pub(super) invoked: Vec<(Slot, u32, bool)>,
}

#[derive(Clone)]
pub(super) struct Call {
    tag: u32,
    caller: Slot,
    callee: Slot,
    timeout: u64,
    pub(super) deadline: Option<u64>,
    killed: bool,
}

impl Call {
    fn failed(&self, uri: &str) -> (Slot, String) {
        (self.caller, format!("call {} failed {uri}", self.tag))
    }
}

impl Model {
    /// Does the operation; says what it comes down to, and what each client sees of it.
    pub(super) fn apply(&mut self, op: &Op) -> (Act, Seen) {
        let mut seen = Seen::new();
        let act = match *op {
            Op::Join(slot) if !self.alive[slot] => {
                self.alive[slot] = true;
                Act::Join(slot)
            }
            Op::Wait(millis) => {
                self.wait(millis, &mut seen);
                Act::Wait(millis)
            }
            _ if !self.alive[op.slot()] => Act::Nothing,
            Op::Join(_) => Act::Nothing,
            Op::Leave(slot) => {
                self.end(slot, "left false", &mut seen);
                Act::Leave(slot)
            }
            Op::Kill(slot) => {
                self.end(slot, "left true", &mut seen);
                Act::Kill(slot)
            }
            Op::Vanish(slot) => {
                self.end(slot, "vanished", &mut seen);
                Act::Vanish(slot)
            }
            Op::Publish { .. } | Op::Subscribe(..) | Op::Unsubscribe(..) => {
                self.pubsub(op, &mut seen)
            }
            Op::Register(..) | Op::Unregister(..) => self.register(op, &mut seen),
            Op::Call {
                slot,
                procedure,
                progress,
                timeout,
            } => {
                let tag = self.call(slot, procedure, progress, timeout, &mut seen);
                Act::Call {
                    slot,
                    procedure,
                    tag,
                    progress,
                    timeout,
                }
            }
            Op::Cancel(slot, n, mode) => {
                let mine = self.calls.iter().filter(|call| call.caller == slot);
                nth(mine.map(|call| call.tag), n).map_or(Act::Nothing, |tag| {
                    self.cancel(tag, mode, &mut seen);
                    Act::Cancel(slot, tag, mode)
                })
            }
            Op::Yield(slot, n, progress) => {
                self.next_invoked(slot, n)
                    .map_or(Act::Nothing, |(tag, wanted)| {
                        let refused = progress && !wanted;
                        if progress && wanted {
                            self.progress(tag, &mut seen);
                        } else if !progress {
                            self.answer(slot, tag, "result", &mut seen);
                        }
                        Act::Yield {
                            slot,
                            tag,
                            progress,
                            refused,
                        }
                    })
            }
            Op::Fail(slot, n) => self.next_invoked(slot, n).map_or(Act::Nothing, |(tag, _)| {
                self.answer(slot, tag, "failed com.error.own", &mut seen);
                Act::Fail(slot, tag)
            }),
        };
        (act, seen)
    }

    fn pubsub(&mut self, op: &Op, seen: &mut Seen) -> Act {
        match *op {
            Op::Subscribe(slot, topic) => {
                if !self.subscribed.contains(&(slot, topic)) {
                    self.subscribed.push((slot, topic));
                }
                seen.push((slot, format!("subscribed {topic}")));
                Act::Subscribe(slot, topic)
            }
            Op::Unsubscribe(slot, n) => {
                let mine = self.subscribed.iter().filter(|(s, _)| *s == slot);
                let Some(&(_, topic)) = nth(mine, n) else {
                    return Act::Nothing;
                };
                self.subscribed.retain(|held| *held != (slot, topic));
                seen.push((slot, format!("unsubscribed {topic}")));
                Act::Unsubscribe(slot, topic)
            }
            Op::Publish {
                slot,
                topic,
                acknowledge,
                include_me,
            } => {
                self.tags += 1;
                let tag = self.tags;
                for (s, t) in &self.subscribed {
                    if *t == topic && (*s != slot || include_me) {
                        seen.push((*s, format!("event {topic} {tag}")));
                    }
                }
                if acknowledge {
                    seen.push((slot, "published".to_owned()));
                }
                Act::Publish {
                    slot,
                    topic,
                    tag,
                    acknowledge,
                    include_me,
                }
            }
            _ => Act::Nothing,
        }
    }

    fn register(&mut self, op: &Op, seen: &mut Seen) -> Act {
        match *op {
            Op::Register(slot, procedure) => {
                if self.registered.iter().any(|(_, p)| *p == procedure) {
                    let uri = uris::PROCEDURE_ALREADY_EXISTS;
                    seen.push((slot, format!("register failed {uri}")));
                } else {
                    self.registered.push((slot, procedure));
                    seen.push((slot, format!("registered {procedure}")));
                }
                Act::Register(slot, procedure)
            }
            Op::Unregister(slot, n) => {
                let mine = self.registered.iter().filter(|(s, _)| *s == slot);
                let Some(&(_, procedure)) = nth(mine, n) else {
                    return Act::Nothing;
                };
                self.registered.retain(|held| *held != (slot, procedure));
                seen.push((slot, format!("unregistered {procedure}")));
                Act::Unregister(slot, procedure)
            }
            _ => Act::Nothing,
        }
    }

    fn call(
        &mut self,
        caller: Slot,
        procedure: usize,
        progress: bool,
        timeout: u64,
        seen: &mut Seen,
    ) -> u32 {
        self.tags += 1;
        let tag = self.tags;
        let registered = self.registered.iter().find(|(_, p)| *p == procedure);
        if let Some(&(callee, _)) = registered {
            seen.push((callee, format!("invoked {procedure} {tag} {progress}")));
            self.invoked.push((callee, tag, progress));
            self.calls.push(Call {
                tag,
                caller,
                callee,
                timeout,
                deadline: (timeout > 0).then(|| self.now + timeout),
                killed: false,
            });
        } else {
            let uri = uris::NO_SUCH_PROCEDURE;
            seen.push((caller, format!("call {tag} failed {uri}")));
        }
        tag
    }

    fn cancel(&mut self, tag: u32, mode: CancelMode, seen: &mut Seen) {
        if mode == CancelMode::Kill {
            let call = self.calls.iter_mut().find(|call| call.tag == tag).unwrap();
            if !call.killed {
                call.killed = true;
                call.deadline = Some(self.now + 30_000);
                seen.push((call.callee, format!("interrupted {tag} true")));
            }
        } else {
            let call = self.take_call(tag).unwrap();
            if mode == CancelMode::KillNoWait && !call.killed {
                self.interrupt(&call, seen);
            }
            seen.push(call.failed(uris::CANCELED));
        }
    }

    fn progress(&mut self, tag: u32, seen: &mut Seen) {
        if let Some(call) = self.calls.iter_mut().find(|call| call.tag == tag) {
            seen.push((call.caller, format!("call {tag} progress")));
            if call.timeout > 0 && !call.killed {
                call.deadline = Some(self.now + call.timeout);
            }
        }
    }

    fn answer(&mut self, callee: Slot, tag: u32, how: &str, seen: &mut Seen) {
        self.invoked.retain(|(s, t, _)| (*s, *t) != (callee, tag));
        if let Some(call) = self.take_call(tag) {
            seen.push((call.caller, format!("call {tag} {how}")));
        }
    }

    fn wait(&mut self, millis: u64, seen: &mut Seen) {
        self.now += millis;
        let now = self.now;
        let due = |call: &Call| call.deadline.is_some_and(|at| at <= now);
        let (expired, kept): (Vec<_>, Vec<_>) = self.calls.drain(..).partition(due);
        self.calls = kept;
        for call in expired {
            if call.killed {
                seen.push(call.failed(uris::CANCELED));
            } else {
                seen.push(call.failed(uris::TIMEOUT));
                self.interrupt(&call, seen);
            }
        }
    }

    /// A session is over, in whichever way.
    fn end(&mut self, slot: Slot, last_words: &str, seen: &mut Seen) {
        self.alive[slot] = false;
        self.subscribed.retain(|(s, _)| *s != slot);
        self.registered.retain(|(s, _)| *s != slot);
        let calls = core::mem::take(&mut self.calls);
        let (made, others): (Vec<_>, Vec<_>) = calls.into_iter().partition(|c| c.caller == slot);
        for call in made {
            seen.push((slot, format!("call {} lost", call.tag)));
            if !call.killed && call.callee != slot {
                self.interrupt(&call, seen);
            }
        }
        let (owed, others) = others.into_iter().partition(|c| c.callee == slot);
        self.calls = others;
        let owed: Vec<Call> = owed;
        seen.extend(owed.iter().map(|call| call.failed(uris::CANCELED)));
        self.invoked.retain(|(s, ..)| *s != slot);
        seen.push((slot, last_words.to_owned()));
    }

    fn interrupt(&mut self, call: &Call, seen: &mut Seen) {
        let told = (call.callee, call.tag);
        self.invoked.retain(|(slot, tag, _)| (*slot, *tag) != told);
        seen.push((call.callee, format!("interrupted {} false", call.tag)));
    }

    fn take_call(&mut self, tag: u32) -> Option<Call> {
        let at = self.calls.iter().position(|call| call.tag == tag)?;
        Some(self.calls.remove(at))
    }

    fn next_invoked(&self, slot: Slot, n: usize) -> Option<(u32, bool)> {
        let mine = self.invoked.iter().filter(|(s, ..)| *s == slot);
        nth(mine.map(|(_, tag, wanted)| (*tag, *wanted)), n)
    }
}

/// One of the items, if there are any.
fn nth<T>(items: impl Iterator<Item = T>, n: usize) -> Option<T> {
    let mut items: Vec<T> = items.collect();
    (!items.is_empty()).then(|| items.swap_remove(n % items.len()))
}
