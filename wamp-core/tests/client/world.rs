//! What the tests share.

use core::time::Duration;

use serde_json::{Value, json};
use wamp_rawsocket_core::SerializerKind;
use wamp_rawsocket_core::client::{Join, Reconnect, Session, SessionError};
use wamp_rawsocket_core::router::{RouterConfig, RouterStats};
use wamp_rawsocket_core::runtime::Runtime as _;
use wamp_rawsocket_core::server::Router;

use crate::sim::{Script, Sim};

pub(crate) const REALM: &str = "realm1";
pub(crate) const TOPIC: &str = "com.example.topic";
pub(crate) const PROCEDURE: &str = "com.example.procedure";

/// Seeds, each of which is an order of its own.
pub(crate) const SEEDS: u64 = 100;

pub(crate) fn router(sim: &Sim) -> Router<Sim> {
    Router::with_runtime(sim.clone(), RouterConfig::new([REALM])).unwrap()
}

/// A router that listens.
pub(crate) fn listening(sim: &Sim) -> Router<Sim> {
    let router = router(sim);
    sim.spawn(router.serve(sim.listen()));
    router
}

pub(crate) fn realm(sim: &Sim) -> Join<Sim> {
    Join::with_runtime(sim.clone(), REALM)
}

/// Joins the router that listens.
pub(crate) async fn join(sim: &Sim) -> Session {
    realm(sim).connect(&Sim::endpoint()).await.unwrap()
}

/// A session that comes back after a second.
pub(crate) async fn join_for_good(sim: &Sim) -> Session {
    let join = realm(sim).reconnect(Reconnect::new().jitter(0));
    join.connect(&Sim::endpoint()).await.unwrap()
}

/// A session with a router that does as it is told, and has these features as a dealer.
pub(crate) async fn scripted(sim: &Sim, join: Join<Sim>, dealer: Value) -> (Session, Script) {
    let (here, there) = sim.open();
    let script = async {
        let mut script = Script::accept(sim, there).await;
        script.welcome(1, dealer).await;
        script
    };
    let join = join.serializers([SerializerKind::Json]).on(here);
    let (session, script) = futures_util::future::join(join, script).await;
    (session.unwrap(), script)
}

/// The features of a dealer that can cancel calls.
pub(crate) fn cancelling() -> Value {
    json!({"call_canceling": true, "progressive_call_results": true})
}

pub(crate) fn holds_nothing(stats: &RouterStats) -> bool {
    stats.transports == 0
        && stats.sessions == 0
        && stats.subscriptions == 0
        && stats.subscribers == 0
        && stats.registrations == 0
        && stats.pending_calls == 0
        && stats.timers == 0
        && stats.queued_frames == 0
}

/// Waits until the router holds nothing any more.
pub(crate) async fn emptied(sim: &Sim, router: &Router<Sim>) {
    for _ in 0..200 {
        if holds_nothing(&router.stats()) {
            return;
        }
        sim.sleep(Duration::from_millis(100)).await;
    }
    panic!("the router still holds {:?}", router.stats());
}

pub(crate) fn uri_of<T: core::fmt::Debug>(answer: Result<T, SessionError>) -> String {
    let error = answer.unwrap_err();
    let wamp = error.wamp().unwrap_or_else(|| panic!("{error:?}"));
    wamp.uri.clone()
}
