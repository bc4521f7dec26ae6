//! Frames out of a fixed array, as firmware has it: no allocator, and 16 octets for what arrives.
//!
//! ```text
//! cargo run -p wamp-rawsocket-proto --example fixed_array
//! ```
//!
//! A sensor talks to a gateway over a serial line, which brings at most 16 octets at a time. It
//! shakes hands, answers a PING, handles a message that is longer than its buffer, and refuses one
//! that is longer than it said it takes.
//!
//! The library is used without features here, so it brings neither std nor an allocator. The
//! example itself has std, but only to print what happens; `rawsocket-proto/freestanding` is a
//! program without.

use wamp_rawsocket_proto::decode::{FrameDecoder, FramePart};
use wamp_rawsocket_proto::error::{FrameError, HandshakeError};
use wamp_rawsocket_proto::handshake::{Client, ClientStep};
use wamp_rawsocket_proto::wire::{FrameKind, FrameRules, MaxLen, Request, SerializerId};

/// What the line brings at a time: all the memory that there is for what arrives.
const PIECE: usize = 16;

/// The longest message that is taken: 512 octets. Handled in parts, it needs no memory.
const MAX_LEN: MaxLen = MaxLen::MIN;

/// The gateway's end of the line, as a recording.
pub(crate) const RECORDING: [&[u8]; 6] = [
    b"\x7F\x02\0\0",       // its part of the handshake: MessagePack, at most 512 octets
    b"\x01\0\0\x05alive",  // a PING
    b"\0\0\0\x02\x91\x06", // a short message
    b"\0\0\0\x30",         // the header of a message of 48 octets,
    &[b'.'; 48],           // more than one piece brings
    b"\0\0\x02\x01never gets in", // a message of 513 octets
];

fn main() {
    let mut line = RECORDING.into_iter().flatten().copied();
    let mut buffer = [0; PIECE];
    let (mut sensor, request) = Sensor::new();
    send(&request);
    while let piece @ [_, ..] = receive(&mut line, &mut buffer) {
        if let Err(reason) = sensor.handle_input(piece, &mut send) {
            println!("the sensor hangs up: {reason:?}");
            return;
        }
    }
}

/// Stands for the line's driver: fills the buffer as far as octets are there.
fn receive<'b>(line: &mut impl Iterator<Item = u8>, buffer: &'b mut [u8; PIECE]) -> &'b [u8] {
    let filled = buffer.iter_mut().zip(line);
    let len = filled.map(|(slot, octet)| *slot = octet).count();
    &buffer[..len]
}

/// Stands for the other direction of the line.
fn send(octets: &[u8]) {
    println!("sent {} octets: {}", octets.len(), octets.escape_ascii());
}

/// A client, from the handshake on.
pub(crate) struct Sensor {
    stage: Stage,
    /// The sum of the octets of the message under way. It stands for any use of them.
    sum: u32,
}

/// How far it has come.
enum Stage {
    Handshake(Client),
    Frames(FrameDecoder),
}

/// Why it hangs up.
#[derive(Debug, PartialEq)]
pub(crate) enum Failure {
    Handshake(HandshakeError),
    Frame(FrameError),
}

impl Sensor {
    /// A client, and what it sends first.
    pub(crate) fn new() -> (Self, [u8; 4]) {
        let client = Client::new(Request {
            max_len: MAX_LEN,
            serializer: SerializerId::MSGPACK,
        });
        let (stage, sum) = (Stage::Handshake(client), 0);
        (Self { stage, sum }, client.request())
    }

    /// Takes a piece of what arrives, wherever the line cut it, and is done with all of it.
    pub(crate) fn handle_input(
        &mut self,
        mut piece: &[u8],
        send: &mut impl FnMut(&[u8]),
    ) -> Result<(), Failure> {
        if let Stage::Handshake(client) = self.stage {
            self.stage = shake_hands(client, &mut piece).map_err(Failure::Handshake)?;
        }
        if let Stage::Frames(decoder) = &mut self.stage {
            while let Some(part) = decoder.poll_part(&mut piece).map_err(Failure::Frame)? {
                match part.header.kind() {
                    FrameKind::Message => take(part, &mut self.sum),
                    FrameKind::Ping => answer(part, send),
                    FrameKind::Pong => {} // it sends no PING
                }
            }
        }
        Ok(())
    }
}

/// Takes the gateway's reply, or a part of it. What lies behind it is left.
fn shake_hands(client: Client, piece: &mut &[u8]) -> Result<Stage, HandshakeError> {
    Ok(match client.feed(piece)? {
        ClientStep::More(client) => Stage::Handshake(client),
        ClientStep::Done(agreed) => {
            let max = agreed.recv_max.octets();
            println!("the gateway agrees: messages of at most {max} octets");
            Stage::Frames(FrameDecoder::new(FrameRules::new(max)))
        }
    })
}

/// Uses a part of a message as it comes.
fn take(part: FramePart<'_>, sum: &mut u32) {
    if part.is_first() {
        *sum = 0;
    }
    *sum += part.data.iter().copied().map(u32::from).sum::<u32>();
    println!("received {} octets of a message", part.data.len());
    if part.is_last() {
        let len = part.header.payload_len();
        println!("that was all of it, {len} octets that add up to {sum}");
    }
}

/// Answers a PING with a PONG of the same payload, part by part: it need not fit the buffer
/// either. Nothing else may be sent in between.
fn answer(part: FramePart<'_>, send: &mut impl FnMut(&[u8])) {
    if part.is_first() {
        send(&part.header.with_kind(FrameKind::Pong).encode());
    }
    if !part.data.is_empty() {
        send(part.data);
    }
}
