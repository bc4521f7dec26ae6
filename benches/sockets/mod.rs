//! What the socket benchmarks of all adapters share: rounds, ratios and the table, and the framing
//! that one would write by hand. It lives above the adapters, which include it by path, because it
//! measures bare sockets as well and belongs to none of them.
//!
//! All ends of a case run on one CPU, because waking another costs more than all else and differs
//! from run to run. What counts is the time that the program has that CPU, so that others who use it
//! disturb little. The cases of a group run in turns, some milliseconds each, in an order that
//! rotates; each is divided by the anchor of the same round, and the medians and quartiles of
//! these ratios are printed. p50 and p99 are of single round trips, by the clock on the wall.
//!
//! ```text
//! cargo bench -p PACKAGE --bench sockets [-- [--quick] [--cpu N] [FILTER]]
//! ```

mod bare;
mod measure;

pub(crate) use bare::{Batch, Walk, frame, payload};
pub(crate) use measure::{Bench, Case, Laps};

/// The sizes of the messages.
pub(crate) const SIZES: [usize; 2] = [128, 64 << 10];

/// The most that is sent or read at once by hand.
pub(crate) const BATCH: usize = 64 << 10;
