//! Messages over async-io's sockets on smol's executor: `Connection`, beside what one would write
//! by hand.
//!
//! ```text
//! cargo bench -p wamp-rawsocket-async-std --bench sockets [-- [--quick] [--cpu N] [FILTER]]
//! ```
//!
//! Both ends are tasks of one executor on one thread.
#![expect(
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "benchmarks run on std, and measure"
)]

#[path = "../../../benches/sockets/asynchronous.rs"]
mod asynchronous;
#[path = "../../../benches/sockets/mod.rs"]
mod shared;

use std::future::Future;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use asynchronous::{Executor, Stream};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::{Async, LocalExecutor, future};
use wamp_rawsocket_async_std::rawsocket_proto::connection::Config;
use wamp_rawsocket_async_std::rawsocket_proto::wire::SerializerId;
use wamp_rawsocket_async_std::{Connection, Socket, rawsocket_proto};

#[derive(Clone, Default)]
struct OneThread(Rc<LocalExecutor<'static>>);

impl Executor for OneThread {
    fn both<A: Send + 'static, B: Send + 'static>(
        &self,
        first: impl Future<Output = A> + Send + 'static,
        second: impl Future<Output = B> + Send + 'static,
    ) -> (A, B) {
        let (first, second) = (self.0.spawn(first), self.0.spawn(second));
        smol::block_on(self.0.run(future::zip(first, second)))
    }
}

impl Stream for Socket {
    async fn read(&mut self, buf: &mut [u8]) -> usize {
        AsyncReadExt::read(self, buf).await.expect("open")
    }

    async fn write_all(&mut self, octets: &[u8]) {
        AsyncWriteExt::write_all(self, octets).await.expect("open");
    }
}

fn streams(transport: &str) -> [Socket; 2] {
    if transport == "unix" {
        let (here, there) = UnixStream::pair().expect("a pair");
        return [here, there].map(|stream| Async::new(stream).expect("a socket").into());
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let here = TcpStream::connect(listener.local_addr().expect("bound")).expect("loopback");
    let (there, _) = listener.accept().expect("loopback");
    [here, there].map(|stream| {
        stream.set_nodelay(true).expect("TCP");
        Async::new(stream).expect("a socket").into()
    })
}

async fn open([here, there]: [Socket; 2]) -> [Connection<Socket>; 2] {
    let client = Connection::client(here, Config::new(), SerializerId::MSGPACK);
    let router = Connection::router(there, Config::new(), |_| Ok(()));
    let (client, mut router) = future::try_zip(client, router).await.expect("a handshake");
    router.welcome();
    [client, router]
}

fn main() {
    let one = OneThread::default();
    let open = |streams| smol::block_on(open(streams));
    asynchronous::run(&one, streams, open, |_, _, _, _| ());
}
