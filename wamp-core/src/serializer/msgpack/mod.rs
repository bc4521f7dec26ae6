//! MessagePack, version 5.

mod scan;
mod sink;
mod source;

pub(super) use scan::{MessagePackCursor, check, shape};
pub(super) use sink::MessagePackSink;
pub(super) use source::MessagePackSource;

/// The start of a value: its scalar, or how many octets or members follow.
#[derive(Debug, Clone, Copy)]
enum Head {
    Nil,
    Bool(bool),
    Int(i64),
    /// Above `i64::MAX`.
    UInt(u64),
    Float(f64),
    Str(u32),
    Bin(u32),
    List(u32),
    Map(u32),
    /// Octets of an extension, its type included.
    Ext(u64),
}

/// Why a head could not be read.
#[derive(Debug, Clone, Copy)]
enum BadHead {
    Truncated,
    Reserved,
}

/// Takes `N` octets off the front of `rest`.
#[inline]
fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], BadHead> {
    let (taken, left) = rest.split_first_chunk::<N>().ok_or(BadHead::Truncated)?;
    *rest = left;
    Ok(*taken)
}

/// Takes the start of a value off the front of `rest`.
#[inline]
fn head(rest: &mut &[u8]) -> Result<Head, BadHead> {
    let [first] = take(rest)?;
    Ok(match first {
        0x00..=0x7F => Head::Int(first.into()),
        0x80..=0x8F => Head::Map((first & 0x0F).into()),
        0x90..=0x9F => Head::List((first & 0x0F).into()),
        0xA0..=0xBF => Head::Str((first & 0x1F).into()),
        0xC0 => Head::Nil,
        0xC1 => return Err(BadHead::Reserved),
        0xC2 => Head::Bool(false),
        0xC3 => Head::Bool(true),
        0xC4 => Head::Bin(u8::from_be_bytes(take(rest)?).into()),
        0xC5 => Head::Bin(u16::from_be_bytes(take(rest)?).into()),
        0xC6 => Head::Bin(u32::from_be_bytes(take(rest)?)),
        0xC7 => Head::Ext(u64::from(u8::from_be_bytes(take(rest)?)) + 1),
        0xC8 => Head::Ext(u64::from(u16::from_be_bytes(take(rest)?)) + 1),
        0xC9 => Head::Ext(u64::from(u32::from_be_bytes(take(rest)?)) + 1),
        0xCA => Head::Float(f32::from_be_bytes(take(rest)?).into()),
        0xCB => Head::Float(f64::from_be_bytes(take(rest)?)),
        0xCC => Head::Int(u8::from_be_bytes(take(rest)?).into()),
        0xCD => Head::Int(u16::from_be_bytes(take(rest)?).into()),
        0xCE => Head::Int(u32::from_be_bytes(take(rest)?).into()),
        0xCF => {
            let value = u64::from_be_bytes(take(rest)?);
            i64::try_from(value).map_or(Head::UInt(value), Head::Int)
        }
        0xD0 => Head::Int(i8::from_be_bytes(take(rest)?).into()),
        0xD1 => Head::Int(i16::from_be_bytes(take(rest)?).into()),
        0xD2 => Head::Int(i32::from_be_bytes(take(rest)?).into()),
        0xD3 => Head::Int(i64::from_be_bytes(take(rest)?)),
        // fixext 1, 2, 4, 8, 16, and the octet of the type
        0xD4..=0xD8 => Head::Ext((1 << (first - 0xD4)) + 1),
        0xD9 => Head::Str(u8::from_be_bytes(take(rest)?).into()),
        0xDA => Head::Str(u16::from_be_bytes(take(rest)?).into()),
        0xDB => Head::Str(u32::from_be_bytes(take(rest)?)),
        0xDC => Head::List(u16::from_be_bytes(take(rest)?).into()),
        0xDD => Head::List(u32::from_be_bytes(take(rest)?)),
        0xDE => Head::Map(u16::from_be_bytes(take(rest)?).into()),
        0xDF => Head::Map(u32::from_be_bytes(take(rest)?)),
        0xE0..=0xFF => Head::Int(i8::from_be_bytes([first]).into()),
    })
}

/// Takes the content of a string or binary off the front of `rest`.
#[inline]
fn content<'a>(rest: &mut &'a [u8], len: u64) -> Option<&'a [u8]> {
    let (content, left) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    *rest = left;
    Some(content)
}
