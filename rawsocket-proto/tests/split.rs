//! Any split of the input gives the same events.
#![cfg(feature = "connection")]

#[expect(
    clippy::allow_attributes,
    reason = "which of it is used differs from test to test"
)]
#[allow(dead_code, reason = "shared by several tests")]
mod support;

use std::sync::Arc;

use bytes::BufMut;
use proptest::prelude::*;
use support::link::{Told, at, sent, told};
use support::{filler, frame, hello};
use wamp_rawsocket_proto::connection::{Config, Connection};
use wamp_rawsocket_proto::decode::FrameDecoder;
use wamp_rawsocket_proto::error::{FrameError, HandshakeError};
use wamp_rawsocket_proto::handshake::{AwaitRequest, Client, ClientStep, RouterStep};
use wamp_rawsocket_proto::wire::{FrameKind, FrameRules, MaxLen, Request, SerializerId};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Client,
    Router,
}

/// How octets get in.
#[derive(Clone, Copy, Debug)]
enum Way {
    Input,
    Read,
}

/// All that a connection did with its input.
#[derive(Debug, PartialEq)]
struct Outcome {
    told: Vec<Told>,
    sent: Vec<u8>,
    unread: Option<Vec<u8>>,
}

fn run<'p>(role: Role, way: Way, pieces: impl IntoIterator<Item = &'p [u8]>, end: bool) -> Outcome {
    let config = Arc::new(Config::new().max_receive(2000));
    let mut connection = match role {
        Role::Client => Connection::client(config, SerializerId::JSON, at(0)),
        Role::Router => Connection::router(config, at(0)),
    };
    let mut outcome = Outcome {
        told: Vec::new(),
        sent: sent(&mut connection),
        unread: None,
    };
    let mut all_taken = true;
    for mut input in pieces {
        if input.is_empty() {
            continue;
        }
        while connection.wants_read() && !input.is_empty() {
            match way {
                Way::Input => connection.handle_input(&mut input, at(0)),
                Way::Read => connection.handle_read(at(0), |buf| {
                    let count = input.len().min(buf.remaining_mut());
                    let (now, later) = input.split_at(count);
                    buf.put_slice(now);
                    input = later;
                }),
            }
            drain(&mut connection, &mut outcome);
        }
        all_taken &= input.is_empty();
    }
    if end && all_taken {
        connection.handle_eof(at(0));
        drain(&mut connection, &mut outcome);
    }
    let foreign = HandshakeError::NotRawSocket { first: b'G' };
    if outcome.told.last() == Some(&Told::Failed(foreign.into())) {
        outcome.unread = Some(connection.into_unread().to_vec());
    }
    // An error is told again at each piece that still came.
    outcome
        .told
        .dedup_by(|a, b| a == b && matches!(a, Told::Failed(_)));
    outcome
}

fn drain(connection: &mut Connection, outcome: &mut Outcome) {
    loop {
        let events = told(connection);
        let failed = matches!(events.last(), Some(Told::Failed(_)));
        if events.is_empty() {
            break;
        }
        for event in events {
            if let Told::Requested(_) = event {
                connection.accept().unwrap();
            }
            outcome.told.push(event);
        }
        if failed {
            break;
        }
    }
    outcome.sent.extend(sent(connection));
}

/// Streams of all sorts: good, refused, broken, cut short.
fn images() -> Vec<(Role, Vec<u8>)> {
    let frames = [
        frame(0, b"[1]"),
        frame(1, b""),
        frame(0, b""),
        frame(2, b"stray"),
        frame(1, b"?"),
        frame(0, &filler(20, 1)),
        frame(0, &filler(20, 2)),
        frame(0, b""),
        frame(0, b""),
    ]
    .concat();
    let good = |second| [&hello(second)[..], &frames].concat();
    let broken = |header: [u8; 4]| [&good(0xF1)[..], &header, b"behind"].concat();
    let mut images = Vec::new();
    for role in [Role::Client, Role::Router] {
        images.extend([
            (role, good(0xF1)),
            (role, good(0x01)),
            (role, good(0xF1)[..50].to_vec()),
            (role, broken([0x10, 0, 0, 0])),
            (role, broken([0x07, 0, 0, 0])),
            (role, broken([0x08, 0, 0, 1])),
            (role, broken([0x08, 0, 0, 0])),
            (role, broken([0x00, 0, 7, 209])),
            (role, broken([0x01, 255, 0, 0])),
            (role, vec![0x7F, 0xF1, 0, 1, 9, 9]),
            (role, vec![0x7F, 0xF0, 0, 0, 9, 9]),
            (role, vec![0x7F, 0x00, 0, 0]),
            (role, vec![0x7F, 0xF2, 0]),
            (role, hello(0xF2).to_vec()),
        ]);
    }
    images
}

fn whole(role: Role, image: &[u8]) -> Outcome {
    run(role, Way::Input, [image], true)
}

#[test]
fn every_two_cuts_of_a_connection() {
    for (role, image) in images() {
        let expected = whole(role, &image);
        assert!(!expected.told.is_empty());
        for way in [Way::Input, Way::Read] {
            for a in 0..=image.len() {
                for b in a..=image.len() {
                    let pieces = [&image[..a], &image[a..b], &image[b..]];
                    let outcome = run(role, way, pieces, true);
                    assert_eq!(outcome, expected, "{role:?} {way:?} {a} {b}");
                }
            }
            let outcome = run(role, way, image.chunks(1), true);
            assert_eq!(outcome, expected, "{role:?} {way:?}, octet by octet");
        }
    }
}

#[test]
fn another_protocol_is_given_back_whole() {
    for role in [Role::Client, Role::Router] {
        for way in [Way::Input, Way::Read] {
            let outcome = run(role, way, [&b"GET / HTTP/1.1\r\n\r\n"[..]], false);
            assert_eq!(outcome.unread.unwrap(), b"GET / HTTP/1.1\r\n\r\n");
            // Octet by octet, the first one is enough, and the rest is not taken.
            let outcome = run(role, way, b"GET /".chunks(1), false);
            assert_eq!(outcome.unread.unwrap(), b"G");
        }
    }
}

type Frames = Vec<(FrameKind, Vec<u8>)>;

/// The parts of a stream put together: kind, payload, and the error.
fn decode<'p>(
    rules: FrameRules,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> (Frames, usize, Option<FrameError>) {
    let mut decoder = FrameDecoder::new(rules);
    let (mut frames, mut used) = (Frames::new(), 0);
    for piece in pieces {
        let mut input = piece;
        loop {
            let before = input.len();
            let missing = decoder.missing();
            assert!(missing > 0);
            let part = decoder.poll_part(&mut input);
            used += before - input.len();
            match part {
                Ok(None) => break,
                Err(error) => return (frames, used, Some(error)),
                Ok(Some(part)) => {
                    if part.is_first() {
                        frames.push((part.header.kind(), Vec::new()));
                    }
                    let payload = &mut frames.last_mut().unwrap().1;
                    assert_eq!(payload.len(), part.offset as usize, "no gaps");
                    payload.extend_from_slice(part.data);
                    let whole = payload.len() == part.header.payload_len() as usize;
                    assert_eq!(part.is_last(), whole);
                    assert_eq!(decoder.is_at_boundary(), whole);
                    assert_eq!(part.is_whole(), whole && part.is_first());
                    assert_eq!(decoder.current().is_some(), !whole);
                }
            }
        }
        assert!(input.is_empty(), "incomplete input is taken whole");
    }
    (frames, used, None)
}

#[test]
fn every_two_cuts_of_the_decoder() {
    let rules = FrameRules::new(2000);
    for (_, image) in images() {
        let Some(image) = image.get(4..) else {
            continue;
        };
        let expected = decode(rules, [image]);
        for a in 0..=image.len() {
            for b in a..=image.len() {
                let cut = decode(rules, [&image[..a], &image[a..b], &image[b..]]);
                assert_eq!(cut, expected, "{a} {b}");
            }
        }
        assert_eq!(decode(rules, image.chunks(1)), expected);
    }
}

fn await_request(pieces: [&[u8]; 4]) -> (Result<Option<Request>, HandshakeError>, usize) {
    let (mut state, mut used) = (AwaitRequest::new(), 0);
    for piece in pieces {
        let mut input = piece;
        let step = state.feed(&mut input);
        used += piece.len() - input.len();
        match step {
            Ok(RouterStep::More(more)) => state = more,
            Ok(RouterStep::Decide(decide)) => return (Ok(Some(decide.request())), used),
            Err(error) => return (Err(error), used),
        }
    }
    (Ok(None), used)
}

fn await_reply(pieces: [&[u8]; 4]) -> (Result<Option<MaxLen>, HandshakeError>, usize) {
    let mut state = Client::new(Request {
        max_len: MaxLen::MAX,
        serializer: SerializerId::JSON,
    });
    let mut used = 0;
    for piece in pieces {
        let mut input = piece;
        let step = state.feed(&mut input);
        used += piece.len() - input.len();
        match step {
            Ok(ClientStep::More(more)) => state = more,
            Ok(ClientStep::Done(negotiated)) => return (Ok(Some(negotiated.send_max)), used),
            Err(error) => return (Err(error), used),
        }
    }
    (Ok(None), used)
}

#[test]
fn every_cut_of_the_handshake_states() {
    let octets = (0..=255).map(|second| [0x7F, second, 0, 0, 9]);
    let faults = [
        [0x7F, 0xF1, 1, 0, 9],
        [0x7F, 0xF1, 0, 1, 9],
        [0x16, 3, 1, 0, 9],
    ];
    for octets in octets.chain(faults) {
        let request = await_request([&octets, &[], &[], &[]]);
        let reply = await_reply([&octets, &[], &[], &[]]);
        let used = if octets[0] == 0x7F { 4 } else { 0 };
        assert_eq!((request.1, reply.1), (used, used));
        for a in 0..=4 {
            for b in a..=4 {
                for c in b..=4 {
                    let pieces = [&octets[..a], &octets[a..b], &octets[b..c], &octets[c..]];
                    assert_eq!(await_request(pieces), request);
                    assert_eq!(await_reply(pieces), reply);
                }
            }
        }
    }
}

/// Cuts `image` where `cuts` say.
fn cut<'i>(image: &'i [u8], cuts: &[prop::sample::Index]) -> Vec<&'i [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(image.len() + 1)).collect();
    cuts.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for to in cuts.into_iter().chain([image.len()]) {
        pieces.push(&image[from..to]);
        from = to;
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_partition(
        frames in prop::collection::vec((0..3_u8, 0..2000_usize), 0..12),
        tail in prop::collection::vec(any::<u8>(), 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..24),
        client in any::<bool>(),
    ) {
        let role = if client { Role::Client } else { Role::Router };
        let mut image = hello(0xF1).to_vec();
        for (seed, (kind, len)) in frames.into_iter().enumerate() {
            image.extend(frame(kind, &filler(len, seed)));
        }
        image.extend(tail);
        let expected = whole(role, &image);
        let pieces = cut(&image, &cuts);
        for way in [Way::Input, Way::Read] {
            let outcome = run(role, way, pieces.iter().copied(), true);
            prop_assert_eq!(&outcome, &expected);
        }
        let rules = FrameRules::new(2000);
        let expected = decode(rules, [&image[4..]]);
        let pieces = cut(&image[4..], &cuts);
        prop_assert_eq!(decode(rules, pieces), expected);
    }
}
