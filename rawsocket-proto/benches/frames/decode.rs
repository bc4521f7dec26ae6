//! Frames out of a stream that is read in pieces of at most 64 KiB.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{BufMut, Bytes, BytesMut};
use futures_core::Stream as _;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::codec::{Decoder, FramedRead, LengthDelimitedCodec};
use wamp_rawsocket_proto::connection::{Config, Connection, Event};
use wamp_rawsocket_proto::decode::FrameDecoder;
use wamp_rawsocket_proto::handshake::Negotiated;
use wamp_rawsocket_proto::time::Instant;
use wamp_rawsocket_proto::wire::{FrameRules, MAX_PAYLOAD, MaxLen, SerializerId};

use crate::case::Case;
use crate::stream::{PIECE, Sizes, Source, Stream, Tally};

/// tokio-util's codec, for the same header: an octet that is skipped, three of length.
pub(crate) fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .big_endian()
        .length_field_offset(1)
        .length_field_length(3)
        .length_adjustment(0)
        .num_skip(4)
        .max_frame_length(MAX_PAYLOAD as usize)
        .new_codec()
}

pub(crate) fn connection() -> Connection {
    let negotiated = Negotiated {
        serializer: SerializerId::MSGPACK,
        send_max: MaxLen::MAX,
        recv_max: MaxLen::MAX,
    };
    let config = Config::new().water_marks(4 << 20, 1 << 20);
    let mut connection = Connection::established(Arc::new(config), negotiated, Instant::ZERO);
    connection.welcome();
    connection
}

pub(crate) fn cases(sizes: Sizes) -> Vec<Case> {
    vec![
        Case::new("memcpy, the read alone", read_only(sizes)),
        Case::new("ideal streaming", ideal(sizes)),
        Case::new("FrameDecoder", frame_decoder(sizes)),
        Case::new("Connection, handle_read", connection_read(sizes)),
        Case::new("Connection, handle_input", connection_input(sizes)),
        Case::new("tokio-util codec", codec_direct(sizes)),
        Case::new("tokio-util FramedRead", framed_read(sizes)),
    ]
}

fn read_only(sizes: Sizes) -> impl FnMut() -> Tally {
    let stream = Stream::new(sizes);
    let mut buf = vec![0; PIECE];
    move || {
        let mut source = Source::new(&stream.octets);
        loop {
            let piece = source.next(PIECE);
            if piece.is_empty() {
                return stream.tally();
            }
            buf[..piece.len()].copy_from_slice(piece);
            std::hint::black_box(&mut buf);
        }
    }
}

/// What could be written by hand for messages alone: no kinds, no limits, no errors. Frames are
/// handed out in pieces where the read cut them.
fn ideal(sizes: Sizes) -> impl FnMut() -> Tally {
    let stream = Stream::new(sizes);
    let mut buf = vec![0; PIECE];
    move || {
        let mut source = Source::new(&stream.octets);
        let mut tally = Tally::default();
        // Of the frame under way: octets of the header that came, and octets that are missing.
        let (mut header, mut have, mut missing) = ([0; 4], 0, 0);
        loop {
            let piece = source.next(PIECE);
            if piece.is_empty() {
                return tally;
            }
            buf[..piece.len()].copy_from_slice(piece);
            let mut input = &buf[..piece.len()];
            loop {
                if have == 0
                    && let Some((head, behind)) = input.split_first_chunk::<4>()
                {
                    let len = (u32::from_be_bytes(*head) & 0xFF_FFFF) as usize;
                    if let Some((payload, rest)) = behind.split_at_checked(len) {
                        tally.add(payload, true);
                        input = rest;
                        continue;
                    }
                }
                while have < 4
                    && let Some((octet, rest)) = input.split_first()
                {
                    header[have] = *octet;
                    have += 1;
                    input = rest;
                    if have == 4 {
                        missing = (u32::from_be_bytes(header) & 0xFF_FFFF) as usize;
                    }
                }
                if input.is_empty() {
                    break;
                }
                let (payload, rest) = input.split_at(missing.min(input.len()));
                missing -= payload.len();
                tally.add(payload, missing == 0);
                input = rest;
                if missing == 0 {
                    have = 0;
                }
            }
        }
    }
}

fn frame_decoder(sizes: Sizes) -> impl FnMut() -> Tally {
    let stream = Stream::new(sizes);
    let mut buf = vec![0; PIECE];
    let mut decoder = FrameDecoder::new(FrameRules::new(MAX_PAYLOAD));
    move || {
        let mut source = Source::new(&stream.octets);
        let mut tally = Tally::default();
        loop {
            let piece = source.next(PIECE);
            if piece.is_empty() {
                return tally;
            }
            buf[..piece.len()].copy_from_slice(piece);
            let mut input = &buf[..piece.len()];
            while let Some(part) = decoder.poll_part(&mut input).expect("legal") {
                tally.add(part.data, part.is_last());
            }
        }
    }
}

/// Polls all messages of a connection.
fn poll_all(connection: &mut Connection, tally: &mut Tally) {
    while let Some(event) = connection.poll_event().expect("legal") {
        if let Event::Message(payload) = event {
            tally.add(&payload, true);
        }
    }
}

fn connection_read(sizes: Sizes) -> impl FnMut() -> Tally {
    let stream = Stream::new(sizes);
    let mut connection = connection();
    move || {
        let mut source = Source::new(&stream.octets);
        let mut tally = Tally::default();
        loop {
            let read = connection.handle_read(Instant::ZERO, |buf| {
                let piece = source.next(buf.remaining_mut());
                buf.put_slice(piece);
                piece.len()
            });
            if read == 0 {
                return tally;
            }
            poll_all(&mut connection, &mut tally);
        }
    }
}

fn connection_input(sizes: Sizes) -> impl FnMut() -> Tally {
    let stream = Stream::new(sizes);
    let mut buf = vec![0; PIECE];
    let mut connection = connection();
    move || {
        let mut source = Source::new(&stream.octets);
        let mut tally = Tally::default();
        loop {
            let piece = source.next(PIECE);
            if piece.is_empty() {
                return tally;
            }
            buf[..piece.len()].copy_from_slice(piece);
            let mut input = &buf[..piece.len()];
            while !input.is_empty() {
                connection.handle_input(&mut input, Instant::ZERO);
                poll_all(&mut connection, &mut tally);
            }
        }
    }
}

fn codec_direct(sizes: Sizes) -> impl FnMut() -> Tally {
    let stream = Stream::new(sizes);
    let mut codec = codec();
    let mut buf = BytesMut::new();
    move || {
        let mut source = Source::new(&stream.octets);
        let mut tally = Tally::default();
        loop {
            let piece = source.next(PIECE);
            if piece.is_empty() {
                return tally;
            }
            buf.extend_from_slice(piece);
            while let Some(frame) = codec.decode(&mut buf).expect("legal") {
                tally.add(&frame, true);
            }
        }
    }
}

/// A reader that starts anew when it is at the end.
struct Looping {
    octets: Bytes,
    at: usize,
}

impl AsyncRead for Looping {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if this.at == this.octets.len() {
            this.at = 0;
        }
        let piece = Source::new(&this.octets[this.at..]).next(buf.remaining());
        buf.put_slice(piece);
        this.at += piece.len();
        Poll::Ready(Ok(()))
    }
}

fn framed_read(sizes: Sizes) -> impl FnMut() -> Tally {
    let Stream { octets, payloads } = Stream::new(sizes);
    let reader = Looping {
        octets: octets.into(),
        at: 0,
    };
    let mut framed = FramedRead::new(reader, codec());
    move || {
        let mut cx = Context::from_waker(Waker::noop());
        let mut tally = Tally::default();
        while tally.frames < payloads.len() {
            let Poll::Ready(Some(frame)) = Pin::new(&mut framed).poll_next(&mut cx) else {
                unreachable!("the reader is always ready and never at its end");
            };
            tally.add(&frame.expect("legal"), true);
        }
        tally
    }
}
