//! Text and numbers at the edges of what they can be.
#![cfg(all(feature = "json", feature = "msgpack"))]

use wamp_rawsocket_core::error::Malformed;
use wamp_rawsocket_core::{
    DecodeError, DecodeLimits, EncodeError, Message, RawValue, SerializerKind,
};

fn decode(serializer: SerializerKind, frame: &[u8]) -> Result<Message<'_>, DecodeError> {
    Message::decode(serializer, frame, &DecodeLimits::default())
}

#[test]
fn only_utf_8_in_its_shortest_form_is_text() {
    let bad: [&[u8]; 7] = [
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xf0\x80\x80\x80",
        b"\xf4\x90\x80\x80",
        b"\x80",
    ];
    for text in bad {
        let len = u8::try_from(text.len()).unwrap();
        let string = [&[0xa0 | len], text].concat();
        let frames = [
            (
                SerializerKind::Json,
                [b"[32,1,{},\"", text, b"\"]"].concat(),
            ),
            (
                SerializerKind::Json,
                [b"[36,1,1,{\"", text, b"\":1}]"].concat(),
            ),
            (
                SerializerKind::MessagePack,
                [&[0x94, 32, 1, 0x80], &string[..]].concat(),
            ),
            (
                SerializerKind::MessagePack,
                [&[0x94, 36, 1, 1, 0x81], &string[..], &[1]].concat(),
            ),
        ];
        for (serializer, frame) in frames {
            let error = decode(serializer, &frame).unwrap_err();
            let reason = Malformed::Utf8;
            assert!(
                matches!(error, DecodeError::Malformed { reason: found, .. } if found == reason),
                "{text:x?}: {error}"
            );
        }
    }
    // A byte order mark, and NUL, are no white space.
    for text in [
        "\u{feff}[17,1,2]",
        "\0[17,1,2]",
        "[17,1,2]\0",
        "[17,\u{a0}1,2]",
    ] {
        assert!(
            decode(SerializerKind::Json, text.as_bytes()).is_err(),
            "{text:?}"
        );
    }
}

#[test]
fn numbers_keep_their_value_or_have_no_equivalent() {
    let limits = DecodeLimits::default();
    let (json, msgpack) = (SerializerKind::Json, SerializerKind::MessagePack);
    let long = format!("1{}", "0".repeat(400));
    for (text, there_and_back) in [
        ("-0", Some("-0.0")),
        ("0", Some("0")),
        ("1.0", Some("1.0")),
        ("18446744073709551615", Some("18446744073709551615")),
        ("18446744073709551616", Some("1.8446744073709552e19")),
        ("-9223372036854775808", Some("-9223372036854775808")),
        ("-9223372036854775809", Some("-9.223372036854775808e18")),
        ("1e-999", Some("0.0")),
        ("5e-324", Some("5e-324")),
        ("1e999", None),
        ("-1e999", None),
        (&long, None),
    ] {
        let raw = RawValue::check(json, text.as_bytes(), &limits).unwrap();
        let mut octets = Vec::new();
        let written = raw.write(msgpack, &mut octets);
        let Some(back) = there_and_back else {
            assert_eq!(
                written,
                Err(EncodeError::NoEquivalent {
                    serializer: msgpack
                }),
                "{text}"
            );
            continue;
        };
        written.unwrap();
        let mut again = Vec::new();
        let there = RawValue::check(msgpack, &octets, &limits).unwrap();
        there.write(json, &mut again).unwrap();
        let back = RawValue::check(json, back.as_bytes(), &limits).unwrap();
        let again = RawValue::check(json, &again, &limits).unwrap();
        assert_eq!(format!("{again:?}"), format!("{back:?}"), "{text}");
        assert_eq!(format!("{raw:?}"), format!("{back:?}"), "{text}");
    }
    // An ID is an integer, whatever its value.
    for id in [
        "1.0",
        "1e0",
        "-1",
        "0",
        "9007199254740993",
        "18446744073709551616",
        "null",
    ] {
        assert!(
            decode(json, format!("[17,{id},1]").as_bytes()).is_err(),
            "{id}"
        );
    }
    assert!(decode(json, b"[17,9007199254740992,1]").is_ok());
}
