//! The sizes of what a router has for each connection: ten thousand idle ones cost it ten thousand
//! times as much. A change here is a decision, not an accident.

use core::mem::size_of;

use rawsocket_proto::connection::Connection;
use wamp_rawsocket_core::router::SessionKey;
use wamp_rawsocket_core::transport::{RouterPeer, SharedRouter};

#[test]
fn of_a_connection_of_a_router() {
    assert_eq!(size_of::<SessionKey>(), 8);
    assert_eq!(size_of::<SharedRouter>(), 8);
    assert_eq!(size_of::<RouterPeer>() - size_of::<Connection>(), 80);
}
