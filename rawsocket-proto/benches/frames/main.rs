//! Frames in and out, beside what is possible and beside tokio-util's codec:
//!
//! ```text
//! cargo bench -p wamp-rawsocket-proto --features driver --bench frames [-- FILTER]
//! ```
//!
//! All cases of a group run in turns, some milliseconds each, in an order that rotates; each is
//! divided by the anchor of the same round, and the medians of these ratios are printed. So a
//! machine that is shared or changes its clock changes little. Absolute times only inform.
//!
//! `--list` names the cases. `--count GROUP/SIZE/CASE` runs one once for warmth and once within
//! `counted_region`, which `benches/icount.sh` counts the instructions of.
#![expect(
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    reason = "benchmarks run on std"
)]

mod case;
mod decode;
mod encode;
mod measure;
mod stream;

use measure::{Group, Mode};
use stream::Sizes;

fn main() {
    let mode = Mode::from_arguments();
    for sizes in Sizes::ALL {
        mode.run(Group {
            name: "decode",
            sizes,
            anchor: "ideal streaming",
            cases: decode::cases(sizes),
        });
    }
    for sizes in Sizes::ALL {
        // Small frames are better copied behind each other than written one by one.
        let anchor = match sizes {
            Sizes::Mixed | Sizes::Each(..=4096) => "ideal coalescing",
            Sizes::Each(_) => "ideal vectored",
        };
        mode.run(Group {
            name: "encode",
            sizes,
            anchor,
            cases: encode::cases(sizes),
        });
    }
}
