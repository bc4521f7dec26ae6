//! Rounds, ratios and the table.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::stream::{Sizes, Stream, Tally};

/// Cases that are compared with each other.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) sizes: Sizes,
    /// The case that the others are divided by.
    pub(crate) anchor: &'static str,
    pub(crate) cases: Vec<Case>,
}

pub(crate) enum Mode {
    Measure {
        filter: String,
    },
    /// Each case once: do they all do what they should?
    Check,
    List,
    Count {
        case: String,
    },
}

/// Per case and round.
const SLICE: Duration = Duration::from_millis(8);
const ROUNDS: usize = 15;

impl Mode {
    pub(crate) fn from_arguments() -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let mut words = arguments.iter().filter(|word| *word != "--bench");
        match words.next().map(String::as_str) {
            Some("--list") => Self::List,
            Some("--count") => Self::Count {
                case: words.next().cloned().unwrap_or_default(),
            },
            // `cargo test` gives no `--bench`.
            None if arguments.is_empty() => Self::Check,
            filter => Self::Measure {
                filter: filter.unwrap_or_default().to_owned(),
            },
        }
    }

    pub(crate) fn run(&self, mut group: Group) {
        let title = format!("{}/{}", group.name, group.sizes.name());
        let expected = Stream::new(group.sizes).tally();
        match self {
            Self::Check => {
                for case in &mut group.cases {
                    case.check(expected);
                }
            }
            Self::List => {
                for case in &group.cases {
                    println!("{title}/{}", case.name);
                }
            }
            Self::Count { case: wanted } => {
                for case in &mut group.cases {
                    if *wanted == format!("{title}/{}", case.name) {
                        case.check(expected);
                        counted_region(case);
                        println!("{}", expected.frames);
                    }
                }
            }
            Self::Measure { filter } if title.contains(filter) => measure(&title, group, expected),
            Self::Measure { .. } => {}
        }
    }
}

#[inline(never)]
fn counted_region(case: &mut Case) {
    black_box((case.pass)());
}

fn measure(title: &str, mut group: Group, expected: Tally) {
    let anchor = group
        .cases
        .iter()
        .position(|case| case.name == group.anchor)
        .expect("the anchor is a case");
    let count = group.cases.len();
    let mut times = vec![Vec::with_capacity(ROUNDS); count];
    let mut ratios = times.clone();
    // The first round is for warmth.
    for round in 0..=ROUNDS {
        let mut this = vec![0.0; count];
        for turn in 0..count {
            let index = (turn + round) % count;
            this[index] = time(&mut group.cases[index], expected);
        }
        if round > 0 {
            for (index, &nanos) in this.iter().enumerate() {
                times[index].push(nanos);
                ratios[index].push(nanos / this[anchor]);
            }
        }
    }
    println!("\n{title}: ratios to `{}`", group.anchor);
    println!(
        "  {:34} {:>7}  {:>13}  {:>12}",
        "", "median", "p25..p75", "ns per frame"
    );
    for (index, case) in group.cases.iter().enumerate() {
        let [low, median, high] = quartiles(&mut ratios[index]);
        let [_, nanos, _] = quartiles(&mut times[index]);
        println!(
            "  {:34} {median:>7.3}  {low:>6.3}-{high:<6.3}  {nanos:>12.2}",
            case.name,
        );
    }
}

/// Nanoseconds per frame.
#[expect(clippy::cast_precision_loss, reason = "a measurement")]
fn time(case: &mut Case, expected: Tally) -> f64 {
    let start = Instant::now();
    let mut passes = 0;
    loop {
        case.check(expected);
        passes += 1;
        let spent = start.elapsed();
        if spent >= SLICE {
            return spent.as_nanos() as f64 / (passes * expected.frames) as f64;
        }
    }
}

fn quartiles(values: &mut [f64]) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}
