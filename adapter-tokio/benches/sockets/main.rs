//! Messages over tokio's sockets: `Connection`, beside what one would write by hand and beside
//! tokio-util's codec.
//!
//! ```text
//! cargo bench -p wamp-rawsocket-tokio --bench sockets [-- [--quick] [--cpu N] [FILTER]]
//! ```
//!
//! Both ends are tasks of one runtime with one thread, so that what is measured is work, and not
//! how long a thread takes to wake another.
#![expect(
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "benchmarks run on std, and measure"
)]

mod ends;
#[path = "../../../benches/sockets/mod.rs"]
mod shared;

use std::future::Future;
use std::rc::Rc;

use ends::{Bare, Codec, Feeding, InPlace, Plain, Stream};
use shared::{Bench, Case, Laps, SIZES};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::Runtime;

/// One end of a connection, with a way to use it.
trait End: Send + Sized + 'static {
    /// Makes both ends of streams that are connected.
    fn pair(streams: [Stream; 2], payload: &'static [u8]) -> impl Future<Output = [Self; 2]>;
    /// Sends so many messages, and sees to it that they leave.
    fn send(&mut self, count: usize) -> impl Future<Output = ()> + Send;
    /// Receives so many.
    fn receive(&mut self, count: usize) -> impl Future<Output = ()> + Send;
    /// Sends one message and receives one, so many times.
    fn ping(&mut self, count: usize, laps: &mut Laps) -> impl Future<Output = ()> + Send;
    /// Receives and sends it back, so many times.
    fn echo(&mut self, count: usize) -> impl Future<Output = ()> + Send;
}

#[derive(Clone, Copy)]
enum Transport {
    Tcp,
    Unix,
}

async fn streams(transport: Transport) -> [Stream; 2] {
    match transport {
        Transport::Tcp => {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("bound");
            let (here, there) = tokio::join!(TcpStream::connect(address), listener.accept());
            let streams = [here.expect("loopback"), there.expect("loopback").0];
            streams.map(|stream| {
                stream.set_nodelay(true).expect("TCP");
                stream.into()
            })
        }
        Transport::Unix => {
            let (here, there) = UnixStream::pair().expect("a pair");
            [here.into(), there.into()]
        }
    }
}

fn open<E: End>(runtime: &Runtime, transport: Transport, payload: &'static [u8]) -> [Option<E>; 2] {
    runtime.block_on(async {
        let pair = E::pair(streams(transport).await, payload).await;
        pair.map(Some)
    })
}

fn one_way<E: End>(
    name: &'static str,
    runtime: &Rc<Runtime>,
    transport: Transport,
    payload: &'static [u8],
) -> Case {
    let [mut here, mut there] = open::<E>(runtime, transport, payload);
    let runtime = runtime.clone();
    Case::new(name, move |count, _| {
        let (mut sender, mut receiver) = (here.take().expect("idle"), there.take().expect("idle"));
        (here, there) = runtime.block_on(async move {
            let receiving = tokio::spawn(async move {
                receiver.receive(count).await;
                receiver
            });
            let sending = tokio::spawn(async move {
                sender.send(count).await;
                sender
            });
            let receiver = receiving.await.expect("no panic");
            (sending.await.ok(), Some(receiver))
        });
    })
}

fn round_trip<E: End>(
    name: &'static str,
    runtime: &Rc<Runtime>,
    transport: Transport,
    payload: &'static [u8],
) -> Case {
    let [mut here, mut there] = open::<E>(runtime, transport, payload);
    let runtime = runtime.clone();
    Case::new(name, move |count, laps| {
        let (mut client, mut server) = (here.take().expect("idle"), there.take().expect("idle"));
        (here, there) = runtime.block_on(async {
            let serving = tokio::spawn(async move {
                server.echo(count).await;
                server
            });
            laps.start();
            client.ping(count, laps).await;
            (Some(client), serving.await.ok())
        });
    })
}

fn main() {
    let bench = Bench::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = Rc::new(runtime.expect("a runtime"));
    for (transport, word) in [(Transport::Tcp, "tcp"), (Transport::Unix, "unix")] {
        for size in SIZES {
            let (message, on) = (shared::payload(size), &runtime);
            bench.group(&format!("round-trip/{word}/{size}"), || {
                vec![
                    round_trip::<Bare>("bare, one read for each", on, transport, message),
                    round_trip::<Plain>("Connection", on, transport, message),
                    round_trip::<InPlace>("Connection, in place", on, transport, message),
                    round_trip::<Codec<false>>("Framed, codec", on, transport, message),
                ]
            });
            bench.group(&format!("one-way/{word}/{size}"), || {
                vec![
                    one_way::<Bare>("bare, batches of 64 KiB", on, transport, message),
                    one_way::<Plain>("Connection, send and recv", on, transport, message),
                    one_way::<Feeding>("Connection, feed and recv", on, transport, message),
                    one_way::<InPlace>("Connection, feed, in place", on, transport, message),
                    one_way::<Codec<false>>("Framed, codec, send", on, transport, message),
                    one_way::<Codec<true>>("Framed, codec, feed", on, transport, message),
                ]
            });
        }
    }
}
