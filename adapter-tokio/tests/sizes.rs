//! The sizes of what there is for each connection. A change here is a decision, not an accident.

use core::mem::size_of;
use std::sync::Arc;

use tokio::net::TcpStream;
use wamp_rawsocket_tokio::rawsocket_proto::connection::{self, Config};
use wamp_rawsocket_tokio::rawsocket_proto::driver::Pump;
use wamp_rawsocket_tokio::{Connection, Error, Socket, TokioClock, TokioIo};

#[test]
fn of_a_connection() {
    assert_eq!(size_of::<TokioClock>(), 24);
    let socket = size_of::<TokioIo<Socket>>();
    assert_eq!(socket - size_of::<TcpStream>(), 8);
    let pump = size_of::<Pump<connection::Connection, TokioIo<Socket>, TokioClock>>();
    assert_eq!(size_of::<Connection<Socket>>() - pump, 8);
}

/// A task that receives keeps room for the connection, but none for its handshake.
#[test]
fn of_a_task() {
    async fn task(socket: Socket, config: Arc<Config>) -> Result<(), Error> {
        let mut connection = Connection::router(socket, config, |_| Ok(())).await?;
        while connection.recv().await?.is_some() {}
        connection.close().await
    }

    fn size<A, B, F: Future>(_: impl Fn(A, B) -> F) -> usize {
        size_of::<F>()
    }

    let beside = size(task) - size_of::<Connection<Socket>>();
    assert!(beside <= 160, "{beside}");
}
