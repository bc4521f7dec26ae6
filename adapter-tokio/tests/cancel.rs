//! Futures that are dropped at every point: the wire does not notice.

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use wamp_rawsocket_tokio::Connection;
use wamp_rawsocket_tokio::rawsocket_proto::connection::Config;
use wamp_rawsocket_tokio::rawsocket_proto::wire::SerializerId;

/// Gives and takes one octet at a time, and is pending every other time.
#[derive(Debug)]
struct Drip {
    stream: DuplexStream,
    read: bool,
    write: bool,
}

impl Drip {
    const fn new(stream: DuplexStream) -> Self {
        Self {
            stream,
            read: false,
            write: false,
        }
    }
}

/// Says every other time that it is not ready yet.
fn dawdle(ready: &mut bool, cx: &Context<'_>) -> Poll<()> {
    *ready = !*ready;
    if *ready {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    Poll::Ready(())
}

impl AsyncRead for Drip {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        core::task::ready!(dawdle(&mut self.read, cx));
        let mut octet = [0];
        let mut one = ReadBuf::new(&mut octet);
        core::task::ready!(Pin::new(&mut self.stream).poll_read(cx, &mut one))?;
        buf.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Drip {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        core::task::ready!(dawdle(&mut self.write, cx));
        let octet = octets.get(..1).unwrap_or_default();
        Pin::new(&mut self.stream).poll_write(cx, octet)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        core::task::ready!(dawdle(&mut self.write, cx));
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        core::task::ready!(dawdle(&mut self.write, cx));
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Polls a future at most `polls` times, with a turn for the others between, and drops it.
async fn few_polls<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    core::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        let poll = future.as_mut().poll(cx).map(Some);
        // Were it not woken, the count would not go on.
        cx.waker().wake_by_ref();
        poll
    })
    .await
}

async fn pair(config: Config) -> (Connection<Drip>, Connection<Drip>) {
    let (here, there) = tokio::io::duplex(3);
    let client = Connection::client(Drip::new(here), config.clone(), SerializerId::JSON);
    let router = Connection::router(Drip::new(there), config, |_| Ok(()));
    tokio::try_join!(client, router).unwrap()
}

const COUNT: u8 = 12;

fn message(number: u8) -> Vec<u8> {
    vec![number; usize::from(number) * 3]
}

/// All that a peer receives until the end.
async fn collect(mut peer: Connection<Drip>) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some(message) = peer.recv().await.unwrap() {
        messages.push(message.to_vec());
    }
    peer.close().await.unwrap();
    messages
}

fn all() -> Vec<Vec<u8>> {
    (0..COUNT).map(message).collect()
}

/// The most polls after which a future is dropped.
const POLLS: usize = 60;

#[tokio::test(start_paused = true)]
async fn recv_loses_nothing() {
    for polls in 1..POLLS {
        let (mut client, mut router) = pair(Config::new()).await;
        let sender = tokio::spawn(async move {
            for number in 0..COUNT {
                router.send(message(number)).await.unwrap();
            }
            router.close().await.unwrap();
        });
        let mut messages = Vec::new();
        loop {
            match few_polls(polls, client.recv()).await {
                None => {}
                Some(received) => match received.unwrap() {
                    Some(message) => messages.push(message.to_vec()),
                    None => break,
                },
            }
        }
        while few_polls(polls, client.close()).await.is_none() {}
        sender.await.unwrap();
        assert_eq!(messages, all(), "after {polls} polls each");
    }
}

#[tokio::test(start_paused = true)]
async fn recv_in_place_loses_nothing() {
    for polls in 1..POLLS {
        let (mut client, mut router) = pair(Config::new()).await;
        let sender = tokio::spawn(async move {
            for number in 0..COUNT {
                router.send(message(number)).await.unwrap();
            }
            router.close().await.unwrap();
        });
        let mut messages = Vec::new();
        loop {
            match few_polls(polls, client.recv_in_place()).await {
                None => {}
                Some(received) => match received.unwrap() {
                    Some(message) => messages.push(message.to_vec()),
                    None => break,
                },
            }
        }
        client.close().await.unwrap();
        sender.await.unwrap();
        assert_eq!(messages, all(), "after {polls} polls each");
    }
}

#[tokio::test(start_paused = true)]
async fn ready_flush_and_close_tear_nothing() {
    for polls in 1..POLLS {
        // One message waits at a time.
        let (mut client, router) = pair(Config::new().water_marks(1, 1)).await;
        let peer = tokio::spawn(collect(router));
        for number in 0..COUNT {
            let message = message(number);
            loop {
                if few_polls(polls, client.ready(message.len()))
                    .await
                    .is_some()
                {
                    break;
                }
            }
            client.try_send(message).unwrap();
            drop(few_polls(polls, client.flush()).await);
        }
        while few_polls(polls, client.close()).await.is_none() {}
        assert_eq!(peer.await.unwrap(), all(), "after {polls} polls each");
    }
}

#[tokio::test(start_paused = true)]
async fn send_sends_all_or_nothing() {
    for polls in 1..POLLS {
        let (mut client, router) = pair(Config::new().water_marks(1, 1)).await;
        let peer = tokio::spawn(collect(router));
        let mut sent = Vec::new();
        for number in 0..COUNT {
            if let Some(done) = few_polls(polls, client.send(message(number))).await {
                done.unwrap();
                sent.push(message(number));
            }
        }
        client.close().await.unwrap();
        assert_eq!(peer.await.unwrap(), sent, "after {polls} polls each");
    }
}

#[tokio::test(start_paused = true)]
async fn feed_sends_all_or_nothing() {
    for polls in 1..POLLS {
        let (mut client, router) = pair(Config::new().water_marks(20, 10)).await;
        let peer = tokio::spawn(collect(router));
        let mut sent = Vec::new();
        for number in 0..COUNT {
            if let Some(done) = few_polls(polls, client.feed(message(number))).await {
                done.unwrap();
                sent.push(message(number));
            }
        }
        client.close().await.unwrap();
        assert_eq!(peer.await.unwrap(), sent, "after {polls} polls each");
    }
}

#[tokio::test(start_paused = true)]
async fn send_receiving_sends_all_or_nothing_and_loses_nothing() {
    for polls in 1..POLLS {
        let (mut client, router) = pair(Config::new().water_marks(1, 1)).await;
        let (tx, mut rx) = router.split();
        let flood = tokio::spawn(async move {
            for number in 0..COUNT {
                tx.send(message(number)).await.unwrap();
            }
            tx.flush().await.unwrap();
        });
        let peer = tokio::spawn(async move {
            let mut messages = Vec::new();
            while let Some(message) = rx.recv().await.unwrap() {
                messages.push(message.to_vec());
            }
            messages
        });
        let (mut sent, mut received) = (Vec::new(), Vec::new());
        for number in 0..COUNT {
            let future =
                client.send_receiving(message(number), |message| received.push(message.to_vec()));
            if let Some(done) = few_polls(polls, future).await {
                done.unwrap();
                sent.push(message(number));
            }
        }
        while received.len() < usize::from(COUNT) {
            received.push(client.recv().await.unwrap().unwrap().to_vec());
        }
        flood.await.unwrap();
        client.close().await.unwrap();
        assert_eq!(peer.await.unwrap(), sent, "after {polls} polls each");
        assert_eq!(received, all(), "after {polls} polls each");
    }
}

/// Dropped in the handshake, a connection is gone, and its peer knows.
#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_dropped_leaves_no_peer_waiting() {
    for polls in 1..POLLS {
        let (here, there) = tokio::io::duplex(3);
        let router = Connection::router(Drip::new(there), Config::new(), |_| Ok(()));
        let client = Connection::client(Drip::new(here), Config::new(), SerializerId::JSON);
        let (client, router) = tokio::join!(few_polls(polls, client), router);
        match (client, router) {
            (Some(client), router) => drop((client.unwrap(), router.unwrap())),
            (None, Ok(mut router)) => assert_eq!(router.recv().await.unwrap(), None),
            (None, Err(error)) => assert!(error.is_refusal(), "{error:?}"),
        }

        let (here, there) = tokio::io::duplex(3);
        let router = Connection::router(Drip::new(there), Config::new(), |_| Ok(()));
        let client = Connection::client(Drip::new(here), Config::new(), SerializerId::JSON);
        let (client, router) = tokio::join!(client, few_polls(polls, router));
        match (client, router) {
            (client, Some(router)) => drop((client.unwrap(), router.unwrap())),
            (Ok(mut client), None) => assert_eq!(client.recv().await.unwrap(), None),
            (Err(error), None) => assert!(error.is_refusal(), "{error:?}"),
        }
    }
}
