//! Buffers that go round among the connections of a thread.
//!
//! An idle connection holds none, and yet a busy one does not allocate for each read and each burst
//! of messages. That costs more than it looks: what is freed at the end of the heap goes back to the
//! system, and comes again a page fault at a time.

use alloc::vec::Vec;
#[cfg(feature = "driver")]
use core::cell::Cell;

/// The size of a large read and of a burst of small messages.
pub(super) const SIZE: usize = 64 << 10;

/// The start of a frame that was there before, or the headers around a large one.
pub(super) const EXTRA: usize = 4 << 10;

#[cfg(feature = "driver")]
const MOST: usize = SIZE + EXTRA;

/// Buffers that stay with a thread: for one that reads while it writes, and a few more.
#[cfg(feature = "driver")]
const COUNT: usize = 4;

#[cfg(feature = "driver")]
std::thread_local! {
    /// Where there is none, there is one without capacity.
    static SPARE: [Cell<Vec<u8>>; COUNT] = const { [const { Cell::new(Vec::new()) }; COUNT] };
}

/// Whether a buffer of this capacity is worth keeping, and one that is kept not much too large.
#[cfg(feature = "driver")]
fn fits(capacity: usize) -> bool {
    (MOST / 2..=MOST).contains(&capacity)
}

/// Frees the buffers that the connections of the calling thread share, up to four of 68 KiB: for a
/// thread that will not drive connections for long, or that measures what a connection holds.
#[cfg(feature = "driver")]
pub fn release_spare_buffers() {
    let _ = SPARE.try_with(|spare| spare.each_ref().map(Cell::take));
}

/// An empty buffer of this capacity, or up to twice as much.
pub(super) fn take(capacity: usize) -> Vec<u8> {
    #[cfg(feature = "driver")]
    if fits(capacity) {
        // A thread that ends has none.
        let spare = SPARE.try_with(|spare| {
            let mut spare = spare.iter().map(Cell::take);
            spare.find(|buf| buf.capacity() >= capacity)
        });
        return match spare {
            Ok(Some(buf)) => buf,
            _ => Vec::with_capacity(MOST),
        };
    }
    Vec::with_capacity(capacity)
}

/// Takes a buffer back.
pub(super) fn put(buf: Vec<u8>) {
    #[cfg(feature = "driver")]
    if fits(buf.capacity()) {
        let mut buf = buf;
        buf.clear();
        let _ = SPARE.try_with(|spare| {
            // The latest first. Whichever is one too many is freed.
            let mut buf = buf;
            for slot in spare {
                buf = slot.replace(buf);
                if buf.capacity() == 0 {
                    break;
                }
            }
        });
        return;
    }
    drop(buf);
}
