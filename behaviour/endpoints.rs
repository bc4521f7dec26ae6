//! Where the tests listen.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::adapter::wamp_core::endpoint::Endpoint;

/// A free TCP port.
pub(crate) fn tcp() -> Endpoint {
    parse("rs://127.0.0.1:0")
}

/// A Unix socket's file, which its listener removes.
pub(crate) fn unix() -> Endpoint {
    let file = std::env::temp_dir().join(name());
    parse(&format!("unix:{}", file.display()))
}

/// A name in Linux' abstract namespace.
#[cfg(target_os = "linux")]
pub(crate) fn abstract_name() -> Endpoint {
    parse(&format!("unix:@{}", name()))
}

pub(crate) fn parse(url: &str) -> Endpoint {
    url.parse().unwrap()
}

/// A name that no other test has, in this process or another.
pub(crate) fn name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("wamp-rawsocket-{}-{count}", std::process::id())
}
