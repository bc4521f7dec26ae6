//! Messages of every size, in both directions, in peace and in floods.

use super::{message, pair};
use crate::adapter::rawsocket_proto::connection::Config;
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::adapter::{Connection, Socket};
use crate::behaviour::{bare, endpoints};
use crate::{both, case, either};

/// 16 MiB, for which a frame has a bit of its own.
const FULL: usize = 1 << 24;

const SIZES: [usize; 13] = [
    0,
    1,
    4,
    125,
    126,
    4096,
    4097,
    65_535,
    65_536,
    1 << 20,
    (1 << 23) + 1,
    FULL - 1,
    FULL,
];

#[either]
async fn echo(mut end: Connection<Socket>) {
    while let Some(message) = end.recv().await.unwrap() {
        end.send(message).await.unwrap();
    }
    assert_eq!(end.recv().await.unwrap(), None, "and stays so");
    end.close().await.unwrap();
}

#[either]
async fn expect_echoes(mut end: Connection<Socket>, sizes: &[usize]) {
    for &size in sizes {
        let sent = message(size);
        end.send(sent.clone()).await.unwrap();
        let echoed = end.recv().await.unwrap().unwrap();
        assert!(
            echoed == sent,
            "{size} octets came back as {}",
            echoed.len()
        );
    }
    let (stats, count) = (end.stats(), sizes.len() as u64);
    assert_eq!((stats.messages_out, stats.messages_in), (count, count));
    let octets = 4 + sizes.iter().map(|size| 4 + *size as u64).sum::<u64>();
    assert_eq!((stats.octets_out, stats.octets_in), (octets, octets));
    end.close().await.unwrap();
}

#[case]
async fn each_size_is_echoed(endpoint: &Endpoint) {
    let config = Config::new().send_full_frame(true);
    let (client, router) = pair(endpoint, &config).await;
    both(
        async move {
            echo(router).await;
        },
        async move {
            expect_echoes(client, &SIZES).await;
        },
    )
    .await;
}

/// Fed, they leave together; looked at in place, they are the same.
#[case]
async fn messages_may_be_fed_and_read_in_place(endpoint: &Endpoint) {
    let (mut client, mut router) = pair(endpoint, &Config::new()).await;
    let messages = [0, 1, 300, 5_000, 70_000, 200_000, 3].map(message);
    let sent = messages.clone();
    both(
        async move {
            for message in sent {
                client.feed(message).await.unwrap();
            }
            client.flush().await.unwrap();
            assert_eq!(client.recv_in_place().await.unwrap(), Some(&b"done"[..]));
            client.close().await.unwrap();
        },
        async move {
            for message in &messages {
                let received = router.recv_in_place().await.unwrap();
                assert!(received == Some(&message[..]));
            }
            // It leaves before its sender waits.
            router.feed("done").await.unwrap();
            assert_eq!(router.recv_in_place().await.unwrap(), None);
            router.close().await.unwrap();
        },
    )
    .await;
}

#[case]
async fn names_and_ipv6_addresses_are_as_good_as_ipv4_addresses() {
    for url in ["rs://localhost:0", "rs://[::1]:0", "tcp://127.0.0.1:0"] {
        let (client, router) = pair(&endpoints::parse(url), &Config::new()).await;
        both(
            async move {
                echo(client).await;
            },
            async move {
                expect_echoes(router, &[0, 1, 1000]).await;
            },
        )
        .await;
    }
}

/// One message each, larger than what the sockets hold, sent before either end receives.
#[case]
async fn both_ends_send_one_large_message(endpoint: &Endpoint) {
    #[either]
    async fn exchange(mut end: Connection<Socket>) {
        let large = message(12 << 20);
        end.send(large.clone()).await.unwrap();
        assert!(end.recv().await.unwrap().unwrap() == large);
        end.close().await.unwrap();
    }
    let (client, router) = pair(endpoint, &Config::new()).await;
    both(
        async move {
            exchange(client).await;
        },
        async move {
            exchange(router).await;
        },
    )
    .await;
}

/// What each end sends is far more than the sockets and the queues hold.
#[case]
async fn both_ends_flood_each_other_from_one_place(endpoint: &Endpoint) {
    const COUNT: usize = 40;
    #[either]
    async fn flood(mut end: Connection<Socket>) {
        let (sent, mut received) = (message(300_000), 0);
        for _ in 0..COUNT {
            let count = |message| {
                assert!(message == sent);
                received += 1;
            };
            end.send_receiving(sent.clone(), count).await.unwrap();
        }
        while received < COUNT {
            assert!(end.recv().await.unwrap().unwrap() == sent);
            received += 1;
        }
        end.flush().await.unwrap();
        end.close().await.unwrap();
    }
    let (client, router) = pair(endpoint, &Config::new()).await;
    both(
        async move {
            flood(client).await;
        },
        async move {
            flood(router).await;
        },
    )
    .await;
}

/// Small messages, as many as are taken at once before each that is received.
#[case]
async fn messages_cross_in_order(endpoint: &Endpoint) {
    const COUNT: usize = 3000;
    #[either]
    async fn exchange(mut end: Connection<Socket>) {
        let (mut sent, mut received) = (0, 0);
        while received < COUNT {
            while sent < COUNT && end.try_send(vec![7; 1 + sent]).is_ok() {
                sent += 1;
            }
            let message = end.recv().await.unwrap().unwrap();
            received += 1;
            assert_eq!(message.len(), received);
        }
        while sent < COUNT {
            end.send(vec![7; 1 + sent]).await.unwrap();
            sent += 1;
        }
        end.close().await.unwrap();
    }
    let (client, router) = pair(endpoint, &Config::new()).await;
    both(
        async move {
            exchange(client).await;
        },
        async move {
            exchange(router).await;
        },
    )
    .await;
}

/// Frames arrive in pieces and leave in pieces: no piece is taken for a whole.
#[case]
async fn a_frame_may_come_octet_by_octet(endpoint: &Endpoint) {
    for (mut end, mut peer) in bare::ends(endpoint, Config::new()).await {
        let peer = std::thread::spawn(move || {
            for octet in b"\0\0\0\x03abc\x01\0\0\x01p\0\0\0\0" {
                peer.say(&[*octet]);
            }
            assert_eq!(&peer.hear::<5>(), b"\x02\0\0\x01p");
            peer
        });
        assert_eq!(end.recv().await.unwrap().unwrap(), "abc");
        assert!(end.recv().await.unwrap().unwrap().is_empty());
        end.flush().await.unwrap();
        drop(peer.join().unwrap());
        assert_eq!(end.recv().await.unwrap(), None);
    }
}
