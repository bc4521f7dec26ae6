//! The transport level: whole messages in and out.

use core::ops::{Deref, DerefMut};
use std::sync::Arc;

use futures_io::{AsyncRead, AsyncWrite};
use rawsocket_proto::connection::Config;
use rawsocket_proto::driver::{self, Error};
use rawsocket_proto::wire::{RefusalCode, Request, SerializerId};
use wamp_core::endpoint::Endpoint;

use crate::clock::AsyncIoClock;
use crate::halves::{Receiver, Sender, halves};
use crate::io::FuturesIo;
use crate::net::Socket;

/// A RawSocket connection: whole messages in and out, over any `futures-io` stream.
///
/// Sending, receiving and closing are [`driver::Connection`]'s, to which it derefs: they are one
/// text for all async adapters.
///
/// It runs on the task that calls it, without one of its own: PINGs are answered, heartbeats sent
/// and queued messages written while one of its methods is awaited. An application that does
/// neither for long should give the connection a task that sits in
/// [`recv`](driver::Connection::recv).
///
/// All methods may be dropped at any await point: no octet is lost and no frame is torn.
///
/// ```
/// use std::os::unix::net::UnixStream;
///
/// use async_io::Async;
/// use smol::future::try_zip;
/// use wamp_rawsocket_async_std::Connection;
/// use wamp_rawsocket_async_std::rawsocket_proto::{connection::Config, wire::SerializerId};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// smol::block_on(async {
///     let (here, there) = Async::<UnixStream>::pair()?;
///     let client = Connection::client(here, Config::default(), SerializerId::JSON);
///     let router = Connection::router(there, Config::default(), |_| Ok(()));
///     let (mut client, mut router) = try_zip(client, router).await?;
///
///     client.send(&b"[1]"[..]).await?;
///     assert_eq!(router.recv().await?.unwrap(), "[1]");
///     let server = async {
///         assert_eq!(router.recv().await?, None);
///         router.close().await
///     };
///     try_zip(client.close(), server).await?;
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Connection<T>(driver::Connection<FuturesIo<T>, AsyncIoClock>);

impl Connection<Socket> {
    /// Connects to a router's endpoint and does the handshake.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be reached, [`Error::Connection`] if it refuses or does not
    /// speak RawSocket.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it closes what it opened.
    pub async fn connect(
        endpoint: &Endpoint,
        config: impl Into<Arc<Config>>,
        serializer: SerializerId,
    ) -> Result<Self, Error> {
        let socket = Socket::connect(endpoint).await?;
        Self::client(socket, config, serializer).await
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + 'static> Connection<T> {
    /// Does a client's handshake on an open stream.
    ///
    /// # Errors
    ///
    /// As [`connect`](Connection::connect).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the stream.
    pub async fn client(
        stream: T,
        config: impl Into<Arc<Config>>,
        serializer: SerializerId,
    ) -> Result<Self, Error> {
        let (io, clock) = (FuturesIo::new(stream), AsyncIoClock::new());
        let client = driver::Connection::client(io, clock, config.into(), serializer);
        client.await.map(Self::new)
    }

    /// Does a router's handshake on an open stream. `decide` sees the request and lets the client
    /// in or says why not.
    ///
    /// Messages are received up to [`Config::greeting_limit`] until
    /// [`welcome`](driver::Connection::welcome) is called.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::Connection`] if the client breaks the handshake or takes too
    /// long. [`Error::Refused`] with the code of `decide`, after the client was told.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the stream.
    pub async fn router(
        stream: T,
        config: impl Into<Arc<Config>>,
        decide: impl FnOnce(Request) -> Result<(), RefusalCode>,
    ) -> Result<Self, Error> {
        let (io, clock) = (FuturesIo::new(stream), AsyncIoClock::new());
        let router = driver::Connection::router(io, clock, config.into(), decide);
        router.await.map(Self::new)
    }

    /// Parts the connection in two halves that different tasks use at the same time: see
    /// [`driver::Connection::split`]. [`Receiver::reunite`] puts them together again.
    pub fn split(self) -> (Sender<T>, Receiver<T>) {
        halves(self.0.split())
    }

    /// The stream.
    pub fn get_ref(&self) -> &T {
        self.0.transport().get_ref()
    }
}

impl<T> Connection<T> {
    pub(crate) const fn new(inner: driver::Connection<FuturesIo<T>, AsyncIoClock>) -> Self {
        Self(inner)
    }
}

impl<T> Deref for Connection<T> {
    type Target = driver::Connection<FuturesIo<T>, AsyncIoClock>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T> DerefMut for Connection<T> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
