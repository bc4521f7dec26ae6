//! Streams of other crates: which of them close, and which write vectored.

use std::io::{self, IoSlice};
use std::net::{TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use smol::future::{or, try_zip};
use smol::io::{AsyncRead, AsyncWrite};
use wamp_rawsocket_async_std::rawsocket_proto::connection::Config;
use wamp_rawsocket_async_std::rawsocket_proto::wire::SerializerId;
use wamp_rawsocket_async_std::{Connection, Error, Socket};

/// Runs each test under each executor.
macro_rules! tests {
    ($($test:ident),* $(,)?) => {
        mod under_smol {
            $(#[test]
            fn $test() {
                smol::block_on(super::bounded(super::$test()));
            })*
        }

        #[cfg(feature = "async-std")]
        mod under_async_std {
            $(#[test]
            fn $test() {
                async_std::task::block_on(super::bounded(super::$test()));
            })*
        }
    };
}

tests! {
    the_peer_reads_the_end_of_any_stream,
    unknown_streams_are_written_flat,
}

/// No test takes longer.
async fn bounded(test: impl Future<Output = Result<(), Error>>) {
    let late = async {
        async_io::Timer::after(Duration::from_secs(30)).await;
        panic!("the test takes too long");
    };
    or(test, late).await.expect("the test failed");
}

/// Not every stream's `poll_close` closes: without that both ends would wait out the deadline,
/// which is longer than the test may take.
async fn the_peer_reads_the_end_of_any_stream() -> Result<(), Error> {
    async fn check<T>((here, there): (T, T)) -> Result<(), Error>
    where
        T: AsyncRead + AsyncWrite + Unpin + 'static,
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
    let (here, there) = tcp_pair()?;
    check((async_io::Async::new(here)?, async_io::Async::new(there)?)).await?;
    let (here, there) = tcp_pair()?;
    let here = Socket::from(async_io::Async::new(here)?);
    check((here, async_io::Async::new(there)?.into())).await?;
    #[cfg(feature = "smol")]
    {
        check(smol::net::unix::UnixStream::pair()?).await?;
        let (here, there) = smol::net::unix::UnixStream::pair()?;
        check((Socket::from(here), Socket::from(there))).await?;
        let (here, there) = tcp_pair()?;
        check::<smol::net::TcpStream>((here.try_into()?, there.try_into()?)).await?;
    }
    #[cfg(feature = "async-std")]
    {
        check(async_std::os::unix::net::UnixStream::pair()?).await?;
        let (here, there) = async_std::os::unix::net::UnixStream::pair()?;
        check((Socket::try_from(here)?, Socket::try_from(there)?)).await?;
        let (here, there) = tcp_pair()?;
        check::<async_std::net::TcpStream>((here.into(), there.into())).await?;
    }
    Ok(())
}

/// No header of a large frame stands alone, and nothing is asked of a vectored write that a stream
/// may not have.
async fn unknown_streams_are_written_flat() -> Result<(), Error> {
    let (here, there) = async_io::Async::<std::os::unix::net::UnixStream>::pair()?;
    let seen = Seen::default();
    let here = Watched::new(here, seen.clone());
    let client = Connection::client(here, Config::new(), SerializerId::JSON);
    let router = Connection::router(there, Config::new(), |_| Ok(()));
    let (mut client, mut router) = try_zip(client, router).await?;
    router.welcome();
    let sender = async {
        client.send(vec![7; 50_000]).await?;
        client.flush().await
    };
    let (received, ()) = try_zip(router.recv(), sender).await?;
    assert_eq!(received.as_deref(), Some(&*vec![7; 50_000]));
    let writes = seen.writes();
    // The handshake, then the frame.
    assert_eq!(writes.first(), Some(&4));
    assert!(writes.get(1).is_some_and(|len| *len > 4), "{writes:?}");
    assert!(!seen.vectored());
    Ok(())
}

fn tcp_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let here = TcpStream::connect(listener.local_addr()?)?;
    Ok((here, listener.accept()?.0))
}

/// What was written on a [`Watched`] stream.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<(Vec<usize>, bool)>>);

impl Seen {
    fn writes(&self) -> Vec<usize> {
        self.0.lock().expect("no panic").0.clone()
    }

    fn vectored(&self) -> bool {
        self.0.lock().expect("no panic").1
    }
}

/// A stream of a type that nobody knows.
struct Watched<T> {
    stream: T,
    seen: Seen,
}

impl<T> Watched<T> {
    fn new(stream: T, seen: Seen) -> Self {
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
