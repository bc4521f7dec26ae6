//! Faults that the fuzz targets found, each as a plain test.
#![cfg(feature = "driver")]
#![expect(
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    reason = "tests run on std"
)]

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::BufMut;
use wamp_rawsocket_proto::connection::{Config, Connection, Event, RecvBuf};
use wamp_rawsocket_proto::driver::{Pump, Timer, Transport};
use wamp_rawsocket_proto::handshake::Negotiated;
use wamp_rawsocket_proto::time::Instant;
use wamp_rawsocket_proto::wire::{MaxLen, SerializerId};

const NOW: Instant = Instant::ZERO;

fn established() -> Connection {
    let negotiated = Negotiated {
        serializer: SerializerId::JSON,
        send_max: MaxLen::MAX,
        recv_max: MaxLen::MAX,
    };
    Connection::established(Arc::new(Config::new()), negotiated, NOW)
}

#[test]
fn no_control_frame_overtakes_the_handshake() {
    // A PING behind the request, and one of this end's before the reply has left.
    let mut router = Connection::router(Arc::new(Config::new()), NOW);
    router.handle_input(&mut &b"\x7F\xF1\0\0\x01\0\0\x02hi"[..], NOW);
    assert!(matches!(router.poll_event(), Ok(Some(Event::Requested(_)))));
    router.accept().unwrap();
    router.ping(NOW).unwrap();
    while router.poll_event().unwrap().is_some() {}
    let mut octets = Vec::new();
    while let Some(next) = router.poll_transmit() {
        octets.extend_from_slice(next);
        let count = next.len();
        router.handle_transmitted(count);
    }
    assert_eq!(octets, b"\x7F\xF1\0\0\x01\0\0\x0800000001\x02\0\0\x02hi");
}

#[test]
fn nothing_is_read_while_a_frame_waits_behind_a_polled_message() {
    let mut connection = established();
    let mut input = &b"\0\0\0\x01a\0\0\0\x01b\0\0\0\x05"[..];
    connection.handle_input(&mut input, NOW);
    assert!(matches!(
        connection.poll_event(),
        Ok(Some(Event::Message(_)))
    ));
    // Else one small message after the other would make room for a whole read each.
    assert!(!connection.wants_read());
    assert!(matches!(
        connection.poll_event(),
        Ok(Some(Event::Message(_)))
    ));
    assert!(connection.wants_read(), "the third is not whole");
}

/// Gives its octets at once and takes whatever is written.
struct Quiet {
    incoming: &'static [u8],
    outgoing: Vec<u8>,
}

impl Transport for Quiet {
    fn poll_read(&mut self, _: &mut Context<'_>, buf: &mut RecvBuf<'_>) -> Poll<io::Result<()>> {
        if self.incoming.is_empty() {
            return Poll::Pending;
        }
        buf.put_slice(self.incoming);
        self.incoming = &[];
        Poll::Ready(Ok(()))
    }

    fn poll_write(
        &mut self,
        _: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.outgoing.extend_from_slice(&slices[0]);
        Poll::Ready(Ok(slices[0].len()))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        false
    }
}

struct Stopped;

impl Timer for Stopped {
    fn now(&self) -> Instant {
        NOW
    }

    fn poll_until(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<()> {
        Poll::Pending
    }
}

#[test]
fn the_pump_writes_a_pong_before_it_waits() {
    let transport = Quiet {
        incoming: b"\0\0\0\x02[]\x01\0\0\x02hi",
        outgoing: Vec::new(),
    };
    let mut pump = Pump::new(established(), transport, Stopped);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pump.poll_ready(&mut cx).is_ready());
    assert!(matches!(
        pump.machine_mut().poll_event(),
        Ok(Some(Event::Message(_)))
    ));
    assert!(pump.poll_ready(&mut cx).is_pending());
    assert_eq!(pump.transport().outgoing, b"\x02\0\0\x02hi");
}
