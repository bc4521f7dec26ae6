//! Three readers of one stream agree: the one-shot parser in a loop, the decoder, and the whole
//! connection tell the same frames, and the same error at the same octet, for good, truncated and
//! corrupt input.
#![cfg(feature = "connection")]

#[expect(
    clippy::allow_attributes,
    reason = "which of it is used differs from test to test"
)]
#[allow(dead_code, reason = "shared by several tests")]
mod support;

use std::sync::Arc;

use proptest::prelude::*;
use support::link::{Told, at, next, sent};
use support::{filler, frame, parse};
use wamp_rawsocket_proto::connection::{Config, Connection, ConnectionError};
use wamp_rawsocket_proto::decode::FrameDecoder;
use wamp_rawsocket_proto::error::FrameError;
use wamp_rawsocket_proto::handshake::Negotiated;
use wamp_rawsocket_proto::wire::{FrameKind, FrameRules, MaxLen, Peek, SerializerId, peek};

/// How a stream reads: whole frames with where they end, and what stopped it.
#[derive(Debug, PartialEq)]
struct Reading {
    frames: Vec<(FrameKind, Vec<u8>, usize)>,
    stop: Stop,
}

#[derive(Debug, PartialEq)]
enum Stop {
    /// Between two frames.
    Boundary,
    /// Octets were missing: to the end of the header, else of the frame.
    Missing(usize),
    /// The octet behind the header that was refused.
    Error(usize, FrameError),
}

fn by_peek(stream: &[u8], rules: FrameRules) -> Reading {
    let (mut frames, mut at) = (Vec::new(), 0);
    loop {
        if at == stream.len() {
            let stop = Stop::Boundary;
            return Reading { frames, stop };
        }
        let stop = match peek(&stream[at..], &rules) {
            Ok(Peek::Complete {
                header,
                payload,
                rest,
            }) => {
                at = stream.len() - rest.len();
                frames.push((header.kind(), payload.to_vec(), at));
                continue;
            }
            Ok(Peek::Partial { missing }) => Stop::Missing(missing),
            Err(error) => Stop::Error(at + 4, error),
        };
        return Reading { frames, stop };
    }
}

/// In pieces of `piece` octets.
fn by_decoder(stream: &[u8], rules: FrameRules, piece: usize) -> Reading {
    let mut decoder = FrameDecoder::new(rules);
    let (mut frames, mut payload, mut at) = (Vec::new(), Vec::new(), 0);
    for piece in stream.chunks(piece) {
        let mut input = piece;
        loop {
            let end = at + piece.len() - input.len();
            let part = match decoder.poll_part(&mut input) {
                Ok(Some(part)) => part,
                Ok(None) => break,
                Err(error) => {
                    let end = at + piece.len() - input.len();
                    let stop = Stop::Error(end, error);
                    return Reading { frames, stop };
                }
            };
            assert_eq!(part.offset as usize, payload.len());
            assert!(at + piece.len() - input.len() > end || part.data.is_empty());
            payload.extend_from_slice(part.data);
            if part.is_last() {
                let end = at + piece.len() - input.len();
                frames.push((part.header.kind(), std::mem::take(&mut payload), end));
            }
        }
        assert!(input.is_empty());
        at += piece.len();
    }
    let stop = if decoder.is_at_boundary() {
        Stop::Boundary
    } else {
        Stop::Missing(decoder.missing())
    };
    Reading { frames, stop }
}

/// Octet by octet: where a message or an error is told, and where a PONG becomes due. PONGs of
/// the peer are counted only.
fn by_connection(stream: &[u8], config: Config) -> Reading {
    let negotiated = Negotiated {
        serializer: SerializerId::JSON,
        send_max: MaxLen::MAX,
        recv_max: MaxLen::MAX,
    };
    let mut connection = Connection::established(Arc::new(config), negotiated, at(0));
    connection.welcome();
    let (mut frames, mut pongs) = (Vec::new(), 0);
    for (before, octet) in stream.iter().enumerate() {
        let end = before + 1;
        connection.handle_input(&mut &[*octet][..], at(0));
        while let Some(told) = next(&mut connection) {
            match told {
                Told::Message(message) => frames.push((FrameKind::Message, message, end)),
                Told::Failed(ConnectionError::Frame(error)) => {
                    let stop = Stop::Error(end, error);
                    return Reading { frames, stop };
                }
                other => panic!("{other:?}"),
            }
        }
        for (kind, payload) in parse(&sent(&mut connection)).0 {
            assert_eq!(kind, 2);
            frames.push((FrameKind::Ping, payload, end));
        }
        if connection.stats().pongs_in > pongs {
            pongs += 1;
            frames.push((FrameKind::Pong, Vec::new(), end));
        }
    }
    connection.handle_eof(at(0));
    let stop = match next(&mut connection) {
        Some(Told::PeerFinished) => Stop::Boundary,
        Some(Told::Failed(ConnectionError::Truncated { missing })) => {
            Stop::Missing(missing as usize)
        }
        other => panic!("{other:?}"),
    };
    Reading { frames, stop }
}

fn agree(stream: &[u8], max: u32, ping: u32, lenient: bool) -> Reading {
    let rules = FrameRules::new(max)
        .max_control(ping)
        .ignore_reserved_bits(lenient);
    let mut reading = by_peek(stream, rules);
    for piece in [1, 2, 3, 5, 64, stream.len().max(1)] {
        assert_eq!(by_decoder(stream, rules, piece), reading, "by {piece}");
    }
    let config = Config::new()
        .max_receive(max)
        .max_ping(ping)
        .ignore_reserved_bits(lenient);
    for (kind, payload, _) in &mut reading.frames {
        if *kind == FrameKind::Pong {
            payload.clear();
        }
    }
    assert_eq!(by_connection(stream, config), reading);
    reading
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![3 => 0..20_usize, 2 => 100..700_usize];
    // Some come several times in a row: a reader may guess from the one before.
    let one = (0..3_u8, len, any::<u8>(), 1..4_usize).prop_map(|(kind, len, seed, times)| {
        frame(kind, &filler(len, usize::from(seed))).repeat(times)
    });
    prop::collection::vec(one, 0..8).prop_map(|frames| frames.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn good(stream in stream()) {
        let reading = agree(&stream, 1000, 1000, false);
        prop_assert_eq!(reading.stop, Stop::Boundary);
        let known = parse(&stream).0;
        prop_assert_eq!(reading.frames.len(), known.len());
    }

    #[test]
    fn truncated(stream in stream(), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(stream.len() + 1);
        let reading = agree(&stream[..cut], 1000, 1000, false);
        prop_assert!(!matches!(reading.stop, Stop::Error(..)));
        let (known, end) = parse(&stream[..cut]);
        prop_assert_eq!(reading.frames.len(), known.len());
        prop_assert_eq!(reading.stop == Stop::Boundary, end == cut);
    }

    #[test]
    fn corrupt(
        mut stream in stream(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..4),
        lenient in any::<bool>(),
        ping in 0..700_u32,
    ) {
        for (at, bit) in flips {
            if !stream.is_empty() {
                let at = at.index(stream.len());
                stream[at] ^= 1 << bit;
            }
        }
        agree(&stream, 600, ping, lenient);
    }

    #[test]
    fn noise(stream in prop::collection::vec(prop_oneof![4 => 0..4_u8, 1 => any::<u8>()], 0..60)) {
        agree(&stream, 512, 8, false);
        agree(&stream, 512, 600, true);
    }
}

#[test]
fn each_error_at_its_octet() {
    let before = [frame(0, b"[1]"), frame(1, b"?")].concat();
    for (header, error) in [
        ([0x10, 0, 0, 0], FrameError::ReservedBits(1)),
        ([0x03, 0, 0, 0], FrameError::ReservedKind(3)),
        ([0x08, 0, 0, 1], FrameError::NonCanonicalLength(1)),
        (
            [0x01, 0, 2, 1],
            FrameError::TooLong {
                kind: FrameKind::Ping,
                len: 513,
                max: 512,
            },
        ),
    ] {
        let stream = [&before[..], &header, b"behind"].concat();
        let reading = agree(&stream, 512, 512, false);
        assert_eq!(reading.stop, Stop::Error(before.len() + 4, error));
        // One octet less is no error yet.
        let reading = agree(&stream[..before.len() + 3], 512, 512, false);
        assert_eq!(reading.stop, Stop::Missing(1));
    }
}
