//! The clock decides what is due, not the timer, and not before the transport was looked at.

use std::num::NonZeroU8;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use wamp_rawsocket_proto::connection::{Config, Connection, ConnectionError};
use wamp_rawsocket_proto::driver::Pump;
use wamp_rawsocket_proto::time::TimerKind;

use crate::Driven;
use crate::support::link::{Told, at, next};
use crate::support::script::{Clock, Script, Wakes, Woken};
use crate::support::{frame, hello, parse};

fn pump(config: Config, wakes: Wakes) -> Driven {
    let connection = Connection::router(Arc::new(config), at(0));
    Pump::new(connection, Script::default(), Clock::new(wakes))
}

/// Polls once; what it gives is told by the machine.
fn poll(pump: &mut Driven) {
    let (_, waker) = Woken::waker();
    let _ = pump.poll_ready(&mut Context::from_waker(&waker));
}

#[test]
fn a_timer_that_is_early_ends_nothing() {
    let mut pump = pump(Config::new(), Wakes::Early);
    for millis in [0, 1, 4_999] {
        pump.timer().millis.set(millis);
        poll(&mut pump);
        assert_eq!(next(pump.machine_mut()), None);
        assert!(pump.transport().calls <= 200, "and keeps no poll for ever");
    }
}

#[test]
fn a_timer_that_never_wakes_is_not_needed() {
    let mut pump = pump(Config::new(), Wakes::Never);
    poll(&mut pump);
    assert_eq!(next(pump.machine_mut()), None);
    pump.timer().millis.set(5_000);
    poll(&mut pump);
    let error = ConnectionError::Timeout(TimerKind::Handshake);
    assert_eq!(next(pump.machine_mut()), Some(Told::Failed(error)));
}

/// A pump that is open, sends heartbeats each second, and gives up after one.
fn beating() -> Driven {
    let config = Config::new()
        .heartbeat_interval(Some(Duration::from_secs(1)))
        .max_pings(NonZeroU8::MIN);
    let connection = Connection::router(Arc::new(config), at(0));
    let script = Script {
        input: hello(0xF1).to_vec(),
        ..Script::default()
    };
    let mut pump = Pump::new(connection, script, Clock::new(Wakes::InTime));
    poll(&mut pump);
    assert!(matches!(next(pump.machine_mut()), Some(Told::Requested(_))));
    pump.machine_mut().accept().unwrap();
    assert!(matches!(
        next(pump.machine_mut()),
        Some(Told::Established(_))
    ));
    poll(&mut pump);
    pump.timer().millis.set(1_000);
    poll(&mut pump);
    assert_eq!(parse(&pump.transport().output[4..]).0.len(), 1, "a PING");
    pump
}

#[test]
fn a_peer_that_answered_is_not_given_up_because_we_were_away() {
    let pump = beating();
    let ping = pump.transport().output[8..].to_vec();
    let (machine, mut script, clock) = pump.into_parts();
    script.input.extend(frame(0, b"[]"));
    let mut pump = Pump::new(machine, script, clock);
    // A message comes, and the application takes its time with it. The PONG waits in the socket.
    poll(&mut pump);
    assert!(matches!(next(pump.machine_mut()), Some(Told::Message(_))));
    let (machine, mut script, clock) = pump.into_parts();
    script.input.extend(frame(2, &ping));
    let mut pump = Pump::new(machine, script, clock);
    pump.timer().millis.set(60_000);
    poll(&mut pump);
    assert!(matches!(next(pump.machine_mut()), Some(Told::Pong(_))));
    assert_eq!(next(pump.machine_mut()), None);
}

#[test]
fn a_request_that_came_in_time_is_not_late_because_we_were_away() {
    let mut pump = pump(Config::new(), Wakes::InTime);
    poll(&mut pump);
    let (machine, mut script, clock) = pump.into_parts();
    script.input.extend(hello(0xF1));
    let mut pump = Pump::new(machine, script, clock);
    pump.timer().millis.set(4_999);
    poll(&mut pump);
    assert!(matches!(next(pump.machine_mut()), Some(Told::Requested(_))));
}

#[test]
fn a_peer_that_is_silent_is_given_up() {
    let mut pump = beating();
    pump.timer().millis.set(1_999);
    poll(&mut pump);
    assert_eq!(next(pump.machine_mut()), None);
    pump.timer().millis.set(2_000);
    poll(&mut pump);
    let error = ConnectionError::Unresponsive { pings: 1 };
    assert_eq!(next(pump.machine_mut()), Some(Told::Failed(error)));
}
