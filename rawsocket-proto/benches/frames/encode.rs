//! Frames to a sink that copies what is written, at most 64 KiB at once.

use std::io::IoSlice;

use bytes::{Bytes, BytesMut};
use tokio_util::codec::Encoder;
use wamp_rawsocket_proto::connection::{Connection, Frame};
use wamp_rawsocket_proto::wire::{FrameHeader, FrameKind};

use crate::case::Case;
use crate::decode::{codec, connection};
use crate::stream::{PIECE, Sink, Sizes, Stream, Tally};

pub(crate) fn cases(sizes: Sizes) -> Vec<Case> {
    vec![
        Case::new("nothing, the loop alone", nothing(sizes)),
        Case::new("header alone", header_only(sizes)),
        Case::new("memcpy, the payload's write alone", write_only(sizes)),
        Case::new("ideal coalescing", ideal_coalescing(sizes)),
        Case::new("ideal vectored", ideal_vectored(sizes)),
        Case::new("Connection, send_copy", send_copy(sizes)),
        Case::new("Connection, send of Bytes", send_bytes(sizes)),
        Case::new("Frame::encode and send_frame", send_frame(sizes)),
        Case::new("Frame::encode alone", frame_encode(sizes)),
        Case::new("tokio-util codec", codec_direct(sizes)),
    ]
}

fn header_of(payload: &[u8]) -> [u8; FrameHeader::LEN] {
    let len = u32::try_from(payload.len()).expect("short");
    FrameHeader::new(FrameKind::Message, len)
        .expect("short")
        .encode()
}

fn nothing(sizes: Sizes) -> impl FnMut() -> Tally {
    let stream = Stream::new(sizes);
    move || {
        let mut tally = Tally::default();
        for payload in &stream.payloads {
            std::hint::black_box(payload.len());
            tally.add(payload, true);
        }
        tally
    }
}

fn header_only(sizes: Sizes) -> impl FnMut() -> Tally {
    let stream = Stream::new(sizes);
    move || {
        let mut tally = Tally::default();
        for payload in &stream.payloads {
            std::hint::black_box(header_of(payload));
            tally.add(payload, true);
        }
        tally
    }
}

fn write_only(sizes: Sizes) -> impl FnMut() -> Tally {
    let stream = Stream::new(sizes);
    let mut sink = Sink::new();
    move || {
        let mut tally = Tally::default();
        for payload in &stream.payloads {
            sink.write(payload);
            tally.add(payload, true);
        }
        tally
    }
}

/// Header and payload behind each other in one buffer, which is written when it is full.
fn ideal_coalescing(sizes: Sizes) -> impl FnMut() -> Tally {
    let stream = Stream::new(sizes);
    let mut sink = Sink::new();
    let mut buf = Vec::with_capacity(PIECE);
    move || {
        let mut tally = Tally::default();
        for payload in &stream.payloads {
            if buf.len() + 4 + payload.len() > PIECE {
                sink.write(&buf);
                buf.clear();
            }
            let len = u32::try_from(payload.len()).expect("short");
            buf.extend_from_slice(&len.to_be_bytes());
            buf.extend_from_slice(payload);
            tally.add(payload, true);
        }
        sink.write(&buf);
        buf.clear();
        tally
    }
}

/// Header and payload straight to the sink.
fn ideal_vectored(sizes: Sizes) -> impl FnMut() -> Tally {
    let stream = Stream::new(sizes);
    let mut sink = Sink::new();
    move || {
        let mut tally = Tally::default();
        for payload in &stream.payloads {
            let len = u32::try_from(payload.len()).expect("short");
            sink.write(&len.to_be_bytes());
            sink.write(payload);
            tally.add(payload, true);
        }
        tally
    }
}

/// Writes all that waits, in vectored writes as the pump does.
fn flush(connection: &mut Connection, sink: &mut Sink) {
    while connection.pending() > 0 {
        let mut slices = [IoSlice::new(&[]); 8];
        let filled = connection.poll_transmit_vectored(&mut slices);
        let mut count = 0;
        for slice in &slices[..filled] {
            sink.write(slice);
            count += slice.len();
        }
        connection.handle_transmitted(count);
    }
}

/// Sends all payloads, and writes whenever 64 KiB wait.
fn sending<T: Clone>(
    items: Vec<T>,
    len: impl Fn(&T) -> &[u8],
    mut send: impl FnMut(&mut Connection, &T),
) -> impl FnMut() -> Tally {
    let mut connection = connection();
    let mut sink = Sink::new();
    move || {
        let mut tally = Tally::default();
        for item in &items {
            send(&mut connection, item);
            tally.add(len(item), true);
            if connection.pending() >= PIECE - 4096 {
                flush(&mut connection, &mut sink);
            }
        }
        flush(&mut connection, &mut sink);
        tally
    }
}

fn send_copy(sizes: Sizes) -> impl FnMut() -> Tally {
    sending(
        Stream::new(sizes).payloads,
        |payload| payload,
        |connection, payload| connection.send_copy(payload).expect("there is room"),
    )
}

fn send_bytes(sizes: Sizes) -> impl FnMut() -> Tally {
    let payloads = Stream::new(sizes).payloads.into_iter().map(Bytes::from);
    sending(
        payloads.collect(),
        |payload| payload,
        |connection, payload| connection.send(payload.clone()).expect("there is room"),
    )
}

fn encode(payload: &[u8]) -> Frame {
    let frame = Frame::encode(|out| {
        out.extend_from_slice(payload);
        Ok::<_, std::convert::Infallible>(())
    });
    frame.expect("short")
}

fn send_frame(sizes: Sizes) -> impl FnMut() -> Tally {
    sending(
        Stream::new(sizes).payloads,
        |payload| payload,
        |connection, payload| {
            connection
                .send_frame(encode(payload))
                .expect("there is room");
        },
    )
}

fn frame_encode(sizes: Sizes) -> impl FnMut() -> Tally {
    let stream = Stream::new(sizes);
    move || {
        let mut tally = Tally::default();
        for payload in &stream.payloads {
            std::hint::black_box(encode(payload));
            tally.add(payload, true);
        }
        tally
    }
}

fn codec_direct(sizes: Sizes) -> impl FnMut() -> Tally {
    let payloads = Stream::new(sizes).payloads.into_iter().map(Bytes::from);
    let payloads: Vec<Bytes> = payloads.collect();
    let mut sink = Sink::new();
    let mut codec = codec();
    let mut buf = BytesMut::with_capacity(PIECE);
    move || {
        let mut tally = Tally::default();
        for payload in &payloads {
            codec.encode(payload.clone(), &mut buf).expect("short");
            tally.add(payload, true);
            if buf.len() >= PIECE - 4096 {
                sink.write(&buf);
                buf.clear();
            }
        }
        sink.write(&buf);
        buf.clear();
        tally
    }
}
