//! The transport level where only tokio can test it: through the narrowest of pipes, with futures
//! that are given up, or with hours that pass at once. What all adapters do is in `behaviour.rs`.

mod support;

use core::num::NonZeroU8;
use core::time::Duration;
use std::sync::Arc;

use support::bounded;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::time::Instant;
use wamp_rawsocket_tokio::rawsocket_proto::connection::{Config, ConnectionError, SendErrorReason};
use wamp_rawsocket_tokio::rawsocket_proto::time::TimerKind;
use wamp_rawsocket_tokio::rawsocket_proto::wire::SerializerId;
use wamp_rawsocket_tokio::{Connection, Error, Listener, Socket};

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

#[tokio::test(start_paused = true)]
async fn one_octet_a_second_is_no_handshake() {
    let late = ConnectionError::Timeout(TimerKind::Handshake);
    let (here, mut there) = tokio::io::duplex(64);
    tokio::spawn(async move {
        for octet in [0x7F, 0xF1, 0, 0] {
            there.write_all(&[octet]).await.ok();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let start = Instant::now();
    let config = Config::new().handshake_timeout(Some(Duration::from_millis(2500)));
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
