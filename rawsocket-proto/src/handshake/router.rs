//! The router's side.

use super::{Negotiated, Opening};
use crate::error::HandshakeError;
use crate::wire::{HANDSHAKE_LEN, MaxLen, RefusalCode, Reply, Request};

/// A router that awaits a client's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct AwaitRequest {
    opening: Opening,
}

/// What [`AwaitRequest::feed`] led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "the request is complete or it is not"
)]
pub enum RouterStep {
    /// The request is not complete: feed more.
    More(AwaitRequest),
    /// The request is complete and is to be answered.
    Decide(Decide),
}

impl AwaitRequest {
    /// A router at the start of a connection.
    pub const fn new() -> Self {
        Self {
            opening: Opening::EMPTY,
        }
    }

    /// Octets of the request that are still missing, 1 to 4.
    pub fn missing(&self) -> usize {
        self.opening.missing()
    }

    /// Takes octets of the request, and none behind it.
    ///
    /// # Errors
    ///
    /// Those of [`Request::decode`]. [`HandshakeError::refusal`] tells whether to answer with a
    /// refusal; in each case the connection is to be closed, unless the octets are another
    /// protocol's.
    pub fn feed(mut self, input: &mut &[u8]) -> Result<RouterStep, HandshakeError> {
        match self.opening.fill(input)? {
            Some(octets) => Ok(RouterStep::Decide(Decide {
                request: Request::decode(octets)?,
            })),
            None => Ok(RouterStep::More(self)),
        }
    }
}

impl Default for AwaitRequest {
    fn default() -> Self {
        Self::new()
    }
}

/// A request that waits for the router's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Decide {
    request: Request,
}

impl Decide {
    /// What the client asked for.
    pub const fn request(&self) -> Request {
        self.request
    }

    /// Accepts, and announces the largest message that this end receives. Returns the four octets
    /// to send.
    pub const fn accept(self, recv_max: MaxLen) -> ([u8; HANDSHAKE_LEN], Negotiated) {
        let Request {
            max_len,
            serializer,
        } = self.request;
        let reply = Reply::Accept {
            max_len: recv_max,
            serializer,
        };
        (
            reply.encode(),
            Negotiated {
                serializer,
                send_max: max_len,
                recv_max,
            },
        )
    }

    /// Refuses. Returns the four octets to send before closing.
    pub const fn refuse(self, code: RefusalCode) -> [u8; HANDSHAKE_LEN] {
        Reply::Refuse(code).encode()
    }
}
