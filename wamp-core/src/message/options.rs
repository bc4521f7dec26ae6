//! The options and details that WAMP knows, per message, and the types they must have.

use super::MessageType;
use crate::error::{DecodeError, OptionProblem};
use crate::serializer::RawValue;
use crate::{Id, ValueRef};

/// A known option.
pub(crate) struct Known {
    name: &'static str,
    kind: Kind,
}

/// The type that a known option must have. Null counts as absent, so it always passes.
enum Kind {
    Bool,
    Uint,
    Id,
    Str,
    Dict,
    Ids,
    Strs,
    Dicts,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// One of these strings, or `x_` and more.
    OneOfOrCustom(&'static [&'static str]),
}

const fn known(name: &'static str, kind: Kind) -> Known {
    Known { name, kind }
}

/// Payload transparency as Autobahn has it, and payload passthru as the spec has it.
macro_rules! with_passthru {
    ($($known:expr),* $(,)?) => {
        &[
            $($known,)*
            known("ppt_scheme", Kind::Str),
            known("ppt_serializer", Kind::Str),
            known("ppt_cipher", Kind::Str),
            known("ppt_keyid", Kind::Str),
            known("enc_algo", Kind::OneOfOrCustom(&["cryptobox", "mqtt", "xbr"])),
            known("enc_key", Kind::Str),
            known(
                "enc_serializer",
                Kind::OneOfOrCustom(&["json", "msgpack", "cbor", "ubjson", "flatbuffers"]),
            ),
            known("forward_for", Kind::Dicts),
        ]
    };
}

const MATCH: Known = known("match", Kind::OneOf(&["exact", "prefix", "wildcard"]));

pub(super) const NONE: &[Known] = &[];
pub(super) const HELLO: &[Known] = &[
    known("roles", Kind::Dict),
    known("agent", Kind::Str),
    known("authid", Kind::Str),
    known("authmethods", Kind::Strs),
    known("authextra", Kind::Dict),
];
pub(super) const WELCOME: &[Known] = &[
    known("roles", Kind::Dict),
    known("agent", Kind::Str),
    known("realm", Kind::Str),
    known("authid", Kind::Str),
    known("authrole", Kind::Str),
    known("authmethod", Kind::Str),
    known("authprovider", Kind::Str),
    known("authextra", Kind::Dict),
];
pub(super) const CLOSE: &[Known] = &[known("message", Kind::Str)];
pub(super) const CHALLENGE: &[Known] = &[
    known("challenge", Kind::Str),
    known("salt", Kind::Str),
    known("iterations", Kind::Uint),
    known("keylen", Kind::Uint),
    known("memory", Kind::Uint),
    known("kdf", Kind::Str),
    known("nonce", Kind::Str),
];
pub(super) const ERROR: &[Known] = with_passthru![];
pub(super) const PUBLISH: &[Known] = with_passthru![
    known("acknowledge", Kind::Bool),
    known("exclude_me", Kind::Bool),
    known("exclude", Kind::Ids),
    known("exclude_authid", Kind::Strs),
    known("exclude_authrole", Kind::Strs),
    known("eligible", Kind::Ids),
    known("eligible_authid", Kind::Strs),
    known("eligible_authrole", Kind::Strs),
    known("disclose_me", Kind::Bool),
    known("retain", Kind::Bool),
    known("rkey", Kind::Str),
    known("transaction_hash", Kind::Str),
];
pub(super) const SUBSCRIBE: &[Known] = &[
    MATCH,
    known("get_retained", Kind::Bool),
    known("nkey", Kind::Str),
    known("forward_for", Kind::Dicts),
];
pub(super) const UNSUBSCRIBED: &[Known] =
    &[known("subscription", Kind::Id), known("reason", Kind::Str)];
pub(super) const EVENT: &[Known] = with_passthru![
    known("publisher", Kind::Id),
    known("publisher_authid", Kind::Str),
    known("publisher_authrole", Kind::Str),
    known("trustlevel", Kind::Uint),
    known("topic", Kind::Str),
    known("retained", Kind::Bool),
    known("transaction_hash", Kind::Str),
    known("x_acknowledged_delivery", Kind::Bool),
];
pub(super) const CALL: &[Known] = with_passthru![
    known("timeout", Kind::Uint),
    known("disclose_me", Kind::Bool),
    known("receive_progress", Kind::Bool),
    known("progress", Kind::Bool),
    known("rkey", Kind::Str),
    known("runmode", Kind::Str),
    known("transaction_hash", Kind::Str),
];
pub(super) const CANCEL: &[Known] = &[
    known("mode", Kind::OneOf(&["skip", "kill", "killnowait"])),
    known("forward_for", Kind::Dicts),
];
pub(super) const RESULT: &[Known] = with_passthru![known("progress", Kind::Bool)];
pub(super) const REGISTER: &[Known] = &[
    MATCH,
    known("invoke", Kind::Str),
    known("concurrency", Kind::Uint),
    known("disclose_caller", Kind::Bool),
    known("forward_timeout", Kind::Bool),
    known("forward_for", Kind::Dicts),
];
pub(super) const UNREGISTERED: &[Known] =
    &[known("registration", Kind::Id), known("reason", Kind::Str)];
pub(super) const INVOCATION: &[Known] = with_passthru![
    known("caller", Kind::Id),
    known("caller_authid", Kind::Str),
    known("caller_authrole", Kind::Str),
    known("trustlevel", Kind::Uint),
    known("procedure", Kind::Str),
    known("receive_progress", Kind::Bool),
    known("progress", Kind::Bool),
    known("timeout", Kind::Uint),
    known("transaction_hash", Kind::Str),
];
pub(super) const INTERRUPT: &[Known] = &[
    known("mode", Kind::Str),
    known("reason", Kind::Str),
    known("forward_for", Kind::Dicts),
];
pub(super) const YIELD: &[Known] = with_passthru![known("progress", Kind::Bool)];

/// Checks the types of the known entries of a dictionary.
pub(super) fn check(
    message: MessageType,
    known: &'static [Known],
    dict: RawValue<'_>,
) -> Result<(), DecodeError> {
    // One bit for each known option that was seen.
    let mut seen = 0_u32;
    let mut entries = dict.entries();
    let position = |key: &str| known.iter().position(|known| known.name == key);
    while let Some((at, value)) = entries.next_wanted(position) {
        let option = &known[at];
        let error = |problem| DecodeError::Option {
            message,
            option: option.name,
            problem,
        };
        if seen & 1 << at != 0 {
            return Err(error(OptionProblem::Duplicate));
        }
        seen |= 1 << at;
        option.kind.check(&value).map_err(error)?;
    }
    Ok(())
}

impl Kind {
    fn check(&self, value: &ValueRef<'_>) -> Result<(), OptionProblem> {
        let good = match (self, value) {
            (_, ValueRef::Null) => true,
            (Self::Bool, value) => matches!(value, ValueRef::Bool(_)),
            (Self::Uint, value) => uint(value).is_some(),
            (Self::Id, value) => return id(value),
            (Self::Str, value) => matches!(value, ValueRef::Str(_)),
            (Self::Dict, value) => is_dict(value),
            (Self::Ids, ValueRef::Raw(list)) if list.is_list() => {
                return list.items().try_for_each(|item| match id(&item) {
                    Err(OptionProblem::Type { .. }) => Err(self.type_problem()),
                    other => other,
                });
            }
            (Self::Strs, ValueRef::Raw(list)) if list.is_list() => {
                list.items().all(|item| matches!(item, ValueRef::Str(_)))
            }
            (Self::Dicts, ValueRef::Raw(list)) if list.is_list() => {
                list.items().all(|item| is_dict(&item))
            }
            (Self::OneOf(names), ValueRef::Str(name)) => {
                return names
                    .contains(&name.as_ref())
                    .then_some(())
                    .ok_or(OptionProblem::Value);
            }
            (Self::OneOfOrCustom(names), ValueRef::Str(name)) => {
                let good = name.starts_with("x_") || names.contains(&name.as_ref());
                return good.then_some(()).ok_or(OptionProblem::Value);
            }
            _ => false,
        };
        good.then_some(()).ok_or_else(|| self.type_problem())
    }

    fn type_problem(&self) -> OptionProblem {
        OptionProblem::Type {
            expected: match self {
                Self::Bool => "a bool",
                Self::Uint => "a non-negative integer",
                Self::Id => "an ID",
                Self::Str | Self::OneOf(_) | Self::OneOfOrCustom(_) => "a string",
                Self::Dict => "a dict",
                Self::Ids => "a list of IDs",
                Self::Strs => "a list of strings",
                Self::Dicts => "a list of dicts",
            },
        }
    }
}

fn uint(value: &ValueRef<'_>) -> Option<u64> {
    match *value {
        ValueRef::Int(int) => u64::try_from(int).ok(),
        ValueRef::UInt(int) => Some(int),
        _ => None,
    }
}

fn id(value: &ValueRef<'_>) -> Result<(), OptionProblem> {
    let value = uint(value).ok_or(OptionProblem::Type { expected: "an ID" })?;
    Id::new(value).map(drop).ok_or(OptionProblem::Value)
}

fn is_dict(value: &ValueRef<'_>) -> bool {
    matches!(value, ValueRef::Raw(raw) if !raw.is_list())
}

/// A method for each known option of a message.
macro_rules! options {
    ($message:ident<'_>.$dict:ident { $($name:ident: $kind:ident, $doc:literal;)+ }) => {
        impl $message<'_> {
            $($crate::message::options::options!(@get $dict $name $kind $doc);)+
        }
    };
    (@get $dict:ident $name:ident flag $doc:literal) => {
        #[doc = $doc]
        #[doc = "\n\nFalse if absent."]
        pub fn $name(&self) -> bool {
            self.$dict.get_bool(stringify!($name)).unwrap_or(false)
        }
    };
    (@get $dict:ident $name:ident bool $doc:literal) => {
        #[doc = $doc]
        pub fn $name(&self) -> Option<bool> {
            self.$dict.get_bool(stringify!($name))
        }
    };
    (@get $dict:ident $name:ident uint $doc:literal) => {
        #[doc = $doc]
        pub fn $name(&self) -> Option<u64> {
            self.$dict.get_u64(stringify!($name))
        }
    };
    (@get $dict:ident $name:ident id $doc:literal) => {
        #[doc = $doc]
        pub fn $name(&self) -> Option<$crate::Id> {
            self.$dict.get_id(stringify!($name))
        }
    };
    (@get $dict:ident $name:ident str $doc:literal) => {
        #[doc = $doc]
        pub fn $name(&self) -> Option<alloc::borrow::Cow<'_, str>> {
            self.$dict.get_str(stringify!($name))
        }
    };
    (@get $dict:ident $name:ident ids $doc:literal) => {
        #[doc = $doc]
        pub fn $name(&self) -> Option<Vec<$crate::Id>> {
            self.$dict.get_as(stringify!($name)).ok().flatten()
        }
    };
    (@get $dict:ident $name:ident strs $doc:literal) => {
        #[doc = $doc]
        pub fn $name(&self) -> Option<Vec<String>> {
            self.$dict.get_as(stringify!($name)).ok().flatten()
        }
    };
}

pub(super) use options;
