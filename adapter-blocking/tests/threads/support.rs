//! Endpoints and peers for the tests.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use wamp_rawsocket_blocking::rawsocket_proto::connection::Config;
use wamp_rawsocket_blocking::rawsocket_proto::wire::SerializerId;
use wamp_rawsocket_blocking::wamp_core::endpoint::{Endpoint, unix};
use wamp_rawsocket_blocking::{Connection, Error, Socket, Stream};

/// Runs a test, for 30 seconds at most.
pub(crate) fn bounded(test: impl FnOnce() -> Result<(), Error> + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let thread = thread::spawn(move || {
        let result = test();
        // Nobody listens any more if it is too late.
        let _ = done.send(());
        result
    });
    match is_done.recv_timeout(Duration::from_secs(30)) {
        Err(RecvTimeoutError::Timeout) => panic!("the test takes too long"),
        _ => thread.join().expect("no panic").expect("no error"),
    }
}

/// As [`bounded`], over a TCP port and a Unix socket's file.
pub(crate) fn everywhere(test: impl Fn(&Endpoint) -> Result<(), Error> + Copy + Send + 'static) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("wamp-threads-{}-{count}", std::process::id());
    let file = std::env::temp_dir().join(name);
    let file = format!("unix:{}", file.display());
    for url in ["rs://127.0.0.1:0", &file] {
        let endpoint: Endpoint = url.parse().expect(url);
        println!("{endpoint}");
        bounded(move || test(&endpoint));
    }
}

pub(crate) fn config() -> Config {
    Config::new().handshake_timeout(None)
}

/// Two ends, connected.
pub(crate) fn pair<S: Stream + Send + Sync>(
    (here, there): (S, S),
) -> Result<(Connection<S>, Connection<S>), Error> {
    let router = thread::spawn(|| Connection::router(there, config(), |_| Ok(())));
    let client = Connection::client(here, config(), SerializerId::JSON)?;
    Ok((client, router.join().expect("no panic")?))
}

/// A client, and a router that says what the test makes it say.
pub(crate) fn raw_router(
    (here, mut raw): (UnixStream, UnixStream),
) -> Result<(Connection<UnixStream>, UnixStream), Error> {
    raw.write_all(&[0x7F, 0xF1, 0, 0])?;
    let client = Connection::client(here, config(), SerializerId::JSON)?;
    raw.read_exact(&mut [0; 4])?;
    Ok((client, raw))
}

/// A listener for which too many wait already, and those.
pub(crate) struct Crowd {
    endpoint: Endpoint,
    listener: OwnedFd,
    waiting: Vec<Socket>,
}

impl Crowd {
    pub(crate) fn at(endpoint: &Endpoint) -> Result<Self, Error> {
        let (listener, endpoint): (OwnedFd, _) = match endpoint {
            Endpoint::Tcp { host, .. } => {
                let listener = TcpListener::bind((host.as_str(), 0))?;
                let (host, port) = (host.clone(), listener.local_addr()?.port());
                (listener.into(), Endpoint::Tcp { host, port })
            }
            Endpoint::Unix { path } => {
                let listener = UnixListener::bind_addr(&unix::address(path)?)?;
                (listener.into(), endpoint.clone())
            }
            other => panic!("{other}"),
        };
        // No more than one.
        rustix::net::listen(&listener, 0).expect("it listens");
        let mut waiting = Vec::new();
        let within = Duration::from_millis(50);
        while let Ok(socket) = Socket::connect_timeout(&endpoint, within) {
            waiting.push(socket);
        }
        Ok(Self {
            endpoint,
            listener,
            waiting,
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Makes room.
    pub(crate) fn accept_all(&mut self) {
        for _ in self.waiting.drain(..) {
            rustix::net::accept(&self.listener).expect("one waits");
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        if let Endpoint::Unix { path } = &self.endpoint {
            std::fs::remove_file(path).expect("it was made here");
        }
    }
}
