//! JSON (RFC 8259), with WAMP's rule for binary: a string of `\0` and Base64 (RFC 4648).

mod scan;
mod sink;
mod source;
mod text;

pub(super) use scan::{JsonCursor, check, shape};
pub(super) use sink::{JsonSink, compact};
pub(super) use source::JsonSource;
