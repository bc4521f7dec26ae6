//! A router and clients of it on one thread, in an event loop of one's own: no async, no adapter.
//!
//! ```text
//! cargo run -p wamp-rawsocket-core --example event_loop
//! ```
//!
//! serves a realm on TCP and on a Unix socket, lets a callee join over the one and callers over
//! the other, and ends when all have left. With URLs it is a router until it is interrupted:
//!
//! ```text
//! cargo run -p wamp-rawsocket-core --example event_loop -- \
//!     --listen tcp://127.0.0.1:8080 --listen unix:/tmp/wamp.sock
//! ```
//!
//! # Where to read
//!
//! State machines do all that is WAMP and RawSocket. Every one of them has the same four kinds of
//! methods: `handle_*` tells it what happened, commands tell it what to do, `poll_*` asks what it
//! wants done, and getters change nothing. Around them there are
//!
//! | file | what | which methods |
//! |---|---|---|
//! | `driver.rs` | one state machine on one socket | `handle_read`, `poll_transmit` and so on |
//! | `server.rs` | the listening side | `RouterPeer`, `SharedRouter` |
//! | `clients.rs` | the connecting side | `ClientPeer` |
//! | `applications.rs` | what the clients are for | events and commands of a session |
//! | `event_loop.rs` | who gets a turn | |
//! | `reactor.rs`, `socket.rs` | mio's sockets, deadlines, wakers | |

mod applications;
pub(crate) mod clients;
mod driver;
pub(crate) mod event_loop;
mod reactor;
mod server;
mod socket;

use std::cell::Cell;
use std::error::Error;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use wamp_rawsocket_core::SerializerKind;
use wamp_rawsocket_core::endpoint::Endpoint;

use self::applications::{Adder, Caller};
use self::event_loop::EventLoop;

const USAGE: &str = "usage: event_loop [--listen rs://HOST:PORT | --listen unix:PATH] ...";

/// How long clients may take to answer the router's GOODBYE.
const PATIENCE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let done = endpoints().and_then(|endpoints| match endpoints.as_slice() {
        [] => demonstrate(3),
        endpoints => serve(endpoints),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("event_loop: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A router, a client that offers a procedure over TCP, and clients that call it over a Unix
/// socket.
pub(crate) fn demonstrate(callers: usize) -> Result<(), Box<dyn Error>> {
    let mut event_loop = EventLoop::new()?;
    let tcp = event_loop.listen(&"tcp://127.0.0.1:0".parse()?)?;
    let unix = event_loop.listen(&socket_file())?;
    println!("listening on {tcp}\nlistening on {unix}");

    let offered = Rc::new(Cell::new(false));
    let adder = Adder::new(callers, offered.clone());
    event_loop.connect(&tcp, SerializerKind::Json, adder)?;
    event_loop.run_while(|_| !offered.get())?;

    for number in 1..=callers {
        let caller = Caller::new(number);
        event_loop.connect(&unix, SerializerKind::MessagePack, caller)?;
    }
    event_loop.run_while(|event_loop| event_loop.clients() > 0)?;
    println!("everybody left");
    event_loop.shut_down(PATIENCE)
}

/// A router until the process is interrupted.
fn serve(endpoints: &[Endpoint]) -> Result<(), Box<dyn Error>> {
    let mut event_loop = EventLoop::new()?;
    event_loop.watch_signals()?;
    for endpoint in endpoints {
        let listening = event_loop
            .listen(endpoint)
            .map_err(|error| format!("cannot listen on {endpoint}: {error}"))?;
        println!("listening on {listening}");
    }
    event_loop.run_while(|event_loop| !event_loop.is_interrupted())?;
    event_loop.shut_down(PATIENCE)
}

fn endpoints() -> Result<Vec<Endpoint>, Box<dyn Error>> {
    let mut endpoints = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let url = arguments.next().filter(|_| argument == "--listen");
        endpoints.push(url.ok_or(USAGE)?.parse()?);
    }
    Ok(endpoints)
}

fn socket_file() -> Endpoint {
    let file = format!("wamp-event-loop-{}.sock", std::process::id());
    let path = std::env::temp_dir().join(file);
    Endpoint::Unix {
        path: path.to_string_lossy().into_owned(),
    }
}
