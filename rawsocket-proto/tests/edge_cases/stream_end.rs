//! How a stream ends: half closed, in the middle of a frame, in order.

use std::sync::Arc;

use wamp_rawsocket_proto::connection::{
    CloseReason, Config, Connection, ConnectionError, SendErrorReason,
};
use wamp_rawsocket_proto::time::TimerKind;

use crate::support::link::{Told, at, client, feed, router, sent, told};
use crate::support::{filler, frame, hello};

fn both() -> [Connection; 2] {
    [router(Config::new(), 0xF1), client(Config::new(), 0xF1)]
}

#[test]
fn half_close() {
    for mut connection in both() {
        connection.handle_input(&mut &frame(0, b"[1]")[..], at(0));
        connection.handle_eof(at(1));
        assert_eq!(
            told(&mut connection),
            [Told::Message(b"[1]".to_vec()), Told::PeerFinished]
        );
        assert!(!connection.is_closed() && !connection.wants_read());
        // What is queued, before and after, still reaches the peer.
        connection.send_copy(b"[2]").unwrap();
        connection.close(at(2));
        assert_eq!(told(&mut connection), []);
        assert!(!connection.wants_shutdown());
        assert_eq!(sent(&mut connection), frame(0, b"[2]"));
        assert!(connection.wants_shutdown());
        connection.handle_shutdown(at(3));
        assert_eq!(told(&mut connection), [Told::Closed(CloseReason::Peer)]);
        assert!(connection.is_closed());
        assert_eq!(connection.poll_timeout(), None);
    }
}

#[test]
fn half_close_with_a_ping_before_it() {
    for mut connection in both() {
        let octets = [frame(0, b"[1]"), frame(1, b"?"), frame(0, b"[2]")].concat();
        connection.handle_input(&mut &octets[..], at(0));
        connection.handle_eof(at(0));
        assert_eq!(
            told(&mut connection),
            [
                Told::Message(b"[1]".to_vec()),
                Told::Message(b"[2]".to_vec()),
                Told::PeerFinished
            ]
        );
        assert_eq!(sent(&mut connection), frame(2, b"?"));
    }
}

#[test]
fn half_close_while_the_router_decides() {
    let mut router = Connection::router(Arc::new(Config::new()), at(0));
    let octets = [&hello(0xF1)[..], &frame(0, b"[1]")].concat();
    router.handle_input(&mut &octets[..], at(0));
    router.handle_eof(at(0));
    assert!(matches!(told(&mut router)[..], [Told::Requested(_)]));
    let negotiated = router.accept().unwrap();
    assert_eq!(
        told(&mut router),
        [
            Told::Established(negotiated),
            Told::Message(b"[1]".to_vec()),
            Told::PeerFinished
        ]
    );
}

#[test]
fn end_of_stream_in_a_frame() {
    let octets = frame(0, &filler(100, 0));
    for len in 1..octets.len() {
        for mut connection in both() {
            connection.send_copy(b"lost").unwrap();
            connection.handle_input(&mut &frame(0, b"[1]")[..], at(0));
            assert_eq!(told(&mut connection), [Told::Message(b"[1]".to_vec())]);
            connection.handle_input(&mut &octets[..len], at(0));
            connection.handle_eof(at(0));
            let missing = if len < 4 { 4 - len } else { octets.len() - len };
            let error = ConnectionError::Truncated {
                missing: u32::try_from(missing).unwrap(),
            };
            assert!(error.is_violation() && !error.is_timeout());
            assert_eq!(told(&mut connection), [Told::Failed(error)]);
            assert!(connection.is_closed());
        }
    }
}

#[test]
fn end_of_stream_in_a_frame_behind_messages() {
    for mut connection in both() {
        let octets = [&frame(0, b"[1]"), &frame(0, b"[2]"), &frame(0, b"[3]")[..6]].concat();
        connection.handle_input(&mut &octets[..], at(0));
        connection.handle_eof(at(0));
        assert_eq!(
            told(&mut connection),
            [
                Told::Message(b"[1]".to_vec()),
                Told::Message(b"[2]".to_vec()),
                Told::Failed(ConnectionError::Truncated { missing: 1 })
            ]
        );
    }
}

#[test]
fn end_of_stream_in_the_handshake() {
    for len in 0..=3 {
        let mut router = Connection::router(Arc::new(Config::new()), at(0));
        router.handle_input(&mut &hello(0xF1)[..len], at(0));
        router.handle_eof(at(0));
        let error = ConnectionError::ClosedInHandshake;
        assert_eq!(told(&mut router), [Told::Failed(error)]);
        assert_eq!(router.poll_transmit(), None);
        assert!(router.is_closed());
    }
}

#[test]
fn orderly_close_by_this_end() {
    for mut connection in both() {
        connection.send_copy(b"[6]").unwrap();
        connection.close(at(0));
        connection.close(at(1));
        let error = connection.send_copy(b"late").unwrap_err();
        assert_eq!(error.reason, SendErrorReason::Closed);
        assert_eq!(sent(&mut connection), frame(0, b"[6]"));
        connection.handle_shutdown(at(1));
        // What the peer had under way is dropped, a PING is not answered.
        let octets = [frame(0, b"[1]"), frame(1, b"?"), vec![0xFF; 9]].concat();
        assert_eq!(feed(&mut connection, &octets, at(1)), []);
        assert_eq!(connection.poll_transmit(), None);
        connection.handle_eof(at(2));
        assert_eq!(told(&mut connection), [Told::Closed(CloseReason::Local)]);
        assert_eq!(told(&mut connection), []);
        assert_eq!(connection.poll_timeout(), None);
        let counted = connection.stats();
        assert_eq!(counted.messages_in, 0);
    }
}

#[test]
fn orderly_close_that_the_peer_does_not_answer() {
    for mut connection in both() {
        connection.close(at(10));
        connection.handle_shutdown(at(10));
        let deadline = connection.poll_timeout().unwrap();
        assert_eq!((deadline.at, deadline.reason), (at(5010), TimerKind::Close));
        connection.handle_timeout(at(5009));
        assert_eq!(told(&mut connection), []);
        connection.handle_timeout(at(5010));
        // All was sent: that the peer keeps its side open is no failure.
        assert_eq!(told(&mut connection), [Told::Closed(CloseReason::Local)]);
        assert!(connection.is_closed() && !connection.wants_read());
    }
}

#[test]
fn orderly_close_that_cannot_send() {
    for mut connection in both() {
        connection.send_copy(b"stuck").unwrap();
        connection.close(at(0));
        connection.handle_timeout(at(5000));
        let error = ConnectionError::Timeout(TimerKind::Close);
        assert_eq!(told(&mut connection), [Told::Failed(error)]);
        assert_eq!(connection.poll_transmit(), None);
        assert!(connection.is_closed());
    }
}

#[test]
fn close_before_the_handshake_is_over() {
    let mut router = Connection::router(Arc::new(Config::new()), at(0));
    router.close(at(0));
    assert!(router.wants_shutdown());
    router.handle_shutdown(at(0));
    router.handle_eof(at(0));
    assert_eq!(told(&mut router), [Told::Closed(CloseReason::Local)]);
}
