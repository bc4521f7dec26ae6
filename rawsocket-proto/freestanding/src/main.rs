//! A program without std and without an allocator that does a handshake, exchanges frames and
//! keeps a heartbeat. It returns 0, or the number of the step that went wrong.
#![no_std]
#![no_main]
#![expect(
    unsafe_code,
    reason = "`no_mangle` is an unsafe attribute; there is no unsafe block"
)]

mod interface;

use core::hint::black_box;
use core::time::Duration;

use interface::{
    PIECE, Part, rawsocket_beat, rawsocket_client, rawsocket_decode, rawsocket_decoder,
    rawsocket_header, rawsocket_pong, rawsocket_request, rawsocket_router,
};
use wamp_rawsocket_proto::decode::FrameDecoder;
use wamp_rawsocket_proto::heartbeat::{Heartbeat, HeartbeatConfig};
use wamp_rawsocket_proto::time::Instant;
use wamp_rawsocket_proto::wire::FrameRules;

const STEPS: [fn() -> bool; 4] = [accepted, refused, frames, heartbeat];

/// Where a C program starts.
#[unsafe(no_mangle)]
pub extern "C" fn main() -> i32 {
    (1..)
        .zip(STEPS)
        .find(|(_, step)| !step())
        .map_or(0, |(number, _)| number)
}

fn accepted() -> bool {
    let (mut request, mut reply) = ([0; 4], [0; 4]);
    rawsocket_request(black_box(1 << 20), black_box(1), &mut request)
        && request == [0x7F, 0xB1, 0, 0]
        && rawsocket_router(black_box(100_000), 1, &request, &mut reply)
        && (0..=4).all(|cut| rawsocket_client(1 << 20, 1, &reply, black_box(cut)) == 131_072)
}

fn refused() -> bool {
    let mut reply = [0; 4];
    rawsocket_router(512, 1, black_box(&[0x7F, 0xF2, 0, 0]), &mut reply)
        && rawsocket_client(512, 2, &reply, 2) == -17
        && !rawsocket_router(512, 1, black_box(b"GET "), &mut reply)
}

/// A message that comes one octet at a time, then a PING and an illegal header in one piece.
fn frames() -> bool {
    let mut decoder = FrameDecoder::new(FrameRules::new(0));
    rawsocket_decoder(black_box(16), &mut decoder);
    let (mut octets, mut part, mut header) = ([0; PIECE], Part::default(), [0; 4]);
    if !rawsocket_header(0, black_box(2), &mut header) {
        return false;
    }
    let mut payload = 0;
    for octet in header.into_iter().chain(*b"[]") {
        octets[0] = octet;
        if rawsocket_decode(&mut decoder, &octets, black_box(1), &mut part) != 1 {
            return false;
        }
        payload += part.len;
    }
    octets[..10].copy_from_slice(b"\x01\0\0\x02hi\x03\0\0\0");
    payload == 2
        && rawsocket_decode(&mut decoder, black_box(&octets), 10, &mut part) == 6
        && (part.kind, part.len) == (1, 2)
        && octets[6] == 3
        && {
            octets.copy_within(6..10, 0);
            rawsocket_decode(&mut decoder, black_box(&octets), 4, &mut part) == -1
        }
}

fn heartbeat() -> bool {
    let config = HeartbeatConfig {
        interval: Some(Duration::from_secs(10)),
        max_pings: core::num::NonZeroU8::MIN,
    };
    let mut heartbeat = Heartbeat::new(config, Instant::ZERO);
    let mut ping = [0; 8];
    rawsocket_beat(&mut heartbeat, black_box(9_999), &mut ping) == 0
        && rawsocket_beat(&mut heartbeat, black_box(10_000), &mut ping) == 1
        && rawsocket_pong(&mut heartbeat, black_box(10_100), &ping)
        && rawsocket_beat(&mut heartbeat, black_box(20_100), &mut ping) == 1
        && rawsocket_beat(&mut heartbeat, black_box(30_100), &mut ping) == 2
}
