//! WAMP's messages: one struct each, and [`Message`] over all of them.
//!
//! A decoded message borrows from its frame. Fields follow the order of the spec's lists; options
//! that WAMP knows have a method each, others are found in the [`Dict`].

use core::fmt;

use crate::error::{DecodeError, EncodeError};
use crate::serializer::{Cursor, DecodeLimits, SerializerKind, Sink};
use crate::uri::{InvalidUri, MatchPolicy, UriRule};
use crate::{Dict, Id};

mod options;
mod pubsub;
mod registration;
mod rpc;
mod session;
mod wire;

pub(crate) use wire::{Elements, Fields};

pub use pubsub::{
    Event, EventReceived, Publish, Published, Subscribe, Subscribed, Unsubscribe, Unsubscribed,
};
pub use registration::{InvokePolicy, Register, Registered, Unregister, Unregistered};
pub use rpc::{Call, Cancel, CancelMode, Interrupt, Invocation, Result, Yield};
pub use session::{Abort, Authenticate, Challenge, Error, Goodbye, Hello, Welcome};

macro_rules! messages {
    ($($(#[doc = $doc:expr])+ $variant:ident $(<$life:lifetime>)? = $code:literal, $name:literal;)+) => {
        /// The type of a message: the first element of its list.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u16)]
        pub enum MessageType {
            $($(#[doc = $doc])+ $variant = $code,)+
        }

        impl MessageType {
            /// All of them, in the order of their codes.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The type with this code.
            pub const fn from_code(code: u64) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The name in the spec, for example `SUBSCRIBE`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        /// Any WAMP message.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Message<'a> {
            $($(#[doc = $doc])+ $variant($variant $(<$life>)?),)+
        }

        impl<'a> Message<'a> {
            /// Which one it is.
            pub const fn message_type(&self) -> MessageType {
                match self {
                    $(Self::$variant(_) => MessageType::$variant,)+
                }
            }

            #[inline]
            pub(crate) fn read<C: Cursor<'a>>(
                message_type: MessageType,
                fields: &mut Fields<'a, C>,
            ) -> core::result::Result<Self, DecodeError> {
                match message_type {
                    $(MessageType::$variant => $variant::read(fields).map(Self::$variant),)+
                }
            }

            pub(crate) fn write<S: Sink>(
                &self,
                elements: &mut Elements<S>,
            ) -> core::result::Result<(), EncodeError> {
                match self {
                    $(Self::$variant(message) => message.write(elements),)+
                }
            }
        }

        $(impl<'a> From<$variant $(<$life>)?> for Message<'a> {
            fn from(message: $variant $(<$life>)?) -> Self {
                Self::$variant(message)
            }
        })+
    };
}

messages! {
    /// A client opens a session.
    Hello<'a> = 1, "HELLO";
    /// A router accepts the client: the session is open.
    Welcome<'a> = 2, "WELCOME";
    /// A peer ends the session, or its opening, without waiting for an answer.
    Abort<'a> = 3, "ABORT";
    /// A router asks the client to prove who it is.
    Challenge<'a> = 4, "CHALLENGE";
    /// A client answers CHALLENGE.
    Authenticate<'a> = 5, "AUTHENTICATE";
    /// A peer closes the session, or agrees to it.
    Goodbye<'a> = 6, "GOODBYE";
    /// A request failed.
    Error<'a> = 8, "ERROR";
    /// A publisher publishes an event.
    Publish<'a> = 16, "PUBLISH";
    /// Acknowledges PUBLISH.
    Published = 17, "PUBLISHED";
    /// A subscriber subscribes to a topic.
    Subscribe<'a> = 32, "SUBSCRIBE";
    /// Acknowledges SUBSCRIBE.
    Subscribed = 33, "SUBSCRIBED";
    /// A subscriber ends a subscription.
    Unsubscribe = 34, "UNSUBSCRIBE";
    /// Acknowledges UNSUBSCRIBE, or revokes a subscription.
    Unsubscribed<'a> = 35, "UNSUBSCRIBED";
    /// An event for a subscription.
    Event<'a> = 36, "EVENT";
    /// A caller calls a procedure.
    Call<'a> = 48, "CALL";
    /// A caller cancels a call.
    Cancel<'a> = 49, "CANCEL";
    /// The result of a call, or a part of it.
    Result<'a> = 50, "RESULT";
    /// A callee registers a procedure.
    Register<'a> = 64, "REGISTER";
    /// Acknowledges REGISTER.
    Registered = 65, "REGISTERED";
    /// A callee ends a registration.
    Unregister = 66, "UNREGISTER";
    /// Acknowledges UNREGISTER, or revokes a registration.
    Unregistered<'a> = 67, "UNREGISTERED";
    /// A dealer invokes a procedure of a callee.
    Invocation<'a> = 68, "INVOCATION";
    /// A dealer interrupts an invocation.
    Interrupt<'a> = 69, "INTERRUPT";
    /// The result of an invocation, or a part of it.
    Yield<'a> = 70, "YIELD";
    /// A subscriber acknowledges an event (provisional).
    EventReceived = 337, "EVENT_RECEIVED";
}

impl MessageType {
    /// The code on the wire.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// Whether an ERROR can answer it: the `REQUEST.Type` of ERROR is one of these.
    pub const fn is_request(self) -> bool {
        matches!(
            self,
            Self::Publish
                | Self::Subscribe
                | Self::Unsubscribe
                | Self::Call
                | Self::Register
                | Self::Unregister
                | Self::Invocation
        )
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<'a> Message<'a> {
    /// Decodes a frame: one message, without any header of the transport.
    ///
    /// The whole of it is checked once: grammar, UTF-8, limits, types of elements, IDs and
    /// options. Strings and dictionaries borrow from the frame; arguments stay raw. Nothing is
    /// allocated but for strings that JSON had to escape.
    ///
    /// URIs are only checked to be strings, since a bad one is answered with an ERROR rather than
    /// an ABORT: see [`Message::check_uris`].
    ///
    /// # Errors
    ///
    /// What is wrong with the frame. The spec wants the session to be aborted, with
    /// [`DecodeError::abort_reason`].
    pub fn decode(
        serializer: SerializerKind,
        frame: &'a [u8],
        limits: &DecodeLimits,
    ) -> core::result::Result<Self, DecodeError> {
        crate::serializer::decode(serializer, frame, limits)
    }

    /// Encodes the message, appending to `out`.
    ///
    /// The output is deterministic: entries in their order, integers as short as they go. `out`
    /// may start with head-room for the header of the transport.
    ///
    /// # Errors
    ///
    /// The payload or a dictionary cannot be written in this serializer. `out` is as before.
    pub fn encode(
        &self,
        serializer: SerializerKind,
        out: &mut Vec<u8>,
    ) -> core::result::Result<(), EncodeError> {
        crate::serializer::encode(serializer, self, out)
    }

    /// Checks the realm, topic, procedure, error or reason of the message.
    ///
    /// # Errors
    ///
    /// Which one breaks the rule. A request (the error has its ID) is answered with an ERROR of
    /// `wamp.error.invalid_uri`, HELLO with an ABORT.
    pub fn check_uris(&self, rule: UriRule) -> core::result::Result<(), UriError> {
        let (field, uri, request, policy) = match self {
            Self::Hello(hello) => ("realm", &hello.realm, None, MatchPolicy::Exact),
            Self::Abort(abort) => ("reason", &abort.reason, None, MatchPolicy::Exact),
            Self::Goodbye(goodbye) => ("reason", &goodbye.reason, None, MatchPolicy::Exact),
            Self::Error(error) => ("error", &error.error, None, MatchPolicy::Exact),
            Self::Publish(publish) => {
                let request = Some(publish.request);
                ("topic", &publish.topic, request, MatchPolicy::Exact)
            }
            Self::Subscribe(subscribe) => {
                let request = Some(subscribe.request);
                ("topic", &subscribe.topic, request, subscribe.match_policy())
            }
            Self::Call(call) => {
                let request = Some(call.request);
                ("procedure", &call.procedure, request, MatchPolicy::Exact)
            }
            Self::Register(register) => {
                let request = Some(register.request);
                let policy = register.match_policy();
                ("procedure", &register.procedure, request, policy)
            }
            _ => return Ok(()),
        };
        rule.check_pattern(uri, policy).map_err(|reason| UriError {
            message: self.message_type(),
            field,
            request,
            reason,
        })
    }

    /// The options or details of the message, if it has such an element.
    pub fn dict(&self) -> Option<&Dict<'a>> {
        Some(match self {
            Self::Hello(m) => &m.details,
            Self::Welcome(m) => &m.details,
            Self::Abort(m) => &m.details,
            Self::Challenge(m) => &m.extra,
            Self::Authenticate(m) => &m.extra,
            Self::Goodbye(m) => &m.details,
            Self::Error(m) => &m.details,
            Self::Publish(m) => &m.options,
            Self::Subscribe(m) => &m.options,
            Self::Unsubscribed(m) => &m.details,
            Self::Event(m) => &m.details,
            Self::Call(m) => &m.options,
            Self::Cancel(m) => &m.options,
            Self::Result(m) => &m.details,
            Self::Register(m) => &m.options,
            Self::Unregistered(m) => &m.details,
            Self::Invocation(m) => &m.details,
            Self::Interrupt(m) => &m.options,
            Self::Yield(m) => &m.options,
            _ => return None,
        })
    }
}

/// A URI of a message breaks the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UriError {
    /// The message.
    pub message: MessageType,
    /// The element.
    pub field: &'static str,
    /// The request to be answered with an ERROR, if the message is one.
    pub request: Option<Id>,
    /// What is wrong.
    pub reason: InvalidUri,
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: `{}`: {}", self.message, self.field, self.reason)
    }
}

impl core::error::Error for UriError {}
