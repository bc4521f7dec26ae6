//! What is inside the quotes of a string: escapes, and Base64 for binary.

use alloc::borrow::Cow;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Base64 with padding. Bits left over at its end are ignored, since some encoders set them.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// What a string that stands for binary starts with. JSON has no other way to write a `\0`.
pub(super) const BINARY: &[u8] = b"\\u0000";

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Where in `octets` the first quote, backslash or control character is.
#[inline]
pub(super) fn find_special(octets: &[u8]) -> Option<usize> {
    // Most strings are short.
    let (short, long) = octets.split_at(octets.len().min(32));
    find_by_words(short).or_else(|| {
        let clean = clean_blocks(long);
        find_by_words(&long[clean..]).map(|at| short.len() + clean + at)
    })
}

/// How many octets at the front of `octets` are in blocks without any special one.
fn clean_blocks(octets: &[u8]) -> usize {
    let (blocks, _) = octets.as_chunks::<64>();
    let clean = blocks.iter().take_while(|block| {
        // Without a short cut, so that many octets are looked at together.
        !block
            .iter()
            .fold(false, |special, octet| special | is_special(*octet))
    });
    clean.count() * 64
}

#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches it is done for many octets at once"
)]
const fn is_special(octet: u8) -> bool {
    (octet == b'"') | (octet == b'\\') | (octet < 0x20)
}

/// The same, eight octets at a time.
#[inline]
fn find_by_words(octets: &[u8]) -> Option<usize> {
    let (words, rest) = octets.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // Each marks the first octet that matches exactly, and perhaps more after it.
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let marks = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let marks = marks & HIGHS;
        if marks != 0 {
            return Some(index * 8 + (marks.trailing_zeros() / 8) as usize);
        }
    }
    let done = octets.len() - rest.len();
    rest.iter()
        .position(|octet| is_special(*octet))
        .map(|at| done + at)
}

/// The code unit of the four digits of a `\u` escape.
fn code_unit(digits: &[u8]) -> Option<u32> {
    digits
        .first_chunk::<4>()?
        .iter()
        .try_fold(0, |unit, digit| {
            Some(unit << 4 | char::from(*digit).to_digit(16)?)
        })
}

/// Reads the escape that `octets` starts with, backslash included: its character and its length.
pub(super) fn escape(octets: &[u8]) -> Option<(char, usize)> {
    let simple = match octets.get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let unit = code_unit(octets.get(2..)?)?;
            if !(0xD800..0xDC00).contains(&unit) {
                return Some((char::from_u32(unit)?, 6));
            }
            let low = match octets.get(6..8)? {
                b"\\u" => code_unit(octets.get(8..)?)?,
                _ => return None,
            };
            if !(0xDC00..0xE000).contains(&low) {
                return None;
            }
            let scalar = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            return Some((char::from_u32(scalar)?, 12));
        }
        _ => return None,
    };
    Some((simple, 2))
}

/// A string without its escapes. It borrows if there are none.
pub(super) fn unescape(content: &str) -> Cow<'_, str> {
    if !content.contains('\\') {
        return Cow::Borrowed(content);
    }
    let mut text = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let Some((character, len)) = escape(&rest.as_bytes()[at..]) else {
            return Cow::Owned(text);
        };
        text.push(character);
        rest = &rest[at + len..];
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Whether the rest of a string, after [`BINARY`], is Base64. Solidi may be escaped.
pub(super) fn is_base64(content: &str) -> bool {
    let content = if content.contains('\\') {
        unescape(content)
    } else {
        Cow::Borrowed(content)
    };
    let octets = content.as_bytes();
    let padding = octets
        .iter()
        .rev()
        .take(2)
        .take_while(|o| **o == b'=')
        .count();
    octets.len() % 4 == 0
        && octets[..octets.len() - padding]
            .iter()
            // Without a short cut, so that many octets are looked at together.
            .fold(true, |good, octet| good & is_digit(*octet))
}

/// Whether this is a digit of Base64.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches it is done for many octets at once"
)]
const fn is_digit(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() | (octet == b'+') | (octet == b'/')
}

/// The binary that the rest of a string, after [`BINARY`], stands for.
pub(super) fn decode_base64(content: &str) -> Option<Vec<u8>> {
    BASE64.decode(unescape(content).as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_the_first_special_octet(
            octets in proptest::collection::vec(0x1e_u8..0x60, 0..300),
            clean in 0..300_usize,
        ) {
            let octets = [vec![b'a'; clean], octets].concat();
            let naive = octets.iter().position(|o| *o == b'"' || *o == b'\\' || *o < 0x20);
            prop_assert_eq!(find_special(&octets), naive);
        }

        #[test]
        fn base64_is_what_can_be_decoded(text in "[A-Za-z0-9+/=\\\\ ]{0,13}", bytes: Vec<u8>) {
            prop_assert_eq!(is_base64(&text), decode_base64(&text).is_some());
            let encoded = BASE64.encode(&bytes);
            prop_assert!(is_base64(&encoded));
            prop_assert_eq!(decode_base64(&encoded), Some(bytes));
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(unescape(r#"a\"\\\/\b\f\n\r\tz"#), "a\"\\/\u{8}\u{c}\n\r\tz");
        assert_eq!(unescape(r"\u00e9\uD83D\uDE00!"), "é😀!");
        for bad in [
            r"\x",
            r"\u12",
            r"\u12g4",
            r"\ud800",
            r"\ud800\u0041",
            r"\udc00",
            "\\",
        ] {
            assert_eq!(escape(bad.as_bytes()), None, "{bad}");
        }
        assert!(is_base64(r"ab\/+"));
    }
}
