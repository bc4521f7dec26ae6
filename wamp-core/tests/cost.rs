//! What hostile messages cost whoever reads them: work is counted in allocations, or compared with
//! that for the same amount of plainer data.
#![cfg(all(feature = "json", feature = "msgpack"))]

use std::time::{Duration, Instant};

use allocation_counter::measure;
use rawsocket_proto::time::Instant as Now;
use wamp_rawsocket_core::router::{Router, RouterConfig, SessionKey, TransportInfo};
use wamp_rawsocket_core::{DecodeLimits, Message, RawValue, SerializerKind};

const JSON: SerializerKind = SerializerKind::Json;
const NOW: Now = Now::ZERO;

/// A router, somebody who is subscribed to `t` and registered `p`, and somebody else.
fn router() -> (Router, SessionKey) {
    let mut router = Router::new(RouterConfig::new(["realm1"]), [0; 32]);
    let hello = br#"[1,"realm1",{"roles":{"caller":{},"callee":{}}}]"#;
    let [peer, hostile] = [(); 2].map(|()| {
        let info = TransportInfo::new(JSON, 1 << 24);
        let key = router.open_session(info, NOW).unwrap();
        router.handle_message(key, hello, NOW);
        key
    });
    router.handle_message(peer, br#"[32,1,{},"t"]"#, NOW);
    router.handle_message(peer, br#"[64,2,{},"p"]"#, NOW);
    while router.poll_transmit().is_some() {}
    (router, hostile)
}

/// Entries that WAMP does not know, whose values cost something to read.
fn costly(count: usize) -> String {
    let entry =
        |index| format!(r#""_{index}":["\u0000AAAA",{{"\n":"\n"}}],"_x{index}":"\n\u0000","#);
    (0..count).map(entry).collect()
}

#[test]
fn options_that_nobody_knows_are_not_read() {
    let text = format!(r#"[16,1,{{{}"acknowledge":true}},"t"]"#, costly(1_000));
    let cost = measure(|| {
        let message = Message::decode(JSON, text.as_bytes(), &DecodeLimits::default()).unwrap();
        let Message::Publish(publish) = message else {
            panic!("{message:?}");
        };
        assert!(publish.acknowledge() && publish.exclude_me().is_none());
        assert!(!publish.options.contains("enc_algo"));
    });
    assert_eq!(cost.count_total, 0);
}

/// Each pass over options allocates once for a key with an escape.
#[test]
fn the_router_goes_over_options_only_a_few_times() {
    const KEYS: usize = 1_000;
    let key = |key| format!(r#""\n{key}":0,"#);
    let keys = (0..KEYS).map(key).collect::<Vec<_>>().concat();
    for (message, request) in [
        (
            format!(r#"[16,1,{{{keys}"exclude":[7]}},"t",[1]]"#),
            "PUBLISH",
        ),
        (format!(r#"[48,1,{{{keys}"timeout":7}},"p",[1]]"#), "CALL"),
    ] {
        let (mut router, hostile) = router();
        let cost = measure(|| router.handle_message(hostile, message.as_bytes(), NOW));
        let stats = router.stats();
        assert_eq!(stats.events + stats.calls, 1, "{request}");
        let passes = cost.count_total / KEYS as u64;
        assert!((1..=5).contains(&passes), "{request}: {passes} passes");
    }
}

/// The fastest of some runs.
fn fastest(mut work: impl FnMut()) -> Duration {
    let run = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..5).map(run).min().unwrap_or_default()
}

#[test]
fn nesting_does_not_make_reading_slower() {
    let at_depth = |depth| {
        let text = format!(
            "{}{}1{}",
            "[".repeat(depth),
            "1,".repeat(20_000),
            "]".repeat(depth)
        );
        let limits = DecodeLimits::default();
        let json = RawValue::check(JSON, text.as_bytes(), &limits).unwrap();
        let mut octets = Vec::new();
        json.write(SerializerKind::MessagePack, &mut octets)
            .unwrap();
        let msgpack = RawValue::check(SerializerKind::MessagePack, &octets, &limits).unwrap();
        assert_eq!(json.to_value(), msgpack.to_value());
        [json, msgpack].map(|raw| fastest(|| drop(raw.to_value())))
    };
    for (flat, deep) in at_depth(1).into_iter().zip(at_depth(64)) {
        assert!(deep < flat * 8, "{flat:?} flat, {deep:?} deep");
    }
}

/// The deepest that any limit lets in, in the smallest stack that threads usually have.
#[test]
fn the_deepest_nesting_fits_a_small_stack() {
    use wamp_rawsocket_core::Value;

    let depth = usize::from(DecodeLimits::MAX_DEPTH);
    let work = move || {
        let limits = DecodeLimits::default().with_max_depth(DecodeLimits::MAX_DEPTH);
        let lists = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let maps = format!("{}0{}", r#"{"k":"#.repeat(depth), "}".repeat(depth));
        for text in [lists, maps] {
            let raw = RawValue::check(JSON, text.as_bytes(), &limits).unwrap();
            let mut octets = Vec::new();
            raw.write(SerializerKind::MessagePack, &mut octets).unwrap();
            let other = RawValue::check(SerializerKind::MessagePack, &octets, &limits).unwrap();
            for raw in [raw, other] {
                let value: Value = raw.read().unwrap();
                assert_eq!(value, raw.to_value());
                assert_eq!(format!("{value:?}"), format!("{raw:?}"));
                let mut again = Vec::new();
                raw.write(JSON, &mut again).unwrap();
                assert_eq!(again, text.as_bytes());
                raw.read::<serde_json::Value>().unwrap();
                raw.read::<serde::de::IgnoredAny>().unwrap();
            }
        }
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    thread.spawn(work).unwrap().join().unwrap();
}
