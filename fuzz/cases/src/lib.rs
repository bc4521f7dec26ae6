//! What the fuzz targets do: each is a plain function of octets that panics if a promise is
//! broken.
//!
//! The targets in `fuzz/fuzz_targets` hand libFuzzer's inputs over to these functions; the test
//! `replay` hands them the committed corpora, on stable and without libFuzzer.
#![expect(
    clippy::missing_panics_doc,
    reason = "to panic if a promise is broken is all that these functions are for"
)]
#![expect(
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    reason = "nothing here runs without std"
)]

mod choices;
mod connection_ops;
mod connection_pair;
mod decoder;
mod driver_io;
mod handshake;
mod ledger;
mod message_decode;
mod reference;
mod router_messages;
mod settings;
mod watched;

pub use connection_ops::connection_ops;
pub use connection_pair::connection_pair;
pub use decoder::{decoder, decoder_vs_peek};
pub use driver_io::driver_io;
pub use handshake::handshake;
pub use message_decode::message_decode;
pub use router_messages::router_messages;

/// What a fuzz target does with an input.
pub type Case = fn(&[u8]);

/// All fuzz targets, by the name of their corpus.
pub const CASES: [(&str, Case); 8] = [
    ("connection_ops", connection_ops),
    ("connection_pair", connection_pair),
    ("decoder", decoder),
    ("decoder_vs_peek", decoder_vs_peek),
    ("driver_io", driver_io),
    ("handshake", handshake),
    ("message_decode", message_decode),
    ("router_messages", router_messages),
];
