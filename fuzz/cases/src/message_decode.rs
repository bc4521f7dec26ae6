//! WAMP messages and the values in them.

use std::collections::HashSet;

use wamp_core::{DecodeLimits, Message, RawValue, SerializerKind, Value};

use crate::choices::Choices;

/// Octets as a message. One that decodes says the same after it was encoded again, in its own
/// serializer and in any other that has an equivalent; and all ways of reading its values agree.
pub fn message_decode(data: &[u8]) {
    let mut choices = Choices::new(data);
    let serializer = choices.one_of([SerializerKind::Json, SerializerKind::MessagePack]);
    let tight = DecodeLimits::default()
        .with_max_depth(choices.one_of([64, 1, 3, u16::MAX]))
        .with_max_elements(choices.one_of([1 << 20, 0, 4, 30]));
    let frame = choices.rest();

    let strictly = Message::decode(serializer, frame, &tight).is_ok();
    let Ok(message) = decode(serializer, frame) else {
        assert!(!strictly, "limits let nothing in");
        return;
    };
    values(serializer, frame);
    lookups(&message);

    let own = encode(&message, serializer).expect("what was decoded can be encoded");
    let again = decode(serializer, &own).expect("what was encoded can be decoded");
    assert_eq!(again, message);
    assert_eq!(encode(&again, serializer), Some(own), "the same each time");

    for other in SerializerKind::ALL.iter().copied() {
        if let Some(translated) = encode(&message, other) {
            let there = decode(other, &translated).expect("a translation can be decoded");
            assert_eq!(there, message);
            let home = encode(&there, serializer).expect("and has an equivalent");
            assert_eq!(decode(serializer, &home).as_ref(), Ok(&message));
        }
    }
}

/// As much as is ever let in.
fn decode(serializer: SerializerKind, frame: &[u8]) -> Result<Message<'_>, wamp_core::DecodeError> {
    Message::decode(serializer, frame, &limits())
}

fn limits() -> DecodeLimits {
    DecodeLimits::default()
        .with_max_depth(DecodeLimits::MAX_DEPTH)
        .with_max_elements(u32::MAX)
}

/// The message; `None` if it has no equivalent, and then nothing was written.
fn encode(message: &Message<'_>, serializer: SerializerKind) -> Option<Vec<u8>> {
    let mut out = b"head".to_vec();
    let encoded = message.encode(serializer, &mut out);
    let payload = out.split_off(4);
    assert_eq!(out, b"head");
    assert!(encoded.is_ok() || payload.is_empty());
    encoded.ok().map(|()| payload)
}

/// Reads the list that a message is in every way there is. NaN equals itself here.
fn values(serializer: SerializerKind, frame: &[u8]) {
    let value = match serializer {
        SerializerKind::Json => frame.trim_ascii_start(),
        _ => frame,
    };
    let raw = RawValue::check(serializer, value, &limits()).expect("a message is a value");
    let whole = raw.to_value();
    let items: Vec<Value> = raw.items().map(|item| item.to_value()).collect();
    assert_eq!(format!("{:?}", Value::List(items)), format!("{whole:?}"));
    if let Ok(typed) = raw.read::<Value>() {
        assert_eq!(format!("{typed:?}"), format!("{whole:?}"));
    }
}

/// Each key of the options is found, and the first of equal ones counts.
fn lookups(message: &Message<'_>) {
    let mut seen = HashSet::new();
    for (key, value) in message.dict().into_iter().flatten() {
        if seen.len() < 50 && seen.insert(key.clone().into_owned()) {
            let (found, value) = (
                message.dict().and_then(|d| d.get_value(&key)),
                value.to_value(),
            );
            let expected = Some(value).filter(|value| *value != Value::Null);
            assert_eq!(format!("{found:?}"), format!("{expected:?}"));
        }
    }
}
