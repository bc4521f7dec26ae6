//! Messages to octets and back, beside serde doing the same, in one run.
//!
//! `cargo bench -p wamp-rawsocket-core`; each line is the best of many rounds, in nanoseconds,
//! and how it compares to the library beside it.

use core::hint::black_box;
use std::collections::BTreeMap;
use std::time::Instant;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use wamp_rawsocket_core::message::{Event, Message};
use wamp_rawsocket_core::{
    ArgsKwargs, DecodeLimits, Id, Kwargs, Payload, SerializerKind, ToPayload, Value,
};

/// Nanoseconds per operation: the best of many short rounds, since others use the machine too.
fn time(mut operation: impl FnMut()) -> f64 {
    let mut rounds = 100_u32;
    loop {
        let start = Instant::now();
        for _ in 0..rounds {
            operation();
        }
        if start.elapsed().as_micros() > 500 {
            break;
        }
        rounds *= 2;
    }
    (0..100)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..rounds {
                operation();
            }
            start.elapsed().as_secs_f64() * 1e9 / f64::from(rounds)
        })
        .fold(f64::INFINITY, f64::min)
}

fn report(what: &str, ours: f64, beside: &str, theirs: f64) {
    println!(
        "{what:<34} {ours:>9.1} ns   {beside:<28} {theirs:>9.1} ns   x {:.2}",
        ours / theirs
    );
}

type Small = (&'static str, i64);

fn medium() -> BTreeMap<String, Value> {
    (0..20_u64)
        .map(|index| {
            let value = match index % 4 {
                0 => Value::from(index * 1000),
                1 => Value::from("some text of a usual length"),
                2 => Value::from(0.25),
                _ => Value::from(true),
            };
            (format!("field_{index:02}"), value)
        })
        .collect()
}

fn main() {
    let small: Small = ("Hello, world!", 23);
    let medium = Kwargs(medium());
    let bin4k = ArgsKwargs(
        [Value::Bytes(vec![0xA5; 4096])],
        BTreeMap::<String, Value>::new(),
    );
    let payloads: [(&str, &(dyn ToPayload + Sync)); 3] =
        [("small", &small), ("medium", &medium), ("bin4k", &bin4k)];
    let limits = DecodeLimits::default();
    let (subscription, publication) = (
        Id::new(5_512_315_355).unwrap(),
        Id::new(4_429_313_566_123).unwrap(),
    );
    for (name, payload) in payloads {
        let event = Message::from(
            Event::new(subscription, publication).with_payload(Payload::typed(payload)),
        );
        for serializer in [SerializerKind::Json, SerializerKind::MessagePack] {
            let mut frame = Vec::new();
            event.encode(serializer, &mut frame).unwrap();
            let ours = time(|| {
                black_box(Message::decode(serializer, black_box(&frame), &limits)).unwrap();
            });
            let (beside, theirs) = match serializer {
                SerializerKind::Json => (
                    "serde_json RawValue",
                    time(|| {
                        black_box(raw_envelope(black_box(&frame)));
                    }),
                ),
                _ => (
                    "rmp-serde, values ignored",
                    time(|| {
                        black_box(rmp_envelope(black_box(&frame)));
                    }),
                ),
            };
            report(&format!("decode {serializer} {name}"), ours, beside, theirs);

            let decoded = Message::decode(serializer, &frame, &limits).unwrap();
            let mut out = Vec::with_capacity(frame.len() + 64);
            let ours = time(|| {
                out.clear();
                black_box(&decoded).encode(serializer, &mut out).unwrap();
                black_box(&out);
            });
            let mut copy = Vec::with_capacity(frame.len() + 64);
            let theirs = time(|| {
                copy.clear();
                copy.extend_from_slice(black_box(&frame));
                black_box(&copy);
            });
            report(
                &format!("forward {serializer} {name}"),
                ours,
                "copy of the frame",
                theirs,
            );

            let ours = time(|| {
                out.clear();
                black_box(&event).encode(serializer, &mut out).unwrap();
                black_box(&out);
            });
            println!(
                "{:<34} {ours:>9.1} ns",
                format!("encode typed {serializer} {name}")
            );

            let other = match serializer {
                SerializerKind::Json => SerializerKind::MessagePack,
                _ => SerializerKind::Json,
            };
            let ours = time(|| {
                out.clear();
                black_box(&decoded).encode(other, &mut out).unwrap();
                black_box(&out);
            });
            println!(
                "{:<34} {ours:>9.1} ns",
                format!("transcode {serializer} {name}")
            );
        }
    }
    typed();
}

/// Typed arguments, beside the same by the format's own library.
fn typed() {
    type Arguments<'a> = (&'a str, i64, Vec<u32>, Option<bool>);
    let arguments: Arguments<'_> = ("Hello, world!", 23, vec![1, 200, 70_000], Some(true));
    let mut json = Vec::new();
    let mut msgpack = Vec::new();
    report(
        "serialize json",
        time(|| {
            json.clear();
            wamp(SerializerKind::Json, &arguments, &mut json);
        }),
        "serde_json",
        time(|| {
            msgpack.clear();
            serde_json::to_writer(&mut msgpack, black_box(&arguments)).unwrap();
        }),
    );
    report(
        "serialize msgpack",
        time(|| {
            json.clear();
            wamp(SerializerKind::MessagePack, &arguments, &mut json);
        }),
        "rmp-serde",
        time(|| {
            msgpack.clear();
            rmp_serde::encode::write(&mut msgpack, black_box(&arguments)).unwrap();
        }),
    );
    let json = serde_json::to_vec(&arguments).unwrap();
    let msgpack = rmp_serde::to_vec(&arguments).unwrap();
    let limits = DecodeLimits::default();
    let check = |kind, octets| wamp_rawsocket_core::RawValue::check(kind, octets, &limits).unwrap();
    let (raw_json, raw_msgpack) = (
        check(SerializerKind::Json, &json),
        check(SerializerKind::MessagePack, &msgpack),
    );
    report(
        "deserialize json",
        time(|| {
            black_box(black_box(raw_json).read::<Arguments<'_>>()).unwrap();
        }),
        "serde_json",
        time(|| {
            black_box(serde_json::from_slice::<Arguments<'_>>(black_box(&json))).unwrap();
        }),
    );
    report(
        "deserialize msgpack",
        time(|| {
            black_box(black_box(raw_msgpack).read::<Arguments<'_>>()).unwrap();
        }),
        "rmp-serde",
        time(|| {
            black_box(rmp_serde::from_slice::<Arguments<'_>>(black_box(&msgpack))).unwrap();
        }),
    );
}

fn wamp(
    serializer: SerializerKind,
    arguments: &(&str, i64, Vec<u32>, Option<bool>),
    out: &mut Vec<u8>,
) {
    let event = Event::new(Id::MIN, Id::MIN).with_payload(Payload::typed(arguments));
    Message::from(event).encode(serializer, out).unwrap();
    black_box(out);
}

fn raw_envelope(frame: &[u8]) -> usize {
    type WithArgs<'a> = (u16, u64, u64, IgnoredAny, &'a RawValue);
    type WithBoth<'a> = (u16, u64, u64, IgnoredAny, &'a RawValue, &'a RawValue);
    if frame.ends_with(b"}]") {
        let event: WithBoth<'_> = serde_json::from_slice(frame).unwrap();
        return event.5.get().len();
    }
    let event: WithArgs<'_> = serde_json::from_slice(frame).unwrap();
    event.4.get().len()
}

fn rmp_envelope(frame: &[u8]) -> u64 {
    if frame[0] == 0x95 {
        let event: (u16, u64, u64, IgnoredAny, IgnoredAny) = rmp_serde::from_slice(frame).unwrap();
        return event.1;
    }
    let event: (u16, u64, u64, IgnoredAny, IgnoredAny, IgnoredAny) =
        rmp_serde::from_slice(frame).unwrap();
    event.1
}
