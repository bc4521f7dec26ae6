//! The handshake as by-value states: no alloc, at most a few octets each, and no way to accept
//! twice or before the request was read.
//!
//! ```text
//! client   Client ──feed──▶ More(Client) … ──▶ Done(Negotiated)
//! router   AwaitRequest ──feed──▶ More(AwaitRequest) … ──▶ Decide ──accept──▶ Negotiated
//!                                                                └─refuse
//! ```
//!
//! `feed` takes a cursor, `&mut &[u8]`, and moves it behind what it used. What lies behind the
//! fourth octet belongs to frames and stays unread, and a first octet that is not 0x7F is not
//! consumed at all, so that another protocol can be tried on the same octets.
//!
//! ```
//! use wamp_rawsocket_proto::handshake::{AwaitRequest, Client, ClientStep, RouterStep};
//! use wamp_rawsocket_proto::wire::{MaxLen, Request, SerializerId};
//!
//! let client = Client::new(Request { max_len: MaxLen::MAX, serializer: SerializerId::JSON });
//!
//! // The router reads the request, decides, and answers.
//! let request = client.request();
//! let RouterStep::Decide(decide) = AwaitRequest::new().feed(&mut &request[..])? else { unreachable!() };
//! assert_eq!(decide.request().serializer, SerializerId::JSON);
//! let (reply, at_router) = decide.accept(MaxLen::MIN);
//!
//! // The client reads the answer; the frame behind it is left where it is.
//! let octets = [&reply[..], b"\0\0\0\x02[]"].concat();
//! let mut input = &octets[..];
//! let ClientStep::Done(at_client) = client.feed(&mut input)? else { unreachable!() };
//! assert_eq!(at_client.send_max, MaxLen::MIN);
//! assert_eq!(at_router.send_max, MaxLen::MAX);
//! assert_eq!(input, b"\0\0\0\x02[]");
//! # Ok::<_, wamp_rawsocket_proto::error::HandshakeError>(())
//! ```

mod client;
mod router;

pub use client::{Client, ClientStep};
pub use router::{AwaitRequest, Decide, RouterStep};

use crate::error::HandshakeError;
use crate::wire::{HANDSHAKE_LEN, MAGIC, MaxLen, SerializerId};

/// What both ends agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "all that a handshake can carry")]
pub struct Negotiated {
    /// The serializer of both directions.
    pub serializer: SerializerId,
    /// The largest message that the peer receives.
    pub send_max: MaxLen,
    /// The largest message that this end announced to receive.
    pub recv_max: MaxLen,
}

/// The first octets of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Opening {
    octets: [u8; HANDSHAKE_LEN],
    have: u8,
}

impl Opening {
    const EMPTY: Self = Self {
        octets: [0; HANDSHAKE_LEN],
        have: 0,
    };

    /// Takes octets until there are four. A foreign first octet is refused before it is taken.
    fn fill(&mut self, input: &mut &[u8]) -> Result<Option<[u8; HANDSHAKE_LEN]>, HandshakeError> {
        while let Some(slot) = self.octets.get_mut(usize::from(self.have)) {
            let Some((&octet, rest)) = input.split_first() else {
                return Ok(None);
            };
            if self.have == 0 && octet != MAGIC {
                return Err(HandshakeError::NotRawSocket { first: octet });
            }
            *slot = octet;
            self.have += 1;
            *input = rest;
        }
        Ok(Some(self.octets))
    }

    fn missing(self) -> usize {
        HANDSHAKE_LEN.saturating_sub(usize::from(self.have))
    }
}
