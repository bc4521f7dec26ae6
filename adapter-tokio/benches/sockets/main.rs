//! Messages over tokio's sockets: `Connection`, beside what one would write by hand and beside
//! tokio-util's codec.
//!
//! ```text
//! cargo bench -p wamp-rawsocket-tokio --bench sockets [-- [--quick] [--cpu N] [FILTER]]
//! ```
//!
//! Both ends are tasks of one runtime with one thread.
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
mod codec;
#[path = "../../../benches/sockets/mod.rs"]
mod shared;

use std::future::Future;
use std::rc::Rc;

use asynchronous::{Executor, Stream, one_way, round_trip};
use codec::Codec;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::{Builder, Runtime};
use wamp_rawsocket_tokio::rawsocket_proto::connection::Config;
use wamp_rawsocket_tokio::rawsocket_proto::wire::SerializerId;
use wamp_rawsocket_tokio::{Connection, Socket, rawsocket_proto};

#[derive(Clone)]
struct OneThread(Rc<Runtime>);

impl Executor for OneThread {
    fn both<A: Send + 'static, B: Send + 'static>(
        &self,
        first: impl Future<Output = A> + Send + 'static,
        second: impl Future<Output = B> + Send + 'static,
    ) -> (A, B) {
        self.0.block_on(async {
            let (first, second) = (tokio::spawn(first), tokio::spawn(second));
            tokio::try_join!(first, second).expect("no panic")
        })
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

async fn streams(transport: &str) -> [Socket; 2] {
    if transport == "unix" {
        let (here, there) = UnixStream::pair().expect("a pair");
        return [here.into(), there.into()];
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let here = TcpStream::connect(address).await.expect("loopback");
    let (there, _) = listener.accept().await.expect("loopback");
    [here, there].map(|stream| {
        stream.set_nodelay(true).expect("TCP");
        stream.into()
    })
}

async fn open([here, there]: [Socket; 2]) -> [Connection<Socket>; 2] {
    let client = Connection::client(here, Config::new(), SerializerId::MSGPACK);
    let router = Connection::router(there, Config::new(), |_| Ok(()));
    let (client, mut router) = tokio::try_join!(client, router).expect("a handshake");
    router.welcome();
    [client, router]
}

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build();
    let one = OneThread(Rc::new(runtime.expect("a runtime")));
    let pair = |transport: &str| one.0.block_on(streams(transport));
    asynchronous::run(
        &one,
        pair,
        |streams| one.0.block_on(open(streams)),
        |cases, kind, transport, payload| {
            let sending = pair(transport).map(|stream| Codec::<false>::new(stream, payload));
            if kind == "round-trip" {
                cases.push(round_trip("Framed, codec", &one, sending));
                return;
            }
            let feeding = pair(transport).map(|stream| Codec::<true>::new(stream, payload));
            cases.push(one_way("Framed, codec, send", &one, sending));
            cases.push(one_way("Framed, codec, feed", &one, feeding));
        },
    );
}
