//! Peers without a state machine, on sockets of the standard library: they do what is wrong, and
//! look at the octets. They block; one that has to do so while the adapter's end works is put on a
//! thread.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::sockopt::{set_socket_linger, set_socket_recv_buffer_size};

use crate::adapter::rawsocket_proto::connection::Config;
use crate::adapter::rawsocket_proto::wire::SerializerId;
use crate::adapter::wamp_core::endpoint::{Endpoint, unix};
use crate::adapter::{Connection, Listener, Socket};
use crate::either;

/// JSON, and 16 MiB: a client's request and a router's reply alike.
pub(crate) const HELLO: [u8; 4] = [0x7F, 0xF1, 0, 0];

/// No read or write of a bare peer takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connected socket.
pub(crate) enum Bare {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Bare {
    pub(crate) fn connect(endpoint: &Endpoint) -> Self {
        match endpoint {
            Endpoint::Tcp { host, port } => {
                Self::tcp(TcpStream::connect((host.as_str(), *port)).unwrap())
            }
            Endpoint::Unix { path } => {
                let address = unix::address(path).unwrap();
                Self::unix(UnixStream::connect_addr(&address).unwrap())
            }
            other => panic!("{other:?}"),
        }
    }

    fn tcp(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        // Else the system holds more and more for who does not read.
        set_socket_recv_buffer_size(&stream, 1 << 20).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self::Tcp(stream)
    }

    fn unix(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self::Unix(stream)
    }

    /// Another handle of the same socket.
    pub(crate) fn twin(&self) -> Self {
        match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone().unwrap()),
            Self::Unix(stream) => Self::Unix(stream.try_clone().unwrap()),
        }
    }

    pub(crate) fn say(&mut self, octets: &[u8]) {
        self.write_all(octets).unwrap();
    }

    /// Writes from `octets` until the socket has taken none for a while, and returns how many it
    /// took.
    pub(crate) fn say_for(&mut self, patience: Duration, octets: &[u8]) -> usize {
        self.set_write_timeout(patience);
        let mut taken = 0;
        while taken < octets.len() {
            match self.write(&octets[taken..]) {
                Ok(count) => taken += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        self.set_write_timeout(PATIENCE);
        taken
    }

    fn set_write_timeout(&self, timeout: Duration) {
        match self {
            Self::Tcp(stream) => stream.set_write_timeout(Some(timeout)),
            Self::Unix(stream) => stream.set_write_timeout(Some(timeout)),
        }
        .unwrap();
    }

    pub(crate) fn hear<const COUNT: usize>(&mut self) -> [u8; COUNT] {
        let mut octets = [0; COUNT];
        self.read_exact(&mut octets).unwrap();
        octets
    }

    /// Everything up to the end of the stream.
    pub(crate) fn hear_all(&mut self) -> Vec<u8> {
        let mut octets = Vec::new();
        self.read_to_end(&mut octets).unwrap();
        octets
    }

    /// Closes the sending side.
    pub(crate) fn finish(&self) {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
        .unwrap();
    }

    /// Closes behind the first octet of something that the peer has said, which therefore sees a
    /// reset. On a Unix socket what is left unread makes it one.
    pub(crate) fn reset(mut self) {
        self.hear::<1>();
        self.reset_unheard();
    }

    /// Closes at once: over TCP a reset, over a Unix socket an end if nothing was left unread.
    pub(crate) fn reset_unheard(self) {
        if let Self::Tcp(stream) = &self {
            set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
        }
    }
}

impl Read for Bare {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(octets),
            Self::Unix(stream) => stream.read(octets),
        }
    }
}

impl Write for Bare {
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

/// A listening socket.
pub(crate) struct BareListener {
    inner: Inner,
    endpoint: Endpoint,
}

enum Inner {
    Tcp(TcpListener),
    /// With its file.
    Unix(UnixListener, Option<PathBuf>),
}

impl BareListener {
    pub(crate) fn bind(endpoint: &Endpoint) -> Self {
        match endpoint {
            Endpoint::Tcp { host, port } => {
                let listener = TcpListener::bind((host.as_str(), *port)).unwrap();
                let address = listener.local_addr().unwrap();
                Self {
                    inner: Inner::Tcp(listener),
                    endpoint: super::endpoints::parse(&format!("rs://{address}")),
                }
            }
            Endpoint::Unix { path } => {
                let address = unix::address(path).unwrap();
                let file = address.as_pathname().map(Path::to_owned);
                let listener = UnixListener::bind_addr(&address).unwrap();
                Self {
                    inner: Inner::Unix(listener, file),
                    endpoint: endpoint.clone(),
                }
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    pub(crate) fn accept(&self) -> Bare {
        match &self.inner {
            Inner::Tcp(listener) => Bare::tcp(listener.accept().unwrap().0),
            Inner::Unix(listener, _) => Bare::unix(listener.accept().unwrap().0),
        }
    }
}

impl Drop for BareListener {
    fn drop(&mut self) {
        if let Inner::Unix(_, Some(file)) = &self.inner {
            std::fs::remove_file(file).ok();
        }
    }
}

/// A bare router, on a thread: it takes one connection, reads the request and does what it is told.
pub(crate) fn router<T: Send + 'static>(
    endpoint: &Endpoint,
    task: impl FnOnce(Bare) -> T + Send + 'static,
) -> (Endpoint, std::thread::JoinHandle<T>) {
    let listener = BareListener::bind(endpoint);
    let endpoint = listener.endpoint();
    let thread = std::thread::spawn(move || task(listener.accept()));
    (endpoint, thread)
}

/// The adapter's client, and the bare router that let it in.
#[either]
pub(crate) async fn client(endpoint: &Endpoint, config: Config) -> (Connection<Socket>, Bare) {
    let (endpoint, router) = router(endpoint, |mut bare| {
        assert_eq!(bare.hear::<4>()[0], HELLO[0]);
        bare.say(&HELLO);
        bare
    });
    let client = Connection::connect(&endpoint, config, SerializerId::JSON).await;
    (client.unwrap(), router.join().unwrap())
}

/// The adapter's two sorts of ends, each with a bare peer with which it has shaken hands.
#[either]
pub(crate) async fn ends(endpoint: &Endpoint, config: Config) -> [(Connection<Socket>, Bare); 2] {
    let client = client(endpoint, config.clone()).await;
    let listener = Listener::bind(endpoint).await.unwrap();
    let mut bare = Bare::connect(listener.endpoint());
    bare.say(&HELLO);
    let socket = listener.accept().await.unwrap();
    let mut router = Connection::router(socket, config, |_| Ok(()))
        .await
        .unwrap();
    router.welcome();
    assert_eq!(bare.hear::<4>()[0], HELLO[0]);
    [client, (router, bare)]
}
