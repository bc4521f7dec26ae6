//! Listeners on smol, on the one thread of its global executor.

use std::cell::RefCell;
use std::error::Error;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::{Async, Task};
use tokio_util::codec::Framed;
use tokio_util::compat::FuturesAsyncReadCompatExt;
use wamp_core::router::RouterConfig;
use wamp_rawsocket_async_std::rawsocket_proto::connection::Config;
use wamp_rawsocket_async_std::{Connection, Listener, Router, Socket};

use crate::listen::{Held, Serving};
use crate::on_tokio::{address, codec};
use crate::{Kind, REALM};

/// Listens on a port of its own.
pub(crate) fn serve(kind: Kind) -> Result<Serving, Box<dyn Error>> {
    if kind == Kind::Bare || kind == Kind::Framed {
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
        let address = listener.get_ref().local_addr()?;
        return Ok(serving(address, smol::spawn(accept(listener, kind))));
    }
    let listener = smol::block_on(Listener::bind(&"rs://127.0.0.1:0".parse()?))?;
    let address = address(listener.endpoint())?;
    if kind == Kind::Connection {
        return Ok(serving(address, smol::spawn(connections(listener))));
    }
    let router = Router::new(RouterConfig::new([REALM]))?;
    let task = smol::spawn(router.serve(listener));
    let shared = router.clone();
    let stop = Box::new(move || {
        smol::block_on(async {
            router.shut_down(Duration::from_secs(2)).await;
            task.await;
        });
        Ok(())
    });
    Ok(Serving {
        address,
        stats: Some(Box::new(move || shared.stats())),
        stop,
    })
}

fn serving(address: std::net::SocketAddr, task: Task<io::Result<()>>) -> Serving {
    let stop = Box::new(move || {
        smol::block_on(task.cancel());
        Ok(())
    });
    Serving {
        address,
        stats: None,
        stop,
    }
}

async fn accept(listener: Async<TcpListener>, kind: Kind) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.get_ref().set_nodelay(true)?;
        if kind == Kind::Bare {
            smol::spawn(bare(stream)).detach();
        } else {
            smol::spawn(framed(stream)).detach();
        }
    }
}

/// Sends back what comes: also the handshake, of which that is a valid answer.
async fn bare(stream: Async<TcpStream>) -> io::Result<()> {
    thread_local!(static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; 64 << 10].into()));
    let _held = Held::new();
    loop {
        stream.readable().await?;
        let done = BUFFER.with_borrow_mut(|buffer| {
            let mut socket = stream.get_ref();
            match io::Read::read(&mut socket, buffer) {
                Ok(0) => Ok(true),
                Ok(count) => {
                    let octets = buffer.get(..count).unwrap_or_default();
                    if io::Write::write(&mut socket, octets)? == count {
                        Ok(false)
                    } else {
                        Err(io::ErrorKind::WouldBlock.into())
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
                Err(error) => Err(error),
            }
        });
        if done? {
            return Ok(());
        }
    }
}

async fn framed(mut stream: Async<TcpStream>) -> io::Result<()> {
    let _held = Held::new();
    let mut request = [0; 4];
    stream.read_exact(&mut request).await?;
    stream.write_all(&request).await?;
    let mut framed = Framed::new(stream.compat(), codec());
    while let Some(message) = framed.next().await {
        framed.send(message?.freeze()).await?;
    }
    Ok(())
}

async fn connections(listener: Listener) -> io::Result<()> {
    let config = Arc::new(Config::default());
    loop {
        let socket = listener.accept().await?;
        smol::spawn(connection(socket, config.clone())).detach();
    }
}

async fn connection(
    socket: Socket,
    config: Arc<Config>,
) -> Result<(), wamp_rawsocket_async_std::Error> {
    let _held = Held::new();
    let mut connection = Connection::router(socket, config, |_| Ok(())).await?;
    while let Some(message) = connection.recv().await? {
        connection.send(message).await?;
    }
    connection.close().await
}
