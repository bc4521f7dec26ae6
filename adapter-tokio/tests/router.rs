//! The router against clients that are slow, silent or hostile.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use core::time::Duration;

use support::{emptied, join, open, router};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
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

/// HELLO and SUBSCRIBE behind the handshake, all at once, in JSON.
fn hasty_subscriber(topic: &str) -> Vec<u8> {
    let mut octets = vec![0x7F, 0xF1, 0, 0];
    let hello = r#"[1,"realm1",{"roles":{"subscriber":{}}}]"#.to_owned();
    for message in [hello, format!("[32,1,{{}},\"{topic}\"]")] {
        octets.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        octets.extend(message.as_bytes());
    }
    octets
}

/// The next message of a router that speaks JSON.
async fn message(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let len = stream.read_u32().await.unwrap();
    let mut message = vec![0; usize::try_from(len).unwrap()];
    stream.read_exact(&mut message).await.unwrap();
    String::from_utf8(message).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_all_at_once_gets_its_events_at_once() {
    let router = router();
    let mut client = open(&router);
    client
        .write_all(&hasty_subscriber("com.example.topic"))
        .await
        .unwrap();
    assert_eq!(client.read_u32().await.unwrap(), 0x7FF1_0000);
    assert!(message(&mut client).await.starts_with("[2,"));
    assert!(message(&mut client).await.starts_with("[33,1,"));
    let start = Instant::now();
    let session = join(&router).await;
    session.publish("com.example.topic", &(7,)).await.unwrap();
    assert!(message(&mut client).await.ends_with("[7]]"));
    assert_eq!(start.elapsed(), Duration::ZERO);
}
