//! The sizes of states and errors. They are part of what the crate promises to small machines;
//! a change here is a decision, not an accident.

use core::mem::size_of;

use wamp_rawsocket_proto::decode::FrameDecoder;
use wamp_rawsocket_proto::error::{FrameError, HandshakeError};
use wamp_rawsocket_proto::handshake::{AwaitRequest, Client, Decide, Negotiated};
use wamp_rawsocket_proto::heartbeat::Heartbeat;
use wamp_rawsocket_proto::time::{Deadline, Instant};
use wamp_rawsocket_proto::wire::{FrameHeader, FrameRules, MaxLen, RefusalCode, SerializerId};

/// Each type has the size that is written behind it.
macro_rules! sizes {
    ($($type:ty => $size:expr),* $(,)?) => {
        $(assert_eq!(size_of::<$type>(), $size, stringify!($type));)*
    };
}

#[test]
fn values_of_the_wire() {
    sizes! {
        FrameHeader => 8,
        FrameRules => 12,
        MaxLen => 1,
        SerializerId => 1,
        Option<SerializerId> => 1,
        RefusalCode => 1,
        Option<RefusalCode> => 1,
        Negotiated => 3,
        Instant => 8,
        Deadline => 16,
    }
}

#[test]
fn states_without_an_allocator() {
    sizes! {
        FrameDecoder => 24,
        AwaitRequest => 5,
        Client => 7,
        Decide => 2,
        Heartbeat => 56,
    }
}

#[test]
fn errors() {
    sizes! {
        HandshakeError => 3,
        FrameError => 12,
        Result<FrameHeader, FrameError> => 12,
    }
    #[cfg(feature = "connection")]
    sizes! {
        wamp_rawsocket_proto::connection::ConnectionError => 12,
        wamp_rawsocket_proto::connection::SendErrorReason => 16,
        wamp_rawsocket_proto::connection::SendError<&[u8]> => 32,
    }
}

#[test]
#[cfg(feature = "driver")]
fn driver() {
    sizes! {
        wamp_rawsocket_proto::driver::Pump<(), (), ()> => 32,
    }
}

#[test]
#[cfg(feature = "connection")]
fn connection() {
    sizes! {
        wamp_rawsocket_proto::connection::Connection => 328,
        wamp_rawsocket_proto::connection::Frame => 32,
    }
}
