//! What is done to a connection, and what its peer sends.

use proptest::prelude::*;

use crate::GREETING;
use crate::support::{filler, frame};

#[derive(Clone, Debug)]
pub(super) enum Op {
    Send(usize, Sort),
    Ping,
    Input(usize),
    Read(usize),
    Transmit(usize, Option<usize>),
    Advance(u64),
    Timeout,
    Eof,
    Close,
    Shutdown,
    Welcome,
    Accept,
    Refuse,
    Poll(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Sort {
    Own,
    Copy,
    Frame,
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let len = prop_oneof![4 => 0..200_usize, 2 => 1000..9000_usize, 2 => 15_000..50_000_usize];
    let sort = prop_oneof![Just(Sort::Own), Just(Sort::Copy), Just(Sort::Frame)];
    let octets = || prop_oneof![3 => 0..12_usize, 2 => 0..400_usize, 2 => 0..40_000_usize];
    prop_oneof![
        8 => (len, sort).prop_map(|(len, sort)| Op::Send(len, sort)),
        1 => Just(Op::Ping),
        8 => octets().prop_map(Op::Input),
        4 => octets().prop_map(Op::Read),
        12 => (octets(), prop::option::of(1..9_usize))
            .prop_map(|(count, slices)| Op::Transmit(count, slices)),
        1 => (0..700_u64).prop_map(Op::Advance),
        2 => Just(Op::Timeout),
        1 => prop::bool::weighted(0.2).prop_map(|eof| if eof { Op::Eof } else { Op::Poll(1) }),
        1 => prop::bool::weighted(0.3).prop_map(|end| if end { Op::Close } else { Op::Poll(1) }),
        1 => Just(Op::Shutdown),
        1 => Just(Op::Welcome),
        3 => Just(Op::Accept),
        1 => prop::bool::weighted(0.1).prop_map(|no| if no { Op::Refuse } else { Op::Poll(1) }),
        8 => (1..6_usize).prop_map(Op::Poll),
    ]
}

/// What the peer sends behind its handshake, and how much of it is whole frames.
pub(super) fn stream() -> impl Strategy<Value = (Vec<u8>, usize)> {
    let len = prop_oneof![6 => 0..60_usize, 2 => 200..=GREETING, 1 => GREETING..2000_usize];
    let kind = prop_oneof![4 => Just(0_u8), 4 => Just(1), 1 => Just(2)];
    let tail = prop_oneof![
        4 => Just(vec![]),
        1 => Just(vec![0x10, 0, 0, 0]),
        1 => Just(vec![0x03, 0, 0, 0, 1, 2]),
        1 => Just(vec![0, 0, 0, 9, 1, 2]),
        1 => Just(vec![0, 0]),
    ];
    (prop::collection::vec((kind, len), 0..40), tail).prop_map(|(frames, tail)| {
        let frames = frames.into_iter().enumerate();
        let mut octets = Vec::new();
        for (seed, (kind, len)) in frames {
            let len = if kind == 0 { len } else { len.min(GREETING) };
            octets.extend(frame(kind, &filler(len, seed)));
        }
        let good = octets.len();
        octets.extend(tail);
        (octets, good)
    })
}
