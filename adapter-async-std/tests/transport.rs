//! The transport level, once under smol and once under async-std's executor.

mod support;

use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Duration;

use smol::future::{try_zip, zip};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use support::{Seen, Watched, config, endpoints, pair, raw_router};
use wamp_rawsocket_async_std::rawsocket_proto::connection::{Config, ConnectionError};
use wamp_rawsocket_async_std::rawsocket_proto::error::FrameError;
use wamp_rawsocket_async_std::rawsocket_proto::time::TimerKind;
use wamp_rawsocket_async_std::rawsocket_proto::wire::{RefusalCode, SerializerId};
use wamp_rawsocket_async_std::{Connection, Error, Listener, Socket};

support::tests! {
    echo,
    both_ends_flood,
    one_end_floods,
    refusal,
    handshake_timeout,
    oversize_out,
    oversize_in,
    mid_frame_death,
    close_flushes,
    ping_is_answered_while_receiving,
    silence_is_noticed,
    the_peer_reads_the_end_of_any_stream,
    tcp_does_not_hold_small_frames_back,
    unknown_streams_are_written_flat,
}

const SIZES: [usize; 9] = [0, 1, 4, 125, 4096, 4097, 65_535, 65_536, 1 << 20];

fn message(len: usize) -> Vec<u8> {
    (0..251).cycle().take(len).collect()
}

async fn echo() -> Result<(), Error> {
    for endpoint in endpoints("echo") {
        let listener = Listener::bind(&endpoint).await?;
        let endpoint = listener.endpoint().clone();
        let server = async {
            let mut client =
                Connection::router(listener.accept().await?, config(), |_| Ok(())).await?;
            client.welcome();
            while let Some(message) = client.recv().await? {
                client.send(message).await?;
            }
            assert_eq!(client.recv().await?, None);
            client.close().await
        };
        let client = async {
            let mut router = Connection::connect(&endpoint, config(), SerializerId::JSON).await?;
            for len in SIZES {
                let message = message(len);
                router.send(message.clone()).await?;
                assert_eq!(
                    router.recv().await?.as_deref(),
                    Some(&*message),
                    "{endpoint}"
                );
            }
            assert_eq!(router.stats().messages_in, SIZES.len() as u64);
            router.close().await
        };
        try_zip(server, client).await?;
    }
    Ok(())
}

/// What each end sends is far more than the sockets and the queues hold.
async fn both_ends_flood() -> Result<(), Error> {
    async fn flood(mut end: Connection<Socket>) -> Result<(), Error> {
        end.welcome();
        let (sent, mut received) = (message(300_000), 0);
        for _ in 0..40 {
            end.send_receiving(sent.clone(), |message| {
                assert_eq!(message, sent);
                received += 1;
            })
            .await?;
        }
        while received < 40 {
            assert_eq!(end.recv().await?.as_deref(), Some(&*sent));
            received += 1;
        }
        end.flush().await?;
        end.close().await
    }
    for endpoint in endpoints("flood") {
        let (client, router) = pair(&endpoint).await?;
        try_zip(flood(client), flood(router)).await?;
    }
    Ok(())
}

/// A sender waits for a reader, and the queue stays at its mark.
async fn one_end_floods() -> Result<(), Error> {
    for endpoint in endpoints("one") {
        let (mut client, mut router) = pair(&endpoint).await?;
        router.welcome();
        let sender = async {
            for _ in 0..40 {
                client.send(message(300_000)).await?;
            }
            client.close().await
        };
        let reader = async {
            let mut count = 0;
            while let Some(got) = router.recv().await? {
                assert_eq!(got.len(), 300_000);
                count += 1;
            }
            assert_eq!(count, 40);
            router.close().await
        };
        try_zip(sender, reader).await?;
    }
    Ok(())
}

async fn refusal() -> Result<(), Error> {
    for endpoint in endpoints("refusal") {
        let listener = Listener::bind(&endpoint).await?;
        let code = RefusalCode::SERIALIZER_UNSUPPORTED;
        let server = async {
            let socket = listener.accept().await?;
            let refused = Connection::router(socket, config(), |request| {
                assert_eq!(request.serializer, SerializerId::CBOR);
                Err(code)
            });
            assert!(matches!(refused.await, Err(Error::Refused(told)) if told == code));
            Ok::<_, Error>(())
        };
        let client = async {
            let endpoint = listener.endpoint();
            let refused = Connection::connect(endpoint, config(), SerializerId::CBOR).await;
            let error = refused.expect_err("refused");
            assert!(error.is_refusal(), "{error:?}");
            assert!(error.to_string().contains(code.description()), "{error}");
            Ok(())
        };
        try_zip(server, client).await?;
    }
    Ok(())
}

async fn handshake_timeout() -> Result<(), Error> {
    let config = Arc::new(Config::new().handshake_timeout(Some(Duration::from_millis(30))));
    for endpoint in endpoints("timeout") {
        let listener = Listener::bind(&endpoint).await?;
        let silent = Socket::connect(listener.endpoint()).await?;
        let late = Connection::router(listener.accept().await?, config.clone(), |_| Ok(())).await;
        let timeout = ConnectionError::Timeout(TimerKind::Handshake);
        assert!(matches!(late, Err(Error::Connection(error)) if error == timeout));
        drop(silent);

        let client = Connection::connect(listener.endpoint(), config.clone(), SerializerId::JSON);
        let (late, silent) = zip(client, listener.accept()).await;
        assert!(late.expect_err("nobody answers").is_timeout());
        drop(silent);
    }
    Ok(())
}

async fn oversize_out() -> Result<(), Error> {
    for endpoint in endpoints("out") {
        let listener = Listener::bind(&endpoint).await?;
        let client = Connection::connect(listener.endpoint(), config(), SerializerId::JSON);
        let router = async {
            let small = Config::new().max_receive(512);
            Connection::router(listener.accept().await?, small, |_| Ok(())).await
        };
        let (mut client, mut router) = try_zip(client, router).await?;
        assert_eq!(client.send_limit(), 512);
        let refused = client.send(message(513)).await;
        assert!(matches!(
            refused,
            Err(Error::TooLong { len: 513, max: 512 })
        ));
        client.send(message(512)).await?;
        assert_eq!(router.recv().await?.map(|message| message.len()), Some(512));
    }
    Ok(())
}

async fn oversize_in() -> Result<(), Error> {
    for endpoint in endpoints("in") {
        let (mut client, mut raw) = raw_router(&endpoint, Config::new().max_receive(512)).await?;
        raw.write_all(&[0, 0, 2, 1]).await?;
        let error = client.recv().await.expect_err("too long");
        let Error::Connection(ConnectionError::Frame(FrameError::TooLong { .. })) = error else {
            panic!("{error:?}");
        };
        client.recv().await.expect_err("the first error stays");
    }
    Ok(())
}

async fn mid_frame_death() -> Result<(), Error> {
    for endpoint in endpoints("death") {
        let (mut client, mut raw) = raw_router(&endpoint, Config::new()).await?;
        raw.write_all(&[0, 0, 0, 1, b'x', 0, 0, 0, 9, b'y']).await?;
        raw.close().await?;
        assert_eq!(client.recv().await?.as_deref(), Some(&b"x"[..]));
        let error = client.recv().await.expect_err("cut off");
        let truncated = ConnectionError::Truncated { missing: 8 };
        assert!(matches!(error, Error::Connection(error) if error == truncated));
    }
    Ok(())
}

async fn close_flushes() -> Result<(), Error> {
    for endpoint in endpoints("close") {
        let (mut client, mut router) = pair(&endpoint).await?;
        router.welcome();
        for _ in 0..3 {
            client.try_send(message(300_000)).expect("there is room");
        }
        let reader = async {
            for _ in 0..3 {
                assert_eq!(router.recv().await?.as_deref(), Some(&*message(300_000)));
            }
            assert_eq!(router.recv().await?, None);
            router.close().await
        };
        try_zip(client.close(), reader).await?;
        assert!(matches!(
            client.send(&b"late"[..]).await,
            Err(Error::Closed)
        ));
    }
    Ok(())
}

async fn ping_is_answered_while_receiving() -> Result<(), Error> {
    for endpoint in endpoints("ping") {
        let (mut client, mut raw) = raw_router(&endpoint, Config::new()).await?;
        let peer = async {
            raw.write_all(b"\x01\0\0\x02hi").await?;
            let mut pong = [0; 6];
            raw.read_exact(&mut pong).await?;
            assert_eq!(&pong, b"\x02\0\0\x02hi");
            raw.write_all(b"\0\0\0\x01m").await?;
            Ok::<_, Error>(())
        };
        let (message, ()) = try_zip(client.recv(), peer).await?;
        assert_eq!(message.as_deref(), Some(&b"m"[..]));
    }
    Ok(())
}

async fn silence_is_noticed() -> Result<(), Error> {
    let config = Config::new()
        .heartbeat_interval(Some(Duration::from_millis(10)))
        .max_pings(NonZeroU8::MIN.saturating_add(1));
    for endpoint in endpoints("silence") {
        let (mut client, _raw) = raw_router(&endpoint, config.clone()).await?;
        let error = client.recv().await.expect_err("the peer is silent");
        let silent = ConnectionError::Unresponsive { pings: 2 };
        assert!(matches!(error, Error::Connection(error) if error == silent));
        assert_eq!(client.stats().pings_out, 2);
    }
    Ok(())
}

/// Not every stream's `poll_close` closes: without that both ends would wait out the deadline,
/// which is longer than the test may take.
async fn the_peer_reads_the_end_of_any_stream() -> Result<(), Error> {
    async fn check<T>((here, there): (T, T)) -> Result<(), Error>
    where
        T: smol::io::AsyncRead + smol::io::AsyncWrite + Unpin + 'static,
    {
        let patient = Config::new().close_timeout(Duration::from_secs(3600));
        let client = Connection::client(here, patient.clone(), SerializerId::JSON);
        let router = Connection::router(there, patient, |_| Ok(()));
        let (mut client, mut router) = try_zip(client, router).await?;
        let server = async {
            assert_eq!(router.recv().await?, None);
            router.close().await
        };
        try_zip(client.close(), server).await?;
        Ok(())
    }
    check(async_io::Async::<std::os::unix::net::UnixStream>::pair()?).await?;
    let (here, there) = support::tcp_pair()?;
    check((async_io::Async::new(here)?, async_io::Async::new(there)?)).await?;
    let (here, there) = support::tcp_pair()?;
    let here = Socket::from(async_io::Async::new(here)?);
    check((here, async_io::Async::new(there)?.into())).await?;
    #[cfg(feature = "smol")]
    {
        check(smol::net::unix::UnixStream::pair()?).await?;
        let (here, there) = smol::net::unix::UnixStream::pair()?;
        check((Socket::from(here), Socket::from(there))).await?;
        let (here, there) = support::tcp_pair()?;
        check::<smol::net::TcpStream>((here.try_into()?, there.try_into()?)).await?;
    }
    #[cfg(feature = "async-std")]
    {
        check(async_std::os::unix::net::UnixStream::pair()?).await?;
        let (here, there) = async_std::os::unix::net::UnixStream::pair()?;
        check((Socket::try_from(here)?, Socket::try_from(there)?)).await?;
        let (here, there) = support::tcp_pair()?;
        check::<async_std::net::TcpStream>((here.into(), there.into())).await?;
    }
    Ok(())
}

/// No header of a large frame stands alone, and nothing is asked of a vectored write that a stream
/// may not have.
async fn tcp_does_not_hold_small_frames_back() -> Result<(), Error> {
    let listener = Listener::bind(&"rs://127.0.0.1:0".parse().unwrap()).await?;
    let (client, server) = try_zip(Socket::connect(listener.endpoint()), listener.accept()).await?;
    for socket in [client, server] {
        assert!(matches!(socket, Socket::Tcp(stream) if stream.get_ref().nodelay()?));
    }
    Ok(())
}

async fn unknown_streams_are_written_flat() -> Result<(), Error> {
    let (here, there) = async_io::Async::<std::os::unix::net::UnixStream>::pair()?;
    let seen = Seen::default();
    let here = Watched::new(here, seen.clone());
    let client = Connection::client(here, config(), SerializerId::JSON);
    let router = Connection::router(there, config(), |_| Ok(()));
    let (mut client, mut router) = try_zip(client, router).await?;
    router.welcome();
    let sender = async {
        client.send(message(50_000)).await?;
        client.flush().await
    };
    let (received, ()) = try_zip(router.recv(), sender).await?;
    assert_eq!(received.as_deref(), Some(&*message(50_000)));
    let writes = seen.writes();
    // The handshake, then the frame.
    assert_eq!(writes.first(), Some(&4));
    assert!(writes.get(1).is_some_and(|len| *len > 4), "{writes:?}");
    assert!(!seen.vectored());
    Ok(())
}
