//! Allocations per frame of the same cases, in a program of its own because the allocator that
//! counts is slower than the usual one:
//!
//! ```text
//! cargo bench -p wamp-rawsocket-proto --features driver --bench frame_allocations
//! ```
#![expect(
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    reason = "benchmarks run on std"
)]

mod case;
mod decode;
mod encode;
mod stream;

use stream::{Sizes, Stream};

fn main() {
    for sizes in Sizes::ALL {
        for (group, cases) in [
            ("decode", decode::cases(sizes)),
            ("encode", encode::cases(sizes)),
        ] {
            for mut case in cases {
                let expected = Stream::new(sizes).tally();
                case.check(expected);
                let info = allocation_counter::measure(|| case.check(expected));
                #[expect(clippy::cast_precision_loss, reason = "a measurement")]
                let count = info.count_total as f64 / expected.frames as f64;
                println!(
                    "{count:>9.3} allocations per frame, at most {:>9} octets at once: \
                     {group}/{}/{}",
                    info.bytes_max,
                    sizes.name(),
                    case.name
                );
            }
        }
    }
}
