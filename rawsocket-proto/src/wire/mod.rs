//! What is on the wire: the four-octet handshake and the four-octet frame header.
//!
//! Everything here is a `const fn` on `[u8; 4]` or a plain value. There is no state, no
//! allocation and no panic, so that it can be used from firmware, from tests and from other
//! protocol stacks alike.
//!
//! ```text
//! request   0x7F | LLLL SSSS | 0 | 0      L: the largest message the sender receives, 2^(9+L)
//! reply     0x7F | LLLL SSSS | 0 | 0      accepted, S echoed
//!           0x7F | EEEE 0000 | 0 | 0      refused with code E
//! frame     RRRR XTTT | 24-bit length     R reserved, X the 25th length bit, T the kind
//! ```
//!
//! The rules are those of the section "RawSocket Transport" of the WAMP advanced profile.

mod frame;
mod handshake;
mod peek;
mod rules;

pub use frame::{FrameHeader, FrameKind};
pub use handshake::{MaxLen, RefusalCode, Reply, Request, SerializerId};
pub use peek::{Peek, peek};
pub use rules::FrameRules;

/// The first octet of every handshake.
///
/// No HTTP request and no TLS record starts with it, which is why one port can serve RawSocket
/// beside other protocols.
pub const MAGIC: u8 = 0x7F;

/// Octets in a handshake request and in a handshake reply.
pub const HANDSHAKE_LEN: usize = 4;

/// The largest payload that a frame can carry, in octets: 2^24.
pub const MAX_PAYLOAD: u32 = 1 << 24;
