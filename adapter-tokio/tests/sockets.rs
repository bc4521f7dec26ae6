//! Connecting where nobody listens any more.

mod support;

use std::io::ErrorKind;

use support::{bounded, emptied, listening, router};
use wamp_rawsocket_tokio::Join;

#[tokio::test]
async fn nobody_there_is_an_error() {
    bounded(async {
        let router = router();
        let (endpoint, served) = listening(&router).await;
        let session = Join::new(support::REALM).connect(&endpoint).await.unwrap();
        served.abort();
        assert!(served.await.is_err());
        session.closed().await;
        emptied(&router).await;
        let error = Join::new(support::REALM).connect(&endpoint).await;
        let error = error.unwrap_err();
        let refused = ErrorKind::ConnectionRefused;
        assert!(
            matches!(&error, wamp_rawsocket_tokio::SessionError::Io(error) if error.kind() == refused),
            "{error:?}"
        );
    })
    .await;
}
