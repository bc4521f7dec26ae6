//! What is given to be sent, and in which pieces: contiguous and vectored, in any mixture.
#![cfg(feature = "driver")]

#[expect(
    clippy::allow_attributes,
    reason = "which of it is used differs from test to test"
)]
#[allow(dead_code, reason = "shared by several tests")]
mod support;

use std::io::IoSlice;

use support::link::{at, client, feed, sent};
use support::{filler, frame};
use wamp_rawsocket_proto::connection::{Config, Connection};

/// Sends up to `count` octets of one vectored write with so many slices.
fn write_vectored(connection: &mut Connection, slices: usize, count: usize) -> Vec<u8> {
    let mut all = vec![IoSlice::new(&[]); slices];
    let filled = connection.poll_transmit_vectored(&mut all);
    let mut octets = Vec::new();
    all[..filled]
        .iter()
        .for_each(|slice| octets.extend_from_slice(slice));
    octets.truncate(count);
    connection.handle_transmitted(octets.len());
    octets
}

#[test]
fn the_rest_of_a_frame_after_a_short_vectored_write() {
    let large = filler(50_000, 1);
    for count in [1, 3, 4, 5, 16_387, 16_388, 16_389, 40_000, 50_003] {
        let mut client = client(Config::new(), 0xF1);
        client.send(large.clone().into()).unwrap();
        client.send_copy(b"next").unwrap();
        let mut octets = write_vectored(&mut client, 8, count);
        assert_eq!(octets.len(), count);
        assert_eq!(client.pending(), 50_004 + 8 - count);
        assert!(client.poll_transmit().is_some(), "{count}");
        // A PONG that comes now stays out of the frame.
        assert_eq!(feed(&mut client, &frame(1, b"?"), at(0)), []);
        octets.extend(sent(&mut client));
        let expected = [frame(0, &large), frame(2, b"?"), frame(0, b"next")].concat();
        assert!(octets == expected, "{count}");
    }
}

#[test]
fn a_header_is_never_the_end_of_a_write() {
    for slices in 2..8 {
        for small in 0..2 {
            let mut client = client(Config::new(), 0xF1);
            let mut expected = Vec::new();
            for seed in 0..6 {
                if small == 1 && seed % 3 == 0 {
                    client.send_copy(b"small").unwrap();
                    expected.extend(frame(0, b"small"));
                }
                let payload = filler(5000, seed);
                client.send(payload.clone().into()).unwrap();
                expected.extend(frame(0, &payload));
            }
            let mut octets = Vec::new();
            while client.pending() > 0 {
                let write = write_vectored(&mut client, slices, usize::MAX);
                octets.extend(write);
                let (_, whole) = support::parse(&octets);
                assert_eq!(whole, octets.len(), "all writes end with a frame");
            }
            assert!(octets == expected);
        }
    }
}

#[test]
fn contiguous_writes_join_header_and_payload() {
    for len in [0, 1, 100, 4096, 4097, 16_384, 16_385, 100_000] {
        let mut client = client(Config::new(), 0xF1);
        client.send(filler(len, 2).into()).unwrap();
        let first = client.poll_transmit().unwrap();
        assert!(first.len() >= 4 + len.min(16_384), "{len}: {}", first.len());
        assert!(sent(&mut client) == frame(0, &filler(len, 2)));
    }
}

#[test]
fn small_frames_leave_in_one_write() {
    let mut client = client(Config::new(), 0xF1);
    for _ in 0..1000 {
        client.send_copy(b"0123456789").unwrap();
    }
    assert_eq!(client.poll_transmit().unwrap().len(), 14_000);
}
