//! The handshake request and reply, and the values inside them.

use core::fmt;
use core::num::NonZeroU8;

use super::{HANDSHAKE_LEN, MAGIC};
use crate::error::HandshakeError;

/// The largest message that the sender of a handshake is willing to receive: a power of two from
/// 512 (2^9) to 16 777 216 (2^24) octets.
///
/// On the wire it is the exponent minus nine, in four bits, so that other sizes cannot be
/// announced. A connection may still *enforce* any exact number; see
/// [`FrameRules`](super::FrameRules).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaxLen(u8);

impl MaxLen {
    /// 512 octets.
    pub const MIN: Self = Self(0);
    /// 16 MiB, the default of the peers in the field.
    pub const MAX: Self = Self(15);

    /// The value of the nibble `LLLL`; `None` above 15.
    pub const fn from_nibble(nibble: u8) -> Option<Self> {
        if nibble <= 15 {
            Some(Self(nibble))
        } else {
            None
        }
    }

    /// The smallest announceable size that is not below `octets`; `None` above 2^24.
    ///
    /// ```
    /// use wamp_rawsocket_proto::wire::MaxLen;
    ///
    /// assert_eq!(MaxLen::at_least(100_000).unwrap().octets(), 131_072);
    /// assert_eq!(MaxLen::at_least(0), Some(MaxLen::MIN));
    /// assert_eq!(MaxLen::at_least((1 << 24) + 1), None);
    /// ```
    pub const fn at_least(octets: u32) -> Option<Self> {
        let mut nibble = 0;
        while nibble <= 15 {
            if 512_u32 << nibble >= octets {
                return Some(Self(nibble));
            }
            nibble += 1;
        }
        None
    }

    /// The nibble `LLLL`, 0 to 15.
    pub const fn nibble(self) -> u8 {
        self.0
    }

    /// The size in octets, 512 to 16 777 216.
    pub const fn octets(self) -> u32 {
        512 << self.0
    }
}

impl fmt::Debug for MaxLen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MaxLen({})", self.octets())
    }
}

/// A serializer's number in the handshake, 1 to 15.
///
/// Numbers that the specification reserves are kept as they are, so that a router can say what it
/// was asked for. Zero is illegal and cannot be expressed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SerializerId(NonZeroU8);

impl SerializerId {
    /// JSON.
    pub const JSON: Self = Self::known(1);
    /// MessagePack.
    pub const MSGPACK: Self = Self::known(2);
    /// CBOR.
    pub const CBOR: Self = Self::known(3);
    /// UBJSON.
    pub const UBJSON: Self = Self::known(4);
    /// FlatBuffers.
    pub const FLATBUFFERS: Self = Self::known(5);

    /// The serializer with this number; `None` for 0 and above 15.
    pub const fn new(number: u8) -> Option<Self> {
        match NonZeroU8::new(number) {
            Some(number) if number.get() <= 15 => Some(Self(number)),
            _ => None,
        }
    }

    /// Its number, 1 to 15.
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    /// Its name as in WAMP's configuration files; `None` for a reserved number.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::JSON => Some("json"),
            Self::MSGPACK => Some("msgpack"),
            Self::CBOR => Some("cbor"),
            Self::UBJSON => Some("ubjson"),
            Self::FLATBUFFERS => Some("flatbuffers"),
            _ => None,
        }
    }

    const fn known(number: u8) -> Self {
        match NonZeroU8::new(number) {
            Some(number) => Self(number),
            None => Self(NonZeroU8::MIN),
        }
    }
}

impl fmt::Display for SerializerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "serializer {}", self.get()),
        }
    }
}

impl fmt::Debug for SerializerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SerializerId({}, {})",
            self.get(),
            self.name().unwrap_or("reserved")
        )
    }
}

/// Why a router refuses a handshake: the nibble `EEEE`, 1 to 15.
///
/// Codes that the specification reserves are kept as they are. Zero must not be used and cannot
/// be expressed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefusalCode(NonZeroU8);

impl RefusalCode {
    /// 1: the serializer is not supported.
    pub const SERIALIZER_UNSUPPORTED: Self = Self::known(1);
    /// 2: the announced maximum message length is not acceptable.
    pub const LENGTH_UNACCEPTABLE: Self = Self::known(2);
    /// 3: reserved bits were used, a feature that is not supported.
    pub const RESERVED_BITS: Self = Self::known(3);
    /// 4: the router holds as many connections as it may.
    pub const TOO_MANY_CONNECTIONS: Self = Self::known(4);

    /// The refusal with this code; `None` for 0 and above 15.
    pub const fn new(code: u8) -> Option<Self> {
        match NonZeroU8::new(code) {
            Some(code) if code.get() <= 15 => Some(Self(code)),
            _ => None,
        }
    }

    /// The code, 1 to 15.
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    /// What the specification calls it.
    pub const fn description(self) -> &'static str {
        match self {
            Self::SERIALIZER_UNSUPPORTED => "serializer unsupported",
            Self::LENGTH_UNACCEPTABLE => "maximum message length unacceptable",
            Self::RESERVED_BITS => "use of reserved bits (unsupported feature)",
            Self::TOO_MANY_CONNECTIONS => "maximum connection count reached",
            _ => "reserved code",
        }
    }

    const fn known(code: u8) -> Self {
        match NonZeroU8::new(code) {
            Some(code) => Self(code),
            None => Self(NonZeroU8::MIN),
        }
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", self.description(), self.get())
    }
}

impl fmt::Debug for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefusalCode({}, {})", self.get(), self.description())
    }
}

/// What a client asks for: the first four octets of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the request has these two fields and no room for more"
)]
pub struct Request {
    /// The largest message that the client is willing to receive.
    pub max_len: MaxLen,
    /// The serializer that the client will use.
    pub serializer: SerializerId,
}

impl Request {
    /// The four octets that a client sends.
    pub const fn encode(self) -> [u8; HANDSHAKE_LEN] {
        [MAGIC, self.max_len.0 << 4 | self.serializer.get(), 0, 0]
    }

    /// Reads the four octets that a client sent.
    ///
    /// # Errors
    ///
    /// In this order: [`NotRawSocket`](HandshakeError::NotRawSocket),
    /// [`ReservedOctets`](HandshakeError::ReservedOctets),
    /// [`IllegalSerializer`](HandshakeError::IllegalSerializer).
    /// [`HandshakeError::refusal`] tells which of them a router answers.
    pub const fn decode(octets: [u8; HANDSHAKE_LEN]) -> Result<Self, HandshakeError> {
        let [first, second, third, fourth] = octets;
        if first != MAGIC {
            return Err(HandshakeError::NotRawSocket { first });
        }
        if third != 0 || fourth != 0 {
            return Err(HandshakeError::ReservedOctets([third, fourth]));
        }
        match SerializerId::new(second & 0x0F) {
            Some(serializer) => Ok(Self {
                max_len: MaxLen(second >> 4),
                serializer,
            }),
            None => Err(HandshakeError::IllegalSerializer),
        }
    }
}

/// What a router answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the low nibble is zero or it is not"
)]
pub enum Reply {
    /// The connection is open.
    Accept {
        /// The largest message that the router is willing to receive.
        max_len: MaxLen,
        /// The serializer of the request, echoed.
        serializer: SerializerId,
    },
    /// The connection is refused and will be closed.
    Refuse(RefusalCode),
}

impl Reply {
    /// The four octets that a router sends.
    pub const fn encode(self) -> [u8; HANDSHAKE_LEN] {
        match self {
            Self::Accept {
                max_len,
                serializer,
            } => Request {
                max_len,
                serializer,
            }
            .encode(),
            Self::Refuse(code) => [MAGIC, code.get() << 4, 0, 0],
        }
    }

    /// Reads the four octets that a router sent.
    ///
    /// Whether the serializer is the one that was asked for is for the caller to check;
    /// [`handshake::Client`](crate::handshake::Client) does.
    ///
    /// # Errors
    ///
    /// In this order: [`NotRawSocket`](HandshakeError::NotRawSocket),
    /// [`ReservedOctets`](HandshakeError::ReservedOctets),
    /// [`IllegalReply`](HandshakeError::IllegalReply) for a second octet of zero.
    pub const fn decode(octets: [u8; HANDSHAKE_LEN]) -> Result<Self, HandshakeError> {
        let [first, second, third, fourth] = octets;
        if first != MAGIC {
            return Err(HandshakeError::NotRawSocket { first });
        }
        if third != 0 || fourth != 0 {
            return Err(HandshakeError::ReservedOctets([third, fourth]));
        }
        match (
            SerializerId::new(second & 0x0F),
            RefusalCode::new(second >> 4),
        ) {
            (Some(serializer), _) => Ok(Self::Accept {
                max_len: MaxLen(second >> 4),
                serializer,
            }),
            (None, Some(code)) => Ok(Self::Refuse(code)),
            (None, None) => Err(HandshakeError::IllegalReply),
        }
    }
}
