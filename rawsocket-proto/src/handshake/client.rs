//! The client's side.

use super::{Negotiated, Opening};
use crate::error::HandshakeError;
use crate::wire::{HANDSHAKE_LEN, Reply, Request};

/// A client that sent its request, or is about to, and awaits the router's reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Client {
    request: Request,
    opening: Opening,
}

/// What [`Client::feed`] led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "the reply is complete or it is not"
)]
pub enum ClientStep {
    /// The reply is not complete: feed more.
    More(Client),
    /// The router accepted.
    Done(Negotiated),
}

impl Client {
    /// A client that asks for this.
    pub const fn new(request: Request) -> Self {
        Self {
            request,
            opening: Opening::EMPTY,
        }
    }

    /// The four octets to send, before anything else.
    pub const fn request(&self) -> [u8; HANDSHAKE_LEN] {
        self.request.encode()
    }

    /// Octets of the reply that are still missing, 1 to 4.
    pub fn missing(&self) -> usize {
        self.opening.missing()
    }

    /// Takes octets of the reply, and none behind it.
    ///
    /// # Errors
    ///
    /// Those of [`Reply::decode`]; [`Refused`](HandshakeError::Refused) with the router's code;
    /// [`SerializerMismatch`](HandshakeError::SerializerMismatch) if the router did not echo the
    /// serializer. In each case the connection is to be closed.
    pub fn feed(mut self, input: &mut &[u8]) -> Result<ClientStep, HandshakeError> {
        let Some(octets) = self.opening.fill(input)? else {
            return Ok(ClientStep::More(self));
        };
        let requested = self.request.serializer;
        match Reply::decode(octets)? {
            Reply::Refuse(code) => Err(HandshakeError::Refused(code)),
            Reply::Accept {
                serializer: replied,
                ..
            } if replied != requested => {
                Err(HandshakeError::SerializerMismatch { requested, replied })
            }
            Reply::Accept {
                max_len,
                serializer,
            } => Ok(ClientStep::Done(Negotiated {
                serializer,
                send_max: max_len,
                recv_max: self.request.max_len,
            })),
        }
    }
}
