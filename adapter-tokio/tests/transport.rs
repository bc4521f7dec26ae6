//! The transport level: messages of every size over every stream, limits, deadlines, bad ends.

mod support;

use core::num::NonZeroU8;
use core::time::Duration;
use std::sync::Arc;

use support::{bounded, settle};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::time::Instant;
use wamp_rawsocket_tokio::rawsocket_proto::connection::{Config, ConnectionError, SendErrorReason};
use wamp_rawsocket_tokio::rawsocket_proto::error::HandshakeError;
use wamp_rawsocket_tokio::rawsocket_proto::time::TimerKind;
use wamp_rawsocket_tokio::rawsocket_proto::wire::{RefusalCode, SerializerId};
use wamp_rawsocket_tokio::wamp_core::transport::PeerError;
use wamp_rawsocket_tokio::{Connection, End, Error, Listener, SessionError, Socket};

const FULL: usize = 1 << 24;

async fn pair<T>(here: T, there: T, config: Config) -> (Connection<T>, Connection<T>)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let config = Arc::new(config);
    let client = Connection::client(here, config.clone(), SerializerId::JSON);
    let router = Connection::router(there, config, |_| Ok(()));
    let (client, mut router) = tokio::try_join!(client, router).unwrap();
    router.welcome();
    (client, router)
}

async fn piped(
    capacity: usize,
    config: Config,
) -> (Connection<DuplexStream>, Connection<DuplexStream>) {
    let (here, there) = tokio::io::duplex(capacity);
    pair(here, there, config).await
}

/// A client, and the other end of its stream, whose handshake is done by hand.
async fn by_hand(capacity: usize, config: Config) -> (Connection<DuplexStream>, DuplexStream) {
    let (here, mut there) = tokio::io::duplex(capacity);
    let client = Connection::client(here, config, SerializerId::JSON);
    let (client, ()) = tokio::join!(client, answer(&mut there));
    (client.unwrap(), there)
}

async fn answer(there: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let request = there.read_u32().await.unwrap();
    there.write_u32(request).await.unwrap();
}

async fn echo<T: AsyncRead + AsyncWrite + Unpin>(
    (mut client, mut router): (Connection<T>, Connection<T>),
    sizes: &[usize],
) {
    let server = async {
        while let Some(message) = router.recv().await.unwrap() {
            router.send(message).await.unwrap();
        }
        router.close().await.unwrap();
    };
    let client = async {
        for &size in sizes {
            let octet = u8::try_from(size % 251).unwrap();
            client.send(vec![octet; size]).await.unwrap();
            let message = client.recv().await.unwrap().unwrap();
            assert_eq!(message.len(), size);
            assert!(message.iter().all(|found| *found == octet));
        }
        client.close().await.unwrap();
    };
    tokio::join!(server, client);
}

const SIZES: [usize; 6] = [0, 1, 512, 64 << 10, 1 << 20, FULL - 1];

async fn sockets(endpoint: &str) -> (Socket, Socket) {
    let listener = Listener::bind(&endpoint.parse().unwrap()).await.unwrap();
    let connecting = Socket::connect(listener.endpoint());
    tokio::try_join!(connecting, listener.accept()).unwrap()
}

#[tokio::test]
async fn messages_of_all_sizes_are_echoed_over_tcp() {
    bounded(async {
        for endpoint in ["rs://127.0.0.1:0", "rs://[::1]:0"] {
            let (here, there) = sockets(endpoint).await;
            echo(pair(here, there, Config::new()).await, &SIZES).await;
        }
    })
    .await;
}

#[tokio::test]
async fn messages_of_all_sizes_are_echoed_over_unix_sockets() {
    bounded(async {
        let endpoint = format!("unix:@wamp-rawsocket-echo-{}", std::process::id());
        let (here, there) = sockets(&endpoint).await;
        echo(pair(here, there, Config::new()).await, &SIZES).await;
    })
    .await;
}

#[tokio::test]
async fn messages_of_all_sizes_are_echoed_through_narrow_pipes() {
    for (capacity, sizes) in [
        (1, &SIZES[..3]),
        (7, &SIZES[..4]),
        (64, &SIZES[..5]),
        (64 << 10, &SIZES[..]),
    ] {
        echo(piped(capacity, Config::new()).await, sizes).await;
    }
}

#[tokio::test]
async fn the_largest_frame_is_sent_only_where_allowed() {
    let (mut client, _router) = piped(64, Config::new()).await;
    let error = client.send(vec![0; FULL]).await.unwrap_err();
    let max = u32::try_from(FULL - 1).unwrap();
    assert!(matches!(error, Error::TooLong { len: FULL, max: most } if most == max));
    let refused = client.try_send(vec![0; FULL]).unwrap_err();
    assert_eq!(refused.message.len(), FULL);
    assert_eq!(refused.reason, SendErrorReason::TooLong { len: FULL, max });
    assert!(matches!(
        client.ready(FULL).await.unwrap_err(),
        Error::TooLong { .. }
    ));
    // It goes on.
    client.send("still here").await.unwrap();

    let both = Config::new().send_full_frame(true);
    echo(piped(1 << 16, both).await, &[FULL, 0]).await;
}

#[tokio::test]
async fn each_refusal_is_told_to_the_client() {
    for code in 1..=15 {
        let code = RefusalCode::new(code).unwrap();
        let (here, there) = tokio::io::duplex(64);
        let client = async {
            let error = Connection::client(here, Config::new(), SerializerId::JSON).await;
            error.unwrap_err()
        };
        let router = async {
            let error = Connection::router(there, Config::new(), |_| Err(code)).await;
            error.unwrap_err()
        };
        let (client, router) = tokio::join!(client, router);
        let told = ConnectionError::Handshake(HandshakeError::Refused(code));
        assert!(matches!(client, Error::Connection(error) if error == told));
        assert!(client.is_refusal());
        assert!(matches!(router, Error::Refused(own) if own == code));
    }
}

#[tokio::test]
async fn a_peer_that_closes_during_the_handshake_refuses() {
    for octets in [&[][..], &[0x7F], &[0x7F, 0xF1, 0]] {
        let (here, mut there) = tokio::io::duplex(64);
        there.write_all(octets).await.unwrap();
        there.shutdown().await.unwrap();
        let client = Connection::client(here, Config::new(), SerializerId::JSON);
        let error = client.await.unwrap_err();
        assert!(error.is_refusal(), "{error:?}");
    }
}

/// Closes a socket so that its peer sees a reset.
async fn reset(socket: Socket) {
    let Socket::Tcp(stream) = socket else {
        unreachable!("only TCP resets")
    };
    // What was not read makes the system reset rather than close.
    stream.readable().await.unwrap();
    drop(stream);
}

#[tokio::test]
async fn a_peer_that_resets_during_the_handshake_refuses() {
    bounded(async {
        let (here, there) = sockets("rs://127.0.0.1:0").await;
        let client = Connection::client(here, Config::new(), SerializerId::JSON);
        let (client, ()) = tokio::join!(client, reset(there));
        let error = client.unwrap_err();
        assert!(error.is_refusal(), "{error:?}");

        let listener = Listener::bind(&"rs://127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let endpoint = listener.endpoint().clone();
        let joining = wamp_rawsocket_tokio::Join::new("realm1").connect(&endpoint);
        let (joined, ()) = tokio::join!(joining, async {
            reset(listener.accept().await.unwrap()).await;
        });
        let error = joined.unwrap_err();
        let closed = PeerError::Connection(ConnectionError::ClosedInHandshake);
        assert!(
            matches!(&error, SessionError::Ended(End::Failed(error)) if *error == closed),
            "{error:?}"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_handshake_has_a_deadline_on_both_ends() {
    let config = Config::new().handshake_timeout(Some(Duration::from_secs(3)));
    let late = ConnectionError::Timeout(TimerKind::Handshake);
    let start = Instant::now();
    let (here, _there) = tokio::io::duplex(64);
    let client = Connection::client(here, config.clone(), SerializerId::JSON);
    let error = client.await.unwrap_err();
    assert!(matches!(error, Error::Connection(error) if error == late));
    assert!(error.is_timeout());
    assert_eq!(start.elapsed().as_secs(), 3);

    // One octet a second is no excuse.
    let (here, mut there) = tokio::io::duplex(64);
    tokio::spawn(async move {
        for octet in [0x7F, 0xF1, 0, 0] {
            there.write_all(&[octet]).await.ok();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let start = Instant::now();
    let config = config.handshake_timeout(Some(Duration::from_millis(2500)));
    let router = Connection::router(here, config, |_| Ok(()));
    let error = router.await.unwrap_err();
    assert!(matches!(error, Error::Connection(error) if error == late));
    assert_eq!(start.elapsed().as_millis(), 2500);
}

fn watched() -> Config {
    Config::new()
        .heartbeat_interval(Some(Duration::from_secs(10)))
        .max_pings(NonZeroU8::new(3).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_given_up() {
    let (mut client, _there) = by_hand(1 << 10, watched()).await;
    let start = Instant::now();
    let error = client.recv().await.unwrap_err();
    let lost = ConnectionError::Unresponsive { pings: 3 };
    assert!(matches!(error, Error::Connection(error) if error == lost));
    assert!(error.is_timeout());
    assert_eq!(start.elapsed().as_secs(), 40);
    assert_eq!(client.stats().pings_out, 3);
    // The reason stays, whatever is asked.
    for error in [
        client.recv().await.unwrap_err(),
        client.send("late").await.unwrap_err(),
        client.ready(4).await.unwrap_err(),
        client.flush().await.unwrap_err(),
    ] {
        assert!(
            matches!(error, Error::Connection(error) if error == lost),
            "{error:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_flushed_is_not_called_flushed() {
    let (mut client, _there) = by_hand(16, watched()).await;
    client.try_send(vec![0; 1 << 16]).unwrap();
    let error = client.flush().await.unwrap_err();
    let lost = ConnectionError::Unresponsive { pings: 3 };
    assert!(matches!(error, Error::Connection(error) if error == lost));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_is_kept() {
    let (mut client, mut router) = piped(64, watched()).await;
    let hour = Duration::from_secs(3600);
    let quiet = tokio::time::timeout(hour, async { tokio::join!(client.recv(), router.recv()) });
    quiet.await.unwrap_err();
    assert!(client.stats().pings_out + router.stats().pings_out >= 360);
    client.send("alive").await.unwrap();
    assert_eq!(router.recv().await.unwrap().unwrap(), "alive");
}

#[tokio::test(start_paused = true)]
async fn a_peer_whose_answer_waits_to_be_read_is_kept() {
    let config = watched().max_pings(NonZeroU8::MIN);
    let (mut client, mut there) = by_hand(64, config).await;
    let ping = Duration::from_secs(11);
    tokio::time::timeout(ping, client.recv()).await.unwrap_err();
    let mut octets = [0; 12];
    there.read_exact(&mut octets).await.unwrap();
    octets[0] = 2;
    there.write_all(&octets).await.unwrap();
    // The application is busy with something else meanwhile.
    tokio::time::sleep(Duration::from_secs(60)).await;
    there.write_all(&[0, 0, 0, 1, b'!']).await.unwrap();
    assert_eq!(client.recv().await.unwrap().unwrap(), "!");
}

#[tokio::test]
async fn a_flood_of_pings_is_answered_in_order_and_bounded() {
    const COUNT: u32 = 20_000;
    let (mut client, there) = by_hand(1 << 10, Config::new()).await;
    let (mut reader, mut writer) = tokio::io::split(there);
    let flood = async {
        for number in 0..COUNT {
            writer
                .write_u64(0x0100_0004 << 32 | u64::from(number))
                .await
                .unwrap();
        }
        writer.write_all(&[0, 0, 0, 0]).await.unwrap();
    };
    let answers = async {
        for number in 0..COUNT {
            let pong = reader.read_u64().await.unwrap();
            assert_eq!(pong, 0x0200_0004 << 32 | u64::from(number));
        }
    };
    let client = async {
        assert!(client.recv().await.unwrap().unwrap().is_empty());
        client.flush().await.unwrap();
    };
    tokio::join!(flood, answers, client);

    // With nobody to read the answers, the flood stands still.
    let (mut client, mut there) = by_hand(1 << 10, Config::new()).await;
    let flood = async { while there.write_all(&[1, 0, 0, 0]).await.is_ok() {} };
    tokio::select! {
        () = flood => panic!("the client is gone"),
        _ = client.recv() => panic!("there was no message"),
        () = settle() => {}
        () = tokio::time::sleep(Duration::from_millis(200)) => {}
    }
    let pings = client.stats().pings_in;
    assert!(pings < (200 << 10) / 4, "{pings} answers wait");
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_connection() {
    let small = Config::new().max_receive(1000);
    let (mut client, mut there) = by_hand(1 << 12, small.clone()).await;
    there.write_all(&[0, 0, 3, 232]).await.unwrap();
    there.write_all(&[b'x'; 1000]).await.unwrap();
    assert_eq!(client.recv().await.unwrap().unwrap().len(), 1000);
    there.write_all(&[0, 0, 3, 233]).await.unwrap();
    let error = client.recv().await.unwrap_err();
    assert!(
        matches!(error, Error::Connection(ConnectionError::Frame(_))),
        "{error:?}"
    );

    // The other direction never gets as far.
    let (here, there) = tokio::io::duplex(64);
    let client = Connection::client(here, Config::new(), SerializerId::JSON);
    let router = Connection::router(there, small, |_| Ok(()));
    let (mut client, _router) = tokio::try_join!(client, router).unwrap();
    let error = client.send(vec![0; 1025]).await.unwrap_err();
    assert!(matches!(
        error,
        Error::TooLong {
            len: 1025,
            max: 1024
        }
    ));
}

#[tokio::test]
async fn a_stranger_is_limited_until_it_is_welcome() {
    let (here, mut there) = tokio::io::duplex(1 << 12);
    let router = Connection::router(here, Config::new().greeting_limit(100), |_| Ok(()));
    let (router, ()) = tokio::join!(router, async {
        there
            .write_all(&[0x7F, 0xF1, 0, 0, 0, 0, 0, 100])
            .await
            .unwrap();
        there.write_all(&[0; 100]).await.unwrap();
        there.write_all(&[0, 0, 0, 101]).await.unwrap();
    });
    let mut router = router.unwrap();
    assert_eq!(router.recv().await.unwrap().unwrap().len(), 100);
    assert!(router.recv().await.is_err());
}

#[tokio::test]
async fn each_bad_end_has_its_own_error() {
    bounded(async {
        // At a frame boundary: the end, and the other direction still works.
        let (mut client, mut there) = by_hand(64, Config::new()).await;
        there.write_all(&[0, 0, 0, 1, b'a']).await.unwrap();
        there.shutdown().await.unwrap();
        assert_eq!(client.recv().await.unwrap().unwrap(), "a");
        assert_eq!(client.recv().await.unwrap(), None);
        assert_eq!(client.recv().await.unwrap(), None, "and stays so");
        client.send("b").await.unwrap();
        client.close().await.unwrap();
        let mut rest = Vec::new();
        there.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"\0\0\0\x01b");

        // In the middle of a header and of a frame.
        for (octets, missing) in [(&[0, 0][..], 2), (&[0, 0, 0, 9, b'a'][..], 8)] {
            let (mut client, mut there) = by_hand(64, Config::new()).await;
            there.write_all(octets).await.unwrap();
            drop(there);
            let error = client.recv().await.unwrap_err();
            let torn = ConnectionError::Truncated { missing };
            assert!(
                matches!(error, Error::Connection(error) if error == torn),
                "{error:?}"
            );
        }

        // A reset.
        let (here, mut there) = sockets("rs://127.0.0.1:0").await;
        let client = Connection::client(here, Config::new(), SerializerId::JSON);
        let (client, ()) = tokio::join!(client, answer(&mut there));
        let mut client = client.unwrap();
        client.send("unread").await.unwrap();
        reset(there).await;
        let error = client.recv().await.unwrap_err();
        assert!(matches!(&error, Error::Io(_)), "{error:?}");
        assert!(!error.is_refusal());
    })
    .await;
}

#[tokio::test]
async fn what_was_received_is_not_lost_when_sending_fails() {
    bounded(async {
        let (here, mut there) = sockets("rs://127.0.0.1:0").await;
        let client = Connection::client(here, Config::new(), SerializerId::JSON);
        let (client, ()) = tokio::join!(client, answer(&mut there));
        let mut client = client.unwrap();
        // The peer says why, and is gone before it read everything.
        client.send("unread").await.unwrap();
        let Socket::Tcp(stream) = &there else {
            unreachable!("it is TCP")
        };
        stream.readable().await.unwrap();
        there.write_all(b"\0\0\0\x03why").await.unwrap();
        drop(there);
        let Socket::Tcp(stream) = client.get_ref() else {
            unreachable!("it is TCP")
        };
        stream.readable().await.unwrap();
        let error = loop {
            if let Err(error) = client.send(vec![0; 1 << 10]).await {
                break error;
            }
        };
        assert!(matches!(error, Error::Io(_)), "{error:?}");
        assert_eq!(client.recv().await.unwrap().unwrap(), "why");
    })
    .await;
}

#[tokio::test]
async fn two_ends_that_flood_each_other_get_everything() {
    const COUNT: usize = 3000;
    async fn flood<T: AsyncRead + AsyncWrite + Unpin>(mut connection: Connection<T>) {
        let (mut sent, mut received) = (0, 0);
        while received < COUNT {
            while sent < COUNT && connection.try_send(vec![7; 1 + sent]).is_ok() {
                sent += 1;
            }
            let message = connection.recv().await.unwrap().unwrap();
            assert_eq!(message.len(), 1 + received);
            received += 1;
        }
        while sent < COUNT {
            connection.send(vec![7; 1 + sent]).await.unwrap();
            sent += 1;
        }
        connection.close().await.unwrap();
    }
    bounded(async {
        let (client, router) = piped(1 << 10, Config::new()).await;
        let tasks = (tokio::spawn(flood(client)), tokio::spawn(flood(router)));
        tasks.0.await.unwrap();
        tasks.1.await.unwrap();
        let (here, there) = sockets("rs://127.0.0.1:0").await;
        let (client, router) = pair(here, there, Config::new()).await;
        let tasks = (tokio::spawn(flood(client)), tokio::spawn(flood(router)));
        tasks.0.await.unwrap();
        tasks.1.await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_stops_the_sender() {
    let config = Config::new().water_marks(10_000, 1_000);
    let (mut client, mut there) = by_hand(64, config).await;
    let mut sent: usize = 0;
    let second = Duration::from_secs(1);
    while let Ok(result) = tokio::time::timeout(second, client.send(vec![0; 96])).await {
        result.unwrap();
        sent += 1;
    }
    assert!(sent <= (10_000 + 64) / 100, "{sent} messages were taken");
    let waits = tokio::time::timeout(second, client.ready(96)).await;
    waits.unwrap_err();
    assert_eq!(
        client.try_send(vec![0; 96]).unwrap_err().reason,
        SendErrorReason::Full
    );
    // What was handed back is not sent, what was taken is.
    let mut taken = vec![0; sent * 100];
    tokio::join!(client.flush(), async {
        there.read_exact(&mut taken).await.unwrap();
    })
    .0
    .unwrap();
    client.ready(96).await.unwrap();
    client.try_send(vec![0; 96]).unwrap();
    tokio::join!(client.close(), async {
        let mut rest = Vec::new();
        there.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest.len(), 100);
        drop(there);
    })
    .0
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn close_sends_everything_or_says_that_it_did_not() {
    let (mut client, mut router) = piped(64, Config::new()).await;
    for number in 0..100_u32 {
        client.try_send(number.to_be_bytes().to_vec()).unwrap();
    }
    client.try_send(vec![1; 500_000]).unwrap();
    let (closed, ()) = tokio::join!(client.close(), async {
        for number in 0..100_u32 {
            assert_eq!(
                router.recv().await.unwrap().unwrap()[..],
                number.to_be_bytes()
            );
        }
        assert_eq!(router.recv().await.unwrap().unwrap().len(), 500_000);
        assert_eq!(router.recv().await.unwrap(), None);
        router.close().await.unwrap();
    });
    closed.unwrap();
    assert!(matches!(client.send("x").await, Err(Error::Closed)));
    assert_eq!(client.recv().await.unwrap(), None);
    client.close().await.unwrap();

    let (mut client, _there) = by_hand(64, Config::new()).await;
    client.try_send(vec![1; 500]).unwrap();
    let start = Instant::now();
    let error = client.close().await.unwrap_err();
    let late = ConnectionError::Timeout(TimerKind::Close);
    assert!(matches!(error, Error::Connection(error) if error == late));
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[test]
fn connections_and_their_futures_can_be_sent_to_other_threads() {
    fn check<T: Send>(_: &T) {}
    fn both<T: Send + Sync>() {}
    fn futures(mut connection: Connection<Socket>) {
        check(&connection.recv());
        check(&connection.send("x"));
        check(&connection.ready(1));
        check(&connection.flush());
        check(&connection.close());
    }
    both::<Connection<Socket>>();
    both::<Connection<DuplexStream>>();
    both::<Listener>();
    both::<Error>();
    let _: fn(Connection<Socket>) = futures;
}
