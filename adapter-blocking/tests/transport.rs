//! The transport level: each end on a thread of its own.

mod support;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::num::NonZeroU8;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use support::{both, bounded, config, endpoints, message, pair, raw_router};
use wamp_rawsocket_blocking::rawsocket_proto::connection::{Config, ConnectionError};
use wamp_rawsocket_blocking::rawsocket_proto::error::FrameError;
use wamp_rawsocket_blocking::rawsocket_proto::time::TimerKind;
use wamp_rawsocket_blocking::rawsocket_proto::wire::{RefusalCode, SerializerId};
use wamp_rawsocket_blocking::{Connection, Error, Listener, Socket};

const SIZES: [usize; 9] = [0, 1, 4, 125, 4096, 4097, 65_535, 65_536, 1 << 20];

#[test]
fn echo() {
    bounded("echo", |endpoint| {
        let listener = Listener::bind(&endpoint)?;
        let endpoint = listener.endpoint().clone();
        both(
            move || {
                let mut client = Connection::router(listener.accept()?, config(), |_| Ok(()))?;
                client.welcome();
                while let Some(message) = client.recv()? {
                    client.send(message)?;
                }
                assert_eq!(client.recv()?, None);
                client.close()
            },
            move || {
                let mut router = Connection::connect(&endpoint, config(), SerializerId::JSON)?;
                for len in SIZES {
                    router.send(message(len))?;
                    assert_eq!(router.recv()?.as_deref(), Some(&*message(len)), "{len}");
                }
                assert_eq!(router.stats().messages_in, SIZES.len() as u64);
                router.close()
            },
        )
    });
}

/// One message each, larger than what the sockets hold, sent before either end receives: blocking
/// sockets would wait for each other.
#[test]
fn both_ends_send_one_large_message() {
    bounded("large", |endpoint| {
        let exchange = |mut end: Connection<Socket>| {
            end.welcome();
            let large = message(12 << 20);
            end.send(large.clone())?;
            assert!(end.recv()?.is_some_and(|got| got == large));
            end.close()
        };
        let (client, router) = pair(&endpoint)?;
        both(move || exchange(client), move || exchange(router))
    });
}

/// What each end sends is far more than the sockets and the queues hold.
#[test]
fn both_ends_flood() {
    bounded("flood", |endpoint| {
        let flood = |mut end: Connection<Socket>| {
            end.welcome();
            let (sent, mut received) = (message(300_000), 0);
            for _ in 0..40 {
                end.send_receiving(sent.clone(), |message| {
                    assert_eq!(message, sent);
                    received += 1;
                })?;
            }
            while received < 40 {
                assert_eq!(end.recv()?.as_deref(), Some(&*sent));
                received += 1;
            }
            end.flush()?;
            end.close()
        };
        let (client, router) = pair(&endpoint)?;
        both(move || flood(client), move || flood(router))
    });
}

#[test]
fn one_end_floods() {
    bounded("one", |endpoint| {
        let (mut client, mut router) = pair(&endpoint)?;
        both(
            move || {
                for _ in 0..40 {
                    client.send(message(300_000))?;
                }
                client.close()
            },
            move || {
                router.welcome();
                let mut count = 0;
                while let Some(got) = router.recv()? {
                    assert_eq!(got.len(), 300_000);
                    count += 1;
                }
                assert_eq!(count, 40);
                router.close()
            },
        )
    });
}

#[test]
fn refusal() {
    bounded("refusal", |endpoint| {
        let listener = Listener::bind(&endpoint)?;
        let endpoint = listener.endpoint().clone();
        let code = RefusalCode::SERIALIZER_UNSUPPORTED;
        both(
            move || {
                let refused = Connection::router(listener.accept()?, config(), |request| {
                    assert_eq!(request.serializer, SerializerId::CBOR);
                    Err(code)
                });
                assert!(matches!(refused, Err(Error::Refused(told)) if told == code));
                Ok(())
            },
            move || {
                let refused = Connection::connect(&endpoint, config(), SerializerId::CBOR);
                let error = refused.expect_err("refused");
                assert!(error.is_refusal(), "{error:?}");
                assert!(error.to_string().contains(code.description()), "{error}");
                Ok(())
            },
        )
    });
}

#[test]
fn handshake_timeout() {
    let config = Arc::new(Config::new().handshake_timeout(Some(Duration::from_millis(30))));
    bounded("timeout", move |endpoint| {
        let listener = Listener::bind(&endpoint)?;
        let silent = Socket::connect(listener.endpoint())?;
        let late = Connection::router(listener.accept()?, config.clone(), |_| Ok(()));
        let timeout = ConnectionError::Timeout(TimerKind::Handshake);
        assert!(matches!(late, Err(Error::Connection(error)) if error == timeout));
        drop(silent);
        // The kernel takes the connection, nobody answers on it.
        let late = Connection::connect(listener.endpoint(), config.clone(), SerializerId::JSON);
        assert!(late.expect_err("nobody answers").is_timeout());
        Ok(())
    });
}

#[test]
fn oversize_out() {
    bounded("out", |endpoint| {
        let listener = Listener::bind(&endpoint)?;
        let endpoint = listener.endpoint().clone();
        both(
            move || {
                let small = Config::new().max_receive(512);
                let mut router = Connection::router(listener.accept()?, small, |_| Ok(()))?;
                assert_eq!(router.recv()?.map(|message| message.len()), Some(512));
                Ok(())
            },
            move || {
                let mut client = Connection::connect(&endpoint, config(), SerializerId::JSON)?;
                assert_eq!(client.send_limit(), 512);
                let refused = client.send(message(513));
                assert!(matches!(
                    refused,
                    Err(Error::TooLong { len: 513, max: 512 })
                ));
                client.send(message(512))?;
                client.flush()
            },
        )
    });
}

#[test]
fn oversize_in() {
    bounded("in", |endpoint| {
        let (mut client, mut raw) = raw_router(&endpoint, Config::new().max_receive(512))?;
        raw.write_all(&[0, 0, 2, 1])?;
        let error = client.recv().expect_err("too long");
        let Error::Connection(ConnectionError::Frame(FrameError::TooLong { .. })) = error else {
            panic!("{error:?}");
        };
        client.recv().expect_err("the first error stays");
        Ok(())
    });
}

#[test]
fn mid_frame_death() {
    bounded("death", |endpoint| {
        let (mut client, mut raw) = raw_router(&endpoint, Config::new())?;
        raw.write_all(&[0, 0, 0, 1, b'x', 0, 0, 0, 9, b'y'])?;
        raw.shutdown(Shutdown::Write)?;
        assert_eq!(client.recv()?.as_deref(), Some(&b"x"[..]));
        let error = client.recv().expect_err("cut off");
        let truncated = ConnectionError::Truncated { missing: 8 };
        assert!(matches!(error, Error::Connection(error) if error == truncated));
        Ok(())
    });
}

#[test]
fn close_flushes() {
    bounded("close", |endpoint| {
        let (mut client, mut router) = pair(&endpoint)?;
        for _ in 0..3 {
            client.try_send(message(300_000)).expect("there is room");
        }
        both(
            move || {
                client.close()?;
                assert!(matches!(client.send(&b"late"[..]), Err(Error::Closed)));
                Ok(())
            },
            move || {
                router.welcome();
                for _ in 0..3 {
                    assert_eq!(router.recv()?.as_deref(), Some(&*message(300_000)));
                }
                assert_eq!(router.recv()?, None);
                router.close()
            },
        )
    });
}

#[test]
fn ping_is_answered_while_receiving() {
    bounded("ping", |endpoint| {
        let (mut client, mut raw) = raw_router(&endpoint, Config::new())?;
        both(
            move || {
                assert_eq!(client.recv()?.as_deref(), Some(&b"m"[..]));
                Ok(())
            },
            move || {
                raw.write_all(b"\x01\0\0\x02hi")?;
                let mut pong = [0; 6];
                raw.read_exact(&mut pong)?;
                assert_eq!(&pong, b"\x02\0\0\x02hi");
                raw.write_all(b"\0\0\0\x01m")?;
                Ok(())
            },
        )
    });
}

/// The whole of it within one call: the deadlines of the connection end the sleep.
#[test]
fn silence_is_noticed() {
    let config = Config::new()
        .heartbeat_interval(Some(Duration::from_millis(10)))
        .max_pings(NonZeroU8::MIN.saturating_add(1));
    bounded("silence", move |endpoint| {
        let (mut client, _raw) = raw_router(&endpoint, config.clone())?;
        let error = client.recv().expect_err("the peer is silent");
        let silent = ConnectionError::Unresponsive { pings: 2 };
        assert!(matches!(error, Error::Connection(error) if error == silent));
        assert_eq!(client.stats().pings_out, 2);
        Ok(())
    });
}

#[test]
fn recv_timeout_ends_and_loses_nothing() {
    bounded("recv_timeout", |endpoint| {
        let (mut client, mut raw) = raw_router(&endpoint, Config::new())?;
        assert!(client.recv_timeout(Duration::ZERO)?.is_pending());
        let (start, within) = (Instant::now(), Duration::from_millis(20));
        assert!(client.recv_timeout(within)?.is_pending());
        assert!(start.elapsed() >= within);
        // A frame in two halves, a timeout between.
        raw.write_all(b"\0\0\0\x04ab")?;
        assert!(client.recv_timeout(Duration::from_millis(1))?.is_pending());
        raw.write_all(b"cd")?;
        let Poll::Ready(message) = client.recv_timeout(Duration::from_secs(20))? else {
            panic!("the message is there");
        };
        assert_eq!(message.as_deref(), Some(&b"abcd"[..]));
        // PINGs are answered by the way.
        raw.write_all(b"\x01\0\0\x01p")?;
        while client.stats().pings_in == 0 {
            assert!(client.recv_timeout(Duration::from_millis(1))?.is_pending());
        }
        let mut pong = [0; 5];
        raw.read_exact(&mut pong)?;
        assert_eq!(&pong, b"\x02\0\0\x01p");
        raw.shutdown(Shutdown::Write)?;
        assert_eq!(
            client.recv_timeout(Duration::from_secs(20))?,
            Poll::Ready(None)
        );
        Ok(())
    });
}

#[test]
fn a_closer_ends_a_blocked_recv() {
    bounded("closer", |endpoint| {
        let (mut client, mut router) = pair(&endpoint)?;
        client.try_send(&b"last words"[..]).expect("there is room");
        let closer = client.closer();
        let blocked = thread::spawn(move || {
            let ended = client.recv();
            assert!(matches!(ended, Err(Error::Closed)), "{ended:?}");
            assert!(matches!(client.recv(), Err(Error::Closed)));
            // In order all the same.
            client.close()
        });
        // What was queued comes, so the other thread is in its `recv`, or just before.
        assert_eq!(router.recv()?.as_deref(), Some(&b"last words"[..]));
        closer.clone().close();
        closer.close();
        assert_eq!(router.recv()?, None);
        router.close()?;
        blocked.join().expect("no panic")
    });
}

#[test]
fn a_closer_ends_a_blocked_send() {
    bounded("closer_send", |endpoint| {
        let (mut client, router) = pair(&endpoint)?;
        let closer = client.closer();
        let (full, is_full) = std::sync::mpsc::channel();
        let blocked = thread::spawn(move || {
            while client.try_send(message(300_000)).is_ok() {}
            full.send(()).expect("somebody listens");
            // Nobody reads, so in the end one of these waits.
            loop {
                match client.send(message(300_000)) {
                    Ok(()) => {}
                    Err(Error::Closed) => break,
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
        is_full.recv().expect("it fills up");
        closer.close();
        blocked.join().expect("no panic");
        drop(router);
        Ok(())
    });
}

#[test]
fn reset_is_an_error() {
    bounded("reset", |endpoint| {
        let (mut client, raw) = raw_router(&endpoint, Config::new())?;
        client.send(&b"unread"[..])?;
        client.flush()?;
        // Closed with unread octets: a reset.
        drop(raw);
        let error = client.recv().expect_err("reset");
        assert!(
            matches!(&error, Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionReset),
            "{error:?}"
        );
        Ok(())
    });
}

#[test]
fn tcp_does_not_hold_small_frames_back() {
    let listener = Listener::bind(&"rs://127.0.0.1:0".parse().unwrap()).unwrap();
    let client = Socket::connect(listener.endpoint()).unwrap();
    for socket in [client, listener.accept().unwrap()] {
        assert!(matches!(socket, Socket::Tcp(stream) if stream.nodelay().unwrap()));
    }
}

#[test]
fn socket_files() {
    let endpoint = endpoints("files")
        .into_iter()
        .nth(1)
        .expect("the second is a file");
    let path = endpoint.to_string().replace("rs://unix:", "");
    let in_use = |endpoint| {
        let error = Listener::bind(endpoint).expect_err("in use");
        assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse, "{error}");
    };

    let listener = Listener::bind(&endpoint).expect("nothing is there");
    in_use(&endpoint);
    drop(listener);
    assert!(!std::fs::exists(&path).expect("readable"), "the file stays");

    // A listener that died leaves its file.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("nothing is there"));
    let listener = Listener::bind(&endpoint).expect("stale");
    Socket::connect(&endpoint).expect("somebody listens");

    // Somebody else's file is not removed.
    std::fs::remove_file(&path).expect("there is one");
    std::fs::write(&path, "keep").expect("writable");
    drop(listener);
    in_use(&endpoint);
    assert_eq!(std::fs::read(&path).expect("kept"), b"keep");
    std::fs::remove_file(&path).expect("there is one");

    let long = format!("unix:/{}", "x".repeat(200))
        .parse()
        .expect("an endpoint");
    let error = Listener::bind(&long).expect_err("too long");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}
