//! Peers that want a connection to hold as much as it will: it stays below its bound.

use std::sync::Arc;

use allocation_counter::{measure, opt_out};
use bytes::BufMut;
use wamp_rawsocket_proto::connection::{Config, Connection};
use wamp_rawsocket_proto::wire::MaxLen;

use crate::open;
use crate::support::{filler, frame};

/// How the connection is treated by its user and by its transport.
#[derive(Clone, Copy, Debug)]
struct Habit {
    /// Octets that come at once; 0: any number, by the connection's own room.
    piece: usize,
    read: bool,
    poll: bool,
    /// Octets that leave for each piece that comes.
    leave: usize,
}

const PIECES: [usize; 3] = [0, 1_000, 60_000];

/// Feeds the stream until it is taken or no more is wanted, and holds the bound at every point.
fn hold(config: &Config, send_max: MaxLen, stream: &[u8], habit: Habit) -> Connection {
    let config = Arc::new(config.clone());
    let mut left = None;
    let mut bound = 0;
    let info = measure(|| {
        let connection = left.insert(open(&config, send_max));
        connection.welcome();
        bound = connection.memory_bound();
        let mut input = stream;
        while !input.is_empty() && connection.wants_read() {
            let piece = if habit.piece == 0 {
                usize::MAX
            } else {
                habit.piece
            };
            let (mut now, later) = input.split_at(input.len().min(piece));
            if habit.read {
                connection.handle_read(at_zero(), |buf| {
                    let count = now.len().min(buf.remaining_mut());
                    buf.put_slice(&now[..count]);
                    now = &now[count..];
                });
            } else {
                connection.handle_input(&mut now, at_zero());
            }
            input = &input[input.len() - later.len() - now.len()..];
            while habit.poll && matches!(connection.poll_event(), Ok(Some(_))) {}
            let count = connection.poll_transmit().map_or(0, <[u8]>::len);
            connection.handle_transmitted(count.min(habit.leave));
        }
    });
    let most = usize::try_from(info.bytes_max).unwrap();
    assert!(
        most <= bound,
        "{most} octets held, {bound} promised: {habit:?}"
    );
    left.unwrap()
}

fn at_zero() -> wamp_rawsocket_proto::time::Instant {
    crate::at(0)
}

fn hold_always(config: &Config, stream: &[u8]) {
    for send_max in [MaxLen::MIN, MaxLen::MAX] {
        for piece in PIECES {
            for [read, poll] in [[true, true], [true, false], [false, true], [false, false]] {
                for leave in [0, 10] {
                    let habit = Habit {
                        piece,
                        read,
                        poll,
                        leave,
                    };
                    hold(config, send_max, stream, habit);
                }
            }
        }
    }
}

/// Little but what it must have: no slack hides a fault.
fn lean(max: u32) -> Config {
    Config::new()
        .max_receive(max)
        .max_ping(100)
        .pong_backlog(0)
        .water_marks(1, 0)
}

#[test]
fn one_frame_of_16_mib() {
    let octets = [&[8, 0, 0, 0], &filler(1 << 24, 1)[..]].concat();
    for piece in [0, 1_000, 65_536] {
        for read in [true, false] {
            let habit = Habit {
                piece,
                read,
                poll: true,
                leave: 0,
            };
            let connection = hold(&lean(1 << 24), MaxLen::MIN, &octets, habit);
            assert_eq!(connection.stats().messages_in, 1);
        }
    }
}

#[test]
fn a_frame_octet_by_octet() {
    let octets = frame(0, &filler(100_000, 1));
    for read in [true, false] {
        let habit = Habit {
            piece: 1,
            read,
            poll: true,
            leave: 0,
        };
        let connection = hold(&lean(100_000), MaxLen::MIN, &octets, habit);
        assert_eq!(connection.stats().messages_in, 1);
    }
}

#[test]
fn frames_that_end_where_a_buffer_doubles() {
    // A buffer that doubles what it ever held would do so with each of these.
    let limit = 1 << 20;
    for short in [1_000, 30_000, 40_000, 66_000] {
        let stream = [
            frame(0, &filler(limit, 1)),
            frame(0, &filler(limit - short, 2)),
            frame(0, &filler(limit - short, 3)),
            frame(0, &filler(limit, 4)),
            frame(0, &filler(limit, 5)),
        ]
        .concat();
        for piece in PIECES {
            let habit = Habit {
                piece,
                read: true,
                poll: true,
                leave: 0,
            };
            let connection = hold(&lean(1 << 20), MaxLen::MIN, &stream, habit);
            assert_eq!(connection.stats().messages_in, 5);
        }
    }
}

#[test]
fn many_small_messages() {
    let stream = frame(0, b"[1]").repeat(20_000);
    hold_always(&lean(512), &stream);
}

#[test]
fn pings_of_all_sizes() {
    for len in [
        0, 1, 125, 1_000, 4_096, 4_097, 20_000, 65_532, 65_537, 200_000,
    ] {
        let stream = frame(1, &filler(len, 1)).repeat(1 + 250_000 / (len + 4));
        hold_always(
            &Config::new().max_receive(200_000).water_marks(1, 0),
            &stream,
        );
        let lean = lean(200_000).max_ping(200_000);
        hold_always(&lean, &stream);
        hold_always(&lean.pong_backlog(300_000), &stream);
    }
}

#[test]
fn pings_behind_large_messages() {
    // A PONG must not keep the buffer of the message before it.
    let one = [
        frame(0, &filler(1_000_000, 1)),
        frame(1, &filler(70_000, 2)),
    ]
    .concat();
    let config = lean(1_000_000).max_ping(70_000).pong_backlog(1_000_000);
    for piece in [0, 60_000] {
        for read in [true, false] {
            let habit = Habit {
                piece,
                read,
                poll: true,
                leave: 0,
            };
            let connection = hold(&config, MaxLen::MAX, &one.repeat(12), habit);
            assert!(connection.stats().pings_in >= 12);
        }
    }
}

#[test]
fn frames_of_random_sizes() {
    let mut seed = 1_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).unwrap() % below
    };
    for _ in 0..20 {
        let mut stream = Vec::new();
        for seed in 0..30 {
            let below = [10, 1_000, 70_000][random(3)];
            let kind = u8::try_from(random(3)).unwrap();
            stream.extend(frame(kind, &filler(random(below), seed)));
        }
        let habit = Habit {
            piece: [0, 1 + random(100_000), 1 + random(1_000)][random(3)],
            read: random(2) == 0,
            poll: true,
            leave: [0, 10, 1_000, usize::MAX][random(4)],
        };
        hold(&lean(70_000).max_ping(70_000), MaxLen::MAX, &stream, habit);
        hold(
            &Config::new().max_receive(70_000),
            MaxLen::MAX,
            &stream,
            habit,
        );
    }
}

#[test]
fn a_peer_that_reads_slowly() {
    for high in [1, 1_000, 100_000] {
        for len in [0, 10, 5_000, 60_000] {
            let config = Arc::new(lean(512).water_marks(high, 0));
            let message = filler(len, 1);
            let mut bound = 0;
            let info = measure(|| {
                let mut connection = open(&config, MaxLen::from_nibble(7).unwrap());
                bound = connection.memory_bound();
                let mut seed = 7_usize;
                for _ in 0..3_000 {
                    while connection.send_copy(&message).is_ok() {}
                    seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                    let count = connection.poll_transmit().map_or(0, <[u8]>::len);
                    connection.handle_transmitted(count.min(seed >> 8 & 0xFF));
                }
                opt_out(|| drop(connection));
            });
            let most = usize::try_from(info.bytes_max).unwrap();
            assert!(most <= bound, "{most} octets held, {bound} promised");
        }
    }
}
