//! What can go wrong between octets, messages and typed arguments.

use core::fmt;

use crate::message::MessageType;
use crate::serializer::SerializerKind;
use crate::uris;

/// A frame is no valid WAMP message. The peer that sent it is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The octets do not follow the serializer's grammar, or WAMP's rules for it.
    Malformed {
        /// Where in the frame, in octets from its start.
        offset: usize,
        /// What was found there.
        reason: Malformed,
    },
    /// A limit of [`DecodeLimits`](crate::DecodeLimits) was exceeded.
    Budget {
        /// Where in the frame, in octets from its start.
        offset: usize,
        /// Which limit.
        limit: Budget,
    },
    /// Well-formed, but not a list that starts with a non-negative integer.
    NotAMessage,
    /// The list starts with an integer that is no known message type.
    UnknownMessageType {
        /// The integer.
        code: u64,
    },
    /// The message has too few or too many elements.
    Length {
        /// The message.
        message: MessageType,
        /// Its elements, the type included. Counting stops at the first one too many.
        len: usize,
    },
    /// An element has the wrong type.
    FieldType {
        /// The message.
        message: MessageType,
        /// The element.
        field: &'static str,
        /// The type that it must have.
        expected: &'static str,
    },
    /// An ID is not between 1 and 2^53.
    BadId {
        /// The message.
        message: MessageType,
        /// The element.
        field: &'static str,
        /// What it holds.
        value: u64,
    },
    /// The `REQUEST.Type` of an ERROR is no type of request.
    RequestType {
        /// What it holds.
        code: u64,
    },
    /// A known option or detail breaks the rules. Unknown ones never do.
    Option {
        /// The message.
        message: MessageType,
        /// The option's name.
        option: &'static str,
        /// What is wrong with it.
        problem: OptionProblem,
    },
}

/// Where a frame leaves the serializer's grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// The frame ends within a value.
    UnexpectedEnd,
    /// An octet that cannot stand there.
    UnexpectedOctet(u8),
    /// Octets after the message.
    TrailingOctets,
    /// A string is not UTF-8.
    Utf8,
    /// A JSON escape is not one, or is half of a surrogate pair.
    Escape,
    /// A JSON string holds a control character that must be escaped.
    ControlCharacter,
    /// A JSON number is not one.
    Number,
    /// A JSON string starts with `\0`, so it stands for binary, but its rest is not Base64.
    Base64,
    /// The key of a map is not a string.
    Key,
}

/// The limits of [`DecodeLimits`](crate::DecodeLimits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Budget {
    /// Lists and maps within each other.
    Depth,
    /// Values in the whole message.
    Elements,
}

/// What is wrong with an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionProblem {
    /// It has another type than the spec says.
    Type {
        /// The type that it must have.
        expected: &'static str,
    },
    /// It has the right type, but a value that the spec does not know.
    Value,
    /// It must be there and is not.
    Missing,
    /// It is there more than once.
    Duplicate,
}

impl DecodeError {
    /// The reason URI of the ABORT that answers such a message.
    pub const fn abort_reason(&self) -> &'static str {
        uris::PROTOCOL_VIOLATION
    }

    /// The type of the message, if decoding came that far.
    pub const fn message_type(&self) -> Option<MessageType> {
        match *self {
            Self::Length { message, .. }
            | Self::FieldType { message, .. }
            | Self::BadId { message, .. }
            | Self::Option { message, .. } => Some(message),
            Self::RequestType { .. } => Some(MessageType::Error),
            Self::Malformed { .. }
            | Self::Budget { .. }
            | Self::NotAMessage
            | Self::UnknownMessageType { .. } => None,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { offset, reason } => write!(f, "{reason} at octet {offset}"),
            Self::Budget { offset, limit } => write!(f, "{limit} at octet {offset}"),
            Self::NotAMessage => f.write_str("not a list that starts with a message type"),
            Self::UnknownMessageType { code } => write!(f, "unknown message type {code}"),
            Self::Length { message, len } => write!(f, "{message} cannot have {len} elements"),
            Self::FieldType {
                message,
                field,
                expected,
            } => write!(f, "{message}: `{field}` must be {expected}"),
            Self::BadId {
                message,
                field,
                value,
            } => write!(f, "{message}: `{field}` is {value}, not from 1 to 2^53"),
            Self::RequestType { code } => {
                write!(f, "ERROR: {code} is not the type of a request")
            }
            Self::Option {
                message,
                option,
                problem,
            } => match problem {
                OptionProblem::Type { expected } => {
                    write!(f, "{message}: option `{option}` must be {expected}")
                }
                OptionProblem::Value => {
                    write!(
                        f,
                        "{message}: option `{option}` has a value that WAMP does not know"
                    )
                }
                OptionProblem::Missing => write!(f, "{message}: option `{option}` is missing"),
                OptionProblem::Duplicate => {
                    write!(f, "{message}: option `{option}` is there more than once")
                }
            },
        }
    }
}

impl core::error::Error for DecodeError {}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedEnd => f.write_str("unexpected end"),
            Self::UnexpectedOctet(octet) => write!(f, "unexpected octet {octet:#04x}"),
            Self::TrailingOctets => f.write_str("trailing octets"),
            Self::Utf8 => f.write_str("a string that is not UTF-8"),
            Self::Escape => f.write_str("an invalid escape"),
            Self::ControlCharacter => f.write_str("a control character in a string"),
            Self::Number => f.write_str("an invalid number"),
            Self::Base64 => f.write_str("binary that is not Base64"),
            Self::Key => f.write_str("a map key that is not a string"),
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "lists and maps nested too deep",
            Self::Elements => "too many values",
        })
    }
}

/// A message cannot be encoded. What was to be sent is at fault; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A typed value could not be serialized; the text is from its `Serialize`.
    Serialize(String),
    /// Positional arguments must serialize as a list: a tuple, array, slice or `Vec`.
    ArgsNotAList,
    /// Keyword arguments must serialize as a map with string keys: a struct or map.
    KwargsNotAMap,
    /// A value has no equivalent in the serializer of the receiver: in JSON those are a float
    /// that is not finite, a string that starts with `\0`, and MessagePack's extension types.
    NoEquivalent {
        /// The serializer of the receiver.
        serializer: SerializerKind,
    },
    /// A string, list or map has more than 2^32 - 1 elements.
    TooLong,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serialize(text) => write!(f, "cannot serialize: {text}"),
            Self::ArgsNotAList => f.write_str("positional arguments must be a list"),
            Self::KwargsNotAMap => {
                f.write_str("keyword arguments must be a map with strings as keys")
            }
            Self::NoEquivalent { serializer } => {
                write!(f, "a value has no equivalent in {serializer}")
            }
            Self::TooLong => f.write_str("a string, list or map is too long"),
        }
    }
}

impl core::error::Error for EncodeError {}

impl serde::ser::Error for EncodeError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::Serialize(text.to_string())
    }
}

/// Arguments or details do not have the type that was asked for.
///
/// ```
/// use wamp_rawsocket_core::{OwnedPayload, SerializerKind};
///
/// let payload = OwnedPayload::serialize(SerializerKind::ALL[0], &("five",))?;
/// let error = payload.args::<(i64,)>().unwrap_err();
/// assert_eq!(error.to_string(), "args: invalid type: string \"five\", expected i64");
/// # Ok::<_, wamp_rawsocket_core::EncodeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PayloadError {
    /// What was looked at: `args`, `kwargs`, `details` or `value`.
    pub part: &'static str,
    /// The mismatch, in words.
    pub text: String,
}

impl PayloadError {
    pub(crate) fn new(part: &'static str, error: &dyn fmt::Display) -> Self {
        Self {
            part,
            text: error.to_string(),
        }
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.part, self.text)
    }
}

impl core::error::Error for PayloadError {}
