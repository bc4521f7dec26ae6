//! Handshakes that fail: each in its own way, and both ends know.

use super::assert_fails;
use crate::adapter::rawsocket_proto::connection::{Config, ConnectionError};
use crate::adapter::rawsocket_proto::error::HandshakeError;
use crate::adapter::rawsocket_proto::wire::{RefusalCode, SerializerId};
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::adapter::{Connection, Error, Listener, Socket};
use crate::behaviour::bare::{self, Bare, HELLO};
use crate::{both, case, either};

type Outcome = Result<Connection<Socket>, Error>;

/// A client whose router reads the request, says this, and waits for the end.
#[either]
async fn replied(endpoint: &Endpoint, reply: Vec<u8>) -> Outcome {
    let (endpoint, router) = bare::router(endpoint, move |mut bare| {
        assert_eq!(bare.hear(), HELLO);
        bare.say(&reply);
        assert_eq!(bare.hear_all(), b"");
    });
    let outcome = Connection::connect(&endpoint, Config::new(), SerializerId::JSON).await;
    router.join().unwrap();
    outcome
}

/// A router whose client says this and waits for the end; and what the client heard.
#[either]
async fn requested(endpoint: &Endpoint, request: Vec<u8>) -> (Outcome, Vec<u8>) {
    let listener = Listener::bind(endpoint).await.unwrap();
    let mut bare = Bare::connect(listener.endpoint());
    let client = std::thread::spawn(move || {
        bare.say(&request);
        bare.hear_all()
    });
    let socket = listener.accept().await.unwrap();
    let outcome = Connection::router(socket, Config::new(), |_| Ok(())).await;
    (outcome, client.join().unwrap())
}

#[case]
async fn each_refusal_is_told_to_the_client(endpoint: &Endpoint) {
    for number in 1..=15 {
        let code = RefusalCode::new(number).unwrap();
        let told = HandshakeError::Refused(code);
        let outcome = replied(endpoint, vec![0x7F, number << 4, 0, 0]).await;
        assert!(outcome.as_ref().is_err_and(Error::is_refusal));
        assert_fails(outcome, told);

        let listener = Listener::bind(endpoint).await.unwrap();
        let mut client = Bare::connect(listener.endpoint());
        let client = std::thread::spawn(move || {
            client.say(&[0x7F, 0x73, 0, 0]);
            client.hear_all()
        });
        let socket = listener.accept().await.unwrap();
        let outcome = Connection::router(socket, Config::new(), |request| {
            assert_eq!(request.serializer, SerializerId::CBOR);
            assert_eq!(request.max_len.octets(), 64 << 10);
            Err(code)
        });
        let error = outcome.await.unwrap_err();
        assert!(
            matches!(error, Error::Refused(own) if own == code),
            "{error:?}"
        );
        assert!(!error.is_refusal(), "it is this end that refused");
        assert_eq!(client.join().unwrap(), [0x7F, number << 4, 0, 0]);

        let (client, router) = both(
            async {
                Connection::connect(listener.endpoint(), Config::new(), SerializerId::JSON).await
            },
            async {
                let socket = listener.accept().await.unwrap();
                Connection::router(socket, Config::new(), |_| Err(code)).await
            },
        )
        .await;
        assert!(
            client
                .as_ref()
                .unwrap_err()
                .to_string()
                .contains(code.description())
        );
        assert_fails(client, told);
        assert!(matches!(router, Err(Error::Refused(own)) if own == code));
    }
}

#[case]
async fn replies_that_are_none_fail_the_client(endpoint: &Endpoint) {
    let msgpack = HandshakeError::SerializerMismatch {
        requested: SerializerId::JSON,
        replied: SerializerId::MSGPACK,
    };
    for (reply, fault) in [
        (*b"HTTP", HandshakeError::NotRawSocket { first: b'H' }),
        ([0x7F, 0, 0, 0], HandshakeError::IllegalReply),
        ([0x7F, 0xF2, 0, 0], msgpack),
        ([0x7F, 0xF1, 0, 1], HandshakeError::ReservedOctets([0, 1])),
        ([0x7F, 0xF1, 9, 0], HandshakeError::ReservedOctets([9, 0])),
    ] {
        let outcome = replied(endpoint, reply.to_vec()).await;
        assert!(!outcome.as_ref().unwrap_err().is_refusal());
        assert_fails(outcome, fault);
    }
}

#[case]
async fn requests_that_are_none_fail_the_router(endpoint: &Endpoint) {
    for (request, fault, answer) in [
        (
            // The first octet is enough.
            &b"G"[..],
            HandshakeError::NotRawSocket { first: b'G' },
            &[][..],
        ),
        (&[0x7F, 0xF0, 0, 0], HandshakeError::IllegalSerializer, &[]),
        (
            &[0x7F, 0xF1, 1, 2],
            HandshakeError::ReservedOctets([1, 2]),
            &[0x7F, 0x30, 0, 0],
        ),
    ] {
        let (outcome, heard) = requested(endpoint, request.to_vec()).await;
        assert_fails(outcome, fault);
        assert_eq!(heard, answer, "the answer to {request:?}");
    }
}

/// How the peer leaves.
#[derive(Clone, Copy, Debug)]
enum Exit {
    Close,
    Reset,
}

const EXITS: [Exit; 2] = [Exit::Close, Exit::Reset];

#[case]
async fn a_router_that_vanishes_in_the_handshake_refuses(endpoint: &Endpoint) {
    for exit in EXITS {
        for said in 0..4 {
            let (endpoint, router) = bare::router(endpoint, move |mut bare| match exit {
                Exit::Close => {
                    assert_eq!(bare.hear(), HELLO);
                    bare.say(&HELLO[..said]);
                }
                Exit::Reset => {
                    bare.say(&HELLO[..said]);
                    bare.reset();
                }
            });
            let outcome = Connection::connect(&endpoint, Config::new(), SerializerId::JSON).await;
            router.join().unwrap();
            assert!(
                outcome.as_ref().unwrap_err().is_refusal(),
                "{exit:?} after {said}"
            );
            assert_fails(outcome, ConnectionError::ClosedInHandshake);
        }
    }
}

#[case]
async fn a_client_that_vanishes_in_the_handshake_is_noticed(endpoint: &Endpoint) {
    for exit in EXITS {
        for said in 0..4 {
            let listener = Listener::bind(endpoint).await.unwrap();
            let mut client = Bare::connect(listener.endpoint());
            client.say(&HELLO[..said]);
            match exit {
                Exit::Close => drop(client),
                Exit::Reset => client.reset_unheard(),
            }
            // A connection that was reset before it was accepted may be gone.
            let Ok(socket) = listener.accept().await else {
                continue;
            };
            let outcome = Connection::router(socket, Config::new(), |_| Ok(())).await;
            assert_fails(outcome, ConnectionError::ClosedInHandshake);
        }
    }
}

/// A client need not wait for the reply, and a handshake may come in pieces.
#[case]
async fn what_follows_the_request_at_once_is_received(endpoint: &Endpoint) {
    let listener = Listener::bind(endpoint).await.unwrap();
    let mut client = Bare::connect(listener.endpoint());
    let client = std::thread::spawn(move || {
        for octet in HELLO {
            client.say(&[octet]);
        }
        client.say(b"\0\0\0\x02hi");
        client.finish();
        client.hear_all()
    });
    let socket = listener.accept().await.unwrap();
    let router = Connection::router(socket, Config::new(), |_| Ok(()));
    let mut router = router.await.unwrap();
    let negotiated = router.negotiated().unwrap();
    assert_eq!(negotiated.serializer, SerializerId::JSON);
    assert_eq!(router.recv().await.unwrap().unwrap(), "hi");
    assert_eq!(router.recv().await.unwrap(), None);
    router.close().await.unwrap();
    assert_eq!(client.join().unwrap(), HELLO);
}
