//! What a process has and does, as itself and the operating system count it.

use std::alloc::System;
use std::error::Error;
use std::fs;
use std::time::Duration;

use rustix::param::page_size;
use rustix::time::{ClockId, clock_gettime};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What the process has in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Octets asked of the allocator and not given back.
    pub(crate) heap: usize,
    /// Allocations not given back.
    pub(crate) allocations: usize,
    /// Octets of resident memory.
    pub(crate) resident: usize,
}

impl Memory {
    pub(crate) fn now() -> Result<Self, Box<dyn Error>> {
        let stats = ALLOCATOR.stats();
        let pages = fs::read_to_string("/proc/self/statm")?;
        let pages: usize = pages
            .split_ascii_whitespace()
            .nth(1)
            .ok_or("no resident size in /proc/self/statm")?
            .parse()?;
        Ok(Self {
            heap: stats.bytes_allocated.wrapping_sub(stats.bytes_deallocated),
            allocations: stats.allocations.wrapping_sub(stats.deallocations),
            resident: pages * page_size(),
        })
    }
}

/// What the process did since it started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Activity {
    /// Time on a processor, of all threads.
    pub(crate) processor: Duration,
    /// How often a thread was put on a processor again.
    pub(crate) wakeups: u64,
}

impl Activity {
    pub(crate) fn now() -> Result<Self, Box<dyn Error>> {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        let processor = Duration::new(time.tv_sec.try_into()?, time.tv_nsec.try_into()?);
        let mut wakeups = 0;
        for task in fs::read_dir("/proc/self/task")? {
            let status = fs::read_to_string(task?.path().join("status"))?;
            for line in status.lines() {
                if let Some((name, count)) = line.split_once(':')
                    && name == "voluntary_ctxt_switches"
                {
                    wakeups += count.trim().parse::<u64>()?;
                }
            }
        }
        Ok(Self { processor, wakeups })
    }
}
