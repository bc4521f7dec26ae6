//! What either end meets in a frame.

use std::sync::Arc;

use wamp_rawsocket_proto::connection::{
    Config, Connection, ConnectionError, Frame, SendErrorReason,
};
use wamp_rawsocket_proto::decode::FrameDecoder;
use wamp_rawsocket_proto::error::FrameError;
use wamp_rawsocket_proto::handshake::Negotiated;
use wamp_rawsocket_proto::wire::{FrameKind, FrameRules, MaxLen, SerializerId};

use crate::support::link::{Told, at, client, feed, router, sent, told};
use crate::support::{filler, frame, parse};

/// A welcome client of a router, and a client, both open.
fn both(config: &Config) -> [Connection; 2] {
    let mut router = router(config.clone(), 0xF1);
    router.welcome();
    [router, client(config.clone(), 0xF1)]
}

/// The header leads to this error on both ends, in the decoder, and nothing more is received.
fn assert_fails(config: &Config, rules: FrameRules, header: [u8; 4], error: FrameError) {
    let mut decoder = FrameDecoder::new(rules);
    let octets = [&header[..], b"behind"].concat();
    let mut input = &octets[..];
    assert_eq!(decoder.poll_part(&mut input), Err(error));
    assert_eq!(input, b"behind", "the error is at the header's last octet");
    assert_eq!(decoder.poll_part(&mut input), Err(error));
    assert_eq!(input, b"behind");

    for mut connection in both(config) {
        connection.send_copy(b"queued").unwrap();
        // What came before it is told, and a PING is answered.
        let octets = [&frame(0, b"before"), &frame(1, b"?"), &octets[..]].concat();
        let events = feed(&mut connection, &octets, at(1));
        assert_eq!(
            events,
            [
                Told::Message(b"before".to_vec()),
                Told::Failed(error.into())
            ]
        );
        assert!(ConnectionError::from(error).is_violation());
        // What was queued still leaves.
        let (mut frames, _) = parse(&sent(&mut connection));
        frames.sort();
        assert_eq!(frames, [(0, b"queued".to_vec()), (2, b"?".to_vec())]);
        assert!(connection.wants_shutdown());
        let refused = connection.send_copy(b"more").unwrap_err();
        assert_eq!(refused.reason, SendErrorReason::Closed);
        assert_eq!(connection.ping(at(2)), Err(SendErrorReason::Closed));
        connection.handle_shutdown(at(2));
        // What the peer still sends is dropped.
        assert!(connection.wants_read());
        let events = feed(&mut connection, &frame(0, b"late"), at(3));
        assert_eq!(events, [Told::Failed(error.into())]);
        connection.handle_eof(at(4));
        assert!(connection.is_closed());
    }
}

#[test]
fn zero_length_message() {
    for mut connection in both(&Config::new()) {
        let octets = [frame(0, b""), frame(0, b"[]"), frame(0, b"")].concat();
        let events = feed(&mut connection, &octets, at(0));
        let messages = [&b""[..], b"[]", b""].map(|m| Told::Message(m.to_vec()));
        assert_eq!(events, messages);
        assert_eq!(connection.stats().messages_in, 3);
        connection.send_copy(b"").unwrap();
        assert_eq!(sent(&mut connection), [0, 0, 0, 0]);
    }
}

#[test]
fn ping_of_0_and_of_4_octets() {
    for mut connection in both(&Config::new()) {
        let octets = [frame(1, b""), frame(1, b"ping"), frame(1, b"")].concat();
        assert_eq!(feed(&mut connection, &octets, at(0)), []);
        let pongs = [frame(2, b""), frame(2, b"ping"), frame(2, b"")].concat();
        assert_eq!(sent(&mut connection), pongs);
        assert_eq!(connection.stats().pings_in, 3);
    }
}

#[test]
fn ping_of_the_limit() {
    for limit in [512, 1000, 65_536, 100_000] {
        let config = Config::new().max_receive(limit);
        for mut connection in both(&config) {
            let payload = filler(limit as usize, 3);
            assert_eq!(feed(&mut connection, &frame(1, &payload), at(0)), []);
            assert_eq!(sent(&mut connection), frame(2, &payload));
        }
    }
}

#[test]
fn ping_of_16_mib() {
    for mut connection in both(&Config::new()) {
        let payload = filler(1 << 24, 3);
        let octets = [&[9, 0, 0, 0], &payload[..]].concat();
        assert_eq!(feed(&mut connection, &octets, at(0)), []);
        let answer = sent(&mut connection);
        assert_eq!(answer[..4], [0x0A, 0, 0, 0]);
        assert!(answer[4..] == payload);
    }
}

#[test]
fn ping_over_the_limit() {
    let config = Config::new().max_receive(1000);
    let header = [1, 0, 3, 233];
    let error = FrameError::TooLong {
        kind: FrameKind::Ping,
        len: 1001,
        max: 1000,
    };
    assert_fails(&config, FrameRules::new(1000), header, error);

    let config = Config::new().max_ping(125);
    let error = FrameError::TooLong {
        kind: FrameKind::Ping,
        len: 126,
        max: 125,
    };
    let rules = FrameRules::new(1 << 24).max_control(125);
    assert_fails(&config, rules, [1, 0, 0, 126], error);
}

#[test]
fn ping_longer_than_the_peer_itself_receives() {
    // The peer announced 512: a PONG of 513 must not be sent to it.
    let connections = [router(Config::new(), 0x01), client(Config::new(), 0x01)];
    for mut connection in connections {
        let payload = filler(512, 0);
        assert_eq!(feed(&mut connection, &frame(1, &payload), at(0)), []);
        assert_eq!(sent(&mut connection), frame(2, &payload));
        let error = FrameError::TooLong {
            kind: FrameKind::Ping,
            len: 513,
            max: 512,
        };
        let events = feed(&mut connection, &frame(1, &filler(513, 0)), at(0));
        assert_eq!(events, [Told::Failed(error.into())]);
        assert_eq!(connection.poll_transmit(), None);
    }
}

#[test]
fn unsolicited_pong() {
    for mut connection in both(&Config::new()) {
        let octets = [frame(2, b""), frame(2, b"00000001"), frame(0, b"[]")].concat();
        let events = feed(&mut connection, &octets, at(0));
        assert_eq!(events, [Told::Message(b"[]".to_vec())]);
        let stats = connection.stats();
        assert_eq!((stats.pongs_in, stats.stray_pongs_in), (2, 2));
        assert_eq!(connection.poll_transmit(), None);
    }
}

#[test]
fn pong_twice_and_pong_of_another_ping() {
    for mut connection in both(&Config::new()) {
        connection.ping(at(10)).unwrap();
        let first = sent(&mut connection);
        connection.ping(at(20)).unwrap();
        let second = sent(&mut connection);
        let [first, second] = [first, second].map(|mut octets| {
            assert_eq!(octets[..4], [1, 0, 0, 8]);
            octets[0] = 2;
            octets
        });
        assert_ne!(first, second);
        let octets = [first, second.clone(), second].concat();
        let events = feed(&mut connection, &octets, at(50));
        assert_eq!(events, [Told::Pong(std::time::Duration::from_millis(30))]);
        let stats = connection.stats();
        assert_eq!(
            (stats.pings_out, stats.pongs_in, stats.stray_pongs_in),
            (2, 3, 2)
        );
    }
}

#[test]
fn kinds_3_to_7() {
    for kind in 3..=7 {
        // With and without the 25th length bit, whatever the length.
        for header in [
            [kind, 0, 0, 0],
            [kind | 8, 0, 0, 0],
            [kind, 255, 255, 255],
            [kind | 8, 0, 0, 1],
        ] {
            let error = FrameError::ReservedKind(kind);
            assert_fails(&Config::new(), FrameRules::new(1 << 24), header, error);
            let lenient = FrameRules::new(1 << 24).ignore_reserved_bits(true);
            let config = Config::new().ignore_reserved_bits(true);
            let mut marked = header;
            marked[0] |= 0xA0;
            assert_fails(&config, lenient, marked, error);
        }
    }
}

#[test]
fn reserved_bits_strict() {
    for bits in 1..=15 {
        let error = FrameError::ReservedBits(bits);
        for kind in 0..=15 {
            let header = [bits << 4 | kind, 0, 0, 2];
            assert_fails(&Config::new(), FrameRules::new(1 << 24), header, error);
        }
    }
}

#[test]
fn reserved_bits_lenient() {
    let config = Config::new().ignore_reserved_bits(true);
    for bits in 1..=15 {
        for mut connection in both(&config) {
            let mut octets = [frame(1, b"?"), frame(0, b"[]")].concat();
            octets[0] |= bits << 4;
            octets[5] |= bits << 4;
            let events = feed(&mut connection, &octets, at(0));
            assert_eq!(events, [Told::Message(b"[]".to_vec())]);
            assert_eq!(sent(&mut connection), frame(2, b"?"), "never sent");
        }
    }
}

#[test]
fn bit_25_with_a_limit_of_16_mib() {
    let payload = filler(1 << 24, 9);
    for mut connection in both(&Config::new()) {
        let octets = [&[8, 0, 0, 0], &payload[..], &frame(0, b"[]")].concat();
        let events = feed(&mut connection, &octets, at(0));
        assert!(matches!(&events[0], Told::Message(message) if *message == payload));
        assert_eq!(events[1..], [Told::Message(b"[]".to_vec())]);
    }
}

#[test]
fn bit_25_with_a_lower_limit() {
    let max = (1 << 24) - 1;
    for (kind, name) in [
        (0, FrameKind::Message),
        (1, FrameKind::Ping),
        (2, FrameKind::Pong),
    ] {
        let error = FrameError::TooLong {
            kind: name,
            len: 1 << 24,
            max,
        };
        let config = Config::new().max_receive(max);
        assert_fails(&config, FrameRules::new(max), [8 | kind, 0, 0, 0], error);
    }
}

#[test]
fn bit_25_beside_a_length() {
    for (low, octets) in [
        (1, [0, 0, 1]),
        (0xFF_FFFF, [255; 3]),
        (0x01_0000, [1, 0, 0]),
    ] {
        for kind in 0..=2 {
            let header = [8 | kind, octets[0], octets[1], octets[2]];
            let error = FrameError::NonCanonicalLength(low);
            assert_fails(&Config::new(), FrameRules::new(1 << 24), header, error);
        }
    }
}

#[test]
fn bit_25_is_not_sent_unless_asked_for() {
    let full = bytes::Bytes::from(filler(1 << 24, 1));
    for mut connection in both(&Config::new()) {
        let max = (1 << 24) - 1;
        let reason = SendErrorReason::TooLong { len: 1 << 24, max };
        assert_eq!(connection.send_limit(), max);
        let error = connection.send(full.clone()).unwrap_err();
        assert_eq!((error.reason, error.message.len()), (reason, 1 << 24));
        assert_eq!(connection.send_copy(&full).unwrap_err().reason, reason);
        let frame = Frame::encode(|out| {
            out.extend_from_slice(&full);
            Ok::<_, std::convert::Infallible>(())
        });
        let error = connection.send_frame(frame.unwrap()).unwrap_err();
        assert_eq!(
            (error.reason, error.message.payload_len()),
            (reason, 1 << 24)
        );
        assert_eq!(connection.poll_transmit(), None);
        connection.send(full.slice(1..)).unwrap();
        assert_eq!(sent(&mut connection)[..4], [0, 255, 255, 255]);
    }
    for mut connection in both(&Config::new().send_full_frame(true)) {
        assert_eq!(connection.send_limit(), 1 << 24);
        connection.send(full.clone()).unwrap();
        let octets = sent(&mut connection);
        assert_eq!(octets[..4], [8, 0, 0, 0]);
        assert!(octets[4..] == full[..]);
    }
}

#[test]
fn bit_25_is_not_sent_to_a_peer_with_a_lower_limit() {
    let config = Config::new().send_full_frame(true);
    let mut router = router(config, 0xE1);
    let reason = SendErrorReason::TooLong {
        len: 1 << 24,
        max: 1 << 23,
    };
    let error = router.send(filler(1 << 24, 1).into()).unwrap_err();
    assert_eq!(error.reason, reason);
}

#[test]
fn length_over_the_exact_limit() {
    // 1000 is announced as 1024, and 1001 is too long all the same.
    let error = FrameError::TooLong {
        kind: FrameKind::Message,
        len: 1001,
        max: 1000,
    };
    let config = Config::new().max_receive(1000);
    assert_fails(&config, FrameRules::new(1000), [0, 0, 3, 233], error);
    for mut connection in both(&config) {
        let payload = filler(1000, 4);
        let events = feed(&mut connection, &frame(0, &payload), at(0));
        assert_eq!(events, [Told::Message(payload)]);
    }
}

#[test]
fn length_over_the_greeting_limit() {
    let config = Config::new().greeting_limit(100);
    let error = FrameError::TooLong {
        kind: FrameKind::Message,
        len: 101,
        max: 100,
    };
    let mut stranger = router(config.clone(), 0xF1);
    let events = feed(&mut stranger, &frame(0, &filler(100, 0)), at(0));
    assert_eq!(events, [Told::Message(filler(100, 0))]);
    let events = feed(&mut stranger, &frame(0, &filler(101, 0)), at(0));
    assert_eq!(events, [Told::Failed(error.into())]);

    // A welcome one sends more, from the frame under way on.
    let mut guest = router(config.clone(), 0xF1);
    let octets = frame(0, &filler(101, 0));
    assert_eq!(feed(&mut guest, &octets[..3], at(0)), []);
    guest.welcome();
    let events = feed(&mut guest, &octets[3..], at(0));
    assert_eq!(events, [Told::Message(filler(101, 0))]);

    // A client trusts its router.
    let events = feed(&mut client(config.clone(), 0xF1), &octets, at(0));
    assert_eq!(events, [Told::Message(filler(101, 0))]);

    // The limit holds for a connection whose handshake was done elsewhere, too.
    let negotiated = Negotiated {
        serializer: SerializerId::JSON,
        send_max: MaxLen::MAX,
        recv_max: MaxLen::MAX,
    };
    let mut elsewhere = Connection::established(Arc::new(config), negotiated, at(0));
    assert_eq!(elsewhere.negotiated(), Some(negotiated));
    assert_eq!(elsewhere.poll_timeout(), None);
    let events = feed(&mut elsewhere, &octets, at(0));
    assert_eq!(events, [Told::Failed(error.into())]);
}

#[test]
fn message_longer_than_the_peer_receives() {
    for mut connection in [router(Config::new(), 0x11), client(Config::new(), 0x11)] {
        let reason = SendErrorReason::TooLong {
            len: 1025,
            max: 1024,
        };
        assert_eq!(connection.can_send(1024), Ok(()));
        assert_eq!(connection.can_send(1025), Err(reason));
        let longer = filler(1025, 0);
        let error = connection.send_copy(&longer).unwrap_err();
        assert_eq!(error.reason, reason);
        connection.send_copy(&filler(1024, 0)).unwrap();
        assert_eq!(sent(&mut connection), frame(0, &filler(1024, 0)));
        assert_eq!(connection.stats().messages_out, 1);
    }
}

#[test]
fn an_undecodable_message_is_not_our_business() {
    for mut connection in both(&Config::new()) {
        let events = feed(&mut connection, &frame(0, b"\xFF\xFE"), at(0));
        assert_eq!(events, [Told::Message(b"\xFF\xFE".to_vec())]);
        assert_eq!(told(&mut connection), []);
    }
}

#[test]
fn pongs_overtake_messages_that_wait_but_never_split_one() {
    for mut connection in both(&Config::new()) {
        let large = filler(100_000, 1);
        connection.send(large.clone().into()).unwrap();
        connection.send_copy(b"small").unwrap();
        // Once a frame was started, even by one octet, it goes first.
        let first = connection.poll_transmit().unwrap()[0];
        connection.handle_transmitted(1);
        let octets = [frame(1, b"a"), frame(1, &filler(9000, 2)), frame(1, b"c")].concat();
        assert_eq!(feed(&mut connection, &octets, at(0)), []);
        let all = [&[first], &sent(&mut connection)[..]].concat();
        let (frames, used) = parse(&all);
        assert_eq!(used, all.len());
        let expected = [
            (0, large),
            (2, b"a".to_vec()),
            (2, filler(9000, 2)),
            (2, b"c".to_vec()),
            (0, b"small".to_vec()),
        ];
        assert!(
            frames == expected,
            "{:?}",
            frames.iter().map(|f| f.0).collect::<Vec<_>>()
        );
    }
}
