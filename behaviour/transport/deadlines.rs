//! Silence: it is noticed when its time has come, and not before. Where the runtime's clock can be
//! paused, it is.

use std::num::NonZeroU8;
use std::time::Duration;

use super::{assert_fails, frame, message};
use crate::adapter::Connection;
use crate::adapter::rawsocket_proto::connection::{Config, ConnectionError};
use crate::adapter::rawsocket_proto::time::TimerKind;
use crate::adapter::rawsocket_proto::wire::SerializerId;
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::behaviour::bare;
use crate::{Instant, Pipe, TICK, TIME_IS_EXACT, both, case, either, pipe};

/// Both ends of a pipe, which has the runtime's clock for its only witness.
#[either]
async fn piped(config: &Config) -> (Connection<Pipe>, Connection<Pipe>) {
    let (here, there) = pipe();
    let (client, router) = both(
        async move { Connection::client(here, Config::new(), SerializerId::JSON).await },
        async move { Connection::router(there, config.clone(), |_| Ok(())).await },
    )
    .await;
    (router.unwrap(), client.unwrap())
}

#[track_caller]
fn assert_took(start: Instant, expected: Duration) {
    let took = start.elapsed();
    if TIME_IS_EXACT {
        // Timers count in milliseconds.
        assert_eq!(took.as_millis(), expected.as_millis());
    } else {
        assert!(took >= expected, "{took:?} instead of {expected:?}");
    }
}

#[case(clock)]
async fn a_handshake_has_a_deadline_on_both_ends() {
    let config = Config::new().handshake_timeout(Some(TICK));
    let late = ConnectionError::Timeout(TimerKind::Handshake);

    let ((here, _there), start) = (pipe(), Instant::now());
    let client = Connection::client(here, config.clone(), SerializerId::JSON).await;
    assert!(client.as_ref().unwrap_err().is_timeout());
    assert_fails(client, late);
    assert_took(start, TICK);

    let ((here, _there), start) = (pipe(), Instant::now());
    let router = Connection::router(here, config, |_| Ok(())).await;
    assert!(router.as_ref().unwrap_err().is_timeout());
    assert_fails(router, late);
    assert_took(start, TICK);
}

fn watched(max_pings: u8) -> Config {
    Config::new()
        .heartbeat_interval(Some(TICK))
        .max_pings(NonZeroU8::new(max_pings).unwrap())
}

#[case(clock)]
async fn a_silent_peer_is_given_up() {
    // The silence starts with the handshake's last octet.
    let start = Instant::now();
    let (mut end, _silent) = piped(&watched(3)).await;
    let outcome = end.recv().await;
    assert!(outcome.as_ref().unwrap_err().is_timeout());
    let lost = ConnectionError::Unresponsive { pings: 3 };
    assert_fails(outcome, lost);
    assert_took(start, 4 * TICK);
    assert_eq!(end.stats().pings_out, 3);
    // The reason stays, whatever is asked.
    assert_fails(end.recv().await, lost);
    assert_fails(end.send("late").await, lost);
    assert_fails(end.ready(4).await, lost);
    assert_fails(end.flush().await, lost);
}

#[case(clock)]
async fn what_could_not_be_flushed_is_not_called_flushed() {
    let (mut end, _silent) = piped(&watched(3)).await;
    end.try_send(vec![0; 8 << 20]).unwrap();
    let lost = ConnectionError::Unresponsive { pings: 3 };
    assert_fails(end.flush().await, lost);
}

#[case(clock)]
async fn a_close_that_the_peer_does_not_take_has_a_deadline() {
    let (mut end, _silent) = piped(&Config::new().close_timeout(TICK)).await;
    end.try_send(vec![0; 8 << 20]).unwrap();
    let start = Instant::now();
    assert_fails(
        end.close().await,
        ConnectionError::Timeout(TimerKind::Close),
    );
    assert_took(start, TICK);
}

/// A silent peer does not keep this end from closing, if all was sent: nothing is lost.
#[case(clock)]
async fn a_close_that_the_peer_does_not_answer_is_over_in_time() {
    let (mut end, _silent) = piped(&Config::new().close_timeout(TICK)).await;
    end.try_send("sent").unwrap();
    let start = Instant::now();
    end.close().await.unwrap();
    assert_took(start, TICK);
}

/// On real sockets and the real clock. The bounds leave room for a busy machine.
#[case]
async fn a_peer_that_answers_is_kept(endpoint: &Endpoint) {
    const ANSWERS: u64 = 30;
    let often = Config::new()
        .heartbeat_interval(Some(Duration::from_millis(10)))
        .max_pings(NonZeroU8::new(25).unwrap());
    for (mut end, mut peer) in bare::ends(endpoint, often).await {
        let peer = std::thread::spawn(move || {
            for _ in 0..ANSWERS {
                let [kind, rest @ ..] = peer.hear::<12>();
                assert_eq!((kind, &rest[..3]), (1, &[0, 0, 8][..]));
                peer.say(&[2]);
                peer.say(&rest);
            }
            peer.say(&frame(b"alive"));
            peer
        });
        assert_eq!(end.recv().await.unwrap().unwrap(), "alive");
        let stats = end.stats();
        assert_eq!(stats.pongs_in, ANSWERS);
        assert!(stats.pings_out >= ANSWERS);
        drop(peer.join().unwrap());
    }
}

/// PINGs are answered while an end waits for a message.
#[case]
async fn a_ping_is_answered_at_once(endpoint: &Endpoint) {
    for (mut end, mut peer) in bare::ends(endpoint, Config::new()).await {
        let peer = std::thread::spawn(move || {
            for payload in [&b""[..], b"hi", &[0; 125], &message(70_000)] {
                let mut ping = frame(payload);
                ping[0] = 1;
                peer.say(&ping);
                let mut answer = vec![0; ping.len()];
                std::io::Read::read_exact(&mut peer, &mut answer).unwrap();
                ping[0] = 2;
                assert!(answer == ping);
            }
            // What was not asked for is no fault.
            peer.say(b"\x02\0\0\x01?");
            peer.say(&frame(b"m"));
        });
        assert_eq!(end.recv().await.unwrap().unwrap(), "m");
        let stats = end.stats();
        assert_eq!((stats.pings_in, stats.stray_pongs_in), (4, 1));
        peer.join().unwrap();
    }
}
