//! Sessions that do not come to be: refused by the transport, by the router, or for want of one.

use std::io::ErrorKind;

use super::{REALM, TOPIC, assert_failed, end_of, serve, serve_on};
use crate::adapter::rawsocket_proto::connection::{Config, ConnectionError};
use crate::adapter::rawsocket_proto::error::HandshakeError;
use crate::adapter::rawsocket_proto::wire::RefusalCode;
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::adapter::wamp_core::router::RouterConfig;
use crate::adapter::wamp_core::session::SessionError as Cause;
use crate::adapter::wamp_core::transport::PeerError;
use crate::adapter::wamp_core::{SerializerKind, uris};
use crate::adapter::{End, SessionError};
use crate::behaviour::bare::{BareListener, HELLO};
use crate::{case, joining, routing};

fn refused(number: u8) -> PeerError {
    let code = RefusalCode::new(number).unwrap();
    PeerError::Connection(ConnectionError::Handshake(HandshakeError::Refused(code)))
}

/// What a client asks for that prefers MessagePack, and takes JSON as well.
const PREFERENCES: [[u8; 4]; 2] = [[0x7F, 0xF2, 0, 0], HELLO];

/// Of the refusals only that of the serializer has another serializer tried.
#[case]
async fn each_refusal_is_the_error_of_the_join(endpoint: &Endpoint) {
    let listener = BareListener::bind(endpoint);
    let endpoint = listener.endpoint();
    let router = std::thread::spawn(move || {
        for number in 1..=15 {
            let requests = if number == 1 { 2 } else { 1 };
            for request in &PREFERENCES[..requests] {
                let mut bare = listener.accept();
                assert_eq!(bare.hear(), *request);
                bare.say(&[0x7F, number << 4, 0, 0]);
                assert_eq!(bare.hear_all(), b"");
            }
        }
    });
    for number in 1..=15 {
        let joined = joining(REALM).connect(&endpoint).await;
        assert_failed(joined, &refused(number));
    }
    router.join().unwrap();
}

#[case]
async fn the_next_serializer_is_tried_where_one_is_refused(endpoint: &Endpoint) {
    let listener = BareListener::bind(endpoint);
    let bare_endpoint = listener.endpoint();
    let bare_router = std::thread::spawn(move || {
        let mut bare = listener.accept();
        assert_eq!(bare.hear(), PREFERENCES[0]);
        bare.say(&[0x7F, 0x10, 0, 0]);
        drop(bare);
        let mut bare = listener.accept();
        bare.welcome(7);
        drop(listener);
        bare.expect("[6,{}");
        bare.say_message("[6,{},\"wamp.close.goodbye_and_out\"]");
    });
    let session = joining(REALM).connect(&bare_endpoint).await.unwrap();
    assert_eq!(session.id().get(), 7);
    session.leave().await.unwrap();
    bare_router.join().unwrap();

    for serializer in SerializerKind::ALL {
        let router = routing(RouterConfig::new([REALM]));
        let router = router.with_serializers(&[*serializer]);
        let served = serve_on(router, endpoint).await;
        let session = served.join().await;
        session.publish_acknowledged(TOPIC, &()).await.unwrap();
        for other in SerializerKind::ALL
            .iter()
            .filter(|other| *other != serializer)
        {
            let join = joining(REALM).serializers([*other]);
            assert_failed(join.connect(&served.endpoint).await, &refused(1));
        }
        served.end().await;
    }
}

#[case]
async fn a_router_refuses_realms_that_it_does_not_have(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    let joined = joining("nowhere").connect(&served.endpoint).await;
    let End::Failed(PeerError::Session(Cause::Aborted { reason, joined, .. })) = end_of(joined)
    else {
        panic!("not aborted")
    };
    assert_eq!((reason.as_str(), joined), (uris::NO_SUCH_REALM, false));
    served.end_empty().await;
}

#[case]
async fn a_router_that_is_full_says_so(endpoint: &Endpoint) {
    let mut config = RouterConfig::new([REALM]);
    config.max_transports = 2;
    let served = serve_on(routing(config), endpoint).await;
    let first = served.join().await;
    let second = served.join().await;
    let third = joining(REALM).connect(&served.endpoint).await;
    assert_failed(third, &refused(4));
    first.leave().await.unwrap();
    drop(first);
    super::until(|| served.router.stats().transports == 1).await;
    let third = served.join().await;
    drop((second, third));
    served.end_empty().await;
}

#[case]
async fn a_router_that_is_not_there_is_an_error_of_the_socket(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    let gone = served.endpoint.clone();
    served.end().await;
    let error = joining(REALM).connect(&gone).await.unwrap_err();
    assert!(
        matches!(&error, SessionError::Io(error)
            if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound)),
        "{error:?}"
    );
}

/// What would be too long for the client never reaches it.
#[case]
async fn a_client_that_takes_little_gets_no_more(endpoint: &Endpoint) {
    let served = serve(endpoint).await;
    let small = Config::new().max_receive(1 << 10);
    let small = joining(REALM).connection(small);
    let small = small.connect(&served.endpoint).await.unwrap();
    let mut events = small.subscribe(TOPIC).await.unwrap();
    let publisher = served.join().await;
    for text in ["x".repeat(2000), "short".to_owned()] {
        publisher.publish(TOPIC, &(text,)).await.unwrap();
    }
    let event = events.recv().await.unwrap();
    assert_eq!(event.args::<(String,)>().unwrap().0, "short");
    assert_eq!(served.router.stats().events_oversize, 1);
    served.end().await;
}
