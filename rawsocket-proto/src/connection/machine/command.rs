//! What the layer above asks of a connection.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;

use bytes::Bytes;

use super::{Connection, Ending, Eof, Inbound, State};
use crate::connection::event::{CloseReason, SendError, SendErrorReason};
use crate::connection::frame::{Frame, frame_header};
use crate::handshake::{Decide, Negotiated};
use crate::heartbeat::Heartbeat;
use crate::time::Instant;
use crate::wire::{FrameHeader, FrameKind, RefusalCode};

impl Connection {
    /// Router: lets the client in that
    /// [`Event::Requested`](crate::connection::Event::Requested) told of.
    ///
    /// # Errors
    ///
    /// [`NotDeciding`] if no request waits for a decision.
    pub fn accept(&mut self) -> Result<Negotiated, NotDeciding> {
        let decide = self.deciding()?;
        let (reply, negotiated) = decide.accept(self.config.announced_max());
        self.outbox.push_handshake(reply);
        self.open(negotiated);
        self.inbound = Some(Inbound::Established(negotiated));
        Ok(negotiated)
    }

    /// Router: turns the client away that
    /// [`Event::Requested`](crate::connection::Event::Requested) told of, and closes.
    ///
    /// # Errors
    ///
    /// [`NotDeciding`] if no request waits for a decision.
    pub fn refuse(&mut self, code: RefusalCode) -> Result<(), NotDeciding> {
        let decide = self.deciding()?;
        self.outbox.push_handshake(decide.refuse(code));
        self.end(Ending::Orderly(CloseReason::Local));
        self.flags.undated = true;
        Ok(())
    }

    fn deciding(&self) -> Result<Decide, NotDeciding> {
        match self.state {
            State::Deciding(decide) if self.ending.is_none() => Ok(decide),
            _ => Err(NotDeciding),
        }
    }

    /// The layer above knows the peer: from now on messages are received up to
    /// [`Config::max_receive`](crate::connection::Config::max_receive).
    pub fn welcome(&mut self) {
        self.flags.welcome = true;
        if let State::Open(negotiated) = self.state {
            self.rules = self.rules_for(negotiated);
        }
    }

    /// Queues a message; without copying it if it is large.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message. The connection is as it was.
    #[inline]
    pub fn send(&mut self, message: Bytes) -> Result<(), SendError<Bytes>> {
        match self.check(message.len()) {
            Ok(header) => {
                self.outbox.push(header, message);
                Ok(())
            }
            Err(reason) => Err(SendError { message, reason }),
        }
    }

    /// Queues a copy of a message.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the slice. The connection is as it was.
    #[inline]
    pub fn send_copy<'m>(&mut self, message: &'m [u8]) -> Result<(), SendError<&'m [u8]>> {
        match self.check(message.len()) {
            Ok(header) => {
                self.outbox.push_copy(header, message);
                Ok(())
            }
            Err(reason) => Err(SendError { message, reason }),
        }
    }

    /// Queues a message that has its header already, sharing it with whoever else sends it.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the frame. The connection is as it was.
    pub fn send_frame(&mut self, frame: Frame) -> Result<(), SendError<Frame>> {
        match self.check(frame.payload_len()) {
            Ok(_) => {
                self.outbox.push_frame(frame.into_bytes());
                Ok(())
            }
            Err(reason) => Err(SendError {
                message: frame,
                reason,
            }),
        }
    }

    /// Whether a message of so many octets would be taken now.
    ///
    /// # Errors
    ///
    /// The reason why not.
    pub fn can_send(&self, len: usize) -> Result<(), SendErrorReason> {
        self.header_for(len).map(|_| ())
    }

    /// The header of a message of this length, if it is taken.
    #[inline]
    fn header_for(&self, len: usize) -> Result<[u8; FrameHeader::LEN], SendErrorReason> {
        self.check_open()?;
        let max = self.send_limit();
        let header = frame_header(FrameKind::Message, len).filter(|_| len <= max as usize);
        let header = header.ok_or(SendErrorReason::TooLong { len, max })?;
        let room = self.fits(self.outbox.pending_messages(), len);
        if room {
            Ok(header)
        } else {
            Err(SendErrorReason::Full)
        }
    }

    /// As [`header_for`](Self::header_for), with the consequences.
    #[inline]
    fn check(&mut self, len: usize) -> Result<[u8; FrameHeader::LEN], SendErrorReason> {
        let header = self.header_for(len);
        match header {
            Ok(_) => self.stats.messages_out += 1,
            Err(SendErrorReason::Full) => self.blocked = Some(len),
            Err(_) => {}
        }
        header
    }

    #[inline]
    fn check_open(&self) -> Result<(), SendErrorReason> {
        match self.state {
            _ if self.ending.is_some() => Err(SendErrorReason::Closed),
            State::Open(_) => Ok(()),
            _ => Err(SendErrorReason::NotEstablished),
        }
    }

    /// Queues a PING now, before the messages that wait. Its PONG comes as
    /// [`Event::Pong`](crate::connection::Event::Pong); with as many unanswered as
    /// [`Config::max_pings`](crate::connection::Config::max_pings) allows, the connection is given
    /// up instead.
    ///
    /// # Errors
    ///
    /// [`NotEstablished`](SendErrorReason::NotEstablished) or
    /// [`Closed`](SendErrorReason::Closed), the latter also if the peer was just given up.
    pub fn ping(&mut self, now: Instant) -> Result<(), SendErrorReason> {
        self.tick(now);
        self.check_open()?;
        let fresh = || Box::new(Heartbeat::new(self.config.heartbeat, now));
        let beat = self.heartbeat.get_or_insert_with(fresh).ping(self.now);
        self.beat(beat);
        self.check_open()
    }

    /// Closes in order: what is queued is sent, then this end's side is shut down, then the peer's
    /// end is awaited, all within
    /// [`Config::close_timeout`](crate::connection::Config::close_timeout). What the peer still
    /// sends is dropped, and so is what was received and not polled.
    pub fn close(&mut self, now: Instant) {
        self.tick(now);
        if self.ending.is_none() {
            let by_peer = self.eof != Eof::No;
            let reason = if by_peer {
                CloseReason::Peer
            } else {
                CloseReason::Local
            };
            self.end(Ending::Orderly(reason));
        }
    }
}

/// No request waits for a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct NotDeciding;

impl fmt::Display for NotDeciding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no handshake request waits for a decision")
    }
}

impl Error for NotDeciding {}
