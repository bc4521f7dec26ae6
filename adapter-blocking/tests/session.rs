//! What only threads do with sessions: wait in several at once, be ended by others, and call from
//! within handlers.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wamp_rawsocket_blocking::wamp_core::endpoint::Endpoint;
use wamp_rawsocket_blocking::wamp_core::router::RouterConfig;
use wamp_rawsocket_blocking::wamp_core::{Dict, OwnedPayload, uris};
use wamp_rawsocket_blocking::{
    Call, Closer, End, Invocation, Join, Listener, Reconnect, Router, Session, SessionError,
    SessionState, WampError,
};

/// Longer than any of these tests takes.
const LONG: Duration = Duration::from_secs(25);

/// Runs a test, for 30 seconds at most.
fn bounded(test: impl FnOnce() + Send + 'static) {
    let (done, is_done) = channel();
    let test = thread::spawn(move || {
        test();
        // Nobody listens any more if it is too late.
        let _ = done.send(());
    });
    match is_done.recv_timeout(Duration::from_secs(30)) {
        Err(RecvTimeoutError::Timeout) => panic!("the test takes too long"),
        _ => test.join().expect("no panic"),
    }
}

/// A router, and the thread that serves its listener.
struct World {
    router: Router,
    endpoint: Endpoint,
    closer: Closer,
    serving: JoinHandle<()>,
}

impl World {
    fn new() -> Self {
        Self::at(&"rs://127.0.0.1:0".parse().expect("an endpoint"))
    }

    fn at(endpoint: &Endpoint) -> Self {
        let listener = Listener::bind(endpoint).expect("free");
        let (endpoint, closer) = (listener.endpoint().clone(), listener.closer());
        let router = Router::new(RouterConfig::new(["realm1"])).expect("random");
        let serving = thread::spawn({
            let router = router.clone();
            move || router.serve(listener)
        });
        Self {
            router,
            endpoint,
            closer,
            serving,
        }
    }

    fn join(&self) -> Session {
        Join::new("realm1")
            .connect(&self.endpoint)
            .expect("it is open")
    }

    fn end(self) {
        self.router.shut_down(LONG);
        self.serving.join().expect("no panic");
        assert_eq!(self.router.stats().sessions, 0);
    }
}

fn double(invocation: &Invocation) -> Result<(i64,), WampError> {
    let (number,): (i64,) = invocation.args()?;
    Ok((2 * number,))
}

fn number(result: Result<OwnedPayload, SessionError>) -> i64 {
    let (number,): (i64,) = result.expect("a result").args().expect("a number");
    number
}

#[test]
fn many_threads_use_one_session() {
    bounded(|| {
        let world = World::new();
        let (alice, bob) = (world.join(), world.join());
        bob.register("com.double", |invocation: Invocation| double(&invocation))
            .expect("free");
        thread::scope(|scope| {
            for thread in 0..20 {
                let alice = alice.clone();
                scope.spawn(move || {
                    for count in 0..50 {
                        let sent = 50 * thread + count;
                        assert_eq!(number(alice.call("com.double", &(sent,))), 2 * sent);
                    }
                });
            }
        });
        world.end();
    });
}

/// A handler has a thread of its own: it may wait for what its own session has to do.
#[test]
fn handlers_call_on_the_session_that_calls_them() {
    bounded(|| {
        let world = World::new();
        let session = world.join();
        // Each waits for the next, all at the same time.
        let again = session.clone();
        session
            .register("com.countdown", move |invocation: Invocation| {
                let (from,): (i64,) = invocation.args()?;
                if from == 0 {
                    return Ok((0,));
                }
                let below = again.call("com.countdown", &(from - 1,));
                let (below,): (i64,) = below
                    .map_err(|error| WampError::new("com.failed").with_text(error.to_string()))?
                    .args()?;
                Ok((below + 1,))
            })
            .expect("free");
        assert_eq!(number(session.call("com.countdown", &(40,))), 40);
        world.end();
    });
}

#[test]
fn handlers_beyond_the_bound_wait_for_their_turn() {
    bounded(|| {
        let world = World::new();
        let bob = Join::new("realm1").max_handlers(2);
        let bob = bob.connect(&world.endpoint).expect("it is open");
        let (running, most) = (std::sync::Mutex::new(0), std::sync::Mutex::new(0));
        bob.register("com.double", move |invocation: Invocation| {
            let now = {
                let mut running = running.lock().expect("no panic");
                *running += 1;
                *running
            };
            let mut most = most.lock().expect("no panic");
            *most = now.max(*most);
            assert!(*most <= 2, "{most}");
            drop(most);
            thread::yield_now();
            *running.lock().expect("no panic") -= 1;
            double(&invocation)
        })
        .expect("free");
        let alice = world.join();
        let calls: Vec<Call> = (0..100)
            .map(|number: i64| alice.start_call("com.double", &Dict::new(), &(number,)))
            .collect::<Result<_, _>>()
            .expect("there is room");
        for (sent, call) in (0..).zip(calls) {
            assert_eq!(number(call.result()), 2 * sent);
        }
        world.end();
    });
}

#[test]
fn a_handler_that_panics_is_an_error_of_its_call() {
    bounded(|| {
        let world = World::new();
        let session = world.join();
        session
            .register("com.double", |invocation: Invocation| {
                let answer = double(&invocation)?;
                assert_ne!(answer.0, 0, "on purpose");
                Ok(answer)
            })
            .expect("free");
        let failed = session.call("com.double", &(0,)).expect_err("it panicked");
        assert_eq!(failed.wamp().expect("an ERROR").uri, uris::RUNTIME_ERROR);
        assert_eq!(number(session.call("com.double", &(1,))), 2);
        world.end();
    });
}

#[test]
fn progress_is_an_iterator() {
    bounded(|| {
        let world = World::new();
        let (alice, bob) = (world.join(), world.join());
        let (go, may_go) = channel::<()>();
        let may_go = std::sync::Mutex::new(may_go);
        bob.register("com.count", move |invocation: Invocation| {
            may_go.lock().expect("no panic").recv().expect("soon");
            for count in 0..10 {
                invocation.progress(&(count,)).expect("somebody waits");
            }
            Ok((10,))
        })
        .expect("free");
        let options = Dict::new().with("receive_progress", true);
        let mut call = alice
            .start_call("com.count", &options, &())
            .expect("there is room");
        assert!(call.progress_timeout(Duration::from_millis(5)).is_pending());
        go.send(()).expect("it waits");
        let counts: Vec<i64> = call
            .by_ref()
            .map(|progress| progress.args::<(i64,)>().expect("a number").0)
            .collect();
        assert_eq!(counts, (0..10).collect::<Vec<_>>());
        assert_eq!(number(call.result()), 10);
        world.end();
    });
}

#[test]
fn events_are_an_iterator_that_ends_with_the_session() {
    bounded(|| {
        let world = World::new();
        let (publisher, subscriber) = (world.join(), world.join());
        let mut events = subscriber.subscribe("com.topic").expect("allowed");
        let nothing = events.recv_timeout(Duration::from_millis(5));
        assert!(nothing.is_pending());
        for count in 0..100 {
            publisher
                .publish("com.topic", &(count,))
                .expect("there is room");
        }
        let first = events.recv_timeout(LONG);
        let Poll::Ready(Some(first)) = first else {
            panic!("{first:?}");
        };
        assert_eq!(first.args::<(i64,)>().expect("a number"), (0,));
        let (seen, all) = channel();
        let iterating = thread::spawn(move || {
            let mut last = 0;
            for event in &mut events {
                (last,) = event.args().expect("a number");
                if last == 99 {
                    seen.send(()).expect("somebody waits");
                }
            }
            (last, events.recv_timeout(LONG).is_ready())
        });
        all.recv().expect("all come");
        // From another thread.
        subscriber.leave().expect("in order");
        assert_eq!(iterating.join().expect("no panic"), (99, true));
        world.end();
    });
}

#[test]
fn a_handler_takes_events() {
    bounded(|| {
        let world = World::new();
        let (publisher, subscriber) = (world.join(), world.join());
        let (tell, told) = channel();
        let handled = subscriber
            .subscribe("com.topic")
            .expect("allowed")
            .handle(move |event| {
                let (number,): (i64,) = event.args().expect("a number");
                assert_ne!(number, 1, "on purpose");
                tell.send(number).expect("somebody waits");
            });
        for number in 0..3 {
            publisher
                .publish_acknowledged("com.topic", &(number,))
                .expect("allowed");
        }
        // One was lost with its panic.
        assert_eq!(told.recv_timeout(LONG), Ok(0));
        assert_eq!(told.recv_timeout(LONG), Ok(2));
        handled.unsubscribe().expect("allowed");
        assert_eq!(told.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected));
        world.end();
    });
}

/// The wait ends, and the session goes on.
#[test]
fn a_run_ends_a_call_that_waits() {
    bounded(|| {
        let world = World::new();
        let (alice, bob) = (world.join(), world.join());
        let (begun, has_begun) = channel();
        let (go, may_go) = channel::<()>();
        let may_go = std::sync::Mutex::new(may_go);
        bob.register("com.slow", move |_: Invocation| {
            begun.send(()).expect("somebody waits");
            let _ = may_go.lock().expect("no panic").recv();
            Ok(())
        })
        .expect("free");
        let closer = Closer::new();
        let waiting = thread::spawn({
            let (closer, alice) = (closer.clone(), alice.clone());
            move || closer.run(|| alice.call("com.slow", &()).map(drop))
        });
        has_begun.recv().expect("it is called");
        closer.close();
        match waiting.join().expect("no panic") {
            Err(SessionError::Io(error)) => assert_eq!(error.kind(), ErrorKind::NotConnected),
            other => panic!("{other:?}"),
        }
        closer
            .run(|| alice.subscribe("com.topic"))
            .expect_err("closed");
        alice
            .publish_acknowledged("com.topic", &())
            .expect("it goes on");
        drop(go);
        world.end();
    });
}

#[test]
fn joining_a_silent_router_is_ended() {
    bounded(|| {
        let listener = Listener::bind(&"rs://127.0.0.1:0".parse().expect("an endpoint"));
        let listener = listener.expect("free");
        let endpoint = listener.endpoint().clone();
        let closer = Closer::new();
        let joining = thread::spawn({
            let closer = closer.clone();
            move || closer.run(|| Join::new("realm1").connect(&endpoint))
        });
        let _silent = listener.accept().expect("it comes");
        closer.close();
        match joining.join().expect("no panic") {
            Err(SessionError::Io(error)) => assert_eq!(error.kind(), ErrorKind::NotConnected),
            other => panic!("{other:?}"),
        }
    });
}

/// Serving ends with the listener's closer, and so do the connections.
#[test]
fn a_listeners_closer_ends_serving() {
    bounded(|| {
        let world = World::new();
        let session = world.join();
        world.closer.close();
        world.serving.join().expect("no panic");
        let end = session.closed();
        assert!(matches!(end, End::Failed(_)), "{end:?}");
        let late = Join::new("realm1").connect(&world.endpoint);
        late.expect_err("nobody listens");
    });
}

#[test]
fn a_run_ends_serving_one_connection() {
    bounded(|| {
        let router = Router::new(RouterConfig::new(["realm1"])).expect("random");
        let (here, there) = UnixStream::pair().expect("a pair");
        let closer = Closer::new();
        let serving = thread::spawn({
            let closer = closer.clone();
            move || closer.run(|| router.serve_connection(there))
        });
        let session = Join::new("realm1").on(here).expect("a router");
        closer.close();
        serving.join().expect("no panic");
        let end = session.closed();
        assert!(matches!(end, End::Failed(_)), "{end:?}");
    });
}

#[test]
fn the_last_handle_leaves() {
    bounded(|| {
        let world = World::new();
        let (session, watcher) = (world.join(), world.join());
        let mut left = watcher.states();
        assert!(matches!(left.next(), Some(SessionState::Joined { .. })));
        assert!(left.next_timeout(Duration::from_millis(5)).is_pending());
        drop((session, watcher.clone()));
        let start = Instant::now();
        while world.router.stats().sessions > 1 {
            assert!(start.elapsed() < LONG);
            thread::yield_now();
        }
        let watching = thread::spawn(move || left.by_ref().collect::<Vec<_>>());
        watcher.leave().expect("in order");
        let states = watching.join().expect("no panic");
        assert!(
            matches!(&*states, [SessionState::Ended(End::Left { .. })]),
            "{states:?}"
        );
        world.end();
    });
}

#[test]
fn a_session_comes_back() {
    bounded(|| {
        let name = format!("wamp-session-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        let endpoint = format!("unix:{}", file.display());
        let endpoint = endpoint.parse().expect("an endpoint");
        let world = World::at(&endpoint);
        let delay = Duration::from_millis(5);
        let session = Join::new("realm1")
            .reconnect(Reconnect::new().first_delay(delay).max_delay(delay))
            .connect(&endpoint)
            .expect("it is open");
        session
            .register("com.double", |invocation: Invocation| double(&invocation))
            .expect("free");
        let mut events = session.subscribe("com.topic").expect("allowed");
        let mut states = session.states();
        assert!(matches!(states.next(), Some(SessionState::Joined { .. })));

        world.closer.close();
        world.serving.join().expect("no panic");
        let world = World::at(&endpoint);
        loop {
            match states.next() {
                Some(SessionState::Joined { lost, .. }) => {
                    assert!(lost.is_empty(), "{lost:?}");
                    break;
                }
                Some(SessionState::Disconnected { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
        let other = world.join();
        assert_eq!(number(other.call("com.double", &(21,))), 42);
        other.publish("com.topic", &(7,)).expect("there is room");
        let event = events.recv().expect("it is restored");
        assert_eq!(event.args::<(i64,)>().expect("a number"), (7,));
        session.leave().expect("in order");
        assert!(events.recv().is_none());
        world.end();
    });
}
