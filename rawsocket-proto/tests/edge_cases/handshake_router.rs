//! What a router meets in the first four octets.

use std::sync::Arc;

use wamp_rawsocket_proto::connection::{
    CloseReason, Config, Connection, ConnectionError, NotDeciding,
};
use wamp_rawsocket_proto::error::HandshakeError;
use wamp_rawsocket_proto::handshake::{AwaitRequest, RouterStep};
use wamp_rawsocket_proto::time::TimerKind;
use wamp_rawsocket_proto::wire::{MaxLen, RefusalCode, Reply, Request, SerializerId};

use crate::support::link::{Told, at, feed, sent, told};
use crate::support::{frame, hello};

fn router() -> Connection {
    Connection::router(Arc::new(Config::new()), at(0))
}

/// The connection is over and sends nothing.
fn assert_silent_end(mut router: Connection) {
    assert_eq!(router.poll_transmit(), None);
    assert!(router.is_closed());
    assert!(!router.wants_read() && !router.wants_shutdown());
    assert_eq!(router.poll_timeout(), None);
}

#[test]
fn bad_magic() {
    for first in (0..=255).filter(|first| *first != 0x7F) {
        let error = HandshakeError::NotRawSocket { first };
        let octets = [first, b'E', b'T', b' ', b'/'];

        let mut input = &octets[..];
        assert_eq!(AwaitRequest::new().feed(&mut input), Err(error));
        assert_eq!(input, octets, "nothing is consumed");
        assert_eq!(error.refusal(), None);

        // One octet tells; how many came with it does not matter.
        for len in 1..=octets.len() {
            let mut router = router();
            let events = feed(&mut router, &octets[..len], at(0));
            assert_eq!(events, [Told::Failed(error.into())]);
            let mut behind = &b" HTTP/1.1"[..];
            router.handle_input(&mut behind, at(0));
            assert_eq!(
                behind, b" HTTP/1.1",
                "what was not taken stays the caller's"
            );
            assert_eq!(router.poll_transmit(), None);
            assert!(router.is_closed());
            assert_eq!(router.into_unread(), octets[..len]);
        }
    }
    let mut router = router();
    feed(&mut router, b"G", at(0));
    assert_silent_end(router);
}

#[test]
fn reserved_handshake_octets() {
    for reserved in [[0, 1], [1, 0], [0x80, 0], [0, 0x80], [255, 255]] {
        // The serializer is not looked at, not even an illegal one.
        for second in [0xF1, 0xF0, 0x00] {
            let error = HandshakeError::ReservedOctets(reserved);
            let octets = [0x7F, second, reserved[0], reserved[1]];
            assert_eq!(AwaitRequest::new().feed(&mut &octets[..]), Err(error));
            assert_eq!(error.refusal(), Some(RefusalCode::RESERVED_BITS));

            let mut router = router();
            let events = feed(&mut router, &octets, at(0));
            assert_eq!(events, [Told::Failed(error.into())]);
            // The refusal leaves first, then this side is shut, then the peer's end is awaited.
            assert!(!router.wants_shutdown() && !router.is_closed());
            assert_eq!(sent(&mut router), [0x7F, 0x30, 0, 0]);
            assert!(router.wants_shutdown() && !router.is_closed());
            router.handle_shutdown(at(1));
            assert!(router.wants_read() && !router.is_closed());
            let dropped = feed(&mut router, &frame(1, b"late"), at(2));
            assert_eq!(dropped, [Told::Failed(error.into())]);
            assert_eq!(router.poll_transmit(), None);
            router.handle_eof(at(3));
            assert_silent_end(router);
        }
    }
}

#[test]
fn reserved_handshake_octets_and_a_peer_that_stays() {
    let mut router = router();
    feed(&mut router, &[0x7F, 0xF1, 1, 0], at(0));
    sent(&mut router);
    router.handle_shutdown(at(0));
    let close = router.poll_timeout().expect("the close has a deadline");
    assert_eq!((close.at, close.reason), (at(5000), TimerKind::Close));
    router.handle_timeout(at(4999));
    assert!(!router.is_closed());
    router.handle_timeout(at(5000));
    assert_silent_end(router);
}

#[test]
fn serializer_zero() {
    for limit in 0..=15 {
        let octets = hello(limit << 4);
        let error = HandshakeError::IllegalSerializer;
        assert_eq!(AwaitRequest::new().feed(&mut &octets[..]), Err(error));
        assert_eq!(error.refusal(), None);
        let mut router = router();
        let events = feed(&mut router, &octets, at(0));
        assert_eq!(events, [Told::Failed(error.into())]);
        assert_silent_end(router);
    }
}

#[test]
fn serializer_unsupported() {
    let mut router = router();
    router.handle_input(&mut &hello(0x7E)[..], at(0));
    let request = Request {
        max_len: MaxLen::at_least(65_536).unwrap(),
        serializer: SerializerId::new(14).unwrap(),
    };
    assert_eq!(told(&mut router), [Told::Requested(request)]);
    assert!(!router.wants_read(), "nothing is read before the decision");
    router.refuse(RefusalCode::SERIALIZER_UNSUPPORTED).unwrap();
    assert_eq!(sent(&mut router), [0x7F, 0x10, 0, 0]);
    assert!(router.wants_shutdown());
    router.handle_shutdown(at(0));
    assert_eq!(told(&mut router), []);
    router.handle_eof(at(1));
    assert_eq!(told(&mut router), [Told::Closed(CloseReason::Local)]);
    assert_eq!(told(&mut router), []);
    assert_eq!(router.negotiated(), None);
    assert_silent_end(router);
}

#[test]
fn every_refusal_code_goes_out() {
    for code in 1..=15 {
        let code = RefusalCode::new(code).unwrap();
        let mut router = router();
        router.handle_input(&mut &hello(0xF1)[..], at(0));
        assert!(matches!(told(&mut router)[..], [Told::Requested(_)]));
        router.refuse(code).unwrap();
        assert_eq!(router.refuse(code), Err(NotDeciding));
        assert_eq!(router.accept(), Err(NotDeciding));
        assert_eq!(sent(&mut router), [0x7F, code.get() << 4, 0, 0]);
    }
    assert_eq!(RefusalCode::new(0), None);
    assert_eq!(RefusalCode::new(16), None);
}

#[test]
fn a_refusal_gets_its_time_however_long_the_decision_took() {
    let config = Config::new().handshake_timeout(None);
    let mut router = Connection::router(Arc::new(config), at(0));
    router.handle_input(&mut &hello(0xF1)[..], at(0));
    assert!(matches!(told(&mut router)[..], [Told::Requested(_)]));
    // A minute later.
    router.refuse(RefusalCode::TOO_MANY_CONNECTIONS).unwrap();
    router.handle_timeout(at(60_000));
    assert!(!router.is_closed());
    assert_eq!(sent(&mut router), [0x7F, 0x40, 0, 0]);
    router.handle_shutdown(at(60_001));
    assert_eq!(router.poll_timeout().unwrap().at, at(65_000));
    router.handle_timeout(at(65_000));
    assert_eq!(told(&mut router), [Told::Closed(CloseReason::Local)]);
}

#[test]
fn every_second_octet() {
    for second in 0..=255_u8 {
        let mut router = router();
        router.handle_input(&mut &hello(second)[..], at(0));
        if second % 16 == 0 {
            let error = ConnectionError::Handshake(HandshakeError::IllegalSerializer);
            assert_eq!(told(&mut router), [Told::Failed(error)]);
            continue;
        }
        let events = told(&mut router);
        let [Told::Requested(request)] = events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(request.max_len.octets(), 512 << (second >> 4));
        assert_eq!(request.serializer.get(), second & 0x0F);
        let negotiated = router.accept().unwrap();
        assert_eq!(told(&mut router), [Told::Established(negotiated)]);
        assert_eq!(sent(&mut router), hello(0xF0 | second & 0x0F));
        assert_eq!(negotiated.send_max, request.max_len);
        assert_eq!(negotiated.recv_max, MaxLen::MAX);
        assert_eq!(
            router.send_limit(),
            (512 << (second >> 4)).min((1 << 24) - 1)
        );
    }
}

#[test]
fn the_announced_limit_is_the_next_power_of_two() {
    for (limit, nibble) in [
        (0, 0),
        (512, 0),
        (513, 1),
        (1024, 1),
        (1025, 2),
        (65_536, 7),
    ]
    .into_iter()
    .chain([
        (100_000, 8),
        ((1 << 23) + 1, 15),
        (1 << 24, 15),
        (u32::MAX, 15),
    ]) {
        let config = Arc::new(Config::new().max_receive(limit));
        let mut router = Connection::router(config, at(0));
        feed(&mut router, &hello(0x02), at(0));
        assert_eq!(sent(&mut router), hello(nibble << 4 | 2), "{limit}");
    }
}

#[test]
fn handshake_dribbled() {
    let octets = hello(0xF1);
    let mut state = AwaitRequest::new();
    for (have, octet) in octets.iter().enumerate() {
        assert_eq!(state.missing(), 4 - have);
        match state.feed(&mut &[*octet][..]).unwrap() {
            RouterStep::More(more) => state = more,
            RouterStep::Decide(decide) => {
                assert_eq!(have, 3);
                assert_eq!(decide.request().serializer, SerializerId::JSON);
            }
        }
    }

    let mut router = router();
    for octet in &octets[..3] {
        assert_eq!(feed(&mut router, &[*octet], at(1)), []);
        assert_eq!(router.poll_transmit(), None);
    }
    let events = feed(&mut router, &octets[3..], at(1));
    assert!(matches!(
        events[..],
        [Told::Requested(_), Told::Established(_)]
    ));
}

#[test]
fn frame_pipelined_behind_the_handshake() {
    let octets = [
        &hello(0xF1)[..],
        &frame(0, b"[1,\"realm1\",{}]"),
        &frame(1, b"x"),
    ]
    .concat();
    let mut input = &octets[..];
    let RouterStep::Decide(_) = AwaitRequest::new().feed(&mut input).unwrap() else {
        panic!("four octets are a request")
    };
    assert_eq!(input, &octets[4..], "the typed state leaves frames alone");

    let mut router = router();
    router.handle_input(&mut &octets[..], at(0));
    assert!(matches!(told(&mut router)[..], [Told::Requested(_)]));
    // The client is not let in by what it sent early.
    assert_eq!(router.poll_transmit(), None);
    let negotiated = router.accept().unwrap();
    assert_eq!(
        told(&mut router),
        [
            Told::Established(negotiated),
            Told::Message(b"[1,\"realm1\",{}]".to_vec())
        ]
    );
    assert_eq!(
        sent(&mut router),
        [&hello(0xF1)[..], &frame(2, b"x")].concat()
    );
}

#[test]
fn frame_pipelined_behind_a_refused_handshake() {
    let mut router = router();
    let octets = [&hello(0xF1)[..], &frame(0, b"[1]"), &frame(1, b"x")].concat();
    router.handle_input(&mut &octets[..], at(0));
    assert!(matches!(told(&mut router)[..], [Told::Requested(_)]));
    router.refuse(RefusalCode::LENGTH_UNACCEPTABLE).unwrap();
    assert_eq!(told(&mut router), []);
    assert_eq!(sent(&mut router), [0x7F, 0x20, 0, 0]);
}

#[test]
fn one_to_three_octets_and_then_silence() {
    for len in 0..=3 {
        let mut router = router();
        feed(&mut router, &hello(0xF1)[..len], at(0));
        let deadline = router.poll_timeout().unwrap();
        assert_eq!(
            (deadline.at, deadline.reason),
            (at(5000), TimerKind::Handshake)
        );
        router.handle_timeout(at(4999));
        assert_eq!(told(&mut router), []);
        router.handle_timeout(at(5000));
        let error = ConnectionError::Timeout(TimerKind::Handshake);
        assert!(error.is_timeout() && !error.is_violation());
        assert_eq!(told(&mut router), [Told::Failed(error)]);
        assert_silent_end(router);
    }
}

#[test]
fn dribbling_does_not_stretch_the_handshake_deadline() {
    let mut router = router();
    for (octet, millis) in hello(0xF1)[..3].iter().zip([1000, 3000, 4999]) {
        feed(&mut router, &[*octet], at(millis));
        router.handle_timeout(at(millis));
    }
    router.handle_timeout(at(5000));
    let error = ConnectionError::Timeout(TimerKind::Handshake);
    assert_eq!(told(&mut router), [Told::Failed(error)]);
}

#[test]
fn a_decision_that_takes_too_long() {
    let mut router = router();
    router.handle_input(&mut &hello(0xF1)[..], at(0));
    assert!(matches!(told(&mut router)[..], [Told::Requested(_)]));
    router.handle_timeout(at(5000));
    let error = ConnectionError::Timeout(TimerKind::Handshake);
    assert_eq!(told(&mut router), [Told::Failed(error)]);
    assert_eq!(router.accept(), Err(NotDeciding));
    assert_silent_end(router);
}

#[test]
fn no_handshake_deadline() {
    let config = Config::new().handshake_timeout(None);
    let mut router = Connection::router(Arc::new(config), at(0));
    assert_eq!(router.poll_timeout(), None);
    router.handle_timeout(at(u64::MAX));
    assert_eq!(told(&mut router), []);
}

#[test]
fn illegal_replies_cannot_be_encoded() {
    // Each legal reply is encoded as one of the 255 legal second octets, and each of those once.
    let mut seen = [false; 256];
    for limit in 0..=15 {
        for serializer in 1..=15 {
            let reply = Reply::Accept {
                max_len: MaxLen::from_nibble(limit).unwrap(),
                serializer: SerializerId::new(serializer).unwrap(),
            };
            seen[usize::from(reply.encode()[1])] = true;
        }
    }
    for code in 1..=15 {
        let reply = Reply::Refuse(RefusalCode::new(code).unwrap());
        seen[usize::from(reply.encode()[1])] = true;
    }
    assert_eq!(seen.iter().position(|seen| !seen), Some(0));
    assert_eq!(seen.iter().filter(|seen| **seen).count(), 255);
}
