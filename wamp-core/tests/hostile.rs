//! Whatever a peer sends, decoding gives a message or an error, and costs no memory.
#![cfg(all(feature = "json", feature = "msgpack"))]

mod common;

use common::{SERIALIZERS, any_message, encode, messages};
use proptest::prelude::*;
use wamp_rawsocket_core::error::{Budget, Malformed, OptionProblem};
use wamp_rawsocket_core::message::{Message, MessageType};
use wamp_rawsocket_core::{
    ArgsKwargs, DecodeError, DecodeLimits, EncodeError, Kwargs, OwnedPayload, RawValue,
    SerializerKind, Value,
};

fn decode(serializer: SerializerKind, frame: &[u8]) -> Result<Message<'_>, DecodeError> {
    Message::decode(serializer, frame, &DecodeLimits::default())
}

fn json(text: &str) -> Result<Message<'_>, DecodeError> {
    decode(SerializerKind::Json, text.as_bytes())
}

/// Reads all there is to read.
fn read_everything(message: &Message<'_>) {
    if let Some(dict) = message.dict() {
        for (key, value) in dict {
            let _ = (key, value.to_value());
        }
    }
    for serializer in SERIALIZERS {
        // Not all values have an equivalent.
        let _ = message.encode(serializer, &mut Vec::new());
    }
    let _ = format!("{message:?}");
    if let Message::Event(event) = message {
        let _ = event.payload.to_values();
        let _ = event.payload.args::<Vec<Value>>();
    }
}

#[test]
fn a_message_that_is_cut_anywhere_is_an_error() {
    for message in messages() {
        for serializer in SERIALIZERS {
            let frame = encode(&message, serializer);
            for end in 0..frame.len() {
                assert!(
                    decode(serializer, &frame[..end]).is_err(),
                    "{message:?} cut at {end}"
                );
            }
        }
    }
}

#[test]
fn octets_after_a_message_are_an_error() {
    for message in messages() {
        for (serializer, more) in [
            (SerializerKind::Json, b"]".as_slice()),
            (SerializerKind::Json, b"[1]"),
            (SerializerKind::MessagePack, b"\xc0"),
        ] {
            let mut frame = encode(&message, serializer);
            let offset = frame.len();
            frame.extend_from_slice(more);
            assert_eq!(
                decode(serializer, &frame),
                Err(DecodeError::Malformed {
                    offset,
                    reason: Malformed::TrailingOctets
                })
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_octets_never_panic(octets: Vec<u8>, list in 0_u8..16) {
        for serializer in SERIALIZERS {
            let _ = decode(serializer, &octets).map(|message| read_everything(&message));
        }
        // Most random octets are no list; with this they are.
        let frame: Vec<u8> = [0x90 | list, 36, 1, 2, 0x80].into_iter().chain(octets).collect();
        let _ = decode(SerializerKind::MessagePack, &frame).map(|m| read_everything(&m));
    }

    #[test]
    fn text_that_looks_like_json_never_panics(
        text in r#"\[36,1,2,\{("\PC{0,3}":[0-9.e"]{0,3},?)?\},\[[\[\]{}:,"0-9eE.+\-ntrufalse\\ ]{0,40}\]?\]"#,
    ) {
        let ours = json(&text);
        // What another library rejects must not pass the router.
        if let Ok(message) = &ours {
            read_everything(message);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_grammar_is_the_one_of_other_libraries(
        text in r#"[\[\]{}:,"0-9eE.+\-ntrufalsd\\ c]{0,12}"#,
        octets in proptest::collection::vec(any::<u8>(), 0..12),
    ) {
        let limits = DecodeLimits::default();
        let ours = RawValue::check(SerializerKind::Json, text.as_bytes(), &limits);
        let theirs = serde_json::from_str::<&serde_json::value::RawValue>(&text);
        // White space before a value is none of the value's.
        if !text.starts_with(' ') && !text.contains("u0000") {
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}: {:?}", text, ours);
        }
        if RawValue::check(SerializerKind::MessagePack, &octets, &limits).is_ok() {
            prop_assert!(rmp_serde::from_slice::<serde::de::IgnoredAny>(&octets).is_ok());
        }
    }
}

proptest! {
    #[test]
    fn a_message_with_one_octet_changed_never_panics(
        seed in any_message(),
        at: proptest::sample::Index,
        octet: u8,
    ) {
        let message = seed.message();
        for serializer in SERIALIZERS {
            let mut frame = encode(&message, serializer);
            let at = at.index(frame.len());
            frame[at] = octet;
            let _ = decode(serializer, &frame).map(|message| read_everything(&message));
        }
    }
}

#[test]
fn too_many_values_are_refused() {
    // 16 MiB of nil, announced and really there.
    let len: u32 = (1 << 24) - 12;
    let mut frame = vec![0x95, 36, 1, 2, 0x80, 0xdd];
    frame.extend_from_slice(&len.to_be_bytes());
    frame.resize(frame.len() + len as usize, 0xc0);
    assert!(matches!(
        decode(SerializerKind::MessagePack, &frame),
        Err(DecodeError::Budget {
            limit: Budget::Elements,
            ..
        })
    ));
    let limits = DecodeLimits::default().with_max_elements(1 << 24);
    assert!(Message::decode(SerializerKind::MessagePack, &frame, &limits).is_ok());

    let text = format!("[36,1,2,{{}},[{}1]]", "1,".repeat(1 << 20));
    assert!(matches!(
        json(&text),
        Err(DecodeError::Budget {
            limit: Budget::Elements,
            ..
        })
    ));
}

#[test]
fn nesting_too_deep_is_refused() {
    let limits = DecodeLimits::default();
    for (octets, serializer) in [
        (
            [0xdf, 0, 0, 0, 1, 0xa0].repeat(1000),
            SerializerKind::MessagePack,
        ),
        ([0xdd, 0, 0, 0, 1].repeat(1000), SerializerKind::MessagePack),
        ("[".repeat(100_000).into_bytes(), SerializerKind::Json),
        ("{\"\":".repeat(100_000).into_bytes(), SerializerKind::Json),
    ] {
        let error = RawValue::check(serializer, &octets, &limits).unwrap_err();
        assert!(
            matches!(
                error,
                DecodeError::Budget {
                    limit: Budget::Depth,
                    ..
                }
            ),
            "{error}"
        );
    }
    // As deep as it may be, read by everything that goes deep.
    for depth in [64, 128] {
        let limits = DecodeLimits::default().with_max_depth(1000);
        let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let raw = RawValue::check(SerializerKind::Json, text.as_bytes(), &limits).unwrap();
        let mut octets = Vec::new();
        raw.write(SerializerKind::MessagePack, &mut octets).unwrap();
        let again = RawValue::check(SerializerKind::MessagePack, &octets, &limits).unwrap();
        assert_eq!(again.to_value(), raw.read::<Value>().unwrap());
    }
    let text = format!("{}{}", "[".repeat(129), "]".repeat(129));
    let limits = DecodeLimits::default().with_max_depth(1000);
    assert!(RawValue::check(SerializerKind::Json, text.as_bytes(), &limits).is_err());
}

#[test]
fn announced_lengths_reserve_nothing() {
    for octets in [
        [0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0].as_slice(),
        &[0xdf, 0xff, 0xff, 0xff, 0xff, 0xa0],
        &[0xc6, 0xff, 0xff, 0xff, 0xff, 0],
        &[0xdb, 0xff, 0xff, 0xff, 0xff, 0],
        &[0xc9, 0xff, 0xff, 0xff, 0xff, 0],
    ] {
        let checked = RawValue::check(
            SerializerKind::MessagePack,
            octets,
            &DecodeLimits::default(),
        );
        assert_eq!(
            checked,
            Err(DecodeError::Malformed {
                offset: octets.len(),
                reason: Malformed::UnexpectedEnd
            })
        );
    }
}

#[test]
fn each_fault_has_its_error() {
    let wrong = |message, field, expected| DecodeError::FieldType {
        message,
        field,
        expected,
    };
    let bad_id = |message, field, value| DecodeError::BadId {
        message,
        field,
        value,
    };
    let length = |message, len| DecodeError::Length { message, len };
    for (text, error) in [
        ("[]", DecodeError::NotAMessage),
        ("{}", DecodeError::NotAMessage),
        ("1", DecodeError::NotAMessage),
        ("[\"HELLO\"]", DecodeError::NotAMessage),
        ("[-1]", DecodeError::NotAMessage),
        ("[1.0]", DecodeError::NotAMessage),
        ("[7,1]", DecodeError::UnknownMessageType { code: 7 }),
        ("[99999,1]", DecodeError::UnknownMessageType { code: 99999 }),
        ("[1]", length(MessageType::Hello, 1)),
        ("[1,\"r\"]", length(MessageType::Hello, 2)),
        ("[1,\"r\",{},1]", length(MessageType::Hello, 4)),
        ("[48,1,{},\"p\",[],{},0]", length(MessageType::Call, 7)),
        ("[1,1,{}]", wrong(MessageType::Hello, "realm", "a string")),
        (
            "[1,\"r\",[]]",
            wrong(MessageType::Hello, "details", "a dict"),
        ),
        (
            "[1,\"r\",null]",
            wrong(MessageType::Hello, "details", "a dict"),
        ),
        (
            "[17,\"1\",1]",
            wrong(MessageType::Published, "request", "an ID"),
        ),
        (
            "[17,1.5,1]",
            wrong(MessageType::Published, "request", "an ID"),
        ),
        ("[17,1,0]", bad_id(MessageType::Published, "publication", 0)),
        (
            "[17,9007199254740993,1]",
            bad_id(MessageType::Published, "request", 9_007_199_254_740_993),
        ),
        // Binary, as JSON has it.
        (
            "[32,1,{},\"\\u0000AAAA\"]",
            wrong(MessageType::Subscribe, "topic", "a string"),
        ),
        ("[67,0]", bad_id(MessageType::Unregistered, "request", 0)),
        (
            "[67,0,{}]",
            DecodeError::Option {
                message: MessageType::Unregistered,
                option: "registration",
                problem: OptionProblem::Missing,
            },
        ),
        ("[8,49,1,{},\"e\"]", DecodeError::RequestType { code: 49 }),
        (
            "[48,1,{},\"p\",{}]",
            wrong(MessageType::Call, "args", "a list"),
        ),
        (
            "[48,1,{},\"p\",[],[]]",
            wrong(MessageType::Call, "kwargs", "a dict"),
        ),
        (
            "[48,1,{},\"p\",\"\\u0000AA==\"]",
            wrong(MessageType::Call, "args", "a list"),
        ),
        (
            "[16,1,{\"acknowledge\":true,\"acknowledge\":false},\"t\"]",
            DecodeError::Option {
                message: MessageType::Publish,
                option: "acknowledge",
                problem: OptionProblem::Duplicate,
            },
        ),
    ] {
        assert_eq!(json(text), Err(error.clone()), "{text}");
        assert_eq!(error.abort_reason(), "wamp.error.protocol_violation");
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn each_malformation_has_its_place() {
    let malformed = |text: &str| match json(text) {
        Err(DecodeError::Malformed { reason, offset }) => (reason, offset),
        other => panic!("{text}: {other:?}"),
    };
    for (text, reason, offset) in [
        ("", Malformed::UnexpectedEnd, 0),
        ("[36,1,2,{},[01]]", Malformed::Number, 13),
        ("[36,1,2,{},[1.]]", Malformed::Number, 14),
        ("[36,1,2,{},[\"\\x\"]]", Malformed::Escape, 13),
        ("[36,1,2,{},[\"\\ud800\"]]", Malformed::Escape, 13),
        ("[36,1,2,{},[\"\n\"]]", Malformed::ControlCharacter, 13),
        ("[36,1,2,{},[\"\\u0000?\"]]", Malformed::Base64, 13),
        ("[36,1,2,{},[nul]]", Malformed::UnexpectedOctet(b']'), 15),
        ("[36,1,2,{},[1,]]", Malformed::UnexpectedOctet(b']'), 14),
        ("[36,1,2,{1:2}]", Malformed::Key, 9),
        ("[36,1,2,{},]", Malformed::UnexpectedOctet(b']'), 11),
        ("[36,1 2,{}]", Malformed::UnexpectedOctet(b'2'), 6),
    ] {
        assert_eq!(malformed(text), (reason, offset), "{text}");
    }
    let octets = [0x94, 36, 1, 2, 0x81, 1, 0xc0];
    assert_eq!(
        decode(SerializerKind::MessagePack, &octets),
        Err(DecodeError::Malformed {
            offset: 5,
            reason: Malformed::Key
        })
    );
    let octets = [0x95, 36, 1, 2, 0x80, 0x91, 0xa2, b'a', 0xff];
    assert_eq!(
        decode(SerializerKind::MessagePack, &octets),
        Err(DecodeError::Malformed {
            offset: 8,
            reason: Malformed::Utf8
        })
    );
}

#[test]
fn null_arguments_count_as_absent() {
    for text in ["[48,1,{},\"p\",null]", "[48,1,{},\"p\",null,null]"] {
        let Message::Call(call) = json(text).unwrap() else {
            panic!("not a CALL")
        };
        assert!(call.payload.is_none());
        assert_eq!(
            encode(&call.into(), SerializerKind::Json),
            b"[48,1,{},\"p\"]"
        );
    }
    let Message::Call(call) = json("[48,1,{},\"p\",null,{\"a\":1}]").unwrap() else {
        panic!("not a CALL")
    };
    assert_eq!(
        encode(&call.into(), SerializerKind::Json),
        b"[48,1,{},\"p\",[],{\"a\":1}]"
    );
}

#[test]
fn unknown_options_stay_in_their_place() {
    let text = "[16,1,{\"_z\":[1,{\"a\":null}],\"acknowledge\":true,\"_a\":1.0},\"t\"]";
    let message = json(text).unwrap();
    assert_eq!(encode(&message, SerializerKind::Json), text.as_bytes());
    let octets = encode(&message, SerializerKind::MessagePack);
    let message = decode(SerializerKind::MessagePack, &octets).unwrap();
    assert_eq!(encode(&message, SerializerKind::Json), text.as_bytes());
}

#[test]
fn what_cannot_be_sent_leaves_the_frame_as_it_was() {
    use wamp_rawsocket_core::message::Event;
    use wamp_rawsocket_core::{Id, Payload};

    let json = SerializerKind::Json;
    let no_equivalent = EncodeError::NoEquivalent { serializer: json };
    let number = std::collections::HashMap::from([((1, 2), 3)]);
    let arguments: [(&(dyn wamp_rawsocket_core::ToPayload + Sync), _); 5] = [
        (&(f64::NAN,), no_equivalent.clone()),
        (&("\0AA",), no_equivalent.clone()),
        (&ArgsKwargs(1, ()), EncodeError::ArgsNotAList),
        (&Kwargs(1), EncodeError::KwargsNotAMap),
        (
            &(number,),
            EncodeError::Serialize("a map key that is no string".into()),
        ),
    ];
    for (arguments, error) in arguments {
        let event = Event::new(Id::MIN, Id::MIN).with_payload(Payload::typed(arguments));
        let mut frame = b"head".to_vec();
        assert_eq!(Message::from(event).encode(json, &mut frame), Err(error));
        assert_eq!(frame, b"head");
    }
    // An extension type passes between equals, but has no equivalent in JSON.
    let octets = [0x95, 36, 1, 1, 0x80, 0x91, 0xd4, 1, 2];
    let message = decode(SerializerKind::MessagePack, &octets).unwrap();
    assert_eq!(encode(&message, SerializerKind::MessagePack), octets);
    assert_eq!(message.encode(json, &mut Vec::new()), Err(no_equivalent));
    // Empty arguments are not sent.
    let empty = OwnedPayload::serialize(json, &ArgsKwargs([(); 0], Value::Map(vec![]))).unwrap();
    let event = Event::new(Id::MIN, Id::MIN).with_payload(empty.into());
    assert_eq!(encode(&event.into(), json), b"[36,1,1,{},[]]");
}
