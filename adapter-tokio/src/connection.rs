//! The transport level: whole messages in and out.

use core::ops::{Deref, DerefMut};
use std::sync::Arc;

use rawsocket_proto::connection::Config;
use rawsocket_proto::driver::{self, Error};
use rawsocket_proto::wire::{RefusalCode, Request, SerializerId};
use tokio::io::{AsyncRead, AsyncWrite};
use wamp_core::endpoint::Endpoint;

use crate::clock::TokioClock;
use crate::halves::{Receiver, Sender, halves};
use crate::io::TokioIo;
use crate::net::Socket;

/// A RawSocket connection: whole messages in and out, over any tokio stream.
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
/// use rawsocket_proto::connection::Config;
/// use rawsocket_proto::wire::SerializerId;
/// use wamp_rawsocket_tokio::{Connection, rawsocket_proto};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (here, there) = tokio::io::duplex(64);
/// let client = Connection::client(here, Config::default(), SerializerId::JSON);
/// let router = Connection::router(there, Config::default(), |_| Ok(()));
/// let (mut client, mut router) = tokio::try_join!(client, router)?;
///
/// client.send(&b"[1]"[..]).await?;
/// assert_eq!(router.recv().await?.unwrap(), "[1]");
/// let server = async {
///     assert_eq!(router.recv().await?, None);
///     router.close().await
/// };
/// tokio::try_join!(client.close(), server)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Connection<T>(driver::Connection<TokioIo<T>, TokioClock>);

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

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
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
        let (io, clock) = (TokioIo::new(stream), TokioClock::new());
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
        let (io, clock) = (TokioIo::new(stream), TokioClock::new());
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
    pub(crate) const fn new(inner: driver::Connection<TokioIo<T>, TokioClock>) -> Self {
        Self(inner)
    }
}

impl<T> Deref for Connection<T> {
    type Target = driver::Connection<TokioIo<T>, TokioClock>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T> DerefMut for Connection<T> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
