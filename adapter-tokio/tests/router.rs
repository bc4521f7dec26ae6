//! The router against clients that are slow, silent or hostile.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use core::time::Duration;

use support::{emptied, open, router};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

const HANDSHAKE: [u8; 4] = [0x7F, 0xF2, 0, 0];

#[tokio::test(start_paused = true)]
async fn a_client_without_hello_is_told_and_closed_at_the_deadline() {
    let router = router();
    let mut client = open(&router);
    client.write_all(&HANDSHAKE).await.unwrap();
    let start = Instant::now();
    let mut octets = Vec::new();
    client.read_to_end(&mut octets).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 10);
    assert_eq!(octets.get(..4), Some(&HANDSHAKE[..]));
    // ABORT: [3, {...}, "wamp.error.timeout"]
    assert_eq!(octets.get(8..10), Some(&[0x93, 3][..]));
    // The client's side is awaited, as in any orderly close.
    assert_eq!(router.stats().transports, 1);
    drop(client);
    emptied(&router).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_told_late_has_time_to_read() {
    let router = router();
    // So small that the farewell does not fit.
    let (mut client, there) = tokio::io::duplex(8);
    let served = tokio::spawn(router.serve_connection(there));
    client.write_all(&HANDSHAKE).await.unwrap();
    // Long after the deadline for HELLO, before that of the close.
    tokio::time::sleep(Duration::from_secs(14)).await;
    let mut octets = Vec::new();
    client.read_to_end(&mut octets).await.unwrap();
    let len = octets.get(7).copied().map(usize::from).unwrap();
    assert_eq!(octets.len(), 8 + len, "ABORT came whole");
    drop(client);
    served.await.unwrap();
}
