//! Listeners that are made at the same time, and those whom many connect to.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::net::UnixListener;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use wamp_rawsocket_blocking::wamp_core::endpoint::Endpoint;
use wamp_rawsocket_blocking::{Listener, Socket};

use crate::support::{bounded, everywhere};

/// Whoever wins, the file is its own, and leads to it.
#[test]
fn of_many_that_find_a_stale_file_one_listens() {
    const MANY: usize = 4;

    bounded(|| {
        let name = format!("wamp-stale-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let endpoint = Endpoint::Unix {
            path: path.display().to_string(),
        };
        for _ in 0..300 {
            drop(UnixListener::bind(&path)?);
            let start = Barrier::new(MANY);
            let bound: Vec<_> = thread::scope(|scope| {
                let bind = || {
                    start.wait();
                    Listener::bind(&endpoint)
                };
                let threads: Vec<_> = (0..MANY).map(|_| scope.spawn(bind)).collect();
                let joined = threads.into_iter().map(|one| one.join().expect("no panic"));
                joined.collect()
            });
            let (listening, refused): (Vec<_>, Vec<_>) = bound.into_iter().partition(Result::is_ok);
            assert_eq!(listening.len(), 1, "{refused:?}");
            for refused in refused {
                let error = refused.expect_err("one listens already");
                assert_eq!(error.kind(), ErrorKind::AddrInUse, "{error}");
            }
            Socket::connect(&endpoint)?;
            drop(listening);
            assert!(!fs::exists(&path)?);
        }
        Ok(())
    });
}

/// The system would have those beyond its queue try again, a second later.
#[test]
fn many_connect_before_one_is_accepted() {
    everywhere(|endpoint| {
        let listener = Listener::bind(endpoint)?;
        let limit = fs::read_to_string("/proc/sys/net/core/somaxconn");
        let limit = limit.ok().and_then(|limit| limit.trim().parse().ok());
        let start = Instant::now();
        let many = limit.unwrap_or(128).min(400);
        let waiting = (0..many)
            .map(|_| Socket::connect_timeout(listener.endpoint(), Duration::from_millis(900)));
        let waiting: Vec<_> = waiting.collect::<Result<_, _>>()?;
        assert_eq!(waiting.len(), many);
        assert!(start.elapsed() < Duration::from_secs(20));
        Ok(())
    });
}
