//! The example of one port for two protocols: who is told apart, and what is not waited for.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use wamp_rawsocket_tokio::wamp_core::endpoint::Endpoint;
use wamp_rawsocket_tokio::{Listener, Socket};

#[path = "../examples/one_port.rs"]
#[expect(dead_code, reason = "a test is no program: there is no command line")]
mod example;

use example::OnePort;

/// Far more than anything here takes.
const LATE: Duration = Duration::from_secs(60);

async fn serve(patience: Duration) -> Endpoint {
    let listener = Listener::bind(&"tcp://127.0.0.1:0".parse().unwrap()).await;
    let listener = listener.unwrap();
    let endpoint = listener.endpoint().clone();
    tokio::spawn(OnePort::new(patience).unwrap().serve(listener));
    endpoint
}

/// What is answered to these pieces, until the end.
async fn ask(endpoint: &Endpoint, pieces: impl IntoIterator<Item = &[u8]>) -> String {
    let exchange = async {
        let mut socket = Socket::connect(endpoint).await.unwrap();
        for piece in pieces {
            socket.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    };
    timeout(LATE, exchange).await.unwrap()
}

#[tokio::test]
async fn it_shows_each_kind_of_client_and_ends() {
    let shown = example::demonstrate(Duration::from_secs(1));
    timeout(LATE, shown).await.unwrap().unwrap();
}

#[tokio::test]
async fn rawsocket_is_known_by_its_first_octet() {
    let endpoint = serve(LATE).await;
    let mut socket = Socket::connect(&endpoint).await.unwrap();
    let exchange = async {
        for octet in [0x7F, 0xF1, 0, 0] {
            socket.write_all(&[octet]).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut reply = [0; 4];
        socket.read_exact(&mut reply).await.unwrap();
        reply
    };
    let reply = timeout(LATE, exchange).await.unwrap();
    assert_eq!(reply, [0x7F, 0xF1, 0, 0]);
}

#[tokio::test]
async fn http_may_be_cut_anywhere() {
    let endpoint = serve(LATE).await;
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for size in [1, 2, 3, request.len()] {
        let answer = ask(&endpoint, request.chunks(size)).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("Sessions at present: 0.\n"), "{answer}");
    }
}

#[tokio::test]
async fn other_requests_hear_why_not() {
    let endpoint = serve(LATE).await;
    let post = b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody";
    let answer = ask(&endpoint, [&post[..]]).await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");

    let endless = [&b"GET / HTTP/1.1\r\nCookie: "[..], &[b'x'; 10_000]].concat();
    let answer = ask(&endpoint, [&endless[..]]).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn what_is_neither_is_closed_at_once() {
    let endpoint = serve(LATE).await;
    // TLS.
    assert_eq!(ask(&endpoint, [&b"\x16"[..]]).await, "");
}

#[tokio::test]
async fn an_unfinished_request_is_not_waited_for() {
    let endpoint = serve(Duration::from_millis(50)).await;
    assert_eq!(ask(&endpoint, [&b"GET / HTTP/1.1\r\n"[..]]).await, "");
}
