//! Endpoints, peers and executors for the tests.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::{TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use smol::future::{or, try_zip};
use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use wamp_rawsocket_async_std::rawsocket_proto::connection::Config;
use wamp_rawsocket_async_std::rawsocket_proto::wire::SerializerId;
use wamp_rawsocket_async_std::wamp_core::endpoint::Endpoint;
use wamp_rawsocket_async_std::{Connection, Error, Listener, Socket};

/// Runs each test under each executor.
macro_rules! tests {
    ($($test:ident),* $(,)?) => {
        mod under_smol {
            $(#[test]
            fn $test() {
                smol::block_on(crate::support::bounded(super::$test()));
            })*
        }

        #[cfg(feature = "async-std")]
        mod under_async_std {
            $(#[test]
            fn $test() {
                async_std::task::block_on(crate::support::bounded(super::$test()));
            })*
        }
    };
}
pub(crate) use tests;

/// No test takes longer.
pub(crate) async fn bounded(test: impl Future<Output = Result<(), Error>>) {
    let late = async {
        async_io::Timer::after(Duration::from_secs(30)).await;
        panic!("the test takes too long");
    };
    or(test, late).await.expect("the test failed");
}

pub(crate) fn config() -> Arc<Config> {
    Arc::new(Config::new())
}

/// A TCP port, a Unix socket's file and a name in the abstract namespace.
pub(crate) fn endpoints(name: &str) -> Vec<Endpoint> {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("wamp-async-{}-{count}-{name}", std::process::id());
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
pub(crate) async fn pair(
    endpoint: &Endpoint,
) -> Result<(Connection<Socket>, Connection<Socket>), Error> {
    let listener = Listener::bind(endpoint).await?;
    let client = Connection::connect(listener.endpoint(), config(), SerializerId::JSON);
    let router = async { Connection::router(listener.accept().await?, config(), |_| Ok(())).await };
    try_zip(client, router).await
}

/// A client, and a router that says what the test makes it say.
pub(crate) async fn raw_router(
    endpoint: &Endpoint,
    config: Config,
) -> Result<(Connection<Socket>, Socket), Error> {
    let listener = Listener::bind(endpoint).await?;
    let client = Connection::connect(listener.endpoint(), config, SerializerId::JSON);
    let router = async {
        let mut socket = listener.accept().await?;
        let mut request = [0; 4];
        socket.read_exact(&mut request).await?;
        socket.write_all(&[0x7F, 0xF1, 0, 0]).await?;
        Ok(socket)
    };
    try_zip(client, router).await
}

pub(crate) fn tcp_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let here = TcpStream::connect(listener.local_addr()?)?;
    Ok((here, listener.accept()?.0))
}

/// What was written on a [`Watched`] stream.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<(Vec<usize>, bool)>>);

impl Seen {
    pub(crate) fn writes(&self) -> Vec<usize> {
        self.0.lock().expect("no panic").0.clone()
    }

    pub(crate) fn vectored(&self) -> bool {
        self.0.lock().expect("no panic").1
    }
}

/// A stream of a type that nobody knows.
pub(crate) struct Watched<T> {
    stream: T,
    seen: Seen,
}

impl<T> Watched<T> {
    pub(crate) fn new(stream: T, seen: Seen) -> Self {
        Self { stream, seen }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, octets)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.seen.0.lock().expect("no panic").0.push(octets.len());
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.seen.0.lock().expect("no panic").1 = true;
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.poll_write(cx, first.map_or(&[][..], |slice| slice))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
