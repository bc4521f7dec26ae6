//! What the tests share. Nothing here uses the crate's own encoders or decoders for the wire, so
//! that a mistake in them is not repeated here.

#[cfg(feature = "connection")]
pub(crate) mod link;
#[cfg(feature = "driver")]
pub(crate) mod script;
#[cfg(feature = "connection")]
pub(crate) mod world;

/// `0x7F`, the second octet, two zeros.
pub(crate) fn hello(second: u8) -> [u8; 4] {
    [0x7F, second, 0, 0]
}

/// A frame, built by hand. Its payload is at most 2^24 - 1 octets.
pub(crate) fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let len = payload.len();
    assert!(len < 1 << 24);
    let mut octets = vec![
        kind,
        octet(len / 65_536),
        octet(len / 256 % 256),
        octet(len % 256),
    ];
    octets.extend_from_slice(payload);
    octets
}

/// `len` octets that differ from place to place and from seed to seed.
pub(crate) fn filler(len: usize, seed: usize) -> Vec<u8> {
    (0..len)
        .map(|at| octet((at * 7 + at / 251 + seed * 31) % 256))
        .collect()
}

fn octet(value: usize) -> u8 {
    u8::try_from(value).expect("one octet")
}

/// Whole frames at the front of `octets`, and how many octets they are: a parser of its own, for
/// what a connection sent.
pub(crate) fn parse(octets: &[u8]) -> (Vec<(u8, Vec<u8>)>, usize) {
    let (mut frames, mut at) = (Vec::new(), 0);
    while let [kind, a, b, c, rest @ ..] = &octets[at..] {
        let len = match (*kind, [*a, *b, *c]) {
            (0x08..=0x0A, [0, 0, 0]) => 1 << 24,
            (0..=2, _) => usize::from(*a) * 65_536 + usize::from(*b) * 256 + usize::from(*c),
            _ => panic!("a header that must never be sent: {kind:02x} {a:02x}{b:02x}{c:02x}"),
        };
        let Some(payload) = rest.get(..len) else {
            break;
        };
        frames.push((*kind & 7, payload.to_vec()));
        at += 4 + len;
    }
    (frames, at)
}
