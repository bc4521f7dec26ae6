//! Rounds, ratios and the table.

use std::time::{Duration, Instant};

/// Does so many round trips or messages.
type Pass = Box<dyn FnMut(usize, &mut Laps)>;

/// One thing to measure.
pub(crate) struct Case {
    name: &'static str,
    pass: Pass,
}

impl Case {
    pub(crate) fn new(name: &'static str, pass: impl FnMut(usize, &mut Laps) + 'static) -> Self {
        let pass = Box::new(pass);
        Self { name, pass }
    }
}

/// The times of single round trips, in nanoseconds.
#[derive(Default)]
pub(crate) struct Laps {
    last: Option<Instant>,
    nanos: Vec<u64>,
}

impl Laps {
    /// A round trip begins.
    pub(crate) fn start(&mut self) {
        self.last = Some(Instant::now());
    }

    /// A round trip is over, and the next begins.
    pub(crate) fn lap(&mut self) {
        let now = Instant::now();
        if let Some(last) = self.last.replace(now) {
            self.nanos.push((now - last).as_nanos() as u64);
        }
    }
}

/// What a pass takes of the CPU. That is the time, on a CPU that nobody else uses; where others do,
/// they do not count.
fn spent(case: &mut Case, count: usize, laps: &mut Laps) -> Duration {
    let now = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    };
    let start = now();
    (case.pass)(count, laps);
    now().saturating_sub(start)
}

/// What the command line asks for.
pub(crate) struct Bench {
    filter: String,
    rounds: usize,
    /// Per case and round.
    slice: Duration,
}

/// The middle of the distribution and its bounds.
fn quartiles(values: &mut [f64]) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}

fn micros(nanos: &mut [u64], percent: usize) -> f64 {
    let at = nanos.len().saturating_sub(1) * percent / 100;
    *nanos.select_nth_unstable(at).1 as f64 / 1e3
}

impl Bench {
    /// Reads the arguments and binds the program to one CPU.
    pub(crate) fn start() -> Self {
        let mut bench = Self {
            filter: String::new(),
            rounds: 21,
            slice: Duration::from_millis(15),
        };
        let mut cpu = None;
        let mut arguments = std::env::args().skip(1);
        // `cargo test` gives no `--bench`.
        let mut quick = true;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => quick = false,
                "--quick" => {
                    quick = true;
                    // What comes behind `--bench` counts.
                    let filter = arguments.find(|word| word != "--bench");
                    bench.filter = filter.unwrap_or_default();
                    break;
                }
                "--cpu" => cpu = arguments.next().and_then(|number| number.parse().ok()),
                filter => filter.clone_into(&mut bench.filter),
            }
        }
        if quick {
            (bench.rounds, bench.slice) = (3, Duration::from_millis(1));
        }
        bind(cpu);
        bench
    }

    /// Measures the cases, of which the first is the anchor.
    pub(crate) fn group(&self, title: &str, cases: impl FnOnce() -> Vec<Case>) {
        if !title.contains(&self.filter) {
            return;
        }
        let mut cases = cases();
        let count = cases.len();
        let mut sizes = vec![1; count];
        let mut laps: Vec<Laps> = (0..count).map(|_| Laps::default()).collect();
        let mut times = vec![Vec::new(); count];
        let mut ratios = times.clone();
        // The first round is for warmth.
        for round in 0..=self.rounds {
            let mut this = vec![0.0; count];
            for turn in 0..count {
                let index = (turn + round) % count;
                let laps = &mut laps[index];
                if round == 0 {
                    sizes[index] = self.fitting(&mut cases[index], laps);
                    laps.nanos.clear();
                }
                let spent = spent(&mut cases[index], sizes[index], laps);
                this[index] = spent.as_nanos() as f64 / sizes[index] as f64;
            }
            if round > 0 {
                for (index, &nanos) in this.iter().enumerate() {
                    times[index].push(nanos);
                    ratios[index].push(nanos / this[0]);
                }
            }
        }
        println!("\n{title}: ratios to `{}`", cases[0].name);
        println!(
            "  {:38} {:>6}  {:>13} {:>12} {:>8} {:>8}",
            "", "median", "p25..p75", "CPU ns each", "p50 us", "p99 us"
        );
        for (index, case) in cases.iter().enumerate() {
            let [low, median, high] = quartiles(&mut ratios[index]);
            let [_, nanos, _] = quartiles(&mut times[index]);
            print!(
                "  {:38} {median:>6.3}  {low:>6.3}-{high:<6.3} {nanos:>12.1}",
                case.name
            );
            let laps = &mut laps[index].nanos;
            if laps.is_empty() {
                println!();
            } else {
                println!(" {:>8.2} {:>8.2}", micros(laps, 50), micros(laps, 99));
            }
        }
    }

    /// How many fill a slice of time.
    fn fitting(&self, case: &mut Case, laps: &mut Laps) -> usize {
        let mut count = 16;
        loop {
            let spent = spent(case, count, laps);
            if spent * 2 >= self.slice {
                let fits = count as f64 * (self.slice.as_secs_f64() / spent.as_secs_f64());
                return (fits as usize).max(1);
            }
            count *= 2;
        }
    }
}

/// All threads on one CPU: those that are there, and those that they start.
fn bind(cpu: Option<usize>) {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

        let allowed = sched_getaffinity(None).expect("the set of CPUs");
        let cpu = cpu.or_else(|| (0..CpuSet::MAX_CPU).rev().find(|cpu| allowed.is_set(*cpu)));
        let cpu = cpu.expect("a CPU");
        let mut one = CpuSet::new();
        one.set(cpu);
        sched_setaffinity(None, &one).expect("a CPU that can be used");
        println!("on CPU {cpu} alone");
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = cpu;
        println!("on all CPUs: expect large differences from run to run");
    }
}
