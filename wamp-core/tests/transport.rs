//! A router's end of a connection, without a socket.
#![cfg(feature = "json")]

use std::sync::Arc;
use std::time::Duration;

use bytes::BufMut;
use rawsocket_proto::connection::Config;
use rawsocket_proto::driver::Machine;
use rawsocket_proto::time::Instant;
use wamp_rawsocket_core::SerializerKind;
use wamp_rawsocket_core::router::RouterConfig;
use wamp_rawsocket_core::transport::{RouterPeer, SharedRouter};

/// The request of a client that speaks JSON and takes 16 MiB.
const REQUEST: [u8; 4] = [0x7f, 0xf1, 0, 0];

fn read(peer: &mut RouterPeer, octets: &[u8], now: Instant) {
    peer.handle_read(now, |room| room.put_slice(octets));
}

/// A client may be gone, or out of time, before its request is looked at.
#[test]
fn a_request_whose_client_is_gone_opens_no_session() {
    let now = Instant::from_millis(1_000);
    for how in 0..3 {
        let router = SharedRouter::new(RouterConfig::new(["realm1"]), [0; 32]);
        let mut peer = RouterPeer::new(
            Arc::new(Config::new()),
            SerializerKind::ALL,
            router.clone(),
            now,
        );
        read(&mut peer, &REQUEST, now);
        match how {
            0 => peer.handle_eof(now),
            1 => peer.handle_timeout(now.saturating_add(Duration::from_secs(3_600))),
            _ => peer.close(now),
        }
        while let Some(octets) = peer.poll_transmit() {
            let count = octets.len();
            peer.handle_transmitted(count);
        }
        peer.advance();
        peer.handle_timeout(now.saturating_add(Duration::from_secs(7_200)));
        assert!(peer.advance(), "{how}");
        drop(peer);
        assert_eq!(router.stats().transports, 0, "{how}");
    }
}
