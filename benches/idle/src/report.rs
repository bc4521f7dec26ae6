//! The run: one process after the other, and the table.

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{Kind, Place};

/// More than any row takes.
const ROW_LIMIT: Duration = Duration::from_secs(120);

/// File descriptors of a process beside its connections: standard streams, pipes, pollers, wakers.
const OTHER_FILES: u64 = 64;

/// What an idle connection may cost above a bare socket's task, in octets of heap and of resident
/// memory.
const TARGET: usize = 1024;

/// What may be left of a connection after its end above what a bare one leaves behind, in octets of
/// heap.
const LEFT: usize = 32;

/// Time on a processor that all connections together may take while they are idle, and how often
/// their threads may wake: what measuring takes, and a few timers of the listeners' own.
const IDLE_CPU: Duration = Duration::from_millis(5);
const IDLE_WAKEUPS: usize = 50;

/// One process's figures.
struct Row {
    place: Place,
    kind: Kind,
    /// In all listeners.
    count: usize,
    figures: HashMap<String, usize>,
}

impl Row {
    fn get(&self, name: &str) -> usize {
        self.figures.get(name).copied().unwrap_or(0)
    }

    fn each(&self, name: &str) -> usize {
        self.get(name) / self.count
    }

    /// What a connection has more than a bare socket on the same runtime, or on half of each.
    fn above_bare(&self, rows: &[Self], name: &str) -> usize {
        let bare = rows.iter().filter(|row| {
            row.kind == Kind::Bare && (row.place == self.place || self.place == Place::Both)
        });
        let bare: Vec<usize> = bare.map(|row| row.each(name)).collect();
        let mean = bare.iter().sum::<usize>().checked_div(bare.len());
        self.each(name).saturating_sub(mean.unwrap_or(0))
    }

    fn print(&self, rows: &[Self]) {
        let Self {
            place, kind, count, ..
        } = self;
        println!(
            "{place:<5} {kind:<10} | {count:>6} | {:>6} | {:>6} | {:>6} | {:>6} | {:>6} | {:>6} | \
             {:>5} us | {:>8} | {:>4} ms | {:>4} ms",
            self.each("held_allocations"),
            self.each("held_heap"),
            self.above_bare(rows, "held_heap"),
            self.each("held_resident"),
            self.above_bare(rows, "held_resident"),
            self.each("left_heap"),
            self.get("idle_cpu_us") + self.get("deadlines_cpu_us"),
            self.get("idle_wakeups") + self.get("deadlines_wakeups"),
            self.get("opened_ms"),
            self.get("answered_ms"),
        );
    }
}

pub(crate) fn run(wanted: usize) -> Result<bool, Box<dyn Error>> {
    let files = raise_file_limit()?;
    let room = usize::try_from(files.saturating_sub(OTHER_FILES))?;
    let one = scaled(wanted, room, "a listener");
    let both = scaled(wanted, room / 2, "each of two listeners in one process");

    println!("Octets on the listening side for each of its connections:");
    println!(
        "{:<16} | {:>6} | {:>6} | {:>6} | {:>6} | {:>6} | {:>6} | {:>6} | {:>8} | {:>8} | {:>7} | {:>7}",
        "",
        "count",
        "allocs",
        "heap",
        "+ bare",
        "RSS",
        "+ bare",
        "left",
        "idle CPU",
        "wake-ups",
        "open",
        "answer",
    );
    let mut rows = Vec::new();
    for place in [Place::Tokio, Place::Smol] {
        for kind in Kind::ALL {
            let row = measure(place, kind, one)?;
            rows.push(row);
            rows.iter().last().inspect(|row| row.print(&rows));
        }
    }
    let row = measure(Place::Both, Kind::Router, both)?;
    rows.push(row);
    rows.iter().last().inspect(|row| row.print(&rows));
    Ok(judge(&rows))
}

/// As many connections as there are file descriptors for.
fn scaled(wanted: usize, room: usize, what: &str) -> usize {
    if room < wanted {
        eprintln!("*** SCALED DOWN: {room} connections at {what}, not {wanted}: too few files ***");
    }
    wanted.min(room)
}

/// Raises the limit on open files as far as it goes, and says how far. Children inherit it.
fn raise_file_limit() -> Result<u64, Box<dyn Error>> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, limit)?;
    Ok(maximum.unwrap_or(u64::MAX))
}

fn measure(place: Place, kind: Kind, count: usize) -> Result<Row, Box<dyn Error>> {
    let mut process = Command::new(env::current_exe()?)
        .args(["listen", place.name(), kind.name()])
        .arg(count.to_string())
        .env("SMOL_THREADS", "1")
        .stdout(Stdio::piped())
        .spawn()?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = process.try_wait()? {
            break status;
        }
        if started.elapsed() > ROW_LIMIT {
            process.kill()?;
            process.wait()?;
            return Err(format!("{place} {kind} took more than {ROW_LIMIT:?}").into());
        }
        thread::sleep(Duration::from_millis(20));
    };
    if !status.success() {
        return Err(format!("{place} {kind} ended with {status}").into());
    }
    let mut text = String::new();
    let mut out = process.stdout.take().ok_or("no pipe")?;
    out.read_to_string(&mut text)?;
    let mut figures = HashMap::new();
    for line in text.lines() {
        let (name, value) = line.split_once(' ').ok_or("no figure")?;
        figures.insert(name.to_owned(), value.parse()?);
    }
    let listeners = if place == Place::Both { 2 } else { 1 };
    Ok(Row {
        place,
        kind,
        count: count * listeners,
        figures,
    })
}

/// Says what misses its target, and whether nothing does.
fn judge(rows: &[Row]) -> bool {
    let mut misses = Vec::new();
    let ours = |row: &&Row| matches!(row.kind, Kind::Connection | Kind::Router);
    for row in rows.iter().filter(ours) {
        let name = format!("{} {}", row.place, row.kind);
        for (memory, limit) in [
            ("held_heap", TARGET),
            ("held_resident", TARGET),
            ("left_heap", LEFT),
        ] {
            let above = row.above_bare(rows, memory);
            if above > limit {
                misses.push(format!("{name}: {memory} {above} above bare, not {limit}"));
            }
        }
        for window in ["deadlines", "idle"] {
            let used = row.get(&format!("{window}_cpu_us"));
            if used as u128 > IDLE_CPU.as_micros() {
                misses.push(format!("{name}: {used} us of CPU while idle ({window})"));
            }
            let wakeups = row.get(&format!("{window}_wakeups"));
            if wakeups > IDLE_WAKEUPS {
                misses.push(format!("{name}: {wakeups} wake-ups while idle ({window})"));
            }
        }
    }
    for miss in &misses {
        println!("MISSED: {miss}");
    }
    misses.is_empty()
}
