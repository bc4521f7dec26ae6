//! The example without an allocator: the same whatever the line's pieces are.

use wamp_rawsocket_proto::error::FrameError;
use wamp_rawsocket_proto::wire::FrameKind;

#[path = "../examples/fixed_array.rs"]
#[expect(dead_code, reason = "a test is no program: there is no line")]
mod example;

use example::{Failure, RECORDING, Sensor};

/// What the sensor sends, and how it ends.
fn play(octets: &[u8], piece: usize) -> (Vec<u8>, Result<(), Failure>) {
    let (mut sensor, request) = Sensor::new();
    let mut sent = request.to_vec();
    let mut pieces = octets.chunks(piece);
    let ended = pieces.try_for_each(|piece| {
        sensor.handle_input(piece, &mut |octets| sent.extend_from_slice(octets))
    });
    (sent, ended)
}

#[test]
fn it_answers_the_ping_and_refuses_the_long_message() {
    let recording = RECORDING.concat();
    let refused = Failure::Frame(FrameError::TooLong {
        kind: FrameKind::Message,
        len: 513,
        max: 512,
    });
    let expected = (b"\x7F\x02\0\0\x02\0\0\x05alive".to_vec(), Err(refused));
    for piece in 1..=recording.len() {
        assert_eq!(play(&recording, piece), expected, "pieces of {piece}");
    }
}

#[test]
fn it_answers_a_ping_that_is_longer_than_the_buffer() {
    let asked = [RECORDING[0], b"\x01\0\x02\0", &[7; 512]].concat();
    let answered = [&b"\x7F\x02\0\0"[..], b"\x02\0\x02\0", &[7; 512]].concat();
    for piece in [1, 3, 16, 1_000] {
        assert_eq!(
            play(&asked, piece),
            (answered.clone(), Ok(())),
            "pieces of {piece}"
        );
    }
}

#[test]
fn it_hears_a_refusal() {
    let (_, ended) = play(b"\x7F\x10\0\0", 1);
    assert!(matches!(ended, Err(Failure::Handshake(_))), "{ended:?}");
}
