//! What is small enough is tried whole: every frame header, every handshake.

use wamp_rawsocket_proto::error::{FrameError, HandshakeError};
use wamp_rawsocket_proto::wire::{
    FrameHeader, FrameKind, FrameRules, MAX_PAYLOAD, MaxLen, RefusalCode, Reply, Request,
    SerializerId,
};

/// What the specification says of a header, by its bits.
fn expected(first: u8, low: u32) -> Result<(FrameKind, u32), FrameError> {
    let (reserved, extra, kind) = (first >> 4, first >> 3 & 1, first & 7);
    if reserved != 0 {
        return Err(FrameError::ReservedBits(reserved));
    }
    let kind = match kind {
        0 => FrameKind::Message,
        1 => FrameKind::Ping,
        2 => FrameKind::Pong,
        _ => return Err(FrameError::ReservedKind(kind)),
    };
    match (extra, low) {
        (0, low) => Ok((kind, low)),
        (_, 0) => Ok((kind, 1 << 24)),
        (_, low) => Err(FrameError::NonCanonicalLength(low)),
    }
}

/// Tries the words of one first octet. Returns how many are legal.
fn try_first_octet(first: u8) -> u64 {
    let rules = FrameRules::new(MAX_PAYLOAD);
    let mut legal = 0;
    for low in 0..=0xFF_FFFF_u32 {
        let octets = (u32::from(first) << 24 | low).to_be_bytes();
        let decoded = FrameHeader::decode(octets);
        let fields = decoded.map(|header| (header.kind(), header.payload_len()));
        assert!(fields == expected(first, low), "{octets:02x?}");
        // With reserved bits, both are one branch for all lengths; the edges below are enough.
        assert!(
            first > 15 || rules.check(octets) == decoded,
            "{octets:02x?}"
        );
        if let Ok(header) = decoded {
            assert!(header.encode() == octets, "{octets:02x?}");
            legal += 1;
        }
    }
    legal
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "4 billion headers: seconds in release only"
)]
fn every_frame_header() {
    let legal: u64 = std::thread::scope(|scope| {
        let odd = scope.spawn(|| (1..=255).step_by(2).map(try_first_octet).sum::<u64>());
        let even: u64 = (0..=255).step_by(2).map(try_first_octet).sum();
        even + odd.join().unwrap()
    });
    assert_eq!(legal, 3 * ((1 << 24) + 1));
}

#[test]
fn every_frame_header_with_a_length_at_an_edge() {
    let edges = (0..24).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]);
    let lows: Vec<u32> = edges.chain([0xFF_FFFF]).collect();
    let strict = FrameRules::new(MAX_PAYLOAD);
    let lenient = strict.ignore_reserved_bits(true);
    for first in 0..=255_u8 {
        for low in lows.iter().copied() {
            let [_, a, b, c] = u32::to_be_bytes(low);
            let octets = [first, a, b, c];
            let decoded = FrameHeader::decode(octets);
            let fields = decoded.map(|header| (header.kind(), header.payload_len()));
            assert_eq!(fields, expected(first, low));
            if let Ok(header) = decoded {
                assert_eq!(header.encode(), octets);
                let (kind, len) = (header.kind(), header.payload_len());
                assert_eq!(FrameHeader::new(kind, len), Some(header));
            }
            assert_eq!(strict.check(octets), decoded);
            let masked = FrameHeader::decode([first & 0x0F, a, b, c]);
            assert_eq!(lenient.check(octets), masked);
        }
    }
    assert_eq!(FrameHeader::new(FrameKind::Ping, MAX_PAYLOAD + 1), None);
    assert_eq!(FrameHeader::new(FrameKind::Ping, u32::MAX), None);
}

#[test]
fn every_limit_is_exact() {
    for bit in 0..=24 {
        for max in [(1_u32 << bit) - 1, 1 << bit, (1 << bit) + 1] {
            let rules = FrameRules::new(max);
            let max = max.min(MAX_PAYLOAD);
            for kind in [FrameKind::Message, FrameKind::Ping, FrameKind::Pong] {
                assert_eq!(rules.max_len(kind), max);
                let fits = FrameHeader::new(kind, max).unwrap();
                assert_eq!(rules.check(fits.encode()), Ok(fits));
                let Some(longer) = FrameHeader::new(kind, max + 1) else {
                    continue;
                };
                let len = max + 1;
                assert_eq!(
                    rules.check(longer.encode()),
                    Err(FrameError::TooLong { kind, len, max })
                );
            }
        }
    }
}

/// Every first and second octet with these two behind them.
fn try_handshakes(third: u8, fourth: u8) -> [usize; 2] {
    let mut legal = [0, 0];
    for word in 0..=u16::MAX {
        let [first, second] = word.to_be_bytes();
        let octets = [first, second, third, fourth];
        let (high, low) = (second >> 4, second & 15);
        let fault = if first != 0x7F {
            Some(HandshakeError::NotRawSocket { first })
        } else if [third, fourth] != [0, 0] {
            Some(HandshakeError::ReservedOctets([third, fourth]))
        } else {
            None
        };

        let request = Request::decode(octets);
        let expected = match (fault, low) {
            (Some(fault), _) => Err(fault),
            (None, 0) => Err(HandshakeError::IllegalSerializer),
            (None, low) => Ok((high, low)),
        };
        let fields = request.map(|r| (r.max_len.nibble(), r.serializer.get()));
        assert_eq!(fields, expected);
        if let Ok(request) = request {
            assert_eq!(request.encode(), octets);
            assert_eq!(request.max_len.octets(), 1 << (9 + high));
            legal[0] += 1;
        }

        let reply = Reply::decode(octets);
        match (fault, high, low) {
            (Some(fault), _, _) => assert_eq!(reply, Err(fault)),
            (None, 0, 0) => assert_eq!(reply, Err(HandshakeError::IllegalReply)),
            (None, code, 0) => {
                let code = RefusalCode::new(code).unwrap();
                assert_eq!(reply, Ok(Reply::Refuse(code)));
            }
            (None, nibble, serializer) => {
                let max_len = MaxLen::from_nibble(nibble).unwrap();
                let serializer = SerializerId::new(serializer).unwrap();
                assert_eq!(
                    reply,
                    Ok(Reply::Accept {
                        max_len,
                        serializer
                    })
                );
            }
        }
        if let Ok(reply) = reply {
            assert_eq!(reply.encode(), octets);
            legal[1] += 1;
        }
    }
    legal
}

#[test]
fn every_first_and_second_octet_of_a_handshake() {
    assert_eq!(try_handshakes(0, 0), [240, 255]);
}

#[test]
fn every_bit_of_the_reserved_octets() {
    for bit in 0..8 {
        assert_eq!(try_handshakes(1 << bit, 0), [0, 0]);
        assert_eq!(try_handshakes(0, 1 << bit), [0, 0]);
    }
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "4 billion handshakes: seconds in release only"
)]
fn every_handshake() {
    let mut legal = [0, 0];
    for word in 0..=u32::MAX {
        let octets = word.to_be_bytes();
        if let Ok(request) = Request::decode(octets) {
            assert!(request.encode() == octets);
            legal[0] += 1;
        }
        if let Ok(reply) = Reply::decode(octets) {
            assert!(reply.encode() == octets);
            legal[1] += 1;
        }
    }
    assert_eq!(legal, [240, 255]);
}

#[test]
fn every_number_of_the_small_types() {
    for number in 0..=255 {
        assert_eq!(MaxLen::from_nibble(number).is_some(), number < 16);
        let named = (1..16).contains(&number);
        assert_eq!(
            SerializerId::new(number).map(SerializerId::get),
            named.then_some(number)
        );
        assert_eq!(
            RefusalCode::new(number).map(RefusalCode::get),
            named.then_some(number)
        );
    }
    let names = ["json", "msgpack", "cbor", "ubjson", "flatbuffers"].map(Some);
    for (number, name) in (1..=15).zip(names.into_iter().chain([None; 10])) {
        assert_eq!(SerializerId::new(number).unwrap().name(), name);
    }
}
