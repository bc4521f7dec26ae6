//! The URL forms of an endpoint: what is read, what is refused and why, what is written.

use proptest::prelude::*;
use wamp_rawsocket_core::endpoint::{Endpoint, EndpointError};

fn tcp(host: &str, port: u16) -> Endpoint {
    let host = host.to_owned();
    Endpoint::Tcp { host, port }
}

fn unix(path: &str) -> Endpoint {
    let path = path.to_owned();
    Endpoint::Unix { path }
}

#[test]
fn forms_that_are_read() {
    for (url, endpoint) in [
        ("rs://127.0.0.1:8080", tcp("127.0.0.1", 8080)),
        ("tcp://localhost:0", tcp("localhost", 0)),
        ("RS://example.com:65535", tcp("example.com", 65535)),
        ("rs://[::1]:8080", tcp("::1", 8080)),
        ("rs://unix:/run/wamp.sock", unix("/run/wamp.sock")),
        ("unix:/run/wamp.sock", unix("/run/wamp.sock")),
        ("unix:///run/wamp.sock", unix("/run/wamp.sock")),
        ("unix:wamp.sock", unix("wamp.sock")),
        // Others cut this path at the second colon.
        ("rs://unix:/run/a:b.sock", unix("/run/a:b.sock")),
        // And take this for a host.
        ("rs://unix:@wamp", unix("@wamp")),
    ] {
        assert_eq!(url.parse(), Ok(endpoint), "{url}");
    }
}

#[test]
fn tls_is_never_dropped_in_silence() {
    for url in [
        "rss://localhost:8443",
        "tcps://localhost:8443",
        "tls://localhost:8443",
        "RSS://localhost:8443",
        "rss://unix:/run/wamp.sock",
    ] {
        assert_eq!(url.parse::<Endpoint>(), Err(EndpointError::NoTls), "{url}");
    }
}

#[test]
fn forms_that_are_refused() {
    let text = |text: &str| text.to_owned();
    for (url, error) in [
        ("", EndpointError::NoScheme),
        ("localhost:8080", EndpointError::NoScheme),
        (
            "ws://localhost:8080",
            EndpointError::UnknownScheme(text("ws")),
        ),
        ("rs://localhost", EndpointError::NoPort),
        ("rs://[::1]", EndpointError::NoPort),
        ("rs://localhost:", EndpointError::BadPort(text(""))),
        (
            "rs://localhost:65536",
            EndpointError::BadPort(text("65536")),
        ),
        ("rs://localhost:+80", EndpointError::BadPort(text("+80"))),
        ("rs://:8080", EndpointError::BadHost(text(""))),
        ("rs://::1:8080", EndpointError::BadHost(text("::1"))),
        (
            "rs://[localhost]:80",
            EndpointError::BadHost(text("localhost")),
        ),
        ("rs://[::1:8080", EndpointError::OpenBracket),
        ("rs://me@host:80", EndpointError::UserInfo(text("me"))),
        ("rs://host:80/ws", EndpointError::Trailing(text("/ws"))),
        ("rs://host:80?a", EndpointError::Trailing(text("?a"))),
        ("unix:", EndpointError::NoPath),
        ("rs://unix:@", EndpointError::NoPath),
        ("unix:/run/\0", EndpointError::NulInPath),
    ] {
        assert_eq!(url.parse::<Endpoint>(), Err(error), "{url}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        host in prop_oneof![
            "[a-z0-9.-]{1,20}",
            any::<core::net::Ipv4Addr>().prop_map(|address| address.to_string()),
            any::<core::net::Ipv6Addr>().prop_map(|address| address.to_string()),
        ],
        port: u16,
        path in "/[^\\x00]{0,30}",
    ) {
        for endpoint in [tcp(&host, port), unix(&path)] {
            prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
        }
    }

    #[test]
    fn nothing_panics(url in "(rs://|tcp://|unix:|)[\\[\\]:/@?#a-f0-9\\x00é]{0,12}") {
        if let Ok(endpoint) = url.parse::<Endpoint>() {
            prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
        }
    }
}
