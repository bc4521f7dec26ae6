//! What a connection gives: octets to send, deadlines, events, and what it tells of itself.

use bytes::Bytes;

use super::{Connection, Ending, Eof, Inbound, State};
use crate::connection::Stats;
use crate::connection::event::{ConnectionError, Event, Payload};
use crate::connection::inbox::Inbox;
use crate::connection::outbox::Outbox;
use crate::handshake::Negotiated;
use crate::time::Deadline;
use crate::wire::{FrameHeader, FrameKind, MAX_PAYLOAD, Peek, peek};

impl Connection {
    /// The next octets to send, or `None`. Tell with
    /// [`handle_transmitted`](Self::handle_transmitted) how many of them were sent, before any
    /// other input or command: a PONG that becomes due goes before messages that wait. A frame's
    /// header never comes alone.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<&[u8]> {
        Some(self.outbox.first()).filter(|octets| !octets.is_empty())
    }

    /// The next octets to send in as many slices as are given, for a vectored write. Returns how
    /// many slices were filled. Otherwise as [`poll_transmit`](Self::poll_transmit); with less
    /// than two slices a header may come alone.
    #[cfg(feature = "driver")]
    #[must_use]
    pub fn poll_transmit_vectored<'c>(&'c self, slices: &mut [std::io::IoSlice<'c>]) -> usize {
        self.outbox.slices(slices)
    }

    /// Whether there are octets to send or a shutdown may be due.
    #[cfg(feature = "driver")]
    #[inline]
    pub(crate) fn wants_write(&self) -> bool {
        !self.outbox.is_empty() || self.ending.is_some()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, and why; `None` once
    /// [`is_closed`](Self::is_closed).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        if self.is_closed() {
            return None;
        }
        let heartbeat = self
            .heartbeat
            .as_ref()
            .and_then(|heartbeat| heartbeat.deadline());
        match (self.deadline, heartbeat) {
            (Some(a), Some(b)) => Some(if b.at < a.at { b } else { a }),
            (a, b) => a.or(b),
        }
    }

    /// What happened next, or `None` if nothing did.
    ///
    /// # Errors
    ///
    /// [`ConnectionError`], after the events that came before it, and from then on always.
    #[inline]
    pub fn poll_event(&mut self) -> Result<Option<Event<'_>>, ConnectionError> {
        self.inbox.settle();
        // The straight path: a message behind the one that was polled before.
        if let Some(len) = self.next_message() {
            self.inbox.lend(len);
            let inbox = &mut self.inbox;
            return Ok(Some(Event::Message(Payload { inbox })));
        }
        self.poll_other()
    }

    /// The next message, if it lies whole in the receive buffer and nothing goes before it.
    #[inline]
    fn next_message(&mut self) -> Option<usize> {
        if !matches!(self.state, State::Open(_)) || self.ending.is_some() || !self.is_reading() {
            return self.found_message();
        }
        let Ok(Peek::Complete { header, .. }) = peek(self.inbox.unread(), &self.rules) else {
            return None;
        };
        if header.kind() != FrameKind::Message {
            return None;
        }
        self.inbox.skip(FrameHeader::LEN);
        self.missing = 0;
        self.stats.messages_in += 1;
        Some(header.payload_len() as usize)
    }

    /// The message that reading stopped at.
    #[inline(never)]
    fn found_message(&mut self) -> Option<usize> {
        let Some(Inbound::Message(len)) = self.inbound else {
            return None;
        };
        self.inbound = None;
        Some(len)
    }

    /// A message that [`poll_event`](Self::poll_event) has to give at once, if no PONG waits that
    /// ought to leave first.
    #[cfg(feature = "driver")]
    #[inline]
    pub(crate) fn poll_message(&mut self) -> Option<Payload<'_>> {
        if self.outbox.pending_control() > 0 {
            return None;
        }
        self.inbox.settle();
        let len = self.next_message()?;
        self.inbox.lend(len);
        let inbox = &mut self.inbox;
        Some(Payload { inbox })
    }

    fn poll_other(&mut self) -> Result<Option<Event<'_>>, ConnectionError> {
        self.advance_undated();
        match self.inbound.take() {
            Some(Inbound::Message(len)) => {
                self.inbox.lend(len);
                let inbox = &mut self.inbox;
                return Ok(Some(Event::Message(Payload { inbox })));
            }
            Some(Inbound::Requested(request)) => return Ok(Some(Event::Requested(request))),
            Some(Inbound::Established(agreed)) => return Ok(Some(Event::Established(agreed))),
            Some(Inbound::Pong(rtt)) => return Ok(Some(Event::Pong { rtt })),
            None => {}
        }
        if let Some(Ending::Failed(error)) = self.ending {
            return Err(error);
        }
        if self.has_room() {
            self.blocked = None;
            return Ok(Some(Event::Writable));
        }
        if self.eof == Eof::Clean {
            self.eof = Eof::Told;
            return Ok(Some(Event::PeerFinished));
        }
        if let Some(Ending::Orderly(reason)) = self.ending
            && self.is_closed()
            && !self.flags.told
        {
            self.flags.told = true;
            return Ok(Some(Event::Closed(reason)));
        }
        Ok(None)
    }

    /// The message that was polled last, if nothing was done since.
    #[cfg(feature = "driver")]
    pub(crate) fn lent(&self) -> &[u8] {
        self.inbox.lent()
    }

    /// Whether [`poll_event`](Self::poll_event) has an event or an error to give. A message that
    /// was polled before is let go.
    pub fn has_event(&mut self) -> bool {
        self.inbox.settle();
        self.advance_undated();
        self.inbound.is_some()
            || self.has_room()
            || self.eof == Eof::Clean
            || match self.ending {
                Some(Ending::Failed(_)) => true,
                Some(Ending::Orderly(_)) => self.is_closed() && !self.flags.told,
                None => false,
            }
    }

    /// Whether octets from the peer are wanted. If not, do not read: that is what slows down a
    /// peer who sends faster than it is listened to.
    pub fn wants_read(&self) -> bool {
        if self.eof != Eof::No || self.flags.over {
            return false;
        }
        self.ending.is_some() || self.is_reading() && !self.has_unread()
    }

    /// Whether this end's side of the transport is to be shut down now. Tell with
    /// [`handle_shutdown`](Self::handle_shutdown).
    pub fn wants_shutdown(&self) -> bool {
        self.ending.is_some() && self.outbox.is_empty() && !self.flags.shut && !self.flags.over
    }

    /// Whether there is nothing left to do for the transport: it can be dropped.
    pub fn is_closed(&self) -> bool {
        let parted = self.outbox.is_empty() && self.flags.shut && self.eof != Eof::No;
        self.ending.is_some() && (self.flags.over || parted)
    }

    /// Why the connection failed, if it has: what [`poll_event`](Self::poll_event) returns after
    /// the events that came before.
    pub const fn error(&self) -> Option<ConnectionError> {
        match self.ending {
            Some(Ending::Failed(error)) => Some(error),
            _ => None,
        }
    }

    /// What the handshake led to.
    pub fn negotiated(&self) -> Option<Negotiated> {
        match self.state {
            State::Open(negotiated) => Some(negotiated),
            _ => None,
        }
    }

    /// The largest message that can be sent, in octets; 0 as long as the peer has not said what
    /// it receives.
    #[inline]
    pub fn send_limit(&self) -> u32 {
        let send_max = match self.state {
            State::Open(negotiated) => negotiated.send_max,
            State::Deciding(decide) => decide.request().max_len,
            State::AwaitReply(_) | State::AwaitRequest(_) => return 0,
        };
        let frame = if self.config.send_full_frame {
            MAX_PAYLOAD
        } else {
            MAX_PAYLOAD - 1
        };
        send_max.octets().min(frame)
    }

    /// Octets that wait to be sent, headers included.
    pub fn pending(&self) -> usize {
        self.outbox.pending_messages() + self.outbox.pending_control()
    }

    /// Octets of messages that wait to be sent, headers included.
    #[cfg(feature = "driver")]
    pub(crate) fn pending_messages(&self) -> usize {
        self.outbox.pending_messages()
    }

    /// Takes what was received as far as the next message. PONGs, of which nobody wants to know,
    /// are dropped: nothing would be read until they are polled.
    #[cfg(feature = "driver")]
    pub(crate) fn skip_pongs(&mut self) {
        while self.has_event() && matches!(self.inbound, Some(Inbound::Pong(_))) {
            self.inbound = None;
        }
    }

    /// PINGs since the peer's last sign of life.
    pub fn unanswered_pings(&self) -> u8 {
        self.heartbeat
            .as_ref()
            .map_or(0, |heartbeat| heartbeat.unanswered())
    }

    /// The most octets that the connection's buffers hold, whatever the peer does:
    ///
    /// * receiving: twice (the largest frame that is taken now + 64 KiB), since a buffer that
    ///   grows is copied;
    /// * PONGs: twice (the largest that can be owed + 64 KiB), and twice the
    ///   [backlog](crate::connection::Config::pong_backlog);
    /// * sending: twice (the [high-water mark](crate::connection::Config::water_marks) + 64 KiB),
    ///   and the largest message that the peer receives;
    /// * 4 KiB for the rest.
    ///
    /// Messages that were taken by [`Payload::into_bytes`] belong to whoever took them.
    pub fn memory_bound(&self) -> usize {
        const HEADER: usize = FrameHeader::LEN;
        let control = self.rules.max_len(FrameKind::Ping) as usize;
        let largest = control.max(self.rules.max_len(FrameKind::Message) as usize);
        let receiving = 2 * (largest + HEADER + Inbox::MAX_READ);
        let pongs = 2 * (control + HEADER + Outbox::FLAT) + 2 * self.config.pong_backlog;
        let sending = 2 * (self.config.high_water + Outbox::FLAT);
        let message = self.send_limit() as usize + HEADER;
        receiving + pongs + sending + message + (4 << 10)
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// What was received and not used: all of it if the peer does not speak RawSocket, so that
    /// another protocol can be tried.
    pub fn into_unread(self) -> Bytes {
        self.inbox.into_unread()
    }
}
