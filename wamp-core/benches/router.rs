//! The router alone, in memory: one routed call, and the delivery of events.
//!
//! `cargo bench -p wamp-rawsocket-core --bench router`; each line is the best of many rounds, in
//! nanoseconds. Beside a call stands what no router can do without: the two messages decoded, and
//! their octets copied into two frames.

use core::hint::black_box;
use std::time::Instant as Clock;

use rawsocket_proto::connection::Frame;
use rawsocket_proto::time::Instant;
use wamp_rawsocket_core::router::{Router, RouterConfig, SessionKey, TransportInfo};
use wamp_rawsocket_core::{DecodeLimits, Message, SerializerKind};

const NOW: Instant = Instant::ZERO;
const ROUNDS: u32 = 2_000;

/// Nanoseconds per operation: the best of many short rounds, since others use the machine too.
fn time(mut operation: impl FnMut()) -> f64 {
    let round = |operation: &mut dyn FnMut()| {
        let start = Clock::now();
        for _ in 0..ROUNDS {
            operation();
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS)
    };
    (0..100)
        .map(|_| round(&mut operation))
        .fold(f64::INFINITY, f64::min)
}

fn join(router: &mut Router, serializer: SerializerKind) -> SessionKey {
    let key = router
        .open_session(TransportInfo::new(serializer, 1 << 24), NOW)
        .unwrap();
    let hello = br#"[1,"realm1",{"roles":{"caller":{},"callee":{},"subscriber":{}}}]"#;
    let hello = Message::decode(SerializerKind::Json, hello, &DecodeLimits::default()).unwrap();
    let mut octets = Vec::new();
    hello.encode(serializer, &mut octets).unwrap();
    router.handle_message(key, &octets, NOW);
    key
}

/// A message in MessagePack: its type, a request id of four octets, and the rest.
fn message(kind: u8, rest: &[u8], elements: u8) -> Vec<u8> {
    let mut octets = vec![0x90 | elements, kind, 0xCE, 0, 0, 0, 0];
    octets.extend_from_slice(rest);
    octets
}

fn number(message: &mut [u8], request: u32) {
    message[3..7].copy_from_slice(&request.to_be_bytes());
}

fn drain(router: &mut Router) {
    while let Some(sent) = router.poll_transmit() {
        black_box(sent);
    }
    while router.poll_event().is_some() {}
}

/// `["Hello, world!", 42]`
const SMALL: &[u8] = b"\x92\xADHello, world!\x2A";

fn call(registrations: u32) -> f64 {
    let mut config = RouterConfig::new(["realm1"]);
    config.limits.registrations = usize::MAX;
    let mut router = Router::new(config, [0; 32]);
    let caller = join(&mut router, SerializerKind::MessagePack);
    let endpoint = join(&mut router, SerializerKind::MessagePack);
    for request in 1..=registrations {
        let mut rest = b"\x80\xD9\x12".to_vec();
        rest.extend_from_slice(format!("com.proc.{request:09}").as_bytes());
        let mut register = message(64, &rest, 4);
        number(&mut register, request);
        router.handle_message(endpoint, &register, NOW);
    }
    drain(&mut router);
    let mut calling = message(48, &[b"\x80\xB2com.proc.000000001", SMALL].concat(), 5);
    let mut yielding = message(70, &[b"\x80", SMALL].concat(), 4);
    let mut request = 0;
    let each = time(|| {
        request += 1;
        number(&mut calling, request);
        number(&mut yielding, request);
        router.handle_message(caller, &calling, NOW);
        black_box(router.poll_transmit());
        router.handle_message(endpoint, &yielding, NOW);
        black_box(router.poll_transmit());
    });
    assert_eq!(router.stats().calls, u64::from(request));
    assert_eq!(router.stats().pending_calls, 0);
    each
}

fn floor() -> f64 {
    let limits = DecodeLimits::default();
    let calling = message(48, &[b"\x80\xB2com.proc.000000001", SMALL].concat(), 5);
    let yielding = message(70, &[b"\x80", SMALL].concat(), 4);
    time(|| {
        for octets in [&calling, &yielding] {
            let mut octets = octets.clone();
            number(&mut octets, 1);
            black_box(Message::decode(SerializerKind::MessagePack, &octets, &limits).unwrap());
            let frame = Frame::encode(|out| {
                out.extend_from_slice(&octets);
                Ok::<_, core::convert::Infallible>(())
            });
            black_box(frame.unwrap());
        }
    })
}

/// Nanoseconds per EVENT that is delivered.
fn fan_out(subscribers: u32) -> f64 {
    let mut router = Router::new(RouterConfig::new(["realm1"]), [0; 32]);
    let publisher = join(&mut router, SerializerKind::MessagePack);
    for index in 0..subscribers {
        let kind = SerializerKind::ALL[index as usize % SerializerKind::ALL.len()];
        let key = join(&mut router, kind);
        let subscribe = br#"[32,1,{},"com.topic"]"#;
        let mut octets = Vec::new();
        Message::decode(SerializerKind::Json, subscribe, &DecodeLimits::default())
            .unwrap()
            .encode(kind, &mut octets)
            .unwrap();
        router.handle_message(key, &octets, NOW);
    }
    drain(&mut router);
    let mut publish = message(16, &[b"\x80\xA9com.topic", SMALL].concat(), 5);
    let mut request = 0;
    let start = Clock::now();
    let mut best = f64::INFINITY;
    while start.elapsed().as_millis() < 500 {
        request += 1;
        number(&mut publish, request);
        let start = Clock::now();
        router.handle_message(publisher, &publish, NOW);
        while let Some(sent) = router.poll_transmit() {
            black_box(sent);
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9);
    }
    best / f64::from(subscribers)
}

fn main() {
    let floor = floor();
    println!("decode and copy both messages      {floor:>9.1} ns");
    for registrations in [1, 1_000, 100_000] {
        let each = call(registrations);
        println!(
            "call, {registrations:>6} registrations         {each:>9.1} ns   x {:.2}",
            each / floor
        );
    }
    for subscribers in [1, 100, 1_000, 10_000] {
        let each = fan_out(subscribers);
        println!("event, {subscribers:>6} subscribers, each     {each:>9.1} ns");
    }
}
