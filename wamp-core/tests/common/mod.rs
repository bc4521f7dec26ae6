//! Messages to test with.

use proptest::collection::vec;
use proptest::prelude::*;
use wamp_rawsocket_core::message::{
    Abort, Authenticate, Call, Cancel, Challenge, Error, Event, EventReceived, Goodbye, Hello,
    Interrupt, Invocation, Message, MessageType, Publish, Published, Register, Registered, Result,
    Subscribe, Subscribed, Unregister, Unregistered, Unsubscribe, Unsubscribed, Welcome, Yield,
};
use wamp_rawsocket_core::{ArgsKwargs, Dict, Id, Payload, SerializerKind, Value};

pub(crate) const SERIALIZERS: [SerializerKind; 2] =
    [SerializerKind::Json, SerializerKind::MessagePack];

pub(crate) fn encode(message: &Message<'_>, serializer: SerializerKind) -> Vec<u8> {
    let mut out = Vec::new();
    message.encode(serializer, &mut out).unwrap();
    out
}

/// Any value, nested a little.
pub(crate) fn any_value(binary: bool) -> impl Strategy<Value = Value> {
    let text = prop_oneof![".{0,20}", "[a-z\"\\\\\n\u{1}é😀]{0,40}",]
        .prop_filter("stands for binary in JSON", |text| !text.starts_with('\0'));
    let bytes = u32::from(binary);
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => any::<i64>().prop_map(Value::from),
        2 => (-40_i64..300).prop_map(Value::from),
        2 => any::<u64>().prop_map(Value::from),
        2 => any::<f64>()
            .prop_filter("not in JSON", |float| float.is_finite())
            .prop_map(Value::from),
        3 => text.prop_map(Value::from),
        bytes => vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 80, 20, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Value::List),
            vec((".{0,8}", inner), 0..20).prop_map(Value::Map),
        ]
    })
}

/// What a message is made of.
#[derive(Debug, Clone)]
pub(crate) struct Seed {
    kind: usize,
    ids: [Id; 2],
    text: String,
    dict: Vec<(String, Value)>,
    arguments: ArgsKwargs<Vec<Value>, Value>,
}

pub(crate) fn any_message() -> impl Strategy<Value = Seed> {
    let id = || prop_oneof![1..300_u64, 1..=Id::MAX.get()].prop_map(|id| Id::new(id).unwrap());
    let dict = vec(("_[a-z]{3,6}", any_value(true)), 0..4);
    let arguments = (
        vec(any_value(true), 0..18),
        vec((".{0,8}", any_value(true)), 0..18),
    );
    (0..27_usize, id(), id(), "[^\0]{0,30}", dict, arguments).prop_map(
        |(kind, first, second, text, dict, (args, kwargs))| Seed {
            kind,
            ids: [first, second],
            text,
            dict,
            arguments: ArgsKwargs(args, Value::Map(kwargs)),
        },
    )
}

impl Seed {
    pub(crate) fn message(&self) -> Message<'_> {
        let Self {
            ids: [a, b], text, ..
        } = self;
        let (a, b, text) = (*a, *b, text.as_str());
        let dict = || -> Dict<'_> {
            self.dict
                .iter()
                .map(|(key, value)| (key.as_str(), value))
                .collect()
        };
        let payload = || Payload::typed(&self.arguments);
        let with = |key: &'static str, id: Id| dict().with(key, id);
        match self.kind {
            0 => Hello::new(text).with_details(dict()).into(),
            1 => Welcome::new(a).with_details(dict()).into(),
            2 => Abort::new(text)
                .with_details(dict())
                .with_payload(payload())
                .into(),
            3 => Challenge::new(text).with_extra(dict()).into(),
            4 => Authenticate::new(text).with_extra(dict()).into(),
            5 => Goodbye::new(text).with_details(dict()).into(),
            6 => Error::new(MessageType::Call, a, text)
                .with_details(dict())
                .with_payload(payload())
                .into(),
            7 => Publish::new(a, text)
                .with_options(dict().with("acknowledge", true))
                .with_payload(payload())
                .into(),
            8 => Published::new(a, b).into(),
            9 => Subscribe::new(a, text)
                .with_options(dict().with("match", "prefix"))
                .into(),
            10 => Subscribed::new(a, b).into(),
            11 => Unsubscribe::new(a, b).into(),
            12 => Unsubscribed::new(a).with_details(dict()).into(),
            13 => Unsubscribed::revoke(a)
                .with_details(with("subscription", b))
                .into(),
            14 => Event::new(a, b)
                .with_details(dict())
                .with_payload(payload())
                .into(),
            15 => Call::new(a, text)
                .with_options(dict().with("timeout", 1000_u64))
                .with_payload(payload())
                .into(),
            16 => Cancel::new(a)
                .with_options(dict().with("mode", "kill"))
                .into(),
            17 => Result::new(a)
                .with_details(dict())
                .with_payload(payload())
                .into(),
            18 => Register::new(a, text)
                .with_options(dict().with("invoke", "last"))
                .into(),
            19 => Registered::new(a, b).into(),
            20 => Unregister::new(a, b).into(),
            21 => Unregistered::new(a).into(),
            22 => Unregistered::revoke(a)
                .with_details(with("registration", b))
                .into(),
            23 => Invocation::new(a, b)
                .with_details(dict())
                .with_payload(payload())
                .into(),
            24 => Interrupt::new(a).with_options(dict()).into(),
            25 => Yield::new(a)
                .with_options(dict())
                .with_payload(payload())
                .into(),
            _ => EventReceived::new(a).into(),
        }
    }
}

/// One message of each type, revocations too.
pub(crate) fn messages() -> Vec<Message<'static>> {
    const ARGUMENTS: &(&str, i64, f64, Option<bool>) = &("Grüße \"\n", -1, 0.5, None);
    let id = Id::new(9_007_199_254_740_991).unwrap();
    let text = "com.myapp.Größe";
    let dict = || {
        Dict::new()
            .with(
                "_unknown",
                Value::List(vec![Value::Bytes(vec![0, 255]), Value::Null]),
            )
            .with("_more", "é\\")
    };
    let payload = || Payload::typed(ARGUMENTS);
    vec![
        Hello::new(text).with_details(dict()).into(),
        Welcome::new(id).with_details(dict()).into(),
        Abort::new(text)
            .with_details(dict())
            .with_payload(payload())
            .into(),
        Challenge::new(text).with_extra(dict()).into(),
        Authenticate::new(text).with_extra(dict()).into(),
        Goodbye::new(text).with_details(dict()).into(),
        Error::new(MessageType::Invocation, id, text)
            .with_payload(payload())
            .into(),
        Publish::new(id, text)
            .with_options(dict())
            .with_payload(payload())
            .into(),
        Published::new(id, Id::MIN).into(),
        Subscribe::new(id, text).into(),
        Subscribed::new(Id::MIN, id).into(),
        Unsubscribe::new(id, Id::MAX).into(),
        Unsubscribed::new(id).into(),
        Unsubscribed::revoke(id).into(),
        Event::new(id, id).with_payload(payload()).into(),
        Call::new(id, text).with_payload(payload()).into(),
        Cancel::new(id).into(),
        Result::new(id)
            .with_details(dict())
            .with_payload(payload())
            .into(),
        Register::new(id, text).into(),
        Registered::new(id, id).into(),
        Unregister::new(id, id).into(),
        Unregistered::new(id).into(),
        Unregistered::revoke(id).into(),
        Invocation::new(id, id).with_payload(payload()).into(),
        Interrupt::new(id).with_options(dict()).into(),
        Yield::new(id).with_payload(payload()).into(),
        EventReceived::new(id).into(),
    ]
}
