//! The official single-message vectors of wamp-proto.
//!
//! They are not part of this repository: `WAMP_TESTSUITE` names the directory of a checkout
//! (`testsuite` of wamp-proto), or it lies in `../shared/wamp-testsuite` beside the workspace.
#![cfg(all(feature = "json", feature = "msgpack"))]

use core::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

use wamp_rawsocket_core::message::Message;
use wamp_rawsocket_core::{DecodeError, DecodeLimits, RawValue, SerializerKind, Value};

const SERIALIZERS: [(SerializerKind, &str); 2] = [
    (SerializerKind::Json, "json"),
    (SerializerKind::MessagePack, "msgpack"),
];

/// All files of vectors, or `None` if there is no testsuite.
fn files() -> Option<Vec<(PathBuf, serde_json::Value)>> {
    let found = env::var_os("WAMP_TESTSUITE")
        .map(PathBuf::from)
        .or_else(|| {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .ancestors()
                .skip(2)
                .map(|up| up.join("shared/wamp-testsuite"))
                .find(|root| root.is_dir())
        });
    let Some(root) = found else {
        // Past the test harness, which shows nothing of tests that pass.
        let loud = b"\n*** SKIPPED: no official vectors here, set WAMP_TESTSUITE ***\n";
        io::stderr().write_all(loud).unwrap();
        return None;
    };
    let mut files = Vec::new();
    for profile in ["basic", "advanced"] {
        let folder = root.join("singlemessage").join(profile);
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            let file = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            files.push((path, file));
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(files.len() >= 26, "only {} files of vectors", files.len());
    Some(files)
}

fn octets(variant: &serde_json::Value) -> Vec<u8> {
    let hex = variant["bytes_hex"].as_str().unwrap();
    let digits: Vec<u8> = hex
        .chars()
        .map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn variants(sample: &serde_json::Value, name: &str) -> Vec<Vec<u8>> {
    sample["serializers"][name]
        .as_array()
        .map(|variants| variants.iter().map(octets).collect())
        .unwrap_or_default()
}

fn encode(message: &Message<'_>, serializer: SerializerKind) -> Vec<u8> {
    let mut out = Vec::new();
    message.encode(serializer, &mut out).unwrap();
    out
}

/// What the vectors call the attributes of a message.
fn attribute(message: &Message<'_>, name: &str) -> Option<Value> {
    let dict = || {
        let entries = message.dict()?.iter();
        Some(Value::Map(
            entries
                .map(|(key, value)| (key.into_owned(), value.to_value()))
                .collect(),
        ))
    };
    let payload = || match message {
        Message::Abort(m) => Some(&m.payload),
        Message::Error(m) => Some(&m.payload),
        Message::Publish(m) => Some(&m.payload),
        Message::Event(m) => Some(&m.payload),
        Message::Call(m) => Some(&m.payload),
        Message::Result(m) => Some(&m.payload),
        Message::Invocation(m) => Some(&m.payload),
        Message::Yield(m) => Some(&m.payload),
        _ => None,
    };
    let text = |text: &str| Some(Value::from(text));
    match (name, message) {
        ("message_type", _) => Some(Value::from(u32::from(message.message_type().code()))),
        ("options" | "details" | "extra", _) => dict(),
        ("roles", _) => message.dict()?.get_value("roles"),
        ("args" | "kwargs" | "payload", _) => {
            let payload = payload()?;
            if let Some(bytes) = payload.passthru() {
                let hex = |mut hex: String, octet: &u8| {
                    write!(hex, "{octet:02x}").unwrap();
                    hex
                };
                return (name == "payload")
                    .then(|| Value::from(bytes.iter().fold(String::new(), hex)));
            }
            match name {
                "args" => payload.raw_args().map(RawValue::to_value),
                "kwargs" => payload.raw_kwargs().map(RawValue::to_value),
                _ => None,
            }
        }
        ("realm", Message::Hello(m)) => text(&m.realm),
        ("session_id", Message::Welcome(m)) => Some(m.session.into()),
        ("reason", Message::Abort(m)) => text(&m.reason),
        ("reason", Message::Goodbye(m)) => text(&m.reason),
        ("method", Message::Challenge(m)) => text(&m.method),
        ("signature", Message::Authenticate(m)) => text(&m.signature),
        ("request_type", Message::Error(m)) => Some(u32::from(m.request_type.code()).into()),
        ("request_id", Message::Error(m)) => Some(m.request.into()),
        ("error", Message::Error(m)) => text(&m.error),
        ("request_id", Message::Publish(m)) => Some(m.request.into()),
        ("topic", Message::Publish(m)) => text(&m.topic),
        ("request_id", Message::Published(m)) => Some(m.request.into()),
        ("publication_id", Message::Published(m)) => Some(m.publication.into()),
        ("request_id", Message::Subscribe(m)) => Some(m.request.into()),
        ("topic", Message::Subscribe(m)) => text(&m.topic),
        ("request_id", Message::Subscribed(m)) => Some(m.request.into()),
        ("subscription_id", Message::Subscribed(m)) => Some(m.subscription.into()),
        ("request_id", Message::Unsubscribe(m)) => Some(m.request.into()),
        ("subscription_id", Message::Unsubscribe(m)) => Some(m.subscription.into()),
        ("request_id", Message::Unsubscribed(m)) => m.request.map(Value::from),
        ("subscription", Message::Event(m)) => Some(m.subscription.into()),
        ("publication", Message::Event(m)) => Some(m.publication.into()),
        ("publication_id", Message::EventReceived(m)) => Some(m.publication.into()),
        ("request_id", Message::Call(m)) => Some(m.request.into()),
        ("procedure", Message::Call(m)) => text(&m.procedure),
        ("request_id", Message::Cancel(m)) => Some(m.request.into()),
        ("request_id", Message::Result(m)) => Some(m.request.into()),
        ("request_id", Message::Register(m)) => Some(m.request.into()),
        ("procedure", Message::Register(m)) => text(&m.procedure),
        ("request_id", Message::Registered(m)) => Some(m.request.into()),
        ("registration_id", Message::Registered(m)) => Some(m.registration.into()),
        ("request_id", Message::Unregister(m)) => Some(m.request.into()),
        ("registration_id", Message::Unregister(m)) => Some(m.registration.into()),
        ("request_id", Message::Unregistered(m)) => m.request.map(Value::from),
        ("request_id", Message::Invocation(m)) => Some(m.request.into()),
        ("registration_id", Message::Invocation(m)) => Some(m.registration.into()),
        ("request_id", Message::Interrupt(m)) => Some(m.request.into()),
        ("request_id", Message::Yield(m)) => Some(m.request.into()),
        _ => panic!("{} has no attribute {name}", message.message_type()),
    }
}

/// Equal, whatever the order of keys: the vectors' JSON files have none.
fn same(ours: Option<Value>, theirs: &serde_json::Value) -> bool {
    let ours = ours.map_or(serde_json::Value::Null, |ours| {
        serde_json::to_value(ours).unwrap()
    });
    ours == *theirs
}

#[test]
fn every_sample_is_decoded_encoded_again_and_transcoded() {
    let Some(files) = files() else { return };
    let limits = DecodeLimits::default();
    let mut decoded = 0;
    for (path, file) in files {
        for sample in file["samples"].as_array().unwrap() {
            if sample.get("serializers").is_none() {
                continue;
            }
            let about = format!("{}: {}", path.display(), sample["description"]);
            for (serializer, name) in SERIALIZERS {
                let forms = variants(sample, name);
                assert!(!forms.is_empty(), "{about}: no {name}");
                for form in &forms {
                    let message = Message::decode(serializer, form, &limits)
                        .unwrap_or_else(|error| panic!("{about}: {error}"));
                    for (key, value) in sample["expected_attributes"].as_object().unwrap() {
                        let ours = attribute(&message, key);
                        assert!(same(ours.clone(), value), "{about}: {key} is {ours:?}");
                    }
                    for (other, name) in SERIALIZERS {
                        let encoded = encode(&message, other);
                        assert!(
                            variants(sample, name).contains(&encoded),
                            "{about}: {}",
                            String::from_utf8_lossy(&encoded)
                        );
                        let again = Message::decode(other, &encoded, &limits).unwrap();
                        assert_eq!(message, again, "{about}");
                    }
                    decoded += 1;
                }
            }
        }
    }
    assert!(decoded >= 94, "only {decoded} forms of samples");
}

#[test]
fn what_must_be_rejected_is_and_what_must_be_accepted_is() {
    let Some(files) = files() else { return };
    let (mut rejected, mut accepted) = (0, 0);
    for (path, file) in files {
        for sample in file["samples"].as_array().unwrap() {
            let Some(list) = sample.get("wmsg") else {
                continue;
            };
            let about = format!("{}: {}", path.display(), sample["description"]);
            let mut list = list.clone();
            // The payload that is passed through is written as hexadecimal digits; in JSON
            // binary would be Base64. Any binary will do.
            if let Some(last @ serde_json::Value::String(_)) =
                list.as_array_mut().unwrap().last_mut()
                && about.contains("enc_")
            {
                *last = "\0oWZub3RpY2U=".into();
            }
            let json = serde_json::to_vec(&list).unwrap();
            let msgpack = {
                let value: Value =
                    serde_json::from_slice(&serde_json::to_vec(&list).unwrap()).unwrap();
                rmp_serde::to_vec(&binary(value)).unwrap()
            };
            for (serializer, frame) in [
                (SerializerKind::Json, json),
                (SerializerKind::MessagePack, msgpack),
            ] {
                let decoded = Message::decode(serializer, &frame, &DecodeLimits::default());
                match sample.get("expected_error") {
                    None => {
                        decoded.unwrap_or_else(|error| panic!("{about}: {error}"));
                        accepted += 1;
                    }
                    Some(expected) => {
                        let error = decoded.expect_err(&about);
                        let named = expected["contains"].as_str().unwrap();
                        assert!(error.to_string().contains(named), "{about}: {error}");
                        assert!(
                            matches!(error, DecodeError::Option { option, .. } if option == named),
                            "{about}: {error}"
                        );
                        assert!(
                            error
                                .abort_reason()
                                .ends_with(expected["type"].as_str().unwrap()),
                            "{about}"
                        );
                        rejected += 1;
                    }
                }
            }
        }
    }
    assert!(rejected >= 56 && accepted >= 78, "{rejected}, {accepted}");
}

/// Strings that stand for binary become binary.
fn binary(value: Value) -> Value {
    match value {
        Value::Str(text) if text.starts_with('\0') => Value::Bytes(b"\xa1fnotice".to_vec()),
        Value::List(items) => Value::List(items.into_iter().map(binary).collect()),
        other => other,
    }
}
