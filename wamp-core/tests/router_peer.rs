//! A router's end of a connection: whom it lets in, how much of a stranger it takes, and when it
//! listens.
#![cfg(feature = "json")]

use std::sync::Arc;

use bytes::BufMut as _;
use rawsocket_proto::connection::{Config, ConnectionError};
use rawsocket_proto::driver::Machine as _;
use rawsocket_proto::error::FrameError;
use rawsocket_proto::time::Instant;
use rawsocket_proto::wire::FrameKind;
use wamp_rawsocket_core::SerializerKind;
use wamp_rawsocket_core::router::RouterConfig;
use wamp_rawsocket_core::transport::{RouterPeer, SharedRouter};

const NOW: Instant = Instant::ZERO;
const JSON: [u8; 4] = [0x7F, 0xF1, 0, 0];
const HELLO: &str = r#"[1,"realm1",{"roles":{"subscriber":{}}}]"#;

fn shared(max_transports: usize) -> SharedRouter {
    let mut config = RouterConfig::new(["realm1"]);
    config.max_transports = max_transports;
    SharedRouter::new(config, [0; 32])
}

fn peer(config: Config, router: &SharedRouter) -> RouterPeer {
    let serializers = &[SerializerKind::Json];
    RouterPeer::new(Arc::new(config), serializers, router.clone(), NOW)
}

/// Has the peer read, as long as it wants to. Returns what it left.
fn feed<'o>(peer: &mut RouterPeer, mut octets: &'o [u8]) -> &'o [u8] {
    while !octets.is_empty() && peer.wants_read() {
        let taken = peer.handle_read(NOW, |buf| {
            let taken = buf.remaining_mut().min(octets.len());
            buf.put_slice(&octets[..taken]);
            taken
        });
        octets = &octets[taken..];
        peer.advance();
    }
    octets
}

/// Takes all that the peer has to send.
fn sent(peer: &mut RouterPeer) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(octets) = peer.poll_transmit() {
        let count = octets.len();
        all.extend_from_slice(octets);
        peer.handle_transmitted(count);
    }
    all
}

fn frame(message: &str) -> Vec<u8> {
    let len = u32::try_from(message.len()).unwrap();
    [&len.to_be_bytes()[..], message.as_bytes()].concat()
}

#[test]
fn a_serializer_that_is_not_served_is_refused_with_code_1() {
    let router = shared(10);
    for serializer in 2..=15 {
        let mut peer = peer(Config::new(), &router);
        feed(&mut peer, &[0x7F, 0xF0 | serializer, 0, 0]);
        assert_eq!(sent(&mut peer), [0x7F, 0x10, 0, 0]);
        assert_eq!(router.stats().transports, 0);
    }
}

#[test]
fn a_connection_too_many_is_refused_with_code_4() {
    let router = shared(1);
    let mut first = peer(Config::new(), &router);
    feed(&mut first, &JSON);
    assert_eq!(sent(&mut first), JSON);
    let mut second = peer(Config::new(), &router);
    feed(&mut second, &JSON);
    assert_eq!(sent(&mut second), [0x7F, 0x40, 0, 0]);
    drop(first);
    let mut third = peer(Config::new(), &router);
    feed(&mut third, &JSON);
    assert_eq!(sent(&mut third), JSON);
}

#[test]
fn a_stranger_is_held_to_its_limit_until_welcome() {
    let header = 65_537_u32.to_be_bytes();
    let router = shared(10);
    let mut stranger = peer(Config::new(), &router);
    feed(&mut stranger, &[&JSON[..], &header].concat());
    let (kind, len, max) = (FrameKind::Message, 65_537, 65_536);
    let too_long = FrameError::TooLong { kind, len, max };
    assert_eq!(stranger.error(), Some(ConnectionError::Frame(too_long)));

    let mut member = peer(Config::new(), &router);
    feed(&mut member, &[&JSON[..], &frame(HELLO)].concat());
    assert!(sent(&mut member).starts_with(&JSON));
    feed(&mut member, &header);
    assert_eq!(member.error(), None);
    assert_eq!(router.stats().sessions, 1);
}

#[test]
fn a_client_that_does_not_take_what_it_is_owed_is_not_listened_to() {
    const COUNT: usize = 200;
    let router = shared(10);
    let mut peer = peer(Config::new().water_marks(256, 0), &router);
    feed(&mut peer, &[&JSON[..], &frame(HELLO)].concat());
    sent(&mut peer);

    let mut rest = &*(1..=COUNT)
        .map(|request| frame(&format!("[32,{request},{{}},\"com.topic\"]")))
        .collect::<Vec<_>>()
        .concat();
    let (mut rounds, mut answers) = (0, Vec::new());
    loop {
        let before = rest.len();
        // One at a time, so that what is taken shows what is wanted.
        while !rest.is_empty() && peer.wants_read() {
            let (octet, behind) = rest.split_at(1);
            assert!(feed(&mut peer, octet).is_empty());
            rest = behind;
        }
        assert!(router.stats().queued_frames <= 2, "{:?}", router.stats());
        if before == rest.len() {
            break;
        }
        rounds += 1;
        answers.extend(sent(&mut peer));
    }
    assert!(rest.is_empty() && rounds > COUNT / 20, "{rounds} rounds");
    let answers = String::from_utf8_lossy(&answers);
    for request in 1..=COUNT {
        assert!(answers.contains(&format!("[33,{request},")), "{request}");
    }
}
