//! All that Perl's `Net::WAMP::RawSocket` offers its users, by the meaning of its methods.
#![cfg(feature = "connection")]

use core::num::NonZeroU8;
use std::sync::Arc;

use wamp_rawsocket_proto::connection::{
    Config, Connection, ConnectionError, Event, SendErrorReason,
};
use wamp_rawsocket_proto::time::Instant;
use wamp_rawsocket_proto::wire::SerializerId;

const NOW: Instant = Instant::ZERO;

/// `new(max_receive_length => …)`, `send_handshake(serialization => …)`, `verify_handshake` and
/// `receive_and_answer_handshake`.
fn pair(client: Config, router: Config, serializer: SerializerId) -> [Connection; 2] {
    let mut client = Connection::client(Arc::new(client), serializer, NOW);
    let mut router = Connection::router(Arc::new(router), NOW);
    carry(&mut client, &mut router);
    assert!(matches!(router.poll_event(), Ok(Some(Event::Requested(_)))));
    router.accept().expect("a request waits");
    assert!(matches!(
        router.poll_event(),
        Ok(Some(Event::Established(_)))
    ));
    router.welcome();
    carry(&mut router, &mut client);
    assert!(matches!(
        client.poll_event(),
        Ok(Some(Event::Established(_)))
    ));
    [client, router]
}

fn carry(from: &mut Connection, to: &mut Connection) {
    while let Some(octets) = from.poll_transmit() {
        let (len, mut input) = (octets.len(), octets);
        to.handle_input(&mut input, NOW);
        let left = input.len();
        from.handle_transmitted(len - left);
        if left > 0 {
            return;
        }
    }
}

/// `get_next_message`, which swallows PONGs.
fn next_message(connection: &mut Connection) -> Option<Vec<u8>> {
    loop {
        if let Event::Message(message) = connection.poll_event().expect("no error")? {
            return Some(message.to_vec());
        }
    }
}

/// As [`next_message`], once it arrived.
fn receive(from: &mut Connection, to: &mut Connection) -> Vec<u8> {
    loop {
        carry(from, to);
        if let Some(message) = next_message(to) {
            return message;
        }
    }
}

/// `max_receive_length` is 2^9 to 2^24, each end its own; `get_max_send_length` and
/// `get_serialization` tell what the handshake led to; `send_message` and `get_next_message` carry
/// messages of up to that length.
#[test]
fn every_length_and_both_serializers() {
    for (exponent, serializer) in (9..=24).zip(
        [SerializerId::JSON, SerializerId::MSGPACK]
            .into_iter()
            .cycle(),
    ) {
        let (ours, theirs) = (1_u32 << exponent, 1_u32 << (33 - exponent));
        let ends = pair(
            Config::new().max_receive(ours).send_full_frame(true),
            Config::new().max_receive(theirs).send_full_frame(true),
            serializer,
        );
        let [mut client, mut router] = ends;
        for (end, limit) in [(&client, theirs), (&router, ours)] {
            assert_eq!(end.send_limit(), limit);
            assert_eq!(end.negotiated().expect("open").serializer, serializer);
        }

        let longest = vec![b'x'; theirs as usize];
        client
            .send(longest.clone().into())
            .expect("the longest message is taken");
        let arrived = receive(&mut client, &mut router);
        assert!(arrived == longest, "the longest message arrives as it was");

        let mut longer = longest;
        longer.push(b'x');
        let refused = client.send(longer.into()).expect_err("one octet too many");
        let len = theirs as usize + 1;
        assert_eq!(
            refused.reason,
            SendErrorReason::TooLong { len, max: theirs }
        );
    }
}

/// `check_heartbeat`, to be run whenever reading timed out: it sends a PING, and gives up once
/// `max_pings` are unanswered.
#[test]
fn check_heartbeat_gives_up_after_max_pings() {
    let three = NonZeroU8::new(3).expect("not zero");
    let config = Config::new().max_pings(three);
    let [mut client, mut router] = pair(config, Config::new(), SerializerId::JSON);

    // Answered: the count starts anew, and the PONG does not show among the messages.
    client.ping(NOW).expect("open");
    assert_eq!(client.unanswered_pings(), 1);
    carry(&mut client, &mut router);
    assert_eq!(next_message(&mut router), None);
    router.send_copy(b"[1]").expect("there is room");
    assert_eq!(receive(&mut router, &mut client), b"[1]");
    assert_eq!(client.unanswered_pings(), 0);
    assert_eq!(client.stats().pongs_in, 1);

    // Not answered.
    for _ in 0..3 {
        client.ping(NOW).expect("still hoping");
    }
    assert_eq!(client.ping(NOW), Err(SendErrorReason::Closed));
    let error = client.poll_event().expect_err("given up");
    assert_eq!(error, ConnectionError::Unresponsive { pings: 3 });
}
