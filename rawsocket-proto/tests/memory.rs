//! What is allocated, when, and how much of it at most. A counting allocator watches each test's
//! own thread.
#![cfg(feature = "connection")]

#[expect(
    clippy::allow_attributes,
    reason = "which of it is used differs from test to test"
)]
#[allow(dead_code, reason = "shared by several tests")]
mod support;

#[path = "memory/hostile.rs"]
mod hostile;

use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use bytes::{BufMut, Bytes};
use support::link::{at, client};
use support::{filler, frame, hello};
use wamp_rawsocket_proto::connection::{Config, Connection, Event};
use wamp_rawsocket_proto::decode::FrameDecoder;
use wamp_rawsocket_proto::handshake::{AwaitRequest, Client, ClientStep, Negotiated, RouterStep};
use wamp_rawsocket_proto::heartbeat::{Beat, Heartbeat, HeartbeatConfig};
use wamp_rawsocket_proto::wire::{FrameRules, MaxLen, Request, SerializerId};

/// A connection that is open, of a peer that announced this, with `config` alone shared.
fn open(config: &Arc<Config>, send_max: MaxLen) -> Connection {
    let negotiated = Negotiated {
        serializer: SerializerId::JSON,
        send_max,
        recv_max: config.announced_max(),
    };
    Connection::established(config.clone(), negotiated, at(0))
}

/// Makes the buffer that this thread's connections share, so that no single one is charged for it.
fn share_a_buffer() {
    let mut connection = open(&Arc::new(Config::new()), MaxLen::MAX);
    connection.handle_read(at(0), |buf| buf.put_u8(0));
    let held = measure(|| {
        connection.handle_read(at(0), |_| ());
    });
    assert_eq!(held.bytes_current, 0, "a read that finds nothing");
}

/// Octets that the connection holds after `work`, with `config` alone shared.
fn held_after(config: Config, work: impl FnOnce(&mut Connection)) -> i64 {
    share_a_buffer();
    let config = Arc::new(config);
    let mut connection = None;
    let info = measure(|| {
        let connection = connection.insert(open(&config, MaxLen::MAX));
        connection.welcome();
        work(connection);
    });
    drop(connection);
    // Less than nothing: the shared buffer was taken for a large frame, and freed.
    info.bytes_current.max(0)
}

/// Polls until there is nothing, without taking anything.
fn poll(connection: &mut Connection) {
    while let Ok(Some(_)) = connection.poll_event() {}
}

/// Sends all that waits.
fn transmit(connection: &mut Connection) {
    while let Some(octets) = connection.poll_transmit() {
        let count = octets.len();
        connection.handle_transmitted(count);
    }
}

#[test]
fn handshake_decoder_and_heartbeat_never_allocate() {
    let stream = [frame(0, &filler(5000, 1)), frame(1, b"?"), frame(2, b"")].concat();
    let info = measure(|| {
        let request = Request {
            max_len: MaxLen::MAX,
            serializer: SerializerId::JSON,
        };
        let client = Client::new(request);
        let octets = client.request();
        let step = AwaitRequest::new().feed(&mut &octets[..]).unwrap();
        let RouterStep::Decide(decide) = step else {
            panic!("a whole request")
        };
        let (octets, _) = decide.accept(MaxLen::MIN);
        let step = client.feed(&mut &octets[..]).unwrap();
        assert!(matches!(step, ClientStep::Done(_)));
        assert!(AwaitRequest::new().feed(&mut &[1, 2, 3, 4][..]).is_err());

        let mut decoder = FrameDecoder::new(FrameRules::new(10_000));
        let mut count = 0;
        for piece in stream.chunks(7) {
            let mut input = piece;
            while decoder.poll_part(&mut input).unwrap().is_some() {
                count += 1;
            }
        }
        assert!(count > 700);
        assert!(decoder.poll_part(&mut &[0xFF; 4][..]).is_err());

        let config = HeartbeatConfig {
            interval: Some(Duration::from_secs(1)),
            ..HeartbeatConfig::DEFAULT
        };
        let mut heartbeat = Heartbeat::new(config, at(0));
        let Some(Beat::Ping(payload)) = heartbeat.handle_timeout(at(1000)) else {
            panic!("a PING is due")
        };
        heartbeat.handle_life(at(1001));
        assert!(heartbeat.handle_pong(&payload, at(1001)).is_some());
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn a_new_connection_holds_nothing_but_its_request() {
    let config = Arc::new(Config::new());
    let info = measure(|| drop(Connection::router(config.clone(), at(0))));
    assert_eq!(info.count_total, 0);
    let held = held_after(Config::new(), |_| {});
    assert_eq!(held, 0);
}

#[test]
fn nothing_is_reserved_because_it_was_announced() {
    for header in [
        [0, 0xFF, 0xFF, 0xFF],
        [8, 0, 0, 0],
        [9, 0, 0, 0],
        [10, 0, 0, 0],
    ] {
        for more in [0, 1, 100] {
            let octets = [&header[..], &vec![7; more]].concat();
            let held = held_after(Config::new(), |connection| {
                connection.handle_input(&mut &octets[..], at(0));
                poll(connection);
            });
            assert!(held <= 4 + 100, "{held} after {more}");
            let held = held_after(Config::new(), |connection| {
                for mut piece in octets.chunks(3) {
                    connection.handle_read(at(0), |buf| buf.put(&mut piece));
                    poll(connection);
                }
            });
            assert!(held <= 9 << 10, "{held} after {more}");
        }
    }
}

#[test]
fn an_idle_connection_holds_nothing() {
    let stream = [
        frame(0, b"[]"),
        frame(0, &filler(300_000, 1)),
        frame(1, &filler(70_000, 2)),
        frame(1, b"?"),
        frame(2, b"?"),
        frame(0, b""),
    ]
    .concat();
    for end in [stream.len(), stream.len() - 4 - 5] {
        let stream = &stream[..end];
        let held = held_after(Config::new(), |connection| {
            let mut input = stream;
            while !input.is_empty() {
                connection.handle_input(&mut input, at(0));
                poll(connection);
                connection.send_copy(&stream[..9000]).unwrap();
                transmit(connection);
            }
        });
        assert_eq!(held, 0, "by handle_input");

        let held = held_after(Config::new(), |connection| {
            let mut input = stream;
            while !input.is_empty() || connection.pending() > 0 {
                transmit(connection);
                if connection.wants_read() && !input.is_empty() {
                    connection.handle_read(at(0), |buf| {
                        let (now, later) = input.split_at(input.len().min(buf.remaining_mut()));
                        buf.put_slice(now);
                        input = later;
                    });
                }
                poll(connection);
            }
        });
        assert_eq!(held, 0, "by handle_read, without a read that finds nothing");
    }
}

#[test]
fn a_heartbeat_is_all_that_stays() {
    let config = Config::new().heartbeat_interval(Some(Duration::from_secs(1)));
    let held = held_after(config, |connection| {
        connection.handle_timeout(at(1000));
        transmit(connection);
    });
    assert_eq!(held, i64::try_from(size_of::<Heartbeat>()).unwrap());
}

#[test]
fn a_large_message_is_sent_without_a_copy() {
    let message = Bytes::from(filler(1 << 20, 1));
    let _shared = message.clone();
    let mut client = client(Config::new(), 0xF1);
    let info = measure(|| {
        for _ in 0..10 {
            client.send(message.clone()).unwrap();
            assert!(client.send(message.clone()).is_err());
            // As a vectored write does.
            client.handle_transmitted(message.len() + 4);
            assert_eq!(client.pending(), 0);
        }
    });
    assert!(info.count_total <= 10, "{}", info.count_total);
    assert!(info.bytes_max < 1024, "{}", info.bytes_max);
}

#[test]
fn a_large_message_is_received_in_few_allocations() {
    let octets = frame(0, &filler(1 << 20, 1));
    let mut client = client(Config::new(), 0xF1);
    // All at once: a first piece, and the frame.
    let info = measure(|| {
        client.handle_input(&mut &octets[..], at(0));
        poll(&mut client);
    });
    assert_eq!(client.stats().messages_in, 1);
    assert!(info.count_total <= 2, "{}", info.count_total);
    assert!(
        info.bytes_max < (1 << 20) + (10 << 10),
        "{}",
        info.bytes_max
    );

    // In reads: one for each doubling, and to take the message is not to copy it.
    let mut taken = None;
    let info = measure(|| {
        let mut input = &octets[..];
        while !input.is_empty() {
            client.handle_read(at(0), |buf| {
                let (now, later) = input.split_at(input.len().min(buf.remaining_mut()));
                buf.put_slice(now);
                input = later;
            });
        }
        if let Ok(Some(Event::Message(payload))) = client.poll_event() {
            taken = Some(payload.into_bytes());
        }
        poll(&mut client);
    });
    assert!(taken.unwrap() == octets[4..]);
    assert!(info.count_total <= 10, "{}", info.count_total);
}

#[test]
#[cfg(feature = "driver")]
fn busy_connections_allocate_for_nothing_but_what_is_taken() {
    share_a_buffer();
    let config = Arc::new(Config::new());
    let mut connections: Vec<_> = (0..10).map(|_| open(&config, MaxLen::MAX)).collect();
    let small = [frame(0, b"[1]"), frame(0, &filler(3000, 1))].concat();
    let info = measure(|| {
        for _ in 0..10 {
            for connection in &mut connections {
                connection.handle_read(at(0), |buf| buf.put_slice(&small));
                poll(connection);
            }
        }
    });
    assert_eq!(connections[9].stats().messages_in, 20);
    assert_eq!(info.count_total, 0);
}

#[test]
fn a_header_alone_keeps_no_buffer_however_large_the_last_message_was() {
    let config = Arc::new(Config::new());
    let mut connection = open(&config, MaxLen::MAX);
    connection.welcome();
    let octets = [frame(0, &filler(500_000, 1)), vec![0, 0xFF, 0xFF, 0xFF]].concat();
    share_a_buffer();
    let info = measure(|| {
        let mut input = &octets[..];
        while !input.is_empty() {
            connection.handle_read(at(0), |buf| {
                let (now, later) = input.split_at(input.len().min(buf.remaining_mut()));
                buf.put_slice(now);
                input = later;
            });
            poll(&mut connection);
        }
        // As before each wait.
        connection.handle_read(at(0), |_| ());
    });
    assert_eq!(connection.stats().messages_in, 1);
    assert!(info.bytes_current <= 16, "{}", info.bytes_current);
}

#[test]
fn a_small_message_that_is_taken_keeps_no_buffer() {
    let octets = frame(0, &filler(1000, 1));
    share_a_buffer();
    let mut taken = Vec::with_capacity(100);
    let mut client = client(Config::new(), 0xF1);
    let info = measure(|| {
        for _ in 0..100 {
            client.handle_read(at(0), |buf| buf.put_slice(&octets));
            let Ok(Some(Event::Message(payload))) = client.poll_event() else {
                panic!("a message came")
            };
            taken.push(payload.into_bytes());
            poll(&mut client);
        }
    });
    assert!(info.bytes_current < 120 * 1000, "{}", info.bytes_current);
}

#[test]
fn the_handshake_of_a_stranger_costs_little() {
    let config = Arc::new(Config::new());
    let octets = hello(0xF1);
    let mut router = None;
    let info = measure(|| {
        let router = router.insert(Connection::router(config, at(0)));
        for octet in octets {
            router.handle_input(&mut &[octet][..], at(0));
        }
        poll(router);
    });
    assert!(info.bytes_max <= 9 << 10, "{}", info.bytes_max);
}
