//! The session level: sessions with the adapter's own router, and with bare ones that misbehave.

mod calls;
mod events;
mod leaving;
mod limits;
mod reconnecting;
mod refusals;
mod vanishing;

use std::time::{Duration, Instant};

use crate::adapter::wamp_core::SerializerKind;
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::adapter::wamp_core::router::{RouterConfig, RouterStats};
use crate::adapter::wamp_core::transport::PeerError;
use crate::adapter::{End, Join, Listener, Router, Session, SessionError};
use crate::behaviour::bare::{Bare, HELLO};
use crate::{Task, either, join, joining, pause, routing, spawn};

const REALM: &str = "realm1";
const TOPIC: &str = "com.example.topic";
const PROCEDURE: &str = "com.example.procedure";

/// A router that serves an endpoint.
struct Served {
    router: Router,
    endpoint: Endpoint,
    task: Task<()>,
}

#[either]
async fn serve(endpoint: &Endpoint) -> Served {
    serve_on(routing(RouterConfig::new([REALM])), endpoint).await
}

#[either]
async fn serve_on(router: Router, endpoint: &Endpoint) -> Served {
    let listener = Listener::bind(endpoint).await.unwrap();
    let endpoint = listener.endpoint().clone();
    let serving = router.clone();
    let task = spawn(async move { serving.serve(listener).await });
    Served {
        router,
        endpoint,
        task,
    }
}

#[either]
impl Served {
    async fn join(&self) -> Session {
        joining(REALM).connect(&self.endpoint).await.unwrap()
    }

    /// Ends all sessions. The router holds nothing then.
    async fn end(self) {
        self.router.shut_down(Duration::from_secs(30)).await;
        join(self.task).await;
        let stats = self.router.stats();
        assert!(holds_nothing(&stats), "{stats:?}");
    }

    /// Waits until all sessions have ended by themselves, and ends.
    async fn end_empty(self) {
        until(|| holds_nothing(&self.router.stats())).await;
        self.end().await;
    }
}

fn holds_nothing(stats: &RouterStats) -> bool {
    stats.transports == 0
        && stats.sessions == 0
        && stats.subscriptions == 0
        && stats.subscribers == 0
        && stats.registrations == 0
        && stats.pending_calls == 0
        && stats.timers == 0
        && stats.queued_frames == 0
}

/// Waits for something that can be seen, but not for ever.
#[either]
async fn until(seen: impl Fn() -> bool) {
    let start = Instant::now();
    while !seen() {
        assert!(start.elapsed() < Duration::from_secs(30), "it never comes");
        pause().await;
    }
}

#[track_caller]
fn uri_of<T: std::fmt::Debug>(outcome: Result<T, SessionError>) -> String {
    match outcome {
        Err(SessionError::Wamp(error)) => error.uri,
        other => panic!("{other:?} is no ERROR"),
    }
}

#[track_caller]
fn end_of<T: std::fmt::Debug>(outcome: Result<T, SessionError>) -> End {
    match outcome {
        Err(SessionError::Ended(end)) => end,
        other => panic!("{other:?} is no end"),
    }
}

/// The connection was lost in this way, and the session comes back.
#[track_caller]
fn assert_lost<T: std::fmt::Debug>(outcome: Result<T, SessionError>, expected: &PeerError) {
    match outcome {
        Err(SessionError::Lost(End::Failed(error))) => assert_eq!(error, *expected),
        other => panic!("{other:?} is no loss"),
    }
}

/// The session failed in this way.
#[track_caller]
fn assert_failed<T: std::fmt::Debug>(outcome: Result<T, SessionError>, expected: &PeerError) {
    match end_of(outcome) {
        End::Failed(error) => assert_eq!(error, *expected),
        end => panic!("{end:?}"),
    }
}

/// What a bare router says and hears, in JSON.
impl Bare {
    fn hear_message(&mut self) -> String {
        let [kind, a, b, c] = self.hear();
        assert_eq!(kind, 0, "no message");
        let mut message = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        std::io::Read::read_exact(self, &mut message).unwrap();
        String::from_utf8(message).unwrap()
    }

    /// The next message, which begins like this; and what is behind the comma that follows.
    #[track_caller]
    fn expect(&mut self, beginning: &str) -> String {
        let message = self.hear_message();
        let rest = message.strip_prefix(beginning);
        let rest = rest.unwrap_or_else(|| panic!("{message} instead of {beginning}"));
        rest.trim_start_matches(',').to_owned()
    }

    fn say_message(&mut self, message: &str) {
        let len = u32::try_from(message.len()).unwrap();
        self.say(&[&len.to_be_bytes()[..], message.as_bytes()].concat());
    }

    /// Lets a client in, which asks for JSON, and reads its HELLO.
    fn let_in(&mut self) {
        assert_eq!(self.hear(), HELLO);
        self.say(&HELLO);
        self.expect("[1,\"realm1\"");
    }

    /// Lets a client in and the session join, with this id.
    fn welcome(&mut self, session: u32) {
        self.let_in();
        self.say_message(&format!(
            "[2,{session},{{\"roles\":{{\"broker\":{{}},\"dealer\":{{\"features\":{{\"call_canceling\":true}}}}}}}}]"
        ));
    }
}

/// Joins a bare router, which speaks JSON.
fn bare_join() -> Join {
    joining(REALM).serializers([SerializerKind::Json])
}
