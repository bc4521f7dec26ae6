//! Two ends on a virtual clock, with a link between them that delays and cuts as it likes.
#![cfg(feature = "connection")]

#[expect(
    clippy::allow_attributes,
    reason = "which of it is used differs from test to test"
)]
#[allow(dead_code, reason = "shared by several tests")]
mod support;

#[path = "pair/heartbeats.rs"]
mod heartbeats;

use std::sync::Arc;

use proptest::prelude::*;
use support::link::{Told, at, sent};
use support::world::{Habits, World};
use support::{filler, frame, parse};
use wamp_rawsocket_proto::connection::{
    CloseReason, Config, Connection, ConnectionError, SendErrorReason,
};
use wamp_rawsocket_proto::time::TimerKind;
use wamp_rawsocket_proto::wire::SerializerId;

const STEADY: Habits = Habits {
    delay: (10, 10),
    piece: 1_500,
    capacity: 65_536,
};

fn world(client: Config, router: Config, habits: Habits, seed: u64) -> World {
    World::new(
        Connection::client(Arc::new(client), SerializerId::CBOR, at(0)),
        Connection::router(Arc::new(router), at(0)),
        habits,
        seed,
    )
}

fn habits() -> impl Strategy<Value = Habits> {
    let piece = prop_oneof![Just(1_usize), 2..20_usize, Just(1_500), Just(100_000)];
    let capacity = prop_oneof![1..50_usize, Just(2_000), Just(100_000)];
    (0..5_u64, 0..200_u64, piece, capacity).prop_map(|(least, spread, piece, capacity)| Habits {
        delay: (least, least + spread),
        piece,
        capacity,
    })
}

fn lens() -> impl Strategy<Value = Vec<usize>> {
    let len = prop_oneof![4 => 0..50_usize, 2 => 50..3_000_usize, 1 => 3_000..10_000_usize];
    prop::collection::vec(len, 0..8)
}

fn messages(lens: &[usize], seed: usize) -> Vec<Vec<u8>> {
    let lens = lens.iter().enumerate();
    lens.map(|(n, len)| filler(*len, seed + n)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn everything_arrives(
        habits in habits(),
        seed in any::<u64>(),
        up in lens(),
        down in lens(),
        high in prop_oneof![Just(1_usize), 100..5_000_usize, Just(1 << 20)],
        low in 0..5_000_usize,
        pings in 0..4_usize,
    ) {
        let config = Config::new()
            .water_marks(high, low)
            .handshake_timeout(None)
            .close_timeout(std::time::Duration::from_secs(1_000_000));
        let mut world = world(config.clone(), config, habits, seed);
        let (up, down) = (messages(&up, 1), messages(&down, 100));
        world.ends[0].outgoing.extend(up.iter().cloned());
        world.ends[1].outgoing.extend(down.iter().cloned());
        world.run(3_000);
        for _ in 0..pings {
            for end in &mut world.ends {
                if end.connection.negotiated().is_some() {
                    end.connection.ping(at(world.now)).unwrap();
                }
            }
            let now = world.now;
            world.run(now + 100);
        }
        world.run(500_000_000);
        for (end, expected) in world.ends.iter().zip([&down, &up]) {
            prop_assert!(end.messages() == *expected, "all, in order");
            prop_assert!(end.outgoing.is_empty());
        }
        let stats = [0, 1].map(|end: usize| world.ends[end].connection.stats());
        for (this, other) in [(stats[0], stats[1]), (stats[1], stats[0])] {
            prop_assert_eq!(this.octets_out, other.octets_in);
            prop_assert_eq!(this.messages_out, other.messages_in);
            prop_assert_eq!(this.pings_out, other.pings_in);
            prop_assert_eq!(this.pongs_in, this.pings_out);
        }

        world.ends[0].closes = true;
        world.run(1_000_000_000);
        prop_assert_eq!(world.ends[0].told.last(), Some(&Told::Closed(CloseReason::Local)));
        prop_assert_eq!(world.ends[1].told.last(), Some(&Told::Closed(CloseReason::Peer)));
        prop_assert!(world.ends.iter().all(|end| end.connection.is_closed()));
    }

    #[test]
    fn an_orderly_close_sends_all_that_is_queued(
        habits in habits(),
        seed in any::<u64>(),
        lens in lens(),
        closer in 0..2_usize,
    ) {
        let config = Config::new()
            .handshake_timeout(None)
            .close_timeout(std::time::Duration::from_secs(1_000_000));
        let mut world = world(config.clone(), config, habits, seed);
        let expected = messages(&lens, 5);
        world.ends[closer].outgoing.extend(expected.iter().cloned());
        world.run(20_000);
        world.ends[closer].closes = true;
        world.run(500_000_000);
        let told = &world.ends[1 - closer].told;
        prop_assert!(world.ends[1 - closer].messages() == expected, "all, in order");
        let finished = told.iter().filter(|told| **told == Told::PeerFinished).count();
        prop_assert_eq!(finished, 1);
        prop_assert_eq!(told.last(), Some(&Told::Closed(CloseReason::Peer)));
        prop_assert_eq!(world.ends[closer].told.last(), Some(&Told::Closed(CloseReason::Local)));
    }
}

#[test]
fn both_flood() {
    let config = Config::new().water_marks(20_000, 5_000);
    let habits = Habits {
        capacity: 8_000,
        ..STEADY
    };
    let mut world = world(config.clone(), config, habits, 1);
    for seed in 0..200 {
        world.ends[0].outgoing.push_back(filler(5_000, seed));
        world.ends[1]
            .outgoing
            .push_back(filler(5_000, 1_000 + seed));
    }
    world.run(100_000);
    for end in &world.ends {
        assert_eq!(end.messages().len(), 200);
        let writable = end.told.iter().filter(|told| **told == Told::Writable);
        assert!((10..200).contains(&writable.count()));
    }
}

#[test]
fn a_handshake_that_nobody_answers() {
    let mut world = world(Config::new(), Config::new(), STEADY, 1);
    world.cut = true;
    world.run(4_999);
    assert!(world.ends.iter().all(|end| end.told.is_empty()));
    world.run(5_000);
    let error = ConnectionError::Timeout(TimerKind::Handshake);
    for end in &world.ends {
        assert_eq!(end.told, [Told::Failed(error)]);
    }
    // And nothing is due any more.
    assert!(
        world
            .ends
            .iter()
            .all(|end| end.connection.poll_timeout().is_none())
    );
}

#[test]
fn a_handshake_in_time_has_no_deadline_left() {
    let habits = Habits {
        delay: (2_400, 2_400),
        ..STEADY
    };
    let mut world = world(Config::new(), Config::new(), habits, 1);
    world.run(1_000_000);
    for end in &world.ends {
        assert!(end.connection.negotiated().is_some());
        assert_eq!(end.connection.poll_timeout(), None);
    }
}

#[test]
fn half_close() {
    let mut world = world(Config::new(), Config::new(), STEADY, 1);
    world.ends[1].follows = false;
    world.run(100);
    world.ends[0].outgoing.push_back(b"last".to_vec());
    world.ends[0].closes = true;
    world.run(200);
    assert_eq!(world.ends[1].messages(), [b"last"]);
    assert_eq!(world.ends[1].told.last(), Some(&Told::PeerFinished));
    // The router still sends; the client has closed and drops it, but its end is orderly.
    world.ends[1].outgoing.push_back(b"late".to_vec());
    world.run(300);
    world.ends[1].closes = true;
    world.run(400);
    assert_eq!(world.ends[0].messages().len(), 0);
    assert_eq!(
        world.ends[0].told.last(),
        Some(&Told::Closed(CloseReason::Local))
    );
    assert_eq!(
        world.ends[1].told.last(),
        Some(&Told::Closed(CloseReason::Peer))
    );
}

#[test]
fn a_peer_that_never_closes_its_side() {
    let mut world = world(Config::new(), Config::new(), STEADY, 1);
    world.ends[1].follows = false;
    world.run(100);
    world.ends[0].closes = true;
    world.run(5_099);
    assert!(!world.ends[0].connection.is_closed());
    world.run(5_100);
    assert_eq!(
        world.ends[0].told.last(),
        Some(&Told::Closed(CloseReason::Local))
    );
}

#[test]
fn a_close_that_cannot_be_sent() {
    let mut world = world(Config::new(), Config::new(), STEADY, 1);
    world.run(100);
    world.habits.capacity = 0;
    world.ends[0].outgoing.push_back(b"stuck".to_vec());
    world.ends[0].closes = true;
    world.run(5_099);
    assert!(!world.ends[0].connection.is_closed());
    world.run(5_100);
    let error = ConnectionError::Timeout(TimerKind::Close);
    assert_eq!(world.ends[0].told.last(), Some(&Told::Failed(error)));
}

#[test]
fn water_marks() {
    let config = Config::new().water_marks(1_000, 300);
    let mut client = support::link::client(config, 0xF1);
    // Each of 104 octets on the wire: nine fit.
    for _ in 0..9 {
        client.send_copy(&[0; 100]).unwrap();
    }
    assert_eq!(client.pending(), 936);
    let error = client.send_copy(&[1; 100]).unwrap_err();
    assert_eq!(
        (error.reason, error.message),
        (SendErrorReason::Full, &[1; 100][..])
    );
    // A smaller one still fits, and does not take the promise away.
    client.send_copy(&[2; 60]).unwrap();
    assert_eq!(client.pending(), 1_000);
    for left in [999, 301] {
        client.handle_transmitted(client.pending() - left);
        assert_eq!(support::link::told(&mut client), []);
    }
    client.handle_transmitted(1);
    assert_eq!(support::link::told(&mut client), [Told::Writable]);
    assert_eq!(support::link::told(&mut client), [], "once");
    sent(&mut client);
    // A message above the mark is taken while the queue is empty, and only then.
    client.send_copy(&[3; 5_000]).unwrap();
    let error = client.send_copy(&[4; 5_000]).unwrap_err();
    assert_eq!(error.reason, SendErrorReason::Full);
    client.handle_transmitted(4_900);
    assert_eq!(
        support::link::told(&mut client),
        [],
        "it would be refused again"
    );
    client.handle_transmitted(104);
    assert_eq!(support::link::told(&mut client), [Told::Writable]);
    client.send_copy(&[4; 5_000]).unwrap();
}

#[test]
fn a_flood_of_pings_pauses_reading_and_resumes_it() {
    let config = Config::new().pong_backlog(1_000);
    let mut router = support::link::router(config, 0xF1);
    let flood: Vec<u8> = (0..500).flat_map(|n| frame(1, &filler(96, n))).collect();
    let flood = [flood, frame(0, b"after")].concat();
    let mut input = &flood[..];
    let mut answers = Vec::new();
    let mut told = Vec::new();
    let mut pauses = 0;
    while !input.is_empty() || router.pending() > 0 {
        while router.wants_read() && !input.is_empty() {
            router.handle_input(&mut input, at(0));
            told.extend(support::link::told(&mut router));
            assert!(
                router.pending() <= 1_000 + 100,
                "one PONG above the backlog"
            );
        }
        if !router.wants_read() {
            pauses += 1;
        }
        let octets = router.poll_transmit().map_or(0, |octets| {
            let count = octets.len().min(333);
            answers.extend_from_slice(&octets[..count]);
            count
        });
        router.handle_transmitted(octets);
        told.extend(support::link::told(&mut router));
    }
    assert!(pauses > 10);
    assert_eq!(told, [Told::Message(b"after".to_vec())]);
    let (frames, used) = parse(&answers);
    assert_eq!((frames.len(), used), (500, answers.len()));
    for (n, answer) in frames.iter().enumerate() {
        assert!(*answer == (2, filler(96, n)));
    }
}

#[test]
fn the_greeting_limit_and_welcome() {
    let router = Config::new().greeting_limit(100);
    for welcome in [false, true] {
        let mut world = world(Config::new(), router.clone(), STEADY, 1);
        world.ends[0].outgoing.push_back(filler(100, 1));
        world.run(100);
        assert_eq!(world.ends[1].messages(), [filler(100, 1)]);
        if welcome {
            world.ends[1].connection.welcome();
        }
        world.ends[0].outgoing.push_back(filler(101, 2));
        world.ends[1].outgoing.push_back(filler(1_000_000, 3));
        world.run(10_000);
        assert_eq!(world.ends[1].messages().len(), 1 + usize::from(welcome));
        let failed = matches!(world.ends[1].told.last(), Some(Told::Failed(_)));
        assert_eq!(failed, !welcome);
        if welcome {
            assert_eq!(world.ends[0].messages(), [filler(1_000_000, 3)]);
        }
    }
}
