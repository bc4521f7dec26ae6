//! Heartbeats: who is dead, who only seems so, and how far away the living are.

use std::time::Duration;

use wamp_rawsocket_proto::connection::{Config, ConnectionError};

use crate::support::link::{Told, at};
use crate::support::world::{Habits, World};
use crate::{STEADY, filler, world};

fn beating(max_pings: u8) -> Config {
    Config::new()
        .heartbeat_interval(Some(Duration::from_secs(1)))
        .max_pings(max_pings.try_into().unwrap())
}

/// A client that beats, a router that does not; the handshake over.
fn one_sided(max_pings: u8, habits: Habits) -> World {
    let mut world = world(beating(max_pings), Config::new(), habits, 1);
    world.run(500);
    world
}

fn round_trips(world: &World, end: usize) -> Vec<u128> {
    let told = world.ends[end].told.iter();
    told.filter_map(|told| match told {
        Told::Pong(rtt) => Some(rtt.as_millis()),
        _ => None,
    })
    .collect()
}

#[test]
fn an_idle_peer_lives_for_ever_and_its_distance_is_known() {
    for delay in [0, 10, 450] {
        let habits = Habits {
            delay: (delay, delay),
            ..STEADY
        };
        let mut world = world(beating(1), beating(1), habits, 1);
        world.run(3_600_000);
        for end in 0..2 {
            let trips = round_trips(&world, end);
            assert!(trips.iter().all(|trip| *trip == u128::from(2 * delay)));
            assert!(world.ends[end].connection.negotiated().is_some());
            assert!(world.ends[end].told.len() <= 1 + 1 + trips.len());
            assert_eq!(world.ends[end].connection.stats().stray_pongs_in, 0);
        }
        let all = round_trips(&world, 0).len() + round_trips(&world, 1).len();
        assert!(all > 1_700, "{all}");
    }
}

#[test]
fn heartbeats_are_off_by_default() {
    let mut world = world(Config::new(), Config::new(), STEADY, 1);
    world.run(3_600_000);
    for end in &world.ends {
        assert_eq!(end.connection.stats().pings_out, 0);
    }
}

#[test]
fn a_silent_peer_is_given_up_after_max_pings() {
    for max_pings in [1, 3, 10] {
        let mut world = one_sided(max_pings, STEADY);
        world.cut = true;
        // Established at 20 ms; the last sign of life.
        let end = 20 + 1_000 * (u64::from(max_pings) + 1);
        world.run(end - 1);
        assert_eq!(world.ends[0].told.len(), 1);
        assert_eq!(world.ends[0].connection.unanswered_pings(), max_pings);
        world.run(end);
        let error = ConnectionError::Unresponsive { pings: max_pings };
        assert!(error.is_timeout());
        assert_eq!(world.ends[0].told.last(), Some(&Told::Failed(error)));
        assert_eq!(
            world.ends[0].connection.stats().pings_out,
            u64::from(max_pings)
        );
    }
}

#[test]
fn any_octet_is_a_sign_of_life() {
    let mut world = one_sided(1, STEADY);
    for second in 0..20_u64 {
        world.ends[1].outgoing.push_back(filler(3, 0));
        world.run(1_000 + second * 900);
    }
    assert_eq!(world.ends[0].connection.stats().pings_out, 0);
}

#[test]
fn a_peer_is_not_dead_because_we_do_not_listen() {
    let mut world = one_sided(1, STEADY);
    // A message waits to be polled, and nothing more is read.
    world.ends[0].away = true;
    world.ends[1].outgoing.extend([filler(3, 1), filler(3, 2)]);
    world.run(600_000);
    assert!(!world.ends[0].connection.wants_read());
    assert_eq!(world.ends[0].connection.stats().pings_out, 0);
    world.ends[0].away = false;
    world.run(660_000);
    assert_eq!(world.ends[0].messages().len(), 2);
    assert!(round_trips(&world, 0).len() > 50, "it still answers");
}

#[test]
fn a_peer_is_not_dead_because_we_are_busy_with_its_message() {
    // One message is polled and worked at, the next waits behind it: nothing is read meanwhile.
    let mut client = crate::support::link::client(beating(1), 0xF1);
    let octets = [crate::frame(0, b"[1]"), crate::frame(0, b"[2]")].concat();
    client.handle_input(&mut &octets[..], at(10));
    assert!(matches!(client.poll_event(), Ok(Some(_))));
    for seconds in 1..60 {
        client.handle_timeout(at(seconds * 1_000));
        assert!(!client.wants_read());
    }
    assert_eq!(client.stats().pings_out, 0);
    let told = crate::support::link::told(&mut client);
    assert_eq!(told, [Told::Message(b"[2]".to_vec())]);
    assert!(client.wants_read());
}

#[test]
fn a_peer_is_not_dead_while_it_takes_what_we_send() {
    // A megabyte at ten kilobytes a second, with our PINGs waiting behind it.
    let habits = Habits {
        delay: (100, 100),
        piece: 1_000,
        capacity: 1_000,
    };
    let mut world = one_sided(2, habits);
    world.ends[0].outgoing.push_back(filler(1_000_000, 1));
    world.ends[1].connection.welcome();
    world.run(1_000_000);
    assert_eq!(world.ends[1].messages().len(), 1);
    assert!(world.ends[0].connection.negotiated().is_some());
    assert!(!matches!(world.ends[0].told.last(), Some(Told::Failed(_))));
    assert!(!round_trips(&world, 0).is_empty());
}

#[test]
fn a_peer_that_takes_nothing_more_is_given_up() {
    // In the middle of a message that it does not read.
    let mut world = one_sided(2, STEADY);
    world.ends[0].outgoing.push_back(filler(1_000_000, 1));
    world.cut = true;
    world.run(10_000);
    let error = ConnectionError::Unresponsive { pings: 2 };
    assert_eq!(world.ends[0].told.last(), Some(&Told::Failed(error)));
}

#[test]
fn a_peer_that_floods_with_pings_and_reads_no_answer_is_given_up() {
    let mut router = crate::support::link::router(beating(3).pong_backlog(1_000), 0xF1);
    let flood = crate::frame(1, &filler(96, 1)).repeat(100);
    let mut input = &flood[..];
    for millis in (0..60_000).step_by(100) {
        router.handle_timeout(at(millis));
        router.handle_input(&mut input, at(millis));
        if let Some(told) = crate::support::link::next(&mut router) {
            let error = ConnectionError::Unresponsive { pings: 3 };
            assert_eq!(told, Told::Failed(error));
            // The first interval does not count: its reply to the handshake went out.
            assert_eq!(millis, 5_000);
            return;
        }
        assert!(!router.wants_read(), "the backlog is full");
    }
    panic!("it holds the connection for ever");
}

#[test]
fn asked_for_without_an_interval() {
    let mut world = world(Config::new(), Config::new(), STEADY, 1);
    world.run(100);
    for turn in 1..=30 {
        let now = at(world.now);
        world.ends[0].connection.ping(now).unwrap();
        world.run(100 + turn * 100);
        assert_eq!(world.ends[0].connection.unanswered_pings(), 0);
    }
    assert_eq!(round_trips(&world, 0), [20; 30]);
    // Ten may stay unanswered, one more is the end.
    world.cut = true;
    for _ in 0..10 {
        let now = at(world.now);
        world.ends[0].connection.ping(now).unwrap();
    }
    let now = at(world.now);
    assert!(world.ends[0].connection.ping(now).is_err());
    world.run(10_000);
    let error = ConnectionError::Unresponsive { pings: 10 };
    assert_eq!(world.ends[0].told.last(), Some(&Told::Failed(error)));
}

#[test]
fn pings_are_never_empty_and_always_text() {
    let mut client = crate::support::link::client(beating(255), 0xF1);
    for second in 1..=255 {
        client.handle_timeout(at(second * 1_000));
        let octets = crate::sent(&mut client);
        let frames = crate::parse(&octets).0;
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0].0, 1);
        assert!((1..=125).contains(&frames[0].1.len()));
        assert!(frames[0].1.iter().all(u8::is_ascii_graphic));
    }
}
