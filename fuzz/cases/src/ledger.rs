//! What went over the wire of one end, and what must follow from it.

use std::collections::VecDeque;

use rawsocket_proto::wire::FrameKind;

use crate::reference::{self, Frame, Limits};

/// All octets of one end in both directions. Whatever leaves is checked as soon as it is whole:
/// messages in the order of sending, PONGs in the order of the PINGs that came, nothing else.
pub(crate) struct Ledger {
    input: Vec<u8>,
    output: Vec<u8>,
    sent: VecDeque<Vec<u8>>,
    /// Behind the message that was polled last, in `input`.
    polled: usize,
    /// Behind the PING that was answered last, in `input`.
    answered: usize,
    /// Behind the last whole frame in `output`.
    checked: usize,
    pub(crate) pongs: u64,
    /// The payload of the last PING in `output`.
    pub(crate) last_ping: Option<Vec<u8>>,
}

impl Ledger {
    /// `handshake` octets come before the frames, in both directions.
    pub(crate) const fn new(handshake: usize) -> Self {
        Self {
            input: Vec::new(),
            output: Vec::new(),
            sent: VecDeque::new(),
            polled: handshake,
            answered: handshake,
            checked: handshake,
            pongs: 0,
            last_ping: None,
        }
    }

    pub(crate) fn came(&mut self, octets: &[u8]) {
        self.input.extend_from_slice(octets);
    }

    pub(crate) fn queued(&mut self, message: Vec<u8>) {
        self.sent.push_back(message);
    }

    /// Messages that were queued and did not leave yet.
    pub(crate) fn unsent(&self) -> usize {
        self.sent.len()
    }

    /// The next message that is to be polled: its payload, and where it ends.
    pub(crate) fn due(&self) -> Option<(&[u8], usize)> {
        self.find(self.polled, FrameKind::Message)
    }

    /// That message was polled.
    pub(crate) const fn polled(&mut self, end: usize) {
        self.polled = end;
    }

    /// Octets that came behind the last whole frame.
    pub(crate) fn tail(&self) -> &[u8] {
        let frames = self.input.get(self.polled..).unwrap_or_default();
        reference::all(frames, &Limits::NONE).1
    }

    /// The oldest PING that was not answered.
    pub(crate) fn unanswered(&self) -> Option<(&[u8], usize)> {
        self.find(self.answered, FrameKind::Ping)
    }

    fn find(&self, from: usize, kind: FrameKind) -> Option<(&[u8], usize)> {
        let mut octets = self.input.get(from..)?;
        while let Ok(Some((frame, rest))) = reference::next(octets, &Limits::NONE) {
            if frame.kind == kind {
                return Some((frame.payload, self.input.len() - rest.len()));
            }
            octets = rest;
        }
        None
    }

    /// Whether what left ends between two frames.
    pub(crate) const fn is_between_frames(&self) -> bool {
        self.checked == self.output.len()
    }

    pub(crate) fn left(&mut self, octets: &[u8]) {
        self.output.extend_from_slice(octets);
        let strict = Limits {
            ignore_reserved_bits: false,
            ..Limits::NONE
        };
        loop {
            let frames = self.output.get(self.checked..).unwrap_or_default();
            let next = reference::next(frames, &strict).expect("nothing illegal leaves");
            let Some((Frame { kind, payload }, rest)) = next else {
                return;
            };
            let end = self.output.len() - rest.len();
            match kind {
                FrameKind::Message => {
                    let message = self.sent.pop_front().expect("a message that was sent");
                    assert!(message == payload, "messages leave in order and whole");
                }
                FrameKind::Ping => {
                    assert_eq!(payload.len(), 8);
                    assert!(payload.iter().all(u8::is_ascii_hexdigit));
                    self.last_ping = Some(payload.to_vec());
                }
                FrameKind::Pong => {
                    let (ping, behind) = self.unanswered().expect("a PONG only for a PING");
                    assert!(ping == payload, "PONGs leave in order and unchanged");
                    self.answered = behind;
                    self.pongs += 1;
                }
            }
            self.checked = end;
        }
    }
}
