//! A router for realm `realm1`, until it is interrupted.
//!
//! ```text
//! cargo run --release -p wamp-rawsocket-tokio --example router -- \
//!     --listen tcp://127.0.0.1:8080 --listen unix:/tmp/wamp.sock
//! ```
//!
//! For each listener it prints a line `listening on URL` with the real port, and nothing else on
//! standard output.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use wamp_rawsocket_tokio::wamp_core::endpoint::Endpoint;
use wamp_rawsocket_tokio::wamp_core::router::RouterConfig;
use wamp_rawsocket_tokio::{Listener, Router};

const USAGE: &str = "usage: router [--listen rs://HOST:PORT | --listen unix:PATH] ...";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("router: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run() -> Result<(), Box<dyn Error>> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;

    let router = Router::new(RouterConfig::new(["realm1"]))?;
    let mut serving = tokio::task::JoinSet::new();
    for endpoint in endpoints()? {
        let listener = Listener::bind(&endpoint)
            .await
            .map_err(|error| format!("cannot listen on {endpoint}: {error}"))?;
        println!("listening on {listener}");
        io::stdout().flush()?;
        serving.spawn(router.serve(listener));
    }

    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    router.shut_down(Duration::from_secs(2)).await;
    // Listeners go, and the files of Unix sockets with them.
    while serving.join_next().await.is_some() {}
    Ok(())
}

fn endpoints() -> Result<Vec<Endpoint>, String> {
    let mut endpoints = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument != "--listen" {
            return Err(format!("unknown argument {argument:?}\n{USAGE}"));
        }
        let url = arguments
            .next()
            .ok_or_else(|| format!("--listen wants a URL\n{USAGE}"))?;
        endpoints.push(url.parse().map_err(|error| format!("{url}: {error}"))?);
    }
    if endpoints.is_empty() {
        endpoints.push(Endpoint::Tcp {
            host: "127.0.0.1".into(),
            port: 8080,
        });
    }
    Ok(endpoints)
}
