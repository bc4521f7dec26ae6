//! What the peer said before it stopped listening is heard.
#![cfg(feature = "driver")]

use core::future::{Future as _, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::io;
use std::sync::Arc;

use bytes::BufMut;
use wamp_rawsocket_proto::connection::{Config, Connection, Event, RecvBuf};
use wamp_rawsocket_proto::driver::{Pump, Timer, Transport};
use wamp_rawsocket_proto::handshake::Negotiated;
use wamp_rawsocket_proto::time::Instant;
use wamp_rawsocket_proto::wire::{MaxLen, SerializerId};

/// A socket whose peer sent its last words and closed: writing fails, reading still gives them.
struct Deaf(&'static [u8]);

impl Transport for Deaf {
    fn poll_read(&mut self, _: &mut Context<'_>, buf: &mut RecvBuf<'_>) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        buf.put_slice(core::mem::take(&mut self.0));
        Poll::Ready(Ok(()))
    }

    fn poll_write(
        &mut self,
        _: &mut Context<'_>,
        _: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

struct Still;

impl Timer for Still {
    fn now(&self) -> Instant {
        Instant::ZERO
    }

    fn poll_until(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<()> {
        Poll::Pending
    }
}

/// A connection with a message to send, to a peer who said something and listens no more.
fn broken() -> Pump<Connection, Deaf, Still> {
    let agreed = Negotiated {
        serializer: SerializerId::JSON,
        send_max: MaxLen::MAX,
        recv_max: MaxLen::MAX,
    };
    let mut connection = Connection::established(Arc::new(Config::new()), agreed, Instant::ZERO);
    connection
        .send_copy(b"[48,1,{},\"com.proc\"]")
        .expect("open");
    Pump::new(connection, Deaf(b"\0\0\0\x05[3,1]"), Still)
}

#[test]
fn who_only_sends_is_told_at_once() {
    let mut pump = broken();
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Err(error)) = pump.poll_write(&mut cx) else {
        panic!("the failure went by");
    };
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn what_the_peer_said_comes_before_the_error_of_writing() {
    let mut pump = broken();
    let mut cx = Context::from_waker(Waker::noop());
    let ready = pin!(poll_fn(|cx| pump.poll_ready(cx)))
        .as_mut()
        .poll(&mut cx);
    assert!(matches!(ready, Poll::Ready(Ok(()))), "{ready:?}");
    let Ok(Some(Event::Message(message))) = pump.machine_mut().poll_event() else {
        panic!("the last words are lost");
    };
    assert_eq!(&message[..], b"[3,1]");

    // The first error is the one that is told.
    let Poll::Ready(Err(error)) = pin!(poll_fn(|cx| pump.poll_ready(cx)))
        .as_mut()
        .poll(&mut cx)
    else {
        panic!("the connection is broken");
    };
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}
