//! What a thread waits for is ended from another one.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use wamp_rawsocket_blocking::rawsocket_proto::wire::SerializerId;
use wamp_rawsocket_blocking::{Closer, Connection, Error, Listener, Socket};

use crate::support::{Crowd, bounded, config, everywhere, pair, raw_router};

/// Runs `work` on another thread, and `close` once that began.
fn ended_by<R: Send>(close: impl FnOnce(), work: impl FnOnce() -> R + Send) -> R {
    let (begins, has_begun) = mpsc::channel();
    thread::scope(|scope| {
        let work = scope.spawn(move || {
            begins.send(()).expect("somebody listens");
            work()
        });
        has_begun.recv().expect("it begins");
        // Asleep by now, or about to be: both are tried over the sorts of sockets.
        thread::yield_now();
        close();
        work.join().expect("no panic")
    })
}

#[test]
fn accepting() {
    everywhere(|endpoint| {
        let listener = Listener::bind(endpoint)?;
        let closer = listener.closer();
        thread::scope(|scope| {
            // All that wait in it.
            let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| listener.accept())).collect();
            closer.close();
            for waiting in waiting {
                let ended = waiting.join().expect("no panic").expect_err("closed");
                assert_eq!(ended.kind(), ErrorKind::NotConnected, "{ended}");
            }
        });
        assert!(listener.closer().is_closed());
        // What came since is not taken.
        let _waits = Socket::connect(listener.endpoint())?;
        listener.accept().expect_err("closed");
        Ok(())
    });
}

#[test]
fn a_run_ends_accepting_and_the_listener_goes_on() {
    everywhere(|endpoint| {
        let listener = Listener::bind(endpoint)?;
        let closer = Closer::new();
        let ended = ended_by(|| closer.close(), || closer.run(|| listener.accept()));
        assert_eq!(ended.expect_err("closed").kind(), ErrorKind::NotConnected);
        let _client = Socket::connect(listener.endpoint())?;
        listener.accept()?;
        Ok(())
    });
}

#[test]
fn a_routers_handshake() {
    everywhere(|endpoint| {
        let listener = Listener::bind(endpoint)?;
        let _silent = Socket::connect(listener.endpoint())?;
        let (socket, closer) = (listener.accept()?, Closer::new());
        let router = || closer.run(|| Connection::router(socket, config(), |_| Ok(())));
        let ended = ended_by(|| closer.close(), router);
        assert!(matches!(ended, Err(Error::Closed)), "{ended:?}");
        Ok(())
    });
}

#[test]
fn a_clients_handshake() {
    everywhere(|endpoint| {
        let listener = Listener::bind(endpoint)?;
        let (to, closer) = (listener.endpoint(), Closer::new());
        // The kernel takes the connection, nobody answers on it.
        let client = || closer.run(|| Connection::connect(to, config(), SerializerId::JSON));
        let ended = ended_by(|| closer.close(), client);
        assert!(matches!(ended, Err(Error::Closed)), "{ended:?}");
        Ok(())
    });
}

#[test]
fn connecting() {
    everywhere(|endpoint| {
        let full = Crowd::at(endpoint)?;
        let closer = Closer::new();
        let connect = || closer.run(|| Socket::connect(full.endpoint()));
        let ended = ended_by(|| closer.close(), connect);
        assert_eq!(ended.expect_err("closed").kind(), ErrorKind::NotConnected);
        let ended =
            closer.run(|| Connection::connect(full.endpoint(), config(), SerializerId::JSON));
        assert!(matches!(ended, Err(Error::Closed)), "{ended:?}");
        Ok(())
    });
}

#[test]
fn connecting_has_a_deadline() {
    everywhere(|endpoint| {
        let full = Crowd::at(endpoint)?;
        let (start, within) = (Instant::now(), Duration::from_millis(20));
        let late = Socket::connect_timeout(full.endpoint(), within);
        assert_eq!(late.expect_err("late").kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() >= within);
        Ok(())
    });
}

/// It waits for its turn, however the system tells of it.
#[test]
fn connecting_waits_for_room() {
    everywhere(|endpoint| {
        let mut full = Crowd::at(endpoint)?;
        let to = full.endpoint().clone();
        let connecting = thread::spawn(move || Socket::connect(&to));
        full.accept_all();
        connecting.join().expect("no panic")?;
        Ok(())
    });
}

#[test]
fn connecting_in_time_gives_a_socket_that_blocks() {
    everywhere(|endpoint| {
        let listener = Listener::bind(endpoint)?;
        let client = Socket::connect_timeout(listener.endpoint(), Duration::from_secs(20))?;
        let within = Duration::from_millis(20);
        for socket in &[client, listener.accept()?] {
            let start = Instant::now();
            let late = match socket {
                Socket::Tcp(stream) => {
                    stream.set_read_timeout(Some(within))?;
                    (&*stream).read(&mut [0])
                }
                Socket::Unix(stream) => {
                    stream.set_read_timeout(Some(within))?;
                    (&*stream).read(&mut [0])
                }
                other => panic!("{other:?}"),
            };
            assert_eq!(late.expect_err("late").kind(), ErrorKind::WouldBlock);
            assert!(start.elapsed() >= within / 2, "it does not block");
        }
        Ok(())
    });
}

#[test]
fn nobody_listens() {
    everywhere(|endpoint| {
        let endpoint = Listener::bind(endpoint)?.endpoint().clone();
        let refused = Socket::connect(&endpoint).expect_err("it is gone");
        let kinds = [ErrorKind::ConnectionRefused, ErrorKind::NotFound];
        assert!(kinds.contains(&refused.kind()), "{refused}");
        Ok(())
    });
}

#[test]
fn a_closer_ends_a_blocked_recv() {
    bounded(|| {
        let (mut client, mut router) = pair(UnixStream::pair()?)?;
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
    bounded(|| {
        let (mut client, router) = pair(UnixStream::pair()?)?;
        let closer = client.closer();
        let (full, is_full) = mpsc::channel();
        let blocked = thread::spawn(move || {
            while client.try_send(vec![0; 300_000]).is_ok() {}
            full.send(()).expect("somebody listens");
            // Nobody reads, so in the end one of these waits.
            loop {
                match client.send(vec![0; 300_000]) {
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
fn any_closer_of_the_runs_that_a_thread_is_in_ends_it() {
    for which in 0..3 {
        bounded(move || {
            let (mut client, _router) = pair(UnixStream::pair()?)?;
            let closers = [client.closer(), Closer::new(), Closer::new()];
            let [own, outer, inner] = closers.clone();
            let ended = ended_by(
                || closers.into_iter().nth(which).expect("three").close(),
                || outer.run(|| inner.run(|| client.recv())),
            );
            assert!(matches!(ended, Err(Error::Closed)), "{ended:?}");
            // Only its own stays with it.
            let after = client.recv_timeout(Duration::ZERO);
            assert_eq!(after.is_err(), own.is_closed());
            Ok(())
        });
    }
}

#[test]
fn a_run_is_over_with_its_work() {
    bounded(|| {
        let (mut client, _router) = pair(UnixStream::pair()?)?;
        let closer = Closer::new();
        let work = AssertUnwindSafe(|| closer.run(|| panic!("on purpose")));
        catch_unwind(work).expect_err("it panicked");
        closer.close();
        assert!(client.recv_timeout(Duration::ZERO)?.is_pending());
        let ended = closer.run(|| client.recv_timeout(Duration::ZERO));
        assert!(matches!(ended, Err(Error::Closed)), "{ended:?}");
        Ok(())
    });
}

#[test]
fn closing_in_order_is_not_ended() {
    bounded(|| {
        let (mut client, mut router) = pair(UnixStream::pair()?)?;
        client.try_send(&b"last words"[..]).expect("there is room");
        let closer = client.closer();
        closer.close();
        let peer = thread::spawn(move || {
            assert_eq!(router.recv()?.as_deref(), Some(&b"last words"[..]));
            assert_eq!(router.recv()?, None);
            router.close()
        });
        closer.run(|| {
            assert!(matches!(client.recv(), Err(Error::Closed)));
            client.close()
        })?;
        peer.join().expect("no panic")
    });
}

/// A wait that was ended leaves the connection as it was.
#[test]
fn nothing_is_lost_with_a_wait() {
    bounded(|| {
        let (mut client, mut raw) = raw_router(UnixStream::pair()?)?;
        raw.write_all(b"\0\0\0\x04ab")?;
        let closer = Closer::new();
        let ended = ended_by(|| closer.close(), || closer.run(|| client.recv()));
        assert!(matches!(ended, Err(Error::Closed)), "{ended:?}");
        raw.write_all(b"cd")?;
        assert_eq!(client.recv()?.as_deref(), Some(&b"abcd"[..]));
        Ok(())
    });
}

/// Closing and falling asleep at the same time, many times.
#[test]
fn no_close_is_lost() {
    bounded(|| {
        let listener = Listener::bind(&"rs://127.0.0.1:0".parse().expect("an endpoint"))?;
        for _ in 0..1000 {
            let closer = Closer::new();
            let ended = ended_by(|| closer.close(), || closer.run(|| listener.accept()));
            ended.expect_err("closed");
        }
        Ok(())
    });
}

#[test]
fn streams_of_the_standard_library_will_do() {
    bounded(|| {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (client, _router) = pair((TcpStream::connect(address)?, listener.accept()?.0))?;
        assert_eq!(client.get_ref().peer_addr()?, address);
        Ok(())
    });
}
