//! Messages that are fed, and messages that are looked at in place.

use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::time::timeout;
use wamp_rawsocket_tokio::Connection;
use wamp_rawsocket_tokio::rawsocket_proto::connection::Config;
use wamp_rawsocket_tokio::rawsocket_proto::wire::SerializerId;

async fn pair() -> [Connection<DuplexStream>; 2] {
    let (here, there) = tokio::io::duplex(1 << 20);
    let client = Connection::client(here, Config::new(), SerializerId::JSON);
    let router = Connection::router(there, Config::new(), |_| Ok(()));
    let (client, mut router) = tokio::try_join!(client, router).unwrap();
    router.welcome();
    [client, router]
}

/// Whether a message comes; the clock is paused, so that silence is certain.
async fn comes(connection: &mut Connection<DuplexStream>) -> bool {
    let message = timeout(Duration::from_secs(1), connection.recv()).await;
    message.is_ok_and(|message| message.unwrap().is_some())
}

#[tokio::test(start_paused = true)]
async fn what_is_fed_waits_for_company_or_a_flush() {
    let [mut client, mut router] = pair().await;
    for _ in 0..3 {
        client.feed(&b"[1]"[..]).await.unwrap();
    }
    assert!(!comes(&mut router).await);
    client.flush().await.unwrap();
    for _ in 0..3 {
        assert!(comes(&mut router).await);
    }
    assert!(!comes(&mut router).await);

    let each = vec![b'x'; 1000];
    let enough = (64 << 10) / 1004 + 1;
    for _ in 1..enough {
        client.feed(each.clone()).await.unwrap();
    }
    assert!(!comes(&mut router).await);
    client.feed(each.clone()).await.unwrap();
    for _ in 0..enough {
        assert!(comes(&mut router).await);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_fed_leaves_before_its_sender_waits() {
    let [mut client, mut router] = pair().await;
    let echo = async {
        // Both requests are there when the first is answered: the answers leave together.
        for _ in 0..2 {
            let message = router.recv().await.unwrap().unwrap();
            router.feed(message).await.unwrap();
        }
        assert_eq!(router.recv().await.unwrap(), None);
    };
    let ask = async move {
        client.feed(&b"[1]"[..]).await.unwrap();
        client.feed(&b"[2]"[..]).await.unwrap();
        assert_eq!(client.recv().await.unwrap().unwrap(), "[1]");
        assert_eq!(client.recv().await.unwrap().unwrap(), "[2]");
        drop(client);
    };
    let both = async { tokio::join!(echo, ask) };
    timeout(Duration::from_secs(60), both).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_fed_message_that_no_peer_takes_comes_back_as_an_error() {
    let [mut client, router] = pair().await;
    let large = vec![b'x'; 1 << 24];
    assert!(client.feed(large).await.is_err());
    drop(router);
    let mut fed = 0;
    while client.feed(vec![b'x'; 60_000]).await.is_ok() {
        fed += 1;
        assert!(fed < 10, "nobody is there");
    }
}

#[tokio::test(start_paused = true)]
async fn messages_in_place_are_those_that_were_sent() {
    let [mut client, mut router] = pair().await;
    let messages = [0, 1, 300, 5_000, 70_000, 200_000, 3].map(|len| vec![b'x'; len]);
    for message in &messages {
        client.feed(message.clone()).await.unwrap();
    }
    client.flush().await.unwrap();
    for message in &messages {
        let received = router.recv_in_place().await.unwrap();
        assert!(received == Some(&message[..]));
    }
    let end = async {
        assert_eq!(router.recv_in_place().await.unwrap(), None);
        router.close().await.unwrap();
    };
    let close = async { client.close().await.unwrap() };
    timeout(Duration::from_secs(60), async { tokio::join!(end, close) })
        .await
        .unwrap();
}
