//! The frame decoder.

use rawsocket_proto::decode::FrameDecoder;
use rawsocket_proto::error::FrameError;
use rawsocket_proto::wire::{FrameKind, FrameRules, MAX_PAYLOAD, Peek, peek};

use crate::choices::Choices;
use crate::reference::{self, Limits};

/// A stream in pieces, against a naive parser of the whole: the same frames, the same error, the
/// same end, whatever the pieces are.
pub fn decoder(data: &[u8]) {
    let mut choices = Choices::new(data);
    let (rules, limits) = rules(&mut choices);
    let cuts = choices.octets(8);
    let stream = choices.rest();

    let (expected, tail, error) = reference::all(stream, &limits);
    let mut decoder = FrameDecoder::new(rules);
    let mut frames: Vec<(FrameKind, Vec<u8>)> = Vec::new();
    let mut open = false;
    let mut used = 0;
    let mut outcome = Ok(());
    'stream: for piece in pieces(stream, cuts) {
        let mut input = piece;
        loop {
            let (before, boundary) = (input.len(), decoder.is_at_boundary());
            let part = decoder.poll_part(&mut input);
            used += before - input.len();
            let part = match part {
                Ok(Some(part)) => part,
                Ok(None) => {
                    assert!(
                        input.is_empty(),
                        "octets were left although none are missing"
                    );
                    break;
                }
                Err(error) => {
                    outcome = Err(error);
                    break 'stream;
                }
            };
            assert!(before > input.len() || part.header.payload_len() == 0 || !boundary);
            assert_eq!(part.is_first(), !open, "parts in order");
            if part.is_first() {
                frames.push((part.header.kind(), Vec::new()));
            }
            let (kind, payload) = frames.last_mut().expect("just pushed");
            assert_eq!(*kind, part.header.kind());
            assert_eq!(payload.len(), part.offset as usize, "parts without gaps");
            payload.extend_from_slice(part.data);
            open = !part.is_last();
            assert_eq!(decoder.is_at_boundary(), !open);
            assert_eq!(decoder.current().is_some(), open);
            if open {
                assert!(input.is_empty() && !part.data.is_empty());
                let missing = part.header.payload_len() as usize - payload.len();
                assert_eq!(decoder.missing(), missing);
            }
        }
    }

    // Frames that were begun count as far as they came.
    let whole = frames.len() - usize::from(open);
    let seen = frames[..whole]
        .iter()
        .map(|(kind, payload)| (*kind, &payload[..]));
    assert!(seen.eq(expected.iter().map(|frame| (frame.kind, frame.payload))));
    assert_eq!(outcome.err(), error);
    if let Some(error) = error {
        assert_eq!(
            used,
            stream.len() - tail.len() + 4,
            "the header is the last that is used"
        );
        let mut input = &b"\0\0\0\0"[..];
        assert_eq!(
            decoder.poll_part(&mut input),
            Err(error),
            "the error is final"
        );
        assert_eq!(input.len(), 4, "and nothing more is used");
    } else {
        assert_eq!(used, stream.len());
        assert_eq!(decoder.is_at_boundary(), tail.is_empty());
        if let (true, Some((_, payload))) = (open, frames.last()) {
            assert_eq!(payload, &tail[4..]);
        }
    }
}

/// A stream of growing length, given to the decoder piece by piece and to the one-shot parser as
/// a whole: both see the same frames and miss the same octets after each piece.
pub fn decoder_vs_peek(data: &[u8]) {
    let mut choices = Choices::new(data);
    let (rules, _) = rules(&mut choices);
    let cuts = choices.octets(8);
    let stream = choices.rest();

    let mut decoder = FrameDecoder::new(rules);
    // Behind the last whole frame, for the one and for the other.
    let (mut at_decoder, mut at_peek, mut arrived) = (0, 0, 0);
    for piece in pieces(stream, cuts) {
        arrived += piece.len();
        let peeked = loop {
            match peek(&stream[at_peek..arrived], &rules) {
                Ok(Peek::Complete { payload, rest, .. }) => {
                    at_peek = arrived - rest.len();
                    assert_eq!(payload, &stream[at_peek - payload.len()..at_peek]);
                }
                Ok(Peek::Partial { missing }) => break Ok(missing),
                Err(error) => break Err(error),
            }
        };
        let mut input = piece;
        let fed: Result<usize, FrameError> = loop {
            match decoder.poll_part(&mut input) {
                Ok(Some(part)) if part.is_last() => at_decoder = arrived - input.len(),
                Ok(Some(_)) => {}
                Ok(None) => break Ok(decoder.missing()),
                Err(error) => break Err(error),
            }
        };
        assert_eq!(at_decoder, at_peek);
        assert_eq!(fed, peeked);
        if fed.is_err() {
            break;
        }
    }
}

fn rules(choices: &mut Choices<'_>) -> (FrameRules, Limits) {
    let message = choices.one_of([0, 1, 3, 16, 200, 512, 70_000, MAX_PAYLOAD, u32::MAX]);
    let control = choices.one_of([u32::MAX, 0, 2, 16, 300]);
    let ignore_reserved_bits = choices.flag();
    let rules = FrameRules::new(message)
        .max_control(control)
        .ignore_reserved_bits(ignore_reserved_bits);
    let message = message.min(MAX_PAYLOAD);
    let limits = Limits {
        message,
        control: control.min(message),
        ignore_reserved_bits,
    };
    (rules, limits)
}

/// A stream cut into pieces whose lengths these octets give, over and over; empty pieces too.
fn pieces<'s>(stream: &'s [u8], cuts: &[u8]) -> impl Iterator<Item = &'s [u8]> {
    let mut lengths: Vec<usize> = cuts.iter().map(|&cut| usize::from(cut)).collect();
    if lengths.iter().sum::<usize>() == 0 {
        lengths.push(1);
    }
    let mut lengths = lengths.into_iter().cycle();
    let mut left = stream;
    std::iter::from_fn(move || {
        if left.is_empty() {
            return None;
        }
        let (piece, rest) = left.split_at(lengths.next()?.min(left.len()));
        left = rest;
        Some(piece)
    })
}
