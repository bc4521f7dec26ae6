//! A timer is held only as long as there is a deadline: ten thousand idle connections neither hold
//! ten thousand timers nor wake for them.
#![cfg(feature = "driver")]

use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use bytes::BufMut;
use wamp_rawsocket_proto::connection::{Config, Connection, Event, RecvBuf};
use wamp_rawsocket_proto::driver::{Pump, Timer, Transport};
use wamp_rawsocket_proto::time::Instant;

/// A socket that takes everything and gives what it was told to.
struct Socket(Vec<u8>);

impl Transport for Socket {
    fn poll_read(&mut self, _: &mut Context<'_>, buf: &mut RecvBuf<'_>) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Pending;
        }
        buf.put_slice(&core::mem::take(&mut self.0));
        Poll::Ready(Ok(()))
    }

    fn poll_write(
        &mut self,
        _: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

/// What it was last set to.
struct Clock(Option<Instant>);

impl Timer for Clock {
    fn now(&self) -> Instant {
        Instant::ZERO
    }

    fn poll_until(&mut self, _: &mut Context<'_>, at: Instant) -> Poll<()> {
        self.0 = Some(at);
        Poll::Pending
    }

    fn cancel(&mut self) {
        self.0 = None;
    }
}

/// What the clock is set to before the handshake, after it, and while closing.
fn deadlines(config: Config) -> [Option<Duration>; 3] {
    let mut cx = Context::from_waker(Waker::noop());
    let machine = Connection::router(Arc::new(config), Instant::ZERO);
    // Boxed, so that the call goes on through the box.
    let mut pump = Pump::new(machine, Socket(Vec::new()), Box::new(Clock(None)));
    let set =
        |pump: &Pump<Connection, Socket, Box<Clock>>| pump.timer().0.map(Instant::since_epoch);

    assert!(pump.poll_ready(&mut cx).is_pending());
    let before = set(&pump);

    pump.transport_mut().0 = vec![0x7F, 0xF1, 0, 0];
    assert!(pump.poll_ready(&mut cx).is_ready());
    let event = pump.machine_mut().poll_event();
    assert!(matches!(event, Ok(Some(Event::Requested(_)))));
    pump.machine_mut().accept().unwrap();
    assert!(pump.poll_ready(&mut cx).is_ready());
    let event = pump.machine_mut().poll_event();
    assert!(matches!(event, Ok(Some(Event::Established(_)))));
    assert!(pump.poll_ready(&mut cx).is_pending());
    let after = set(&pump);

    assert!(pump.poll_close(&mut cx).is_pending());
    [before, after, set(&pump)]
}

#[test]
fn there_is_one_for_the_handshake_and_for_the_close() {
    let config = Config::new()
        .handshake_timeout(Some(Duration::from_secs(7)))
        .close_timeout(Duration::from_secs(3));
    let [before, after, closing] = deadlines(config);
    assert_eq!(before, Some(Duration::from_secs(7)));
    assert_eq!(after, None);
    assert_eq!(closing, Some(Duration::from_secs(3)));
}

#[test]
fn heartbeats_keep_it() {
    let every = Duration::from_secs(2);
    let [_, after, _] = deadlines(Config::new().heartbeat_interval(Some(every)));
    assert_eq!(after, Some(every));
}
