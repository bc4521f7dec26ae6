//! The sizes of what there is for each connection. A change here is a decision, not an accident.

use core::mem::{size_of, size_of_val};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wamp_rawsocket_async_std::rawsocket_proto::connection;
use wamp_rawsocket_async_std::rawsocket_proto::driver::Pump;
use wamp_rawsocket_async_std::wamp_core::router::RouterConfig;
use wamp_rawsocket_async_std::wamp_core::transport::RouterPeer;
use wamp_rawsocket_async_std::{
    AsyncIo, AsyncIoClock, Connection, FuturesIo, Join, Listener, Router, Socket,
};

#[test]
fn of_a_connection() {
    assert_eq!(size_of::<AsyncIoClock>(), 24);
    assert_eq!(size_of::<FuturesIo<Socket>>(), 24);
    let pump = size_of::<Pump<connection::Connection, FuturesIo<Socket>, AsyncIoClock>>();
    assert_eq!(size_of::<Connection<Socket>>() - pump, 8);
}

/// The task of a router's connection is the connection, not a future that keeps room for it twice.
#[test]
fn of_a_routers_task() {
    let largest = Arc::new(AtomicUsize::new(0));
    let seen = largest.clone();
    let runtime = AsyncIo::on(move |task| {
        seen.fetch_max(size_of_val(&*task), Ordering::Relaxed);
        smol::spawn(task).detach();
    });
    smol::block_on(async {
        let port = "rs://127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(&port).await.unwrap();
        let endpoint = listener.endpoint().clone();
        let router = Router::with_runtime(runtime, RouterConfig::new(["realm1"])).unwrap();
        let serving = smol::spawn(router.serve(listener));
        let session = Join::new("realm1").connect(&endpoint).await.unwrap();
        session.leave().await.unwrap();
        router.shut_down(core::time::Duration::from_secs(5)).await;
        serving.await;
    });
    let pump = size_of::<Pump<RouterPeer, FuturesIo<Socket>, AsyncIoClock>>();
    assert_eq!(largest.load(Ordering::Relaxed) - pump, 16);
}
