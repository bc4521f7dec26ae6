//! What a client meets in the first four octets.

use std::sync::Arc;

use wamp_rawsocket_proto::connection::{Config, Connection, ConnectionError, SendErrorReason};
use wamp_rawsocket_proto::error::HandshakeError;
use wamp_rawsocket_proto::handshake::{Client, ClientStep};
use wamp_rawsocket_proto::time::TimerKind;
use wamp_rawsocket_proto::wire::{MaxLen, RefusalCode, Request, SerializerId};

use crate::support::link::{Told, at, feed, sent, told};
use crate::support::{frame, hello};

fn state() -> Client {
    Client::new(Request {
        max_len: MaxLen::MAX,
        serializer: SerializerId::JSON,
    })
}

/// A client for JSON whose request went out.
fn client() -> Connection {
    let mut client = Connection::client(Arc::new(Config::new()), SerializerId::JSON, at(0));
    assert_eq!(sent(&mut client), hello(0xF1));
    client
}

fn assert_fails(octets: &[u8], error: HandshakeError) {
    let mut input = octets;
    assert_eq!(state().feed(&mut input), Err(error), "{octets:02x?}");
    let mut client = client();
    let events = feed(&mut client, octets, at(1));
    assert_eq!(events, [Told::Failed(error.into())], "{octets:02x?}");
    assert_eq!(client.poll_transmit(), None);
    assert!(client.is_closed());
    assert_eq!(client.negotiated(), None);
}

#[test]
fn every_second_octet() {
    for second in 0..=255_u8 {
        let octets = hello(second);
        if second == 0xF1 || second & 0x0F == 1 {
            let ClientStep::Done(negotiated) = state().feed(&mut &octets[..]).unwrap() else {
                panic!("four octets are a reply")
            };
            let mut client = client();
            let events = feed(&mut client, &octets, at(0));
            assert_eq!(events, [Told::Established(negotiated)]);
            assert_eq!(negotiated.serializer, SerializerId::JSON);
            assert_eq!(negotiated.send_max.octets(), 512 << (second >> 4));
            assert_eq!(negotiated.recv_max, MaxLen::MAX);
        } else if let Some(replied) = SerializerId::new(second & 0x0F) {
            let requested = SerializerId::JSON;
            assert_fails(
                &octets,
                HandshakeError::SerializerMismatch { requested, replied },
            );
        } else if let Some(code) = RefusalCode::new(second >> 4) {
            assert_fails(&octets, HandshakeError::Refused(code));
        } else {
            assert_eq!(second, 0);
            assert_fails(&octets, HandshakeError::IllegalReply);
        }
    }
}

#[test]
fn every_serializer_is_asked_for() {
    for id in 1..=15 {
        let id = SerializerId::new(id).unwrap();
        let mut client = Connection::client(Arc::new(Config::new()), id, at(0));
        assert_eq!(sent(&mut client), hello(0xF0 | id.get()));
        let events = feed(&mut client, &hello(0x70 | id.get()), at(0));
        let [Told::Established(negotiated)] = events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(negotiated.serializer, id);
    }
}

#[test]
fn refused_with_every_code() {
    for number in 1..=15 {
        let code = RefusalCode::new(number).unwrap();
        assert_eq!(code.get(), number, "unknown codes are kept");
        let error = ConnectionError::Handshake(HandshakeError::Refused(code));
        assert!(error.is_refusal() && !error.is_violation() && !error.is_timeout());
        assert!(error.to_string().contains(&format!("code {number}")));
        assert_fails(&hello(number << 4), HandshakeError::Refused(code));
        // What a router sends behind its refusal changes nothing.
        let octets = [&hello(number << 4)[..], b"\0\0\0\x02[]"].concat();
        assert_fails(&octets, HandshakeError::Refused(code));
    }
}

#[test]
fn reply_zero() {
    assert_fails(&hello(0), HandshakeError::IllegalReply);
}

#[test]
fn reply_with_another_serializer() {
    let error = HandshakeError::SerializerMismatch {
        requested: SerializerId::JSON,
        replied: SerializerId::MSGPACK,
    };
    assert!(ConnectionError::from(error).is_violation());
    assert_fails(&hello(0xF2), error);
}

#[test]
fn reply_with_reserved_octets() {
    for reserved in [[0, 1], [1, 0], [0xFF, 0xFF]] {
        // A refusal with them is no refusal.
        for second in [0xF1, 0x10, 0] {
            let octets = [0x7F, second, reserved[0], reserved[1]];
            assert_fails(&octets, HandshakeError::ReservedOctets(reserved));
        }
    }
}

#[test]
fn bad_magic() {
    for first in (0..=255).filter(|first| *first != 0x7F) {
        let octets = [first, b'S', b'H', b'-', b'2'];
        let error = HandshakeError::NotRawSocket { first };
        let mut input = &octets[..];
        assert_eq!(state().feed(&mut input), Err(error));
        assert_eq!(input, octets, "nothing is consumed");
        assert_fails(&octets, error);
        let mut client = client();
        feed(&mut client, &octets, at(0));
        assert_eq!(client.into_unread(), octets[..]);
    }
}

#[test]
fn bad_magic_before_the_request_went_out() {
    // A server that speaks first speaks another protocol: it is told nothing.
    let mut client = Connection::client(Arc::new(Config::new()), SerializerId::JSON, at(0));
    let events = feed(&mut client, b"SSH-2.0", at(0));
    let error = HandshakeError::NotRawSocket { first: b'S' };
    assert_eq!(events, [Told::Failed(error.into())]);
    assert_eq!(client.poll_transmit(), None);
    assert!(client.is_closed());
    assert_eq!(client.into_unread(), b"SSH-2.0"[..]);
}

#[test]
fn handshake_dribbled() {
    let mut client = client();
    for octet in &hello(0xF1)[..3] {
        assert_eq!(feed(&mut client, &[*octet], at(0)), []);
    }
    let events = feed(&mut client, &[0], at(0));
    assert!(matches!(events[..], [Told::Established(_)]));
}

#[test]
fn frame_pipelined_behind_the_reply() {
    let mut client = client();
    let octets = [&hello(0xF1)[..], &frame(0, b"[2,1,{}]"), &frame(1, b"x")].concat();
    let events = feed(&mut client, &octets, at(0));
    assert!(matches!(events[0], Told::Established(_)));
    assert_eq!(events[1..], [Told::Message(b"[2,1,{}]".to_vec())]);
    assert_eq!(sent(&mut client), frame(2, b"x"));
}

#[test]
fn a_router_that_does_not_answer() {
    for len in 0..=3 {
        let mut client = client();
        feed(&mut client, &hello(0xF1)[..len], at(100));
        client.handle_timeout(at(4999));
        assert_eq!(told(&mut client), []);
        client.handle_timeout(at(5000));
        let error = ConnectionError::Timeout(TimerKind::Handshake);
        assert_eq!(told(&mut client), [Told::Failed(error)]);
        assert!(client.is_closed());
    }
}

#[test]
fn closed_during_the_handshake() {
    for len in 0..=3 {
        let mut client = client();
        feed(&mut client, &hello(0xF1)[..len], at(0));
        client.handle_eof(at(1));
        let error = ConnectionError::ClosedInHandshake;
        assert!(error.is_refusal() && !error.is_violation());
        assert_eq!(told(&mut client), [Told::Failed(error)]);
        assert!(client.is_closed());
        assert_eq!(client.poll_transmit(), None);
    }
}

#[test]
fn refused_and_closed() {
    let mut client = client();
    client.handle_input(&mut &hello(0x40)[..], at(0));
    client.handle_eof(at(0));
    let error = HandshakeError::Refused(RefusalCode::TOO_MANY_CONNECTIONS);
    assert_eq!(told(&mut client), [Told::Failed(error.into())]);
}

#[test]
fn nothing_is_sent_before_the_handshake_is_over() {
    let mut client = client();
    let error = client.send_copy(b"[1]").unwrap_err();
    assert_eq!(error.reason, SendErrorReason::NotEstablished);
    assert_eq!(error.message, b"[1]");
    assert_eq!(client.ping(at(0)), Err(SendErrorReason::NotEstablished));
    assert_eq!(client.send_limit(), 0);
    assert_eq!(client.poll_transmit(), None);
    assert!(client.accept().is_err());
}
