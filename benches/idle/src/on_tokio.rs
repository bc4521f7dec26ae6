//! Listeners on tokio, on one thread.

use std::cell::RefCell;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_util::codec::{Framed, LengthDelimitedCodec};
use wamp_core::endpoint::Endpoint;
use wamp_core::router::RouterConfig;
use wamp_rawsocket_tokio::rawsocket_proto::connection::Config;
use wamp_rawsocket_tokio::{Connection, Listener, Router, Socket};

use crate::listen::{Held, Serving};
use crate::{Kind, REALM};

/// Listens on a port of its own.
pub(crate) fn serve(kind: Kind) -> Result<Serving, Box<dyn Error>> {
    let router = match kind {
        Kind::Router => Some(Router::new(RouterConfig::new([REALM]))?),
        _ => None,
    };
    let served = router.clone();
    let (tell, told) = mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let thread = thread::spawn(move || -> io::Result<()> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build()?.block_on(async move {
            let port = "rs://127.0.0.1:0".parse().map_err(io::Error::other)?;
            let listener = Listener::bind(&port);
            match (kind, served) {
                (Kind::Router, Some(router)) => {
                    let listener = listener.await?;
                    let _ = tell.send(address(listener.endpoint())?);
                    let serving = tokio::spawn(router.serve(listener));
                    let _ = stopped.await;
                    router.shut_down(Duration::from_secs(2)).await;
                    serving.await?;
                }
                (Kind::Connection, _) => {
                    let listener = listener.await?;
                    let _ = tell.send(address(listener.endpoint())?);
                    tokio::spawn(connections(listener));
                    let _ = stopped.await;
                }
                _ => {
                    let listener = TcpListener::bind("127.0.0.1:0").await?;
                    let _ = tell.send(listener.local_addr()?);
                    tokio::spawn(accept(listener, kind));
                    let _ = stopped.await;
                }
            }
            Ok(())
        })
    });
    let stop = Box::new(move || -> Result<(), Box<dyn Error>> {
        let _ = stop.send(());
        Ok(thread.join().map_err(|_| "the tokio thread panicked")??)
    });
    Ok(Serving {
        address: told.recv()?,
        stats: router.map(|router| Box::new(move || router.stats()) as Box<_>),
        stop,
    })
}

pub(crate) fn address(endpoint: &Endpoint) -> io::Result<SocketAddr> {
    match endpoint {
        Endpoint::Tcp { host, port } => {
            let host = host.parse().map_err(io::Error::other)?;
            Ok(SocketAddr::new(host, *port))
        }
        other => Err(other.unsupported()),
    }
}

async fn accept(listener: TcpListener, kind: Kind) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        if kind == Kind::Bare {
            tokio::spawn(bare(stream));
        } else {
            tokio::spawn(framed(stream));
        }
    }
}

/// Sends back what comes: also the handshake, of which that is a valid answer.
async fn bare(stream: TcpStream) -> io::Result<()> {
    thread_local!(static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; 64 << 10].into()));
    let _held = Held::new();
    loop {
        stream.readable().await?;
        let done = BUFFER.with_borrow_mut(|buffer| match stream.try_read(buffer) {
            Ok(0) => Ok(true),
            Ok(count) => {
                let octets = buffer.get(..count).unwrap_or_default();
                if stream.try_write(octets)? == count {
                    Ok(false)
                } else {
                    Err(io::ErrorKind::WouldBlock.into())
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        });
        if done? {
            return Ok(());
        }
    }
}

async fn framed(mut stream: TcpStream) -> io::Result<()> {
    let _held = Held::new();
    let mut request = [0; 4];
    stream.read_exact(&mut request).await?;
    stream.write_all(&request).await?;
    let mut framed = Framed::new(stream, codec());
    while let Some(message) = framed.next().await {
        framed.send(message?.freeze()).await?;
    }
    Ok(())
}

/// The codec of RawSocket's frames: those of messages start with four octets of length.
pub(crate) fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .length_field_length(4)
        .max_frame_length((1 << 24) - 1)
        .new_codec()
}

async fn connections(listener: Listener) -> io::Result<()> {
    let config = Arc::new(Config::default());
    loop {
        let socket = listener.accept().await?;
        tokio::spawn(connection(socket, config.clone()));
    }
}

async fn connection(
    socket: Socket,
    config: Arc<Config>,
) -> Result<(), wamp_rawsocket_tokio::Error> {
    let _held = Held::new();
    let mut connection = Connection::router(socket, config, |_| Ok(())).await?;
    while let Some(message) = connection.recv().await? {
        connection.send(message).await?;
    }
    connection.close().await
}
