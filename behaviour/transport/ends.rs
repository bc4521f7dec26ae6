//! How connections end: in order, by half, torn, or by a reset. Each end has its own error.

use std::io::ErrorKind;

use super::{assert_fails, frame, message, pair};
use crate::adapter::Error;
use crate::adapter::rawsocket_proto::connection::{Config, ConnectionError};
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::behaviour::bare;
use crate::{both, case};

#[case]
async fn what_was_queued_is_sent_before_the_close(endpoint: &Endpoint) {
    let (mut client, mut router) = pair(endpoint, &Config::new()).await;
    for _ in 0..3 {
        client.try_send(message(300_000)).unwrap();
    }
    both(
        async {
            client.close().await.unwrap();
            assert!(matches!(client.send("late").await, Err(Error::Closed)));
            assert!(matches!(client.ready(4).await, Err(Error::Closed)));
            assert_eq!(client.recv().await.unwrap(), None);
            client.close().await.unwrap();
        },
        async {
            for _ in 0..3 {
                assert!(router.recv().await.unwrap().unwrap() == message(300_000));
            }
            assert_eq!(router.recv().await.unwrap(), None);
            router.close().await.unwrap();
        },
    )
    .await;
}

/// Neither end waits for the other's deadline.
#[case]
async fn both_ends_may_close_at_once(endpoint: &Endpoint) {
    let (mut client, mut router) = pair(endpoint, &Config::new()).await;
    let start = std::time::Instant::now();
    both(
        async {
            client.close().await.unwrap();
        },
        async { router.close().await.unwrap() },
    )
    .await;
    assert!(start.elapsed() < std::time::Duration::from_secs(4));
}

#[case]
async fn a_peer_that_finished_can_still_be_talked_to(endpoint: &Endpoint) {
    for (mut end, mut peer) in bare::ends(endpoint, Config::new()).await {
        peer.say(&frame(b"last"));
        peer.finish();
        assert_eq!(end.recv().await.unwrap().unwrap(), "last");
        assert_eq!(end.recv().await.unwrap(), None);
        assert_eq!(end.recv().await.unwrap(), None, "and stays so");
        end.send("answer").await.unwrap();
        end.close().await.unwrap();
        assert_eq!(peer.hear_all(), frame(b"answer"));
    }
}

#[case]
async fn a_frame_that_is_cut_off_is_told_from_an_end(endpoint: &Endpoint) {
    for (cut, missing) in [
        (&[0][..], 3),
        (&[0, 0, 0], 1),
        (&[0, 0, 0, 9], 9),
        (&[0, 0, 0, 9, b'a'], 8),
        // Nothing is made ready for what was only announced.
        (&[0, 0xFF, 0xFF, 0xFF, b'a'], 0x00FF_FFFE),
        // A PING is a frame, too.
        (&[1, 0, 0, 2, b'a'], 1),
    ] {
        for (mut end, mut peer) in bare::ends(endpoint, Config::new()).await {
            peer.say(&frame(b"whole"));
            peer.say(cut);
            drop(peer);
            assert_eq!(end.recv().await.unwrap().unwrap(), "whole");
            let truncated = ConnectionError::Truncated { missing };
            assert_fails(end.recv().await, truncated);
            assert_fails(end.recv().await, truncated);
            assert_fails(end.send("late").await, truncated);
        }
    }
}

#[case]
async fn a_reset_is_an_error_of_the_socket(endpoint: &Endpoint) {
    for (mut end, peer) in bare::ends(endpoint, Config::new()).await {
        end.send("unread").await.unwrap();
        end.flush().await.unwrap();
        peer.reset();
        let error = end.recv().await.unwrap_err();
        assert!(
            matches!(&error, Error::Io(error) if error.kind() == ErrorKind::ConnectionReset),
            "{error:?}"
        );
        assert!(!error.is_refusal() && !error.is_timeout());
    }
}

#[case]
async fn what_was_said_before_a_reset_is_received(endpoint: &Endpoint) {
    for (mut end, mut peer) in bare::ends(endpoint, Config::new()).await {
        end.send("unread").await.unwrap();
        end.flush().await.unwrap();
        peer.say(&frame(b"why"));
        peer.reset();
        assert_eq!(end.recv().await.unwrap().unwrap(), "why");
        assert!(matches!(end.recv().await, Err(Error::Io(_))));
    }
}

/// Who only sends hears of it as well, from whichever write is the first to fail.
#[case]
async fn a_sender_hears_of_a_peer_that_is_gone(endpoint: &Endpoint) {
    for (mut end, peer) in bare::ends(endpoint, Config::new()).await {
        end.send("unread").await.unwrap();
        end.flush().await.unwrap();
        peer.reset();
        let error = loop {
            if let Err(error) = end.send(message(1000)).await {
                break error;
            }
        };
        assert!(
            matches!(&error, Error::Io(error)
                if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)),
            "{error:?}"
        );
    }
}

/// The peer reads the end of the stream as soon as an end is dropped.
#[case]
async fn a_dropped_end_is_closed(endpoint: &Endpoint) {
    for (mut end, mut peer) in bare::ends(endpoint, Config::new()).await {
        end.send("first").await.unwrap();
        end.flush().await.unwrap();
        drop(end);
        assert_eq!(peer.hear_all(), frame(b"first"));
    }
}
