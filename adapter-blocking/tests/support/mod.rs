//! Endpoints and peers for the tests.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use wamp_rawsocket_blocking::rawsocket_proto::connection::Config;
use wamp_rawsocket_blocking::rawsocket_proto::wire::SerializerId;
use wamp_rawsocket_blocking::wamp_core::endpoint::Endpoint;
use wamp_rawsocket_blocking::{Connection, Error, Listener, Socket};

/// Runs a test over each sort of socket; none takes longer than 30 seconds.
pub(crate) fn bounded(
    name: &str,
    test: impl Fn(Endpoint) -> Result<(), Error> + Send + Sync + 'static,
) {
    let test = Arc::new(test);
    for endpoint in endpoints(name) {
        let (done, is_done) = mpsc::channel();
        let (test, url) = (test.clone(), endpoint.to_string());
        let thread = thread::spawn(move || {
            let result = test(endpoint);
            // Nobody listens any more if it is too late.
            let _ = done.send(());
            result
        });
        match is_done.recv_timeout(Duration::from_secs(30)) {
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{url}: the test takes too long"),
            _ => thread.join().expect(&url).expect(&url),
        }
    }
}

pub(crate) fn config() -> Arc<Config> {
    Arc::new(Config::new())
}

pub(crate) fn message(len: usize) -> Vec<u8> {
    (0..251).cycle().take(len).collect()
}

/// A TCP port, a Unix socket's file and a name in the abstract namespace.
pub(crate) fn endpoints(name: &str) -> Vec<Endpoint> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("wamp-blocking-{}-{count}-{name}", std::process::id());
    let file = std::env::temp_dir().join(&name);
    let mut urls = vec![
        "rs://127.0.0.1:0".to_owned(),
        format!("unix:{}", file.display()),
    ];
    if cfg!(target_os = "linux") {
        urls.push(format!("unix:@{name}"));
    }
    urls.iter().map(|url| url.parse().expect(url)).collect()
}

/// Two ends, connected.
pub(crate) fn pair(endpoint: &Endpoint) -> Result<(Connection<Socket>, Connection<Socket>), Error> {
    let listener = Listener::bind(endpoint)?;
    let endpoint = listener.endpoint().clone();
    let client =
        thread::spawn(move || Connection::connect(&endpoint, config(), SerializerId::JSON));
    let router = Connection::router(listener.accept()?, config(), |_| Ok(()))?;
    Ok((client.join().expect("no panic")?, router))
}

/// A client, and a router that says what the test makes it say.
pub(crate) fn raw_router(
    endpoint: &Endpoint,
    config: Config,
) -> Result<(Connection<Socket>, Raw), Error> {
    let listener = Listener::bind(endpoint)?;
    let endpoint = listener.endpoint().clone();
    let client = thread::spawn(move || Connection::connect(&endpoint, config, SerializerId::JSON));
    let mut raw = match listener.accept()? {
        Socket::Tcp(stream) => Raw::Tcp(stream),
        Socket::Unix(stream) => Raw::Unix(stream),
        other => panic!("{other:?}"),
    };
    let mut request = [0; 4];
    raw.read_exact(&mut request)?;
    raw.write_all(&[0x7F, 0xF1, 0, 0])?;
    Ok((client.join().expect("no panic")?, raw))
}

/// A peer without a state machine.
pub(crate) enum Raw {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Raw {
    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(how),
            Self::Unix(stream) => stream.shutdown(how),
        }
    }
}

impl Read for Raw {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(octets),
            Self::Unix(stream) => stream.read(octets),
        }
    }
}

impl Write for Raw {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(octets),
            Self::Unix(stream) => stream.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
