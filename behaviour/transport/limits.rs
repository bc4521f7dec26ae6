//! What is too long, in each direction, and frames that are none.

use super::{assert_fails, frame, message, pair};
use crate::adapter::rawsocket_proto::connection::{Config, SendErrorReason};
use crate::adapter::rawsocket_proto::error::FrameError;
use crate::adapter::rawsocket_proto::wire::{FrameKind, SerializerId};
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::adapter::{Connection, Error, Listener};
use crate::behaviour::bare::{self, Bare, HELLO};
use crate::{both, case};

#[case]
async fn what_the_peer_does_not_receive_is_handed_back(endpoint: &Endpoint) {
    let listener = Listener::bind(endpoint).await.unwrap();
    let (client, router) = both(
        async { Connection::connect(listener.endpoint(), Config::new(), SerializerId::JSON).await },
        async {
            let socket = listener.accept().await?;
            // It announces the next power of two.
            Connection::router(socket, Config::new().max_receive(1000), |_| Ok(())).await
        },
    )
    .await;
    let (mut client, mut router) = (client.unwrap(), router.unwrap());
    assert_eq!(
        (client.send_limit(), router.send_limit()),
        (1024, (1 << 24) - 1)
    );

    let error = client.send(message(1025)).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::TooLong {
                len: 1025,
                max: 1024
            }
        ),
        "{error:?}"
    );
    let error = client.ready(1025).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::TooLong {
                len: 1025,
                max: 1024
            }
        ),
        "{error:?}"
    );
    let refused = client.try_send(message(1025)).unwrap_err();
    assert_eq!(refused.message, message(1025));
    let too_long = SendErrorReason::TooLong {
        len: 1025,
        max: 1024,
    };
    assert_eq!(refused.reason, too_long);

    // Nothing was sent, and it goes on. What is between the two limits, only the peer knows.
    client.send(message(1000)).await.unwrap();
    client.send(message(1024)).await.unwrap();
    client.flush().await.unwrap();
    assert_eq!(router.recv().await.unwrap().unwrap(), message(1000));
    let too_long = FrameError::TooLong {
        kind: FrameKind::Message,
        len: 1024,
        max: 1000,
    };
    assert_fails(router.recv().await, too_long);
}

#[case]
async fn a_frame_of_16_mib_is_sent_only_on_demand(endpoint: &Endpoint) {
    const FULL: usize = 1 << 24;
    let (mut client, _router) = pair(endpoint, &Config::new()).await;
    let error = client.send(vec![0; FULL]).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::TooLong {
                len: FULL,
                max: 0x00FF_FFFF
            }
        ),
        "{error:?}"
    );
}

#[case]
async fn frames_that_are_too_long_or_none_end_the_connection(endpoint: &Endpoint) {
    let small = Config::new().max_receive(1000).max_ping(100);
    let too_long = |kind, len, max| FrameError::TooLong { kind, len, max };
    for (header, fault) in [
        ([0, 0, 3, 233], too_long(FrameKind::Message, 1001, 1000)),
        ([8, 0, 0, 0], too_long(FrameKind::Message, 1 << 24, 1000)),
        ([1, 0, 0, 101], too_long(FrameKind::Ping, 101, 100)),
        ([2, 0, 0, 101], too_long(FrameKind::Pong, 101, 100)),
        ([3, 0, 0, 0], FrameError::ReservedKind(3)),
        ([7, 0, 0, 0], FrameError::ReservedKind(7)),
        ([0x10, 0, 0, 0], FrameError::ReservedBits(1)),
        ([8, 0, 0, 1], FrameError::NonCanonicalLength(1)),
    ] {
        for (mut end, mut peer) in bare::ends(endpoint, small.clone()).await {
            peer.say(&frame(&message(1000)));
            // The header is enough.
            peer.say(&header);
            assert_eq!(end.recv().await.unwrap().unwrap(), message(1000));
            assert_fails(end.recv().await, fault);
            assert_fails(end.recv().await, fault);
            assert_fails(end.send("late").await, fault);
            drop(end);
            assert_eq!(peer.hear_all(), b"");
        }
    }
}

#[case]
async fn a_stranger_is_limited_until_it_is_welcome(endpoint: &Endpoint) {
    let config = Config::new().greeting_limit(100);
    let listener = Listener::bind(endpoint).await.unwrap();
    for welcome in [false, true] {
        let mut client = Bare::connect(listener.endpoint());
        client.say(&HELLO);
        client.say(&frame(&message(100)));
        let socket = listener.accept().await.unwrap();
        let router = Connection::router(socket, config.clone(), |_| Ok(()));
        let mut router = router.await.unwrap();
        assert_eq!(router.recv().await.unwrap().unwrap(), message(100));
        if welcome {
            router.welcome();
        }
        client.say(&frame(&message(101)));
        let outcome = router.recv().await;
        if welcome {
            assert_eq!(outcome.unwrap().unwrap(), message(101));
            continue;
        }
        let too_long = FrameError::TooLong {
            kind: FrameKind::Message,
            len: 101,
            max: 100,
        };
        assert_fails(outcome, too_long);
    }
}
