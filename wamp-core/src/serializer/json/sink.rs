//! Writes values, without white space.

use base64::Engine;

use super::text::{BASE64, find_special};
use crate::error::EncodeError;
use crate::serializer::{SerializerKind, Sink};

/// Appends JSON.
#[derive(Debug)]
pub(crate) struct JsonSink<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> JsonSink<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out }
    }

    /// A string in quotes, with the escapes that must be.
    fn quoted(&mut self, text: &str) {
        self.out.push(b'"');
        let mut rest = text.as_bytes();
        while let Some(at) = find_special(rest) {
            let (clean, special) = rest.split_at(at);
            self.out.extend_from_slice(clean);
            let Some((&octet, left)) = special.split_first() else {
                break;
            };
            let short = match octet {
                b'"' | b'\\' => octet,
                0x08 => b'b',
                0x09 => b't',
                0x0A => b'n',
                0x0C => b'f',
                0x0D => b'r',
                _ => {
                    let high = b'0' + (octet >> 4);
                    let low = b"0123456789abcdef"[usize::from(octet & 0x0F)];
                    self.out
                        .extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
                    rest = left;
                    continue;
                }
            };
            self.out.extend_from_slice(&[b'\\', short]);
            rest = left;
        }
        self.out.extend_from_slice(rest);
        self.out.push(b'"');
    }
}

const NO_EQUIVALENT: EncodeError = EncodeError::NoEquivalent {
    serializer: SerializerKind::Json,
};

impl Sink for JsonSink<'_> {
    const SERIALIZER: SerializerKind = SerializerKind::Json;

    type Mark = ();

    fn out(&mut self) -> &mut Vec<u8> {
        self.out
    }

    fn null(&mut self) {
        self.out.extend_from_slice(b"null");
    }

    fn bool(&mut self, value: bool) {
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn int(&mut self, value: i64) {
        let mut digits = itoa::Buffer::new();
        self.out.extend_from_slice(digits.format(value).as_bytes());
    }

    #[inline]
    fn uint(&mut self, value: u64) {
        let mut digits = itoa::Buffer::new();
        self.out.extend_from_slice(digits.format(value).as_bytes());
    }

    fn float(&mut self, value: f64) -> Result<(), EncodeError> {
        if !value.is_finite() {
            return Err(NO_EQUIVALENT);
        }
        let mut digits = zmij::Buffer::new();
        self.out
            .extend_from_slice(digits.format_finite(value).as_bytes());
        Ok(())
    }

    fn float32(&mut self, value: f32) -> Result<(), EncodeError> {
        if !value.is_finite() {
            return Err(NO_EQUIVALENT);
        }
        let mut digits = zmij::Buffer::new();
        self.out
            .extend_from_slice(digits.format_finite(value).as_bytes());
        Ok(())
    }

    fn string(&mut self, value: &str) -> Result<(), EncodeError> {
        // It would be taken for binary.
        if value.starts_with('\0') {
            return Err(NO_EQUIVALENT);
        }
        self.quoted(value);
        Ok(())
    }

    fn bytes(&mut self, value: &[u8]) -> Result<(), EncodeError> {
        let len = base64::encoded_len(value.len(), true).ok_or(EncodeError::TooLong)?;
        self.out.reserve(len + 8);
        self.out.extend_from_slice(b"\"\\u0000");
        let start = self.out.len();
        self.out.resize(start + len, 0);
        BASE64
            .encode_slice(value, &mut self.out[start..])
            .map_err(|_| EncodeError::TooLong)?;
        self.out.push(b'"');
        Ok(())
    }

    fn empty_map(&mut self) {
        self.out.extend_from_slice(b"{}");
    }

    fn open_list(&mut self, _: Option<usize>) -> Result<(), EncodeError> {
        self.out.push(b'[');
        Ok(())
    }

    #[inline]
    fn item(&mut self, index: usize) {
        if index > 0 {
            self.out.push(b',');
        }
    }

    fn close_list(&mut self, (): (), _: usize) -> Result<(), EncodeError> {
        self.out.push(b']');
        Ok(())
    }

    fn open_map(&mut self, _: Option<usize>) -> Result<(), EncodeError> {
        self.out.push(b'{');
        Ok(())
    }

    fn key(&mut self, index: usize, key: &str) -> Result<(), EncodeError> {
        self.item(index);
        self.quoted(key);
        self.out.push(b':');
        Ok(())
    }

    fn close_map(&mut self, (): (), _: usize) -> Result<(), EncodeError> {
        self.out.push(b'}');
        Ok(())
    }
}

/// Appends a well-formed value without its white space.
pub(crate) fn compact(octets: &[u8], out: &mut Vec<u8>) {
    out.reserve(octets.len());
    let mut in_string = false;
    let mut escaped = false;
    for &octet in octets {
        if in_string {
            in_string = escaped || octet != b'"';
            escaped = !escaped && octet == b'\\';
        } else if octet.is_ascii_whitespace() {
            continue;
        } else {
            in_string = octet == b'"';
        }
        out.push(octet);
    }
}
