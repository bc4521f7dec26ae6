//! Messages over the standard library's sockets: `Connection`, beside what one would write by hand.
//!
//! ```text
//! cargo bench -p wamp-rawsocket-blocking --bench sockets [-- [--quick] [--cpu N] [FILTER]]
//! ```
//!
//! The ends are two threads on one CPU. The bare sockets are blocking ones.
#![expect(
    clippy::std_instead_of_core,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "benchmarks run on std, and measure"
)]

mod ends;
#[path = "../../../benches/sockets/mod.rs"]
mod shared;

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;

use ends::{Bare, Fed, Ours, Stream};
use shared::{Bench, Case, Laps, SIZES};

/// One end of a connection, with a way to use it.
trait End: Send {
    /// Makes both ends of streams that are connected.
    fn pair<S: Stream>(streams: [S; 2], payload: &'static [u8]) -> [Box<dyn End>; 2]
    where
        Self: Sized;
    /// Sends so many messages, and sees to it that they leave.
    fn send(&mut self, count: usize);
    /// Receives so many.
    fn receive(&mut self, count: usize);
    /// Sends one message and receives one, so many times.
    fn ping(&mut self, count: usize, laps: &mut Laps);
    /// Receives and sends it back, so many times.
    fn echo(&mut self, count: usize);
}

fn ends<E: End>(transport: &str, payload: &'static [u8]) -> [Box<dyn End>; 2] {
    if transport == "unix" {
        let (here, there) = UnixStream::pair().expect("a pair");
        return E::pair([here, there], payload);
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let here = TcpStream::connect(listener.local_addr().expect("bound")).expect("loopback");
    let (there, _) = listener.accept().expect("loopback");
    for stream in [&here, &there] {
        stream.set_nodelay(true).expect("TCP");
    }
    E::pair([here, there], payload)
}

fn one_way(name: &'static str, [mut here, mut there]: [Box<dyn End>; 2]) -> Case {
    Case::new(name, move |count, _| {
        thread::scope(|scope| {
            scope.spawn(|| there.receive(count));
            here.send(count);
        });
    })
}

fn round_trip(name: &'static str, [mut here, mut there]: [Box<dyn End>; 2]) -> Case {
    Case::new(name, move |count, laps| {
        thread::scope(|scope| {
            scope.spawn(|| there.echo(count));
            laps.start();
            here.ping(count, laps);
        });
    })
}

fn main() {
    let bench = Bench::start();
    for on in ["tcp", "unix"] {
        for size in SIZES {
            let message = shared::payload(size);
            bench.group(&format!("round-trip/{on}/{size}"), || {
                vec![
                    round_trip(
                        "bare, one read for each",
                        ends::<Bare<TcpStream>>(on, message),
                    ),
                    round_trip("Connection", ends::<Ours<TcpStream>>(on, message)),
                ]
            });
            bench.group(&format!("one-way/{on}/{size}"), || {
                vec![
                    one_way(
                        "bare, batches of 64 KiB",
                        ends::<Bare<TcpStream>>(on, message),
                    ),
                    one_way(
                        "Connection, send and recv",
                        ends::<Ours<TcpStream>>(on, message),
                    ),
                    one_way(
                        "Connection, batches by try_send",
                        ends::<Fed<TcpStream>>(on, message),
                    ),
                ]
            });
        }
    }
}
