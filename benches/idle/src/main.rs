//! Ten thousand idle sessions at a tokio listener and at a smol listener: held, answered and closed,
//! and what each costs, beside bare sockets and tokio-util's codec on the same runtime.
//!
//! ```text
//! cargo run --release -p wamp-rawsocket-idle            # ten thousand, about a minute
//! cargo run --release -p wamp-rawsocket-idle -- --quick # one thousand
//! ```
//!
//! Each row of the table is a process of its own, so that none inherits another's heap, with a
//! second process for its clients, so that they are not counted. Memory is what the listening
//! process has more with all connections held, each having got answers, than after a few
//! connections came and went; divided by the connections. The last row is one process with both
//! listeners.
//!
//! A row whose process fails, whose router still holds something at the end, or that misses its
//! target makes the exit code 1.

mod client;
mod listen;
mod measure;
mod on_smol;
mod on_tokio;
mod report;

use std::env;
use std::error::Error;
use std::fmt;
use std::process::ExitCode;
use std::str::FromStr;

const REALM: &str = "realm1";

const USAGE: &str = "usage: wamp-rawsocket-idle [--quick]";

/// Whose connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A task that waits until its socket is readable, and a buffer for all.
    Bare,
    /// tokio-util's `Framed` with `LengthDelimitedCodec`.
    Framed,
    /// The adapter's `Connection`.
    Connection,
    /// The adapter's `Router`, with sessions that have joined.
    Router,
}

/// Where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Tokio,
    Smol,
    /// One listener on each, in one process.
    Both,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Bare, Self::Framed, Self::Connection, Self::Router];

    const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Framed => "framed",
            Self::Connection => "connection",
            Self::Router => "router",
        }
    }
}

impl Place {
    const ALL: [Self; 3] = [Self::Tokio, Self::Smol, Self::Both];

    const fn name(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            Self::Smol => "smol",
            Self::Both => "both",
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == name);
        kind.ok_or_else(|| format!("no kind of connections: {name}"))
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let place = Self::ALL.into_iter().find(|place| place.name() == name);
        place.ok_or_else(|| format!("no runtime: {name}"))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("idle: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => report::run(10_000),
        ["--quick"] => report::run(1_000),
        // The processes that it starts.
        ["listen", place, kind, count] => {
            listen::run(place.parse()?, kind.parse()?, count.parse()?)?;
            Ok(true)
        }
        ["connect", address, kind, count] => {
            client::run(address.parse()?, kind.parse()?, count.parse()?)?;
            Ok(true)
        }
        _ => Err(USAGE.into()),
    }
}
