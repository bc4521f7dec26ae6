//! Anything that an application does, in any order, with connections that die in between: against
//! what must hold.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use proptest::prelude::*;
use wamp_rawsocket_core::client::{
    Event, Invocation, Reconnect, Registration, Session, SessionError, SessionState, Subscription,
};
use wamp_rawsocket_core::router::RouterStats;
use wamp_rawsocket_core::runtime::Runtime as _;
use wamp_rawsocket_core::{Dict, uris};

use crate::sim::{Fault, Plan, Sim, few_polls, yield_now};
use crate::world::{emptied, join, listening, realm};

#[derive(Clone, Copy, Debug)]
enum Op {
    Subscribe(u8),
    /// Dropped after so many polls.
    SubscribeBriefly(u8, u8),
    Unsubscribe(u8),
    DropSubscription(u8),
    Register(u8),
    Unregister(u8),
    /// Another session calls.
    Call(u8),
    CallBriefly(u8, u8),
    /// Another session publishes.
    Publish(u8),
    Disconnect(bool),
    /// The next attempt to connect fails.
    Refuse,
    Yield(u8),
    Pass(u16),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..3_u8).prop_map(Op::Subscribe),
        2 => (0..3_u8, 0..9_u8).prop_map(|(topic, polls)| Op::SubscribeBriefly(topic, polls)),
        2 => any::<u8>().prop_map(Op::Unsubscribe),
        2 => any::<u8>().prop_map(Op::DropSubscription),
        3 => (0..3_u8).prop_map(Op::Register),
        2 => any::<u8>().prop_map(Op::Unregister),
        4 => (0..3_u8).prop_map(Op::Call),
        2 => (0..3_u8, 0..9_u8).prop_map(|(procedure, polls)| Op::CallBriefly(procedure, polls)),
        4 => (0..3_u8).prop_map(Op::Publish),
        2 => any::<bool>().prop_map(Op::Disconnect),
        1 => Just(Op::Refuse),
        4 => (0..20_u8).prop_map(Op::Yield),
        2 => (0..3000_u16).prop_map(Op::Pass),
    ]
}

fn topic(number: u8) -> String {
    format!("com.example.topic{number}")
}

fn procedure(number: u8) -> String {
    format!("com.example.procedure{number}")
}

/// What happened, as far as it is known.
#[derive(Default)]
struct Told {
    subscriptions: Mine<Subscription>,
    registrations: Mine<Registration>,
    /// How often the handler ran for each call.
    handled: BTreeMap<i64, usize>,
    answered: BTreeMap<i64, usize>,
    wrong: Vec<String>,
}

type Mine<T> = Vec<(u8, T)>;
type Shared = Arc<Mutex<Told>>;

struct World {
    sim: Sim,
    session: Session,
    other: Session,
    others_line: usize,
    told: Shared,
    latest: i64,
}

impl World {
    fn spawn<F: Future<Output = ()> + Send + 'static>(
        &self,
        work: impl FnOnce(Session, Sim, Shared) -> F,
    ) {
        self.sim.spawn(work(
            self.session.clone(),
            self.sim.clone(),
            self.told.clone(),
        ));
    }

    async fn act(&mut self, op: Op) {
        match op {
            Op::Subscribe(number) => self.spawn(async move |session, _, told| {
                match session.subscribe(&topic(number)).await {
                    Ok(subscription) => told
                        .lock()
                        .unwrap()
                        .subscriptions
                        .push((number, subscription)),
                    Err(SessionError::Ended(_) | SessionError::Lost(_)) => {}
                    Err(error) => told
                        .lock()
                        .unwrap()
                        .wrong
                        .push(format!("subscribe: {error:?}")),
                }
            }),
            Op::SubscribeBriefly(number, polls) => self.spawn(async move |session, _, _| {
                let topic = topic(number);
                drop(few_polls(polls.into(), session.subscribe(&topic)).await);
            }),
            Op::Unsubscribe(which) => {
                if let Some((_, subscription)) = self.take_subscription(which) {
                    self.spawn(
                        async move |_, _, told| match subscription.unsubscribe().await {
                            Ok(()) | Err(SessionError::Ended(_) | SessionError::Lost(_)) => {}
                            Err(error) => told
                                .lock()
                                .unwrap()
                                .wrong
                                .push(format!("unsubscribe: {error:?}")),
                        },
                    );
                }
            }
            Op::DropSubscription(which) => drop(self.take_subscription(which)),
            Op::Register(_) | Op::Unregister(_) => self.offer(op),
            Op::Call(_) | Op::CallBriefly(..) => self.call(op),
            Op::Publish(number) => {
                self.latest += 1;
                self.other
                    .publish(&topic(number), &(self.latest,))
                    .await
                    .unwrap();
            }
            Op::Disconnect(reset) => {
                let fault = if reset { Fault::Reset } else { Fault::Eof };
                for line in (0..self.sim.lines()).filter(|line| *line != self.others_line) {
                    self.sim.nth(line).kill(fault);
                }
            }
            Op::Refuse => self
                .sim
                .plan([Plan::Refuse(std::io::ErrorKind::ConnectionRefused)]),
            Op::Yield(times) => {
                for _ in 0..times {
                    yield_now().await;
                }
            }
            Op::Pass(millis) => self.sim.sleep(Duration::from_millis(millis.into())).await,
        }
    }

    fn offer(&self, op: Op) {
        match op {
            Op::Register(number) => self.spawn(async move |session, sim, told| {
                let inner = told.clone();
                let handler = move |invocation: Invocation| {
                    let (told, sim) = (inner.clone(), sim.clone());
                    async move {
                        let (number,): (i64,) = invocation.args()?;
                        *told.lock().unwrap().handled.entry(number).or_default() += 1;
                        sim.sleep(Duration::from_millis(
                            u64::try_from(number % 5 * 7).unwrap(),
                        ))
                        .await;
                        Ok((number,))
                    }
                };
                match session.register(&procedure(number), handler).await {
                    Ok(registration) => told
                        .lock()
                        .unwrap()
                        .registrations
                        .push((number, registration)),
                    Err(SessionError::Ended(_) | SessionError::Lost(_)) => {}
                    Err(SessionError::Wamp(error))
                        if error.uri == uris::PROCEDURE_ALREADY_EXISTS => {}
                    Err(error) => told
                        .lock()
                        .unwrap()
                        .wrong
                        .push(format!("register: {error:?}")),
                }
            }),
            Op::Unregister(which) => {
                let mut told = self.told.lock().unwrap();
                if !told.registrations.is_empty() {
                    let index = usize::from(which) % told.registrations.len();
                    let (_, registration) = told.registrations.swap_remove(index);
                    drop(told);
                    self.spawn(
                        async move |_, _, told| match registration.unregister().await {
                            Ok(()) | Err(SessionError::Ended(_) | SessionError::Lost(_)) => {}
                            Err(error) => told
                                .lock()
                                .unwrap()
                                .wrong
                                .push(format!("unregister: {error:?}")),
                        },
                    );
                }
            }
            _ => {}
        }
    }

    fn call(&mut self, op: Op) {
        match op {
            Op::Call(number) => {
                self.latest += 1;
                let (call, other) = (self.latest, self.other.clone());
                self.spawn(async move |_, _, told| {
                    let answer = other.call(&procedure(number), &(call,)).await;
                    let mut told = told.lock().unwrap();
                    *told.answered.entry(call).or_default() += 1;
                    match answer {
                        Ok(payload) if payload.args::<(i64,)>().ok() == Some((call,)) => {}
                        Err(SessionError::Wamp(error))
                            if [uris::NO_SUCH_PROCEDURE, uris::CANCELED]
                                .contains(&error.uri.as_str()) => {}
                        answer => told.wrong.push(format!("call: {answer:?}")),
                    }
                });
            }
            Op::CallBriefly(number, polls) => {
                self.latest += 1;
                let (call, other) = (self.latest, self.other.clone());
                self.spawn(async move |_, _, _| {
                    let procedure = procedure(number);
                    drop(few_polls(polls.into(), other.call(&procedure, &(call,))).await);
                });
            }
            _ => {}
        }
    }

    fn take_subscription(&self, which: u8) -> Option<(u8, Subscription)> {
        let mut told = self.told.lock().unwrap();
        let len = told.subscriptions.len();
        (len > 0).then(|| told.subscriptions.swap_remove(usize::from(which) % len))
    }
}

/// The states are a chain: joined, then attempts from one on, then joined.
async fn follow(session: Session, told: Shared) {
    let (mut states, mut attempts) = (session.states(), 0);
    drop(session);
    while let Some(state) = states.next().await {
        match state {
            SessionState::Joined { lost, .. } => {
                if !lost.is_empty() {
                    told.lock().unwrap().wrong.push(format!("lost {lost:?}"));
                }
                attempts = 0;
            }
            // Those in between may be missed, and a session that did not last goes on counting.
            SessionState::Disconnected { attempt, .. } => {
                if attempt <= attempts {
                    told.lock()
                        .unwrap()
                        .wrong
                        .push(format!("attempt {attempt} after {attempts}"));
                }
                attempts = attempt;
            }
            _ => {}
        }
    }
}

fn numbers(subscription: &mut Subscription) -> Vec<i64> {
    let next = || subscription.recv().now_or_never().flatten();
    core::iter::from_fn(next)
        .map(|event: Event| event.args::<(i64,)>().unwrap().0)
        .collect()
}

/// What the router holds is what the application has, which it gets.
fn consistent(told: &Shared, stats: &RouterStats) -> (Mine<Subscription>, Mine<Registration>) {
    let mut now = told.lock().unwrap();
    assert!(now.wrong.is_empty(), "{:?}", now.wrong);
    assert!(
        now.handled.values().all(|times| *times == 1),
        "a call was repeated"
    );
    assert!(now.answered.values().all(|times| *times == 1));
    let topics: BTreeSet<_> = now.subscriptions.iter().map(|(topic, _)| *topic).collect();
    assert_eq!(stats.subscribers, topics.len(), "{topics:?}");
    let procedures: BTreeSet<_> = now
        .registrations
        .iter()
        .map(|(number, _)| *number)
        .collect();
    assert_eq!(stats.registrations, procedures.len(), "{procedures:?}");
    assert_eq!((stats.sessions, stats.pending_calls), (2, 0));
    let subscriptions = core::mem::take(&mut now.subscriptions);
    let registrations = core::mem::take(&mut now.registrations);
    (subscriptions, registrations)
}

fn check(seed: u64, ops: &[Op]) {
    Sim::test(seed, async |sim| {
        let router = listening(&sim);
        let other = join(&sim).await;
        let reconnect = Reconnect::new().max_delay(Duration::from_secs(4));
        let join = realm(&sim).max_handlers(2).reconnect(reconnect);
        let session = join.connect(&Sim::endpoint()).await.unwrap();
        let told = Shared::default();
        sim.spawn(follow(session.clone(), told.clone()));
        let mut world = World {
            sim: sim.clone(),
            session: session.clone(),
            other: other.clone(),
            others_line: 0,
            told: told.clone(),
            latest: 0,
        };
        for op in ops {
            world.act(*op).await;
        }
        sim.sleep(Duration::from_secs(300)).await;

        let (subscriptions, registrations) = consistent(&told, &router.stats());
        // All that is there works.
        let last = Dict::new().with("acknowledge", true);
        for topic_number in 0..3 {
            let published = other
                .publish_with(&topic(topic_number), &last, &(-1,))
                .await;
            published.unwrap();
        }
        sim.settle().await;
        for (_, mut subscription) in subscriptions {
            let seen = numbers(&mut subscription);
            let (last, before) = seen.split_last().expect("the last event");
            assert_eq!(*last, -1);
            assert!(before.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
        }
        for (number, _) in &registrations {
            let answer = other.call(&procedure(*number), &(1000,)).await.unwrap();
            assert_eq!(answer.args::<(i64,)>().unwrap(), (1000,));
        }
        drop((session, other, world, registrations));
        emptied(&sim, &router).await;
        sim.sleep(Duration::from_secs(60)).await;
        assert_eq!(sim.count(), 2, "tasks are left");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn whatever_an_application_does(seed: u64, ops in proptest::collection::vec(op(), 1..60)) {
        check(seed, &ops);
    }
}
