//! Sessions that come back: what they restore, what they fail, and when they give up.

use std::time::Duration;

use super::{PROCEDURE, REALM, TOPIC, assert_lost, bare_join, end_of, serve, until};
use crate::adapter::wamp_core::Dict;
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::adapter::wamp_core::transport::PeerError;
use crate::adapter::{End, Invocation, Reconnect, SessionError, SessionState, States, WampError};
use crate::behaviour::bare::{Bare, BareListener};
use crate::{case, either, join, joining, spawn};

fn soon() -> Reconnect {
    Reconnect::new()
        .first_delay(Duration::from_millis(10))
        .jitter(50)
}

/// Lets a session in that restores a subscription and a registration, or has them made.
fn provide(bare: &mut Bare, session: u32) {
    bare.welcome(session);
    let subscription = 10 * session;
    bare.expect("[32,1,{},\"com.example.topic\"");
    bare.say_message(&format!("[33,1,{subscription}]"));
    bare.expect("[64,2,{},\"com.example.procedure\"");
    bare.say_message(&format!("[65,2,{}]", subscription + 1));
}

#[either]
async fn expect_disconnected(states: &mut States) {
    let state = states.next().await;
    assert!(
        matches!(&state, Some(SessionState::Disconnected { attempt: 1, .. })),
        "{state:?}"
    );
}

#[case]
async fn what_it_had_is_restored_and_what_was_pending_fails(endpoint: &Endpoint) {
    let listener = BareListener::bind(endpoint);
    let endpoint = listener.endpoint();
    let (gone, is_gone) = std::sync::mpsc::channel::<()>();
    let router = std::thread::spawn(move || {
        let mut bare = listener.accept();
        provide(&mut bare, 1);
        bare.expect("[48,3,{},\"com.example.pending\"");
        drop(bare);
        // Nobody is let in before the test has seen that it is lost.
        is_gone.recv().unwrap_err();
        let mut bare = listener.accept();
        provide(&mut bare, 2);
        // The call that failed is not repeated; what waited is sent.
        bare.expect("[16,3,{},\"com.example.waited\"");
        bare.say_message("[68,1,21,{},[\"call\"]]");
        bare.expect("[70,1,{},[\"call\"]");
        bare.say_message("[36,20,5,{},[\"event\"]]");
        bare.expect("[6,{}");
        bare.say_message("[6,{},\"wamp.close.goodbye_and_out\"]");
        bare.hear_all()
    });
    let session = bare_join().reconnect(soon());
    let session = session.connect(&endpoint).await.unwrap();
    let mut states = session.states();
    assert!(matches!(
        states.next().await,
        Some(SessionState::Joined { .. })
    ));
    let mut events = session.subscribe(TOPIC).await.unwrap();
    let echo = async |invocation: Invocation| Ok::<_, WampError>(invocation.payload().clone());
    let registration = session.register(PROCEDURE, echo).await.unwrap();
    let ids = |id: u64| (session.id().get(), id);
    assert_eq!(ids(events.id().unwrap().get()), (1, 10));
    assert_eq!(registration.id().unwrap().get(), 11);

    assert_lost(
        session.call("com.example.pending", &()).await,
        &PeerError::Closed,
    );
    expect_disconnected(&mut states).await;
    assert_eq!((events.id(), registration.id()), (None, None));
    let hasty = session.fail_fast().publish("com.example.hasty", &()).await;
    assert!(
        matches!(hasty, Err(SessionError::Disconnected)),
        "{hasty:?}"
    );
    let waiting = session.clone();
    let patient = spawn(async move { waiting.publish("com.example.waited", &()).await });
    drop(gone);

    assert_eq!(
        events.recv().await.unwrap().args::<(String,)>().unwrap().0,
        "event"
    );
    join(patient).await.unwrap();
    assert_eq!(ids(events.id().unwrap().get()), (2, 20));
    assert_eq!(registration.id().unwrap().get(), 21);
    session.leave().await.unwrap();
    assert!(matches!(session.closed().await, End::Left { .. }));
    router.join().unwrap();
}

/// The states tell of what the router does not grant again.
#[case]
async fn what_is_not_granted_again_is_told(endpoint: &Endpoint) {
    let listener = BareListener::bind(endpoint);
    let endpoint = listener.endpoint();
    let router = std::thread::spawn(move || {
        provide(&mut listener.accept(), 1);
        let mut bare = listener.accept();
        bare.welcome(2);
        bare.expect("[32,1,{},\"com.example.topic\"");
        bare.expect("[64,2,{},\"com.example.procedure\"");
        bare.say_message("[8,64,2,{},\"wamp.error.procedure_already_exists\"]");
        bare.say_message("[8,32,1,{},\"wamp.error.not_authorized\"]");
        bare.expect("[6,{}");
        bare.say_message("[6,{},\"wamp.close.goodbye_and_out\"]");
        bare.hear_all()
    });
    let session = bare_join().reconnect(soon());
    let session = session.connect(&endpoint).await.unwrap();
    let mut events = session.subscribe(TOPIC).await.unwrap();
    let mut states = session.states();
    let first = states.next().await;
    assert!(matches!(first, Some(SessionState::Joined { .. })));
    let handler = async |_: Invocation| Ok::<_, WampError>(());
    session.register(PROCEDURE, handler).await.unwrap();
    let lost = loop {
        if let Some(SessionState::Joined { lost, .. }) = states.next().await {
            break lost;
        }
    };
    let mut lost: Vec<_> = lost
        .iter()
        .map(|lost| (lost.uri.clone(), lost.error.wamp().unwrap().uri.clone()))
        .collect();
    lost.sort();
    let expected = [
        (PROCEDURE, "wamp.error.procedure_already_exists"),
        (TOPIC, "wamp.error.not_authorized"),
    ];
    assert_eq!(
        lost,
        expected.map(|(uri, error)| (uri.to_owned(), error.to_owned()))
    );
    assert!(events.recv().await.is_none());
    drop(session);
    drop(states);
    drop(events);
    router.join().unwrap();
}

/// With real routers: one goes down, another comes up at the same place.
#[case]
async fn a_router_may_be_restarted(endpoint: &Endpoint) {
    let first = serve(endpoint).await;
    let place = first.endpoint.clone();
    let patient = || joining(REALM).reconnect(soon());
    let subscriber = patient().connect(&place).await.unwrap();
    let mut events = subscriber.subscribe(TOPIC).await.unwrap();
    let callee = patient().connect(&place).await.unwrap();
    let echo = async |invocation: Invocation| Ok::<_, WampError>(invocation.payload().clone());
    callee.register(PROCEDURE, echo).await.unwrap();
    first.end().await;
    let second = serve(&place).await;
    let restored = || {
        let stats = second.router.stats();
        (stats.sessions, stats.subscribers, stats.registrations) == (2, 1, 1)
    };
    until(restored).await;
    let client = second.join().await;
    client.publish(TOPIC, &("again",)).await.unwrap();
    assert_eq!(
        events.recv().await.unwrap().args::<(String,)>().unwrap().0,
        "again"
    );
    let answer = client.call(PROCEDURE, &("again",)).await.unwrap();
    assert_eq!(answer.args::<(String,)>().unwrap().0, "again");
    subscriber.leave().await.unwrap();
    callee.leave().await.unwrap();
    second.end().await;
}

#[case]
async fn it_gives_up_after_so_many_attempts(endpoint: &Endpoint) {
    let listener = BareListener::bind(endpoint);
    let endpoint = listener.endpoint();
    let router = std::thread::spawn(move || {
        let mut bare = listener.accept();
        bare.welcome(1);
        bare.expect("[48,");
        // Both the connection and the place are gone.
        drop(listener);
    });
    let session = bare_join().reconnect(soon().attempts(3));
    let session = session.connect(&endpoint).await.unwrap();
    let pending = session.start_call(PROCEDURE, &Dict::new(), &()).await;
    assert_lost(pending.unwrap().result().await, &PeerError::Closed);
    assert!(matches!(session.closed().await, End::Failed(_)));
    assert!(matches!(
        end_of(session.call(PROCEDURE, &()).await),
        End::Failed(_)
    ));
    router.join().unwrap();
}

/// A router that refuses would do so again, and one that was left is not asked.
#[case]
async fn it_does_not_come_back_to_who_does_not_want_it(endpoint: &Endpoint) {
    let listener = BareListener::bind(endpoint);
    let endpoint = listener.endpoint();
    let router = std::thread::spawn(move || {
        let mut bare = listener.accept();
        bare.welcome(1);
        drop(bare);
        let mut bare = listener.accept();
        bare.let_in();
        bare.say_message("[3,{},\"wamp.error.no_such_realm\"]");
        bare.hear_all();
    });
    let session = bare_join().reconnect(soon());
    let session = session.connect(&endpoint).await.unwrap();
    let End::Failed(PeerError::Session(_)) = session.closed().await else {
        panic!("it was refused")
    };
    router.join().unwrap();
}

/// Leaving while it is away ends it at once.
#[case]
async fn it_can_be_left_while_it_is_away(endpoint: &Endpoint) {
    let listener = BareListener::bind(endpoint);
    let endpoint = listener.endpoint();
    let router = std::thread::spawn(move || {
        listener.accept().welcome(1);
    });
    let hours = Reconnect::new().first_delay(Duration::from_secs(3600));
    let session = bare_join().reconnect(hours);
    let session = session.connect(&endpoint).await.unwrap();
    let mut states = session.states();
    while !matches!(
        states.next().await.unwrap(),
        SessionState::Disconnected { .. }
    ) {}
    let waiting = session.clone();
    let patient = spawn(async move { waiting.publish(TOPIC, &()).await });
    session.leave().await.unwrap();
    assert!(matches!(end_of(join(patient).await), End::Left { .. }));
    router.join().unwrap();
}

/// The first connection is tried again only where that is asked for.
#[case]
async fn it_may_wait_for_the_router_to_come_up(endpoint: &Endpoint) {
    let place = serve(endpoint).await;
    let endpoint = place.endpoint.clone();
    place.end().await;
    let error = joining(REALM).reconnect(soon()).connect(&endpoint).await;
    assert!(matches!(error, Err(SessionError::Io(_))), "{error:?}");
    let (there, patient) = (endpoint.clone(), soon().from_the_start(true));
    let joining = spawn(async move {
        let join = joining(REALM).reconnect(patient);
        join.connect(&there).await
    });
    let served = serve(&endpoint).await;
    join(joining).await.unwrap().leave().await.unwrap();
    served.end_empty().await;
}
