//! Any message survives its way through octets, in each serializer and from one to the other.
#![cfg(all(feature = "json", feature = "msgpack"))]

mod common;

use std::collections::HashMap;

use common::{SERIALIZERS, any_message, any_value, encode, messages};
use proptest::prelude::*;
use wamp_rawsocket_core::message::Message;
use wamp_rawsocket_core::{
    ArgsKwargs, DecodeLimits, OwnedPayload, RawValue, SerializerKind, Value,
};

proptest! {
    #[test]
    fn a_message_comes_back_equal(seed in any_message()) {
        let message = seed.message();
        for serializer in SERIALIZERS {
            let frame = encode(&message, serializer);
            let decoded = Message::decode(serializer, &frame, &DecodeLimits::default()).unwrap();
            prop_assert_eq!(&decoded, &message);
            // What was decoded is encoded to the same octets.
            prop_assert_eq!(&encode(&decoded, serializer), &frame);
        }
    }

    #[test]
    fn transcoding_there_and_back_loses_nothing(seed in any_message()) {
        let message = seed.message();
        let limits = DecodeLimits::default();
        for (here, there) in [
            (SerializerKind::Json, SerializerKind::MessagePack),
            (SerializerKind::MessagePack, SerializerKind::Json),
        ] {
            let first = encode(&message, here);
            let decoded = Message::decode(here, &first, &limits).unwrap();
            let second = encode(&decoded, there);
            prop_assert_eq!(&second, &encode(&message, there), "as if encoded there at once");
            let decoded = Message::decode(there, &second, &limits).unwrap();
            prop_assert_eq!(encode(&decoded, here), first);
        }
    }

    #[test]
    fn values_are_what_other_libraries_read_and_write(value in any_value(false)) {
        let limits = DecodeLimits::default();
        let payload = OwnedPayload::serialize(SerializerKind::Json, &[&value]).unwrap();
        let theirs: Vec<serde_json::Value> =
            serde_json::from_slice(payload.as_payload().raw_args().unwrap().as_bytes()).unwrap();
        prop_assert_eq!(&theirs, &vec![serde_json::to_value(&value).unwrap()]);
        let text = serde_json::to_vec_pretty(&value).unwrap();
        let raw = RawValue::check(SerializerKind::Json, &text, &limits).unwrap();
        prop_assert_eq!(raw.read::<Value>().unwrap(), value.clone());
        prop_assert_eq!(raw.to_value(), value.clone());

        let octets = rmp_serde::to_vec(&value).unwrap();
        let raw = RawValue::check(SerializerKind::MessagePack, &octets, &limits).unwrap();
        prop_assert_eq!(raw.read::<Value>().unwrap(), value.clone());
        prop_assert_eq!(raw.to_value(), value.clone());
        let payload = OwnedPayload::serialize(SerializerKind::MessagePack, &[&value]).unwrap();
        let payload = payload.as_payload();
        prop_assert_eq!(
            &payload.raw_args().unwrap().as_bytes()[1..],
            octets.as_slice()
        );
    }

    #[test]
    fn typed_arguments_come_back_equal(
        args: (i64, u64, String, Option<bool>, Vec<u8>, (f64, char)),
        kwargs in proptest::collection::hash_map("[a-zé\0\"]{0,6}", any::<i32>(), 0..20),
    ) {
        prop_assume!(!args.2.starts_with('\0') && args.5.1 != '\0');
        for serializer in SERIALIZERS {
            let sent = ArgsKwargs(args.clone(), kwargs.clone());
            let payload = OwnedPayload::serialize(serializer, &sent).unwrap();
            prop_assert_eq!(&payload.args::<(i64, u64, String, Option<bool>, Vec<u8>, (f64, char))>().unwrap(), &args);
            prop_assert_eq!(&payload.kwargs::<HashMap<String, i32>>().unwrap(), &kwargs);
        }
    }
}

#[test]
fn every_message_type_comes_back_equal() {
    for message in messages() {
        for serializer in SERIALIZERS {
            let frame = encode(&message, serializer);
            let decoded = Message::decode(serializer, &frame, &DecodeLimits::default())
                .unwrap_or_else(|error| panic!("{message:?}: {error}"));
            assert_eq!(decoded, message);
        }
    }
}
