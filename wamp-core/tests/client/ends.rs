//! How sessions end, and what then is left of them.

use core::time::Duration;

use wamp_rawsocket_core::client::{End, SessionError};

use crate::sim::{Fault, Sim};
use crate::world::{emptied, join, join_for_good, listening};

#[test]
fn to_leave_again_is_no_error() {
    Sim::test(1, async |sim| {
        let router = listening(&sim);
        let session = join(&sim).await;
        let other = session.clone();
        let (first, second) = futures_util::future::join(session.leave(), other.leave()).await;
        first.unwrap();
        second.unwrap();
        other.leave().await.unwrap();
        emptied(&sim, &router).await;
    });
}

/// Who leaves does not come back, however the connection dies meanwhile.
#[test]
fn a_session_that_leaves_does_not_come_back() {
    for fault in [Fault::Reset, Fault::Eof, Fault::Silence] {
        Sim::test(1, async |sim| {
            let router = listening(&sim);
            let session = join_for_good(&sim).await;
            sim.line().stall(crate::sim::Side::Router, true);
            let mut leave = Box::pin(session.leave());
            assert!(crate::sim::few_polls(3, &mut leave).await.is_none());
            sim.line().kill(fault);
            let left = leave.await;
            assert!(
                matches!(left, Err(SessionError::Ended(End::Failed(_)))),
                "{left:?}"
            );
            sim.sleep(Duration::from_secs(100)).await;
            assert_eq!(sim.lines(), 1, "after {fault:?}");
            drop(router);
        });
    }
}
